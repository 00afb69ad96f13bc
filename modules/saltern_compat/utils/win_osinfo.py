"""``salt.utils.win_osinfo``: for modules of several systems to import; of it nothing is here, on Linux."""

from __future__ import annotations

HAS_WIN32 = False
