"""Which of the master's events a listener asks for; the master filters, before it packs them."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.datastructures import QueryParams

from saltern_api.answers import Refused
from saltern_api.tokens import IN_URL

MAX_TAGS = 200
MAX_TAG_CHARS = 512
_SWITCH = {"1": True, "true": True, "0": False, "false": False}


class EventFilter(NamedTuple):
    """Globs of *tags*, sorted, none for all; *brief*: returns without what was returned. Who asks alike shares it."""

    tags: tuple[str, ...] = ()
    brief: bool = False

    @classmethod
    def of(cls, query: QueryParams) -> EventFilter:
        """Return what the parameters of ``/events`` ask for. Raises ``Refused``."""
        if "token" in query:
            raise Refused(400, IN_URL)
        for name in query:
            if name not in ("tag", "brief"):
                raise Refused(400, f"/events takes tag and brief, not {name!r:.60}")
        tags = tuple(sorted(set(query.getlist("tag"))))
        if len(tags) > MAX_TAGS or not all(0 < len(tag) <= MAX_TAG_CHARS for tag in tags):
            raise Refused(400, f"tag may be given {MAX_TAGS} times, with 1 to {MAX_TAG_CHARS} characters")
        brief = query.getlist("brief")
        if len(brief) > 1 or not _SWITCH.keys() >= set(brief):
            raise Refused(400, "brief must be 1 or 0")
        return cls(tags, _SWITCH[brief[0]] if brief else False)

    def asked(self) -> dict[str, Any]:
        """Return the arguments of ``event.subscribe`` that say so."""
        tags = {"tags": list(self.tags)} if self.tags else {}
        return {**tags, "brief": True} if self.brief else tags


EVERYTHING = EventFilter()
