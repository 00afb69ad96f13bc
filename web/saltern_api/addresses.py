"""Where a request comes from, and whether anyone there may ask at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from saltern.http.hosts import Refuse
from saltern_api.settings import ApiSettings, Network, account_of, within

KEY = "saltern.address"


class FromWhere:
    """*app*, told the address of each request; those *authorized* does not have get 403 and are counted."""

    def __init__(
        self,
        app: ASGIApp,
        proxies: Sequence[Network],
        authorized: Sequence[Network] | None,
        count: Callable[[str], None],
        refuse: Refuse,
    ) -> None:
        """*proxies*: who may say in ``X-Forwarded-For`` for whom he asks."""
        self._app = app
        self._proxies = proxies
        self._authorized = authorized
        self._count = count
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        address = real_address(client[0] if client else "", ",".join(forwarded), self._proxies)
        scope[KEY] = address
        if client:
            scope["client"] = (address, client[1])  # as the access log has it
        if self._authorized is not None and not within(address, self._authorized):
            self._count("requestsBarred")
            await refuse(self._refuse(403, "this address may not use the API (authorized_ips)"), scope, receive, send)
            return
        await self._app(scope, receive, send)


async def refuse(answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Say no, to a WebSocket by not taking it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await answer(scope, receive, send)


def real_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Return for whom *peer* asks: the last of *forwarded* that isn't a trusted proxy's own address."""
    address = peer
    for one in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not within(address, proxies):
            break
        named = one.strip("[]")
        if not within(named, _ANY):
            break  # no address: whoever said it can't be believed
        address = named
    return address


def may_log_in_from(settings: ApiSettings, user: object, address: str) -> bool:
    """Return whether *user*, however his name is written, may log in from *address* (``api_acl``)."""
    if settings.api_acl is None:
        return True
    networks = settings.api_acl.get(account_of(str(user)), settings.api_acl.get("*", ()))
    return networks is None or within(address, networks)


def address_of(request: HTTPConnection) -> str:
    """Return the address that a request came from."""
    address: str = request.scope.get(KEY, "")
    return address


def _networks() -> Sequence[Network]:
    import ipaddress

    return (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


_ANY = _networks()
