"""Returners: each stores the returns of this minion's jobs somewhere, beside the master, which has them anyway.

``returner(ret)`` is given the return as the master gets it, with the minion's ``id``, and ``ret_config`` and
``ret_kwargs`` of the job. What it raises is logged. A file of the same name in ``_returners`` takes its place.
"""
