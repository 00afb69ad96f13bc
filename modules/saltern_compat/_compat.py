"""``salt._compat``: what Salt takes from here for several versions of Python."""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ElementTree  # it is this name that modules ask for
from io import StringIO

__all__ = ["ElementTree", "StringIO", "ipaddress"]
