"""The keys of one state in memory: by minion id, by key, and by the metric segment that an id has."""

from __future__ import annotations

from saltern.metric_segment import place


class KeyTable:
    """Every question is answered without going through all keys."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._ids: dict[str, set[str]] = {}
        self._places: dict[str, set[str]] = {}
        self._first: dict[str, str] = {}
        self._sorted: list[str] | None = None
        self.version = 0
        """Another one whenever anything here is."""

    def __len__(self) -> int:
        return len(self._keys)

    def key_of(self, minion_id: str) -> str | None:
        """Return the key that *minion_id* has here."""
        return self._keys.get(minion_id)

    def id_of(self, key: str) -> str | None:
        """Return the id that *key* is here for: one, even when somebody copied its file to a second."""
        return self._first.get(key)

    def keys(self) -> dict[str, str]:
        """Return the key of every id."""
        return dict(self._keys)

    def sharing_metrics(self, minion_id: str) -> str | None:
        """Return another id here whose metrics would have the same names as those of *minion_id*."""
        return min(self._places.get(place(minion_id), set()) - {minion_id}, default=None)

    def ids(self) -> list[str]:
        """Return the ids, sorted."""
        if self._sorted is None:
            self._sorted = sorted(self._first.values())
        return list(self._sorted)

    def put(self, minion_id: str, key: str) -> None:
        """Note that *minion_id* has *key* now, and no other."""
        self.drop(minion_id)
        self._changed()
        self._keys[minion_id] = key
        self._ids.setdefault(key, set()).add(minion_id)
        self._first[key] = min(self._ids[key])
        self._places.setdefault(place(minion_id), set()).add(minion_id)

    def drop(self, minion_id: str) -> None:
        """Note that *minion_id* has no key here."""
        key = self._keys.pop(minion_id, None)
        if key is None:
            return
        self._changed()
        for table, name in ((self._ids, key), (self._places, place(minion_id))):
            table[name].discard(minion_id)
            if not table[name]:
                del table[name]
        if key in self._ids:
            self._first[key] = min(self._ids[key])
        else:
            del self._first[key]

    def _changed(self) -> None:
        self._sorted = None
        self.version += 1
