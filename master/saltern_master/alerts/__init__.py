"""Alerts: thresholds on Graphite targets, a state for every series, events and scripts on a change.

``rule`` says what a rule is, ``parse`` and ``book`` read rules, ``state`` is the pure state machine, ``source`` the
interface to where values come from (its drivers in ``sources``), ``scripts`` runs scripts, ``store`` keeps states
over a restart and ``engine`` ties them together. ``docs/alerts.md`` is the user's side.
"""
