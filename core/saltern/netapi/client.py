"""The client of low-level calls."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from saltern.connecting import Connecting
from saltern.credentials import MISSING, split_credentials
from saltern.errors import ArgumentError, NotAuthorised, SalternError
from saltern.netapi.begun import Begun
from saltern.netapi.clients import CLIENTS
from saltern.netapi.parties import Parties

ADD = "Add to netapi_enable_clients in the master's configuration"


class NetapiClient(Connecting):
    """Makes low-level calls on the master of *opts*, for who logs in; usable in a ``with`` block.

    *address*: where he calls from, which counts when the master's own user or its ``api_user`` says so. A client is
    for one thread; ``interrupt`` is for others.
    """

    def __init__(self, opts: Mapping[str, Any], address: str = "") -> None:
        super().__init__(opts, origin=address)
        self._parties: list[Parties] = []

    def run(self, low: Mapping[str, Any]) -> Any:
        """Make one call and return all that it gives, as Salt's ``NetapiClient.run`` does; see ``begin``.

        ``local_batch`` returns a list, of a map for each minion.
        """
        with self.begin(low) as begun:
            return begun.gathered()

    def begin(self, low: Mapping[str, Any], session: str = "") -> Begun:
        """Make one call, as who has the token *session*, or by the credentials in *low*.

        *low* names ``client``, ``fun``, and what that client takes. Raises ``NotAuthorised``, ``ArgumentError`` for a
        client that is disabled or isn't there, ``Busy``, ``MasterNotRunning``, and what the call itself does, before
        anything is begun.
        """
        begin = CLIENTS.get(str(low.get("client")))
        if begin is None:
            raise ArgumentError(f"Invalid client specified: {low.get('client')!r:.80}")
        if low["client"] not in self.opts["netapi_enable_clients"]:
            raise ArgumentError(f"Client disabled: {low['client']!r}. {ADD}")
        if session:
            auth, others = {"token": session, "for": "session"}, dict(low)
            for name in ("token", "username", "password", "eauth"):
                others.pop(name, None)
        else:
            auth, others = split_credentials(low)
            if not auth:
                raise NotAuthorised(MISSING)
        passing = "" if "token" in auth else self._passing(auth)
        if passing:
            auth = {"token": passing}
        parties = Parties(self.opts, auth, self.origin)
        self._parties.append(parties)
        try:
            begun = begin(parties, others)
        except BaseException:
            self._forget(parties, passing)
            raise
        begun.then(lambda: self._forget(parties, passing))
        return begun

    def login(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        """Log in, and return ``{token, expire, start, user, eauth, perms}``.

        *credentials*: ``username``, ``password``, ``eauth``, and ``token_expire`` (seconds) for who may say so. Raises
        ``NotAuthorised``, ``Busy``.
        """
        auth, others = split_credentials(credentials)
        if "token" in auth or not auth:
            raise NotAuthorised(MISSING)
        begun: dict[str, Any] = self._asked(auth, "login.begin", token_expire=others.get("token_expire"))
        return begun

    def logout(self, token: str) -> None:
        """End a session. Raises ``NotAuthorised`` when there is none."""
        self._asked({"token": token, "for": "session"}, "login.end")

    def mk_token(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``{token, start, expire, name, eauth, groups}``: a token to be named in calls. Raises as ``login``."""
        auth, others = split_credentials(credentials)
        if "token" in auth or not auth:
            raise NotAuthorised(MISSING)
        made: dict[str, Any] = self._asked(auth, "login.token", token_expire=others.get("token_expire"))
        return made

    def session(self, token: str) -> dict[str, Any]:
        """Return ``{user, eauth, principal, expire, perms}`` of who has this token. Raises ``NotAuthorised``."""
        about: dict[str, Any] = self._asked({"token": token, "for": "session"}, "login.about")
        return about

    def series(self, token: str, seen: str = "") -> dict[str, Any]:
        """Return which series and events of the metric store who has this token sees. Raises ``NotAuthorised``.

        ``{version, principal, fires, all, places, minions}``, or ``{version, same}`` when *seen* is that version.
        """
        told: dict[str, Any] = self._asked({"token": token, "for": "session"}, "login.series", seen=seen)
        return told

    def hook(self, token: str, path: str, body: str, post: Any, headers: Mapping[str, str]) -> str:
        """Fire ``salt/netapi/hook/<path>`` for who has this token, and return its tag. Raises ``NotAuthorised``.

        Without a token it is fired for anybody, if this user may; it is from ``hook:anybody`` then.
        """
        auth = {"token": token, "for": "session"} if token else {}
        anybody = None if token else True
        fired: str = self._asked(
            auth, "event.hook", path=path, body=body, post=post, headers=dict(headers), anybody=anybody
        )
        return fired

    def interrupt(self) -> None:
        """End what is under way, from another thread; jobs go on."""
        super().interrupt()
        for parties in list(self._parties):
            parties.interrupt()

    def _passing(self, auth: Mapping[str, Any]) -> str:
        """Return a token for one call, so that a password is asked about once, however much it sends."""
        return str(self._asked(auth, "login.passing")["token"])

    def _forget(self, parties: Parties, passing: str) -> None:
        if parties in self._parties:
            self._parties.remove(parties)
        if passing:
            with contextlib.suppress(SalternError):  # it ends by itself
                self._asked({"token": passing}, "login.pass")

    def _asked(self, auth: Mapping[str, Any], command: str, **given: Any) -> Any:
        client = Connecting(self.opts, auth, self.origin)
        client._open = self._open
        with client.connect() as connection:
            return connection.call(command, **{name: value for name, value in given.items() if value is not None})
