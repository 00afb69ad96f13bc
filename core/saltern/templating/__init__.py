"""Jinja templates as Salt renders them: for pillar on the master, for files and commands on a minion.

``render.py`` is what others call; nothing else loads Jinja2, which is an extra (``saltern[templates]``). ``filters/``
holds the filters by what they are about, as plain functions.
"""
