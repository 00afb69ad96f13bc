"""From a target expression to the minions it means, at a bounded cost.

Kinds, with the command line's flags for them: ``glob`` (default), ``list`` (-L), ``pcre`` (-E), ``grain`` (-G,
``os:Debian``, values as globs, nested by ``:``), ``grain_pcre`` (-P) and ``compound`` (-C:
``G@os:Debian and web* and not L@web1,web2``, with parentheses and the prefixes ``G@ P@ E@ L@``).

Whoever may send a job writes expressions, and minions write the grains that they are held against. So each has a
bound: the text before anything is done with it, patterns by what they come to when compiled, the values of a grain
by number and length, and all the matching of one resolution by processor time. Nothing here needs the event loop: a
``Target`` may be used from any thread, and by several at once.
"""

from __future__ import annotations

from saltern_master.targeting.effort import Grains, GrainsOf
from saltern_master.targeting.target import TYPES, Target, listed, named, resolve

__all__ = ["TYPES", "Grains", "GrainsOf", "Target", "listed", "named", "resolve"]
