"""Running a module of some Python's of this host, which may be an old one."""

from __future__ import annotations

_RUN = (
    "import sys; sys.path = [one for one in sys.path if one]; import runpy; del sys.argv[0]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
"""``-m`` would look for the module in the folder that it is run in, of which another user may be the owner, and only
Python 3.11 has an option against that.
"""


def module_of(python: str, module: str) -> list[str]:
    """Return the words that run *module* by *python*, as ``-m`` does, and not out of the current folder."""
    return [python, "-c", _RUN, module]
