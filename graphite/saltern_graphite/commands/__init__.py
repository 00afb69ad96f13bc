"""The commands of ``saltern-graphite``: one file each, with ``add`` (its arguments) and ``run`` (its exit status)."""
