"""What a template sees while it is rendered for one minion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_master.pillar.claims import Grains
from saltern_master.pillar.functions import Functions


class Scene:
    """One minion, as templates see it: ``grains``, ``pillar`` (what is there before), ``opts`` and ``salt``."""

    def __init__(
        self,
        minion_id: str,
        grains: Mapping[str, Any],
        pillar: dict[str, Any],
        opts: Mapping[str, Any],
        nodegroups: Mapping[str, Any],
        conf_file: str,
    ) -> None:
        self.minion_id = minion_id
        self.grains = grains if isinstance(grains, Grains) else Grains(grains, minion_id)
        self.pillar = pillar
        self.overridden = False
        """Whether what a caller gave may be in ``pillar``: then it is as good as a claim."""
        self.below_claimed = False
        """Whether what hangs on grains is in ``pillar``, where files see it."""
        self.opts = {**opts, "id": minion_id, "grains": self.grains, "minion_id": minion_id, "file_client": "local"}
        self.salt = Functions(minion_id, self.grains, self.pillar, self.opts, nodegroups, conf_file)
