"""``ldap``: users and groups of a directory, by Salt's options.

===============================  ============================================================================
``auth.ldap.uri``                ``ldap://host``, ``ldaps://host``, ``ldapi://%2Frun%2Fldapi``
``server``, ``port``, ``tls``    in its place: ``localhost``, 389 (636 with ``tls: true``)
``starttls``, ``no_verify``      encrypt by StartTLS; take any certificate
``basedn``                       below which users are looked for
``binddn``, ``bindpw``           who looks for them; without ``bindpw`` a template, ``uid={{ username }},ou=People,…``
``anonymous``                    look for them as nobody
``filter``                       ``uid={{ username }}``
``scope``                        2: all below ``basedn``, 1: one level, 0: itself
===============================  ============================================================================

Groups, see ``ldap_groups.py``. Whoever logs in is found first, with the rights of ``binddn`` or as nobody, and then
bound as, with his password; or bound as at once by the template. A user is known by what the directory has for the
attribute of ``filter``: ``FRED`` is ``fred``.

An empty password proves nothing, since a server takes a bind without one for a visitor's. It is refused, and
passwords are sent as they are: what prepares them (SASLprep) makes some empty.
"""

from __future__ import annotations

import contextlib
import logging
import re
import ssl
import urllib.parse
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from saltern.errors import ChannelError, ConfigError
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given
from saltern_master.auth.eauth.ldap_groups import GROUP_OPTIONS, Entry, GroupRules, group_rules, groups_of
from saltern_master.auth.eauth.ldap_text import in_bind_name, in_filter, named_attribute, rendered
from saltern_master.auth.eauth.loopback import is_loopback

if TYPE_CHECKING:
    from ldap3 import Connection

log = logging.getLogger(__name__)

CONNECT_WITHIN_S, ANSWER_WITHIN_S = 5, 10
MAX_FOUND = 1000
OPTIONS = (
    *("uri", "server", "port", "tls", "starttls", "no_verify", "basedn", "binddn", "bindpw", "filter", "scope"),
    *("anonymous", "minion_stripdomains", *GROUP_OPTIONS),
)
SCOPES = ("BASE", "LEVEL", "SUBTREE")
REFUSED = frozenset({19, 32, 34, 48, 49, 50, 53})
"""Results of a bind that are about who binds: no such user, wrong password, locked account, and the like."""


class Directory(NamedTuple):
    """Where the directory is and how users are found in it."""

    uri: str
    starttls: bool
    verify: bool
    basedn: str
    binddn: str
    bindpw: str
    anonymous: bool
    filter: str
    scope: str
    groups: GroupRules


class LdapDriver:
    """Asks a directory, over a connection for each login."""

    def __init__(self, directory: Directory) -> None:
        self._at = directory

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return who *username* is, and his groups, when the directory takes his password."""
        if not password:
            return None
        at = self._at
        with self._errors():
            if at.bindpw or at.anonymous:
                return self._found_first(username, password)
            name = in_bind_name(at.binddn, username)
            with self._connection() as own:
                if not name or not self._bound(own, name, password):
                    return None
                user = self._user(own, username)
                if user is None:
                    log.warning("ldap: someone is bound by auth.ldap.binddn, and auth.ldap.filter doesn't find him")
                    return None
                return Identity(user[0], groups_of(at.groups, self._search(own), *user))

    def _found_first(self, username: str, password: str) -> Identity | None:
        at = self._at
        with self._connection() as looking:
            if not self._bound(looking, at.binddn if at.bindpw else "", at.bindpw):
                raise self._fault("auth.ldap.binddn and auth.ldap.bindpw are refused")
            user = self._user(looking, username)
            if user is None or not user[1].dn:
                return None
            with self._connection() as own:
                if not self._bound(own, user[1].dn, password):
                    return None
            return Identity(user[0], groups_of(at.groups, self._search(looking), *user))

    def _user(self, connection: Connection, username: str) -> tuple[str, Entry] | None:
        """Return the name and the entry of *username*; ``None`` unless there is exactly one."""
        at = self._at
        attribute = named_attribute(at.filter)
        found = self._search(connection)(at.basedn, rendered(at.filter, in_filter(username)), at.scope, [attribute])
        if len(found) != 1:
            if len(found) > 1:
                log.warning("auth.ldap.filter finds %d entries for one user, who can't log in: narrow it", len(found))
            return None
        names = found[0].values(attribute)
        own = [name for name in names if name.casefold() == username.casefold()]
        name = (own or names or [""])[0]
        return (name, found[0]) if name and name.isprintable() else None

    def _search(self, connection: Connection) -> Any:
        def search(base: str, condition: str, scope: str, attributes: list[str]) -> list[Entry]:
            connection.search(
                base, condition, scope, attributes=attributes, size_limit=MAX_FOUND, time_limit=ANSWER_WITHIN_S
            )
            result = connection.result
            if result["result"] not in (0, 4, 32):  # 4: there are more, 32: there is no such base
                raise self._fault(f"{result['description']} for a search below {base}")
            rows = [row for row in connection.response or [] if row.get("type") == "searchResEntry"]
            return [Entry(row["dn"], row["raw_attributes"]) for row in rows]

        return search

    def _bound(self, connection: Connection, name: str, password: str) -> bool:
        """Return whether the server takes *name* with *password*; without a name, a visitor."""
        import ldap3

        if self._at.starttls and not connection.tls_started:
            connection.start_tls()
        connection.authentication = ldap3.SIMPLE if name else ldap3.ANONYMOUS
        # As bytes, so that it is sent as it is: prepared as text it may be empty, and nobody's.
        connection.user, connection.password = (name, password.encode()) if name else (None, None)
        if connection.bind():
            return True
        if connection.result["result"] in REFUSED:
            return False
        raise self._fault(f"{connection.result['description']} for a bind")

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        import ldap3
        from ldap3.core.exceptions import LDAPException

        at = self._at
        verify = ssl.CERT_REQUIRED if at.verify else ssl.CERT_NONE
        host = urllib.parse.urlsplit(at.uri).hostname
        server = ldap3.Server(
            at.uri,
            tls=ldap3.Tls(validate=verify, sni=host),
            connect_timeout=CONNECT_WITHIN_S,
            get_info=ldap3.NONE,
        )
        connection = ldap3.Connection(
            server,
            receive_timeout=ANSWER_WITHIN_S,
            auto_referrals=False,  # a password goes to this server alone
            read_only=True,
            check_names=False,
        )
        try:
            connection.open()
            yield connection
        finally:
            with contextlib.suppress(LDAPException):
                connection.unbind()
            if connection.socket is not None:  # left open where TLS fails
                connection.socket.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        from ldap3.core.exceptions import LDAPException

        try:
            yield
        except LDAPException as error:
            raise self._fault(" ".join(str(error).split()) or type(error).__name__) from None
        except OSError as error:
            raise self._fault(str(error.strerror or error)) from None

    def _fault(self, why: str) -> ChannelError:
        return ChannelError(f"ldap: {self._at.uri}: {why:.200}")


def configured(given: Given) -> LdapDriver:
    """Return the driver that *given*, ``auth.ldap.…``, asks for. Raises ``ConfigError``."""
    try:
        with warnings.catch_warnings():  # of its own library's old names
            warnings.simplefilter("ignore", DeprecationWarning)
            import ldap3  # noqa: F401  # whether it is there
    except ImportError:
        raise ConfigError(
            "external_auth: ldap: the library ldap3 is missing: run pip install 'saltern[ldap]'"
        ) from None
    given.known(OPTIONS)
    directory = Directory(
        uri=_uri(given),
        starttls=given.flag("starttls"),
        verify=not given.flag("no_verify"),
        basedn=given.text("basedn"),
        binddn=given.text("binddn"),
        bindpw=given.text("bindpw"),
        anonymous=given.flag("anonymous"),
        filter=given.text("filter", "uid={{ username }}"),
        scope=SCOPES[given.number("scope", 2, 0, 2)],
        groups=group_rules(given),
    )
    if not directory.basedn:
        raise given.fault("basedn", "must say below what users are looked for, as in dc=example,dc=com")
    if not named_attribute(directory.filter):
        raise given.fault("filter", "must hold an attribute and {{ username }}, as in uid={{ username }}")
    if not directory.filter.startswith("("):
        directory = directory._replace(filter=f"({directory.filter})")
    if directory.bindpw and not directory.binddn:
        raise given.fault("binddn", "must say whose auth.ldap.bindpw is")
    if not directory.bindpw and not directory.anonymous and not in_bind_name(directory.binddn, "fred"):
        raise given.fault(
            "binddn", "must hold {{ username }} where there is no auth.ldap.bindpw to look for users with"
        )
    _say_what_is_unsafe(directory)
    return LdapDriver(directory)


def _uri(given: Given) -> str:
    tls = given.flag("tls")
    uri = given.text("uri")
    if not uri:
        server = given.text("server", "localhost")
        if not re.fullmatch(r"[\w.:\[\]-]+", server, re.ASCII):
            raise given.fault("server", "must be the name or address of a host: a URI goes to auth.ldap.uri")
        server = f"[{server}]" if ":" in server and not server.startswith("[") else server
        uri = f"{'ldaps' if tls else 'ldap'}://{server}:{given.number('port', 636 if tls else 389, 1, 65535)}"
    if not re.fullmatch(r"ldap[si]?://[^\s/?#@]+/?", uri, re.ASCII):
        raise given.fault("uri", "must be one server, as in ldaps://ldap.example.com")
    if uri.startswith("ldaps:") and given.flag("starttls"):
        raise given.fault("starttls", "can't be used with ldaps://, which is encrypted from the start: leave one out")
    return uri.rstrip("/")


def _say_what_is_unsafe(directory: Directory) -> None:
    parts = urllib.parse.urlsplit(directory.uri)
    if parts.scheme == "ldapi" or is_loopback(parts.hostname or ""):
        return
    if parts.scheme == "ldap" and not directory.starttls:
        log.warning("ldap: passwords go to %s unencrypted: use ldaps:// or auth.ldap.starttls", directory.uri)
    elif not directory.verify:
        log.warning("ldap: whoever is between may read the passwords for %s: no auth.ldap.no_verify", directory.uri)
