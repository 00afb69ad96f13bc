"""``salt.key``: the keys of the master on this host, by its wheel functions."""

from __future__ import annotations

from typing import Any

from saltern_compat.wheel import WheelClient


def get_key(opts: Any) -> Key:
    """Return the keys of the master with the options *opts*."""
    return Key(opts)


class Key:
    """The keys of a master; answers are by state: ``minions``, ``minions_pre``, ``minions_rejected``, ``…_denied``."""

    ACC, PEND, REJ, DEN = "minions", "minions_pre", "minions_rejected", "minions_denied"

    def __init__(self, opts: Any, io_loop: Any = None) -> None:
        self.opts = opts
        self._wheel = WheelClient(opts)

    def __enter__(self) -> Key:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def list_keys(self) -> dict[str, list[str]]:
        """Return the ids of every state."""
        found = self.all_keys()
        return {state: found[state] for state in (self.PEND, self.REJ, self.ACC, self.DEN)}

    def local_keys(self) -> Any:
        """Return the files of the master's own keys, as ``local``."""
        return {"local": self.all_keys()["local"]}

    def all_keys(self) -> Any:
        """Return both."""
        return self._call("list_all")

    def list_status(self, match: str) -> Any:
        """Return the ids of one state: ``acc``, ``pre`` or ``un``, ``rej``, ``den``, ``all``."""
        return self._call("list", match)

    def glob_match(self, match: str, full: bool = False) -> Any:
        """Return the ids that a glob means."""
        return self._call("name_match", match)

    name_match = glob_match

    def key_str(self, match: str) -> Any:
        """Return the keys of the ids that a glob means."""
        return self._call("key_str", match)

    def finger(self, match: str, hash_type: Any = None) -> Any:
        """Return their fingerprints."""
        return self._call("finger", match)

    def accept(
        self, match: Any = None, match_dict: Any = None, include_rejected: bool = False, include_denied: bool = False
    ) -> Any:
        """Accept keys, of a glob or by state, and return which."""
        return self._changed("accept", match, match_dict, include_rejected, include_denied)

    def reject(
        self, match: Any = None, match_dict: Any = None, include_accepted: bool = False, include_denied: bool = False
    ) -> Any:
        """Reject keys, likewise."""
        return self._changed("reject", match, match_dict, include_accepted, include_denied)

    def delete_key(self, match: Any = None, match_dict: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Delete keys, likewise."""
        return self._changed("delete", match, match_dict)

    def _changed(self, what: str, match: Any, match_dict: Any, *more: bool) -> Any:
        if match is not None:
            return self._call(what, match, *more)
        return self._call(f"{what}_dict", match_dict, *more) if match_dict else {}

    def _call(self, name: str, *args: Any) -> Any:
        return self._wheel.call(f"key.{name}", args)
