"""What ``proxy: {proxytype: snmp, …}`` says of a device, checked. ``proxy/snmp.py`` tells users of each option."""

from __future__ import annotations

import re
from collections.abc import Mapping

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern.visible import visible
from saltern_modules import _snmp_oid
from saltern_modules._proxy_options import ProxyOptions
from saltern_modules._snmp_pdu import Oid, Security
from saltern_modules._snmp_session import Patience

COLLECTIONS = ("system", "interfaces", "host_resources", "ucd_load")
MAX_OIDS = 500
METRIC = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What a user may call a value: it is part of a metric's name as it is."""
KNOWN = (
    *("host", "port", "version", "community", "user", "auth_protocol", "auth_key", "priv_protocol", "priv_key"),
    *("context", "reply_timeout", "retries", "bulk", "collect", "oids", "exclude"),
)
OF_VERSION_3 = ("user", "auth_protocol", "auth_key", "priv_protocol", "priv_key", "context")
_SIGNING = {"MD5": "MD5", "SHA": "SHA", "SHA1": "SHA"} | {f"SHA{bits}": f"SHA-{bits}" for bits in (224, 256, 384, 512)}
_ENCRYPTING = {
    "DES": "DES",
    "AES": "AES",
    "AES128": "AES",
    "AES192": "AES-192",
    "AES256": "AES-256",
    "AES192C": "AES-192-C",
    "AES256C": "AES-256-C",
}
MIN_PASSWORD = 8
MAX_USER_BYTES = 32


class Credentials(NamedTuple):
    """A user of version 3: names of ``_snmp_engine``'s tables, empty for none."""

    user: str
    auth_protocol: str = ""
    auth_key: str = ""
    priv_protocol: str = ""
    priv_key: str = ""
    context: str = ""

    def __repr__(self) -> str:
        return "Credentials(***)"


class OwnOid(NamedTuple):
    """One of the user's: ``type`` empty for what the wire says; *walk*: a column, each row by its index or *label*."""

    oid: Oid
    type: str = ""
    scale: float = 1.0
    walk: bool = False
    label: Oid = ()


TYPES = ("gauge", "counter", "counter32", "counter64")


class SnmpSettings(NamedTuple):
    """Where a device is, how it is spoken with, and what it is asked."""

    host: str
    port: int
    community: str
    credentials: Credentials | None
    """Of version 3."""
    patience: Patience
    collect: tuple[str, ...]
    oids: dict[str, OwnOid]
    exclude: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SnmpSettings({self.host}:{self.port})"

    def security(self) -> Security:
        """Return who asks, as a session takes it. Loads the library."""
        if self.credentials is None:
            from saltern_modules._snmp_message import Community

            return Community(self.community)
        from saltern_modules._snmp_engine import shared
        from saltern_modules._snmp_user import User

        return User(self.credentials, shared())


def settings(proxy: object) -> SnmpSettings:
    """Return what a device's ``proxy:`` says. Raises ``CommandError``."""
    options = ProxyOptions("snmp", proxy, KNOWN)
    version = options.choice("version", ("2c", "3"), "2c")
    community, credentials = "", None
    if version == "3":
        if options.has("community"):
            raise options.wrong("community", "version 3 has none: user, auth_protocol and auth_key are right")
        credentials = _credentials(options)
    else:
        for name in OF_VERSION_3:
            if options.has(name):
                raise options.wrong(name, "that is of version 3: say version: 3")
        community = options.text("community")
    return SnmpSettings(
        host=options.text("host"),
        port=options.whole("port", 161, 1, 65535),
        community=community,
        credentials=credentials,
        patience=Patience(
            reply_timeout=options.number("reply_timeout", 2.0, 0.05, 60.0),
            retries=options.whole("retries", 1, 0, 10),
            bulk=options.whole("bulk", 25, 1, 100),
        ),
        collect=tuple(options.texts("collect", COLLECTIONS, COLLECTIONS)),
        oids=_oids(options),
        exclude=tuple(options.texts("exclude")),
    )


def _credentials(options: ProxyOptions) -> Credentials:
    signing = _protocol(options, "auth_protocol", _SIGNING)
    encrypting = _protocol(options, "priv_protocol", _ENCRYPTING)
    if encrypting and not signing:
        raise options.wrong("priv_protocol", "encryption needs auth_protocol and auth_key as well")
    keys = {}
    for name, protocol in (("auth_key", signing), ("priv_key", encrypting)):
        keys[name] = options.text(name) if protocol else ""
        if not protocol and options.has(name):
            raise options.wrong(name, f"it needs {name.replace('key', 'protocol')}")
        if protocol and len(keys[name]) < MIN_PASSWORD:
            raise options.wrong(name, f"it has fewer than {MIN_PASSWORD} characters, which SNMP refuses")
    user = options.text("user")
    if len(user.encode()) > MAX_USER_BYTES:
        raise options.wrong("user", f"it has more than {MAX_USER_BYTES} bytes, which SNMP has not")
    return Credentials(
        user=user,
        auth_protocol=signing,
        auth_key=keys["auth_key"],
        priv_protocol=encrypting,
        priv_key=keys["priv_key"],
        context=options.text("context", "") if options.has("context") else "",
    )


def _protocol(options: ProxyOptions, name: str, known: Mapping[str, str]) -> str:
    if not options.has(name):
        return ""
    text = options.text(name).upper().replace("-", "").replace("_", "")
    if text not in known:
        raise options.wrong(name, f"right are {', '.join(dict.fromkeys(known.values()))}")
    return known[text]


def _oids(options: ProxyOptions) -> dict[str, OwnOid]:
    given = options.mapping("oids")
    if len(given) > MAX_OIDS:
        raise options.wrong("oids", f"there are {len(given)}: {MAX_OIDS} at most are right")
    return {name: _own_oid(options, name, value) for name, value in given.items()}


def _own_oid(options: ProxyOptions, name: str, value: object) -> OwnOid:
    if not METRIC.fullmatch(name):
        shown = visible(name)[:60]
        raise options.wrong("oids", f"{shown!r} is no part of a metric's name: letters, digits, _ and - are right")
    if not isinstance(value, Mapping):
        value = {"oid": value}
    own = options.within("oids", name, value, ("oid", "type", "scale", "walk", "label"))
    try:
        oid = _snmp_oid.parsed(own.text("oid"))
        label = _snmp_oid.parsed(own.text("label")) if own.has("label") else ()
    except CommandError as error:
        raise own.wrong("oid", str(error).removeprefix("snmp: ").removeprefix("proxy: ")) from None
    walk = own.flag("walk")
    if label and not walk:
        raise own.wrong("label", "it needs walk: true")
    kind = own.choice("type", TYPES, "gauge") if own.has("type") else ""
    return OwnOid(oid, kind, own.number("scale", 1.0, -1e12, 1e12), walk, label)
