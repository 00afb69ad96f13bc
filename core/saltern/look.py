"""The mark on jobs by which a console looks at hosts: what tells of people's doings leaves these out."""

from __future__ import annotations

LOOK = {"saltern-web": "look"}
"""Goes with such a job as its metadata; everybody is shown it."""
