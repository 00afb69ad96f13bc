"""The one door over objects: a dispatcher with a few minions behind it, and callers with grants, without a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from saltern_master.annotations.places import Places
from saltern_master.auth.accounts import Account
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.policy import Policy
from saltern_master.auth.powers import Powers
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.registry import Command, Registry
from saltern_master.targeting import DataFacts, Known, Targets

NOBODY_HERE = 60000
"""User numbers from here on are no one's on a real host."""
ROOT = Caller(Kind.LOCAL, "root", 0)
MINIONS = ["db1", "web1", "web2"]
OPTIONS: Any = {"nodegroups": {"web": "web*", "some": ["db1", "gone"]}, "conf_file": "/etc/saltern/master"}


class Users:
    """Users by name, with numbers and groups as the host's database would have them."""

    def __init__(self, **groups: Iterable[str]) -> None:
        """Each keyword is a user, its value the groups that he is in."""
        self._accounts = {
            NOBODY_HERE + number: Account(name, frozenset(groups[name])) for number, name in enumerate(groups)
        }

    def of(self, uid: int) -> Account:
        return self._accounts.get(uid, Account(str(uid)))

    def caller(self, name: str) -> Caller:
        for uid, account in self._accounts.items():
            if account.name == name:
                return Caller(Kind.LOCAL, name, uid)
        raise KeyError(name)


def minion(name: str) -> Caller:
    return Caller(Kind.MINION, name)


class Door:
    """A dispatcher of *commands* for users that *acl* grants something; ``asked`` is what became of the target.

    ``asked`` lists ``minions`` when the minions' ids were taken, and ``grains`` when grains were looked at.
    """

    def __init__(self, acl: dict[str, Any], commands: Iterable[Command], users: Users, **services: Any) -> None:
        self.asked: list[str] = []
        self.threads: set[int] = set()
        self.owners: dict[str, str] = {}
        self.users = users
        self.policy = Policy(acl, Powers(), users.of)
        self.registry = Registry([], commands)
        self.services: Any = SimpleNamespace(
            registry=self.registry,
            policy=self.policy,
            keyring=SimpleNamespace(minions=self._minions),
            targets=Targets(OPTIONS, Known(DataFacts(self._grains), DataFacts(lambda _: {"role": "any"}))),
            tracker=SimpleNamespace(owner=self.owners.get),
            owner_of=self.owners.get,
            ran_by=self.owners.get,
            series_places=Places("saltern.[minion_id].[module]", lambda: MINIONS),
            **services,
        )
        self.dispatcher = Dispatcher(self.registry, self.policy, self.services)

    async def call(self, who: str | Caller, name: str, *args: Any, within_s: float | None = None, **kwargs: Any) -> Any:
        caller = self.users.caller(who) if isinstance(who, str) else who
        return await self.dispatcher.call(caller, name, list(args), kwargs, within_s)

    def _minions(self) -> list[str]:
        self.asked.append("minions")
        return list(MINIONS)

    def _grains(self, minion_id: str) -> dict[str, Any]:
        self.asked.append("grains")
        self.threads.add(threading.get_ident())
        return {"role": minion_id.rstrip("0123456789")}
