"""Pillar: data that the master hands to one minion alone.

``files``: the option ``pillar_files``, globs on ids to YAML files. The rest is Salt's pillar: trees of sls files and
the top files that say who gets which. It is compiled in processes of its own (``worker``), which a template can't
harm the master from: ``pool`` gives them work, and ends those that take too long.

    options ── settings ─┐
    top ── matching ─────┤
    tree ── renderer ── sls ── compile ── worker ══ pool ── keeper ── briefing
                         └── ext, ext_drivers/
"""
