"""From a target expression to the minions it means, at a bounded cost; Salt's kinds, with the same minions as there.

``glob`` (default), ``list`` (-L), ``pcre`` (-E), ``grain`` and ``grain_pcre`` (-G, -P), ``pillar``, ``pillar_pcre``
and ``pillar_exact`` (-I, -J), ``ipcidr`` (-S), ``nodegroup`` (-N) and ``compound`` (-C), whose words are any of these.

Whoever may send a job writes expressions, and minions write the grains that they are held against. So each has a
bound: the text before anything is done with it, patterns by what they come to when compiled, the values of a grain
by number and length, and all the matching of one resolution by processor time. Nothing here needs the event loop: a
``Target`` may be used from any thread, and by several at once.
"""

from __future__ import annotations

from saltern_master.targeting.columns import Columns
from saltern_master.targeting.effort import Known
from saltern_master.targeting.facts import DataFacts, Facts
from saltern_master.targeting.nested import DELIMITER
from saltern_master.targeting.target import TYPES, Target
from saltern_master.targeting.targets import Targets
from saltern_master.targeting.words import Nodegroups

__all__ = ["DELIMITER", "TYPES", "Columns", "DataFacts", "Facts", "Known", "Nodegroups", "Target", "Targets"]
