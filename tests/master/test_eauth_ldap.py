"""Logins by a directory: a real slapd, and names and passwords that would be more than that."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ChannelError, ConfigError
from saltern.secret import Secret
from saltern_master.auth.eauth import ldap as module
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.ldap_text import (
    first_value,
    in_bind_name,
    in_dn,
    in_filter,
    named_attribute,
    rendered,
    same_dn,
)
from support.ldap_server import ADMIN, ADMIN_PASSWORD, SUFFIX, LdapServer, certificate, running
from support.ports import free_port

# Of ldap3: its library has new names for two tables, and with Python 3.12 it has a function of its own.
pytestmark = pytest.mark.filterwarnings(
    "ignore:typeMap is deprecated", "ignore:tagMap is deprecated", "ignore:ssl.match_hostname"
)

PEOPLE = f"ou=People,{SUFFIX}"
ODD = r"odd, \28name\29*"
PASSWORD = "fréds: pass"


def person(uid: str, password: str, dn: str = "") -> str:
    name = dn or f"uid={uid},{PEOPLE}"
    lines = [f"dn: {name}", "objectClass: inetOrgPerson", f"uid: {uid}", "cn: x", "sn: x", f"mail: {uid}@example.com"]
    return "\n".join([*lines, f"userPassword: {password}", "", ""])


def group(name: str, ou: str, kind: str, *members: str) -> str:
    more = ["gidNumber: 1"] if kind == "posixGroup" else []
    return "\n".join(
        [f"dn: cn={name},ou={ou},{SUFFIX}", f"objectClass: {kind}", f"cn: {name}", *more, *members, "", ""]
    )


LDIF = "".join(
    [
        f"dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: x\ndc: example\n\n",
        *(
            f"dn: ou={ou},{SUFFIX}\nobjectClass: organizationalUnit\nou: {ou}\n\n"
            for ou in ("People", "Groups", "Named")
        ),
        person("fred", PASSWORD).rstrip() + "\nseeAlso: cn=pals,dc=example,dc=com\n\n",
        person("bob", "b0b"),
        person("twice", "x"),
        f"dn: ou=more,{PEOPLE}\nobjectClass: organizationalUnit\nou: more\n\n",
        person("twice", "x", f"uid=twice,ou=more,{PEOPLE}"),
        person("a, (b)*", "odd", f"uid=a\\2c (b)*,{PEOPLE}"),
        group("ops", "Groups", "posixGroup", "memberUid: fred", "memberUid: bob"),
        group("dev", "Groups", "posixGroup", "memberUid: bob"),
        group("web", "Groups", "posixGroup", "memberUid: fred"),
        group("named", "Named", "groupOfNames", f"member: uid=fred,{PEOPLE}"),
        group("foreign", "Named", "groupOfNames", f"member: uid=fred,ou=Elsewhere,{SUFFIX}"),
        group("theirs", "Named", "groupOfNames", f"member: uid=bob,{PEOPLE}"),
    ]
)
BASE = {"auth.ldap.basedn": SUFFIX, "auth.ldap.binddn": ADMIN, "auth.ldap.bindpw": ADMIN_PASSWORD}
TEMPLATE = {"auth.ldap.basedn": SUFFIX, "auth.ldap.binddn": f"uid={{{{ username }}}},{PEOPLE}"}
FRED = Identity("fred", frozenset({"ops", "web"}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """A directory that takes no visitors."""
    with running(tmp_path_factory.mktemp("ldap"), LDIF) as server:
        yield server


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """One that everybody may read, and that lets in who binds without a password: as nobody."""
    with running(tmp_path_factory.mktemp("open"), LDIF, visitors=True) as server:
        yield server


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LdapServer]:
    """One that can be spoken to in secret; its certificate is in its folder."""
    folder = tmp_path_factory.mktemp("secure")
    with running(folder, LDIF, tls=certificate(folder)) as server:
        yield server


def driver(options: dict[str, Any]) -> Any:
    return configured_drivers({"external_auth": {"ldap": {"fred": ["test.*"]}}, **options})["ldap"]


def asks(server: LdapServer, username: str, password: str, options: dict[str, Any] = BASE, **more: Any) -> Any:
    more = {f"auth.ldap.{name}": value for name, value in more.items()}
    return driver({"auth.ldap.uri": server.uri, **options, **more}).authenticate(username, password)


@pytest.mark.parametrize("options", [BASE, TEMPLATE], ids=["found first", "by a template"])
def test_a_user_his_password_and_his_groups(server: LdapServer, options: dict[str, Any]) -> None:
    assert asks(server, "fred", PASSWORD, options) == FRED
    assert asks(server, "bob", "b0b", options) == Identity("bob", frozenset({"ops", "dev"}))
    for username, password in (("fred", "b0b"), ("bob", PASSWORD), ("nobody", "x"), ("fred", PASSWORD + " ")):
        assert asks(server, username, password, options) is None, username


@pytest.mark.parametrize("options", [BASE, TEMPLATE], ids=["found first", "by a template"])
def test_a_user_is_known_by_the_directorys_own_spelling(server: LdapServer, options: dict[str, Any]) -> None:
    assert asks(server, "FRED", PASSWORD, options) == FRED
    assert asks(server, "fred@example.com", PASSWORD, filter="mail={{ username }}").name == "fred@example.com"
    either = "(|(uid={{ username }})(mail={{username}}))"
    assert asks(server, "fred@example.com", PASSWORD, filter=either) == FRED


def test_someone_who_is_two_is_nobody(server: LdapServer) -> None:
    assert asks(server, "twice", "x") is None
    assert asks(server, "twice", "x", basedn=PEOPLE, scope=1) == Identity("twice")
    assert asks(server, "fred", PASSWORD, scope=1) is None
    assert asks(server, "fred", PASSWORD, scope=0, basedn=f"uid=fred,{PEOPLE}").name == "fred"


INJECTIONS = [
    *("*", "f*", "fre?", "fred)(uid=*", "*)(uid=*))(|(uid=*", "fred)(|(uid=*)", "(fred)", "fred\\", "fred\\2a", "\\2a"),
    *("fred,ou=People", f"fred,{PEOPLE}", f"bob+uid=fred,{PEOPLE}", 'fred"', "fred;", "fred\0", "\0", "#fred", "fred#"),
    *(
        "",
        " ",
        "fred\0)(uid=*",
        "fréd",
        "x" * 5000,
        "uid=fred",
        "fred=",
        "{{ username }}",
        "\\g<0>",
        "\U0001f600",
    ),
    *("fred)(userPassword=*", "*" * 1000, "(" * 1000, "\\" * 999),
]


@pytest.mark.parametrize("options", [BASE, TEMPLATE], ids=["found first", "by a template"])
@pytest.mark.parametrize("username", INJECTIONS, ids=lambda name: repr(name[:20]))
def test_a_name_stays_a_name(server: LdapServer, options: dict[str, Any], username: str) -> None:
    assert asks(server, username, PASSWORD, options) is None


@pytest.mark.parametrize("options", [BASE, TEMPLATE], ids=["found first", "by a template"])
def test_a_name_of_signs_is_that_user(server: LdapServer, options: dict[str, Any]) -> None:
    assert asks(server, "a, (b)*", "odd", options) == Identity("a, (b)*")
    assert asks(server, "a, (b)x", "odd", options) is None


NO_PASSWORDS = ["", "\u00ad", "\u200b\u2060", "\ufe00", "\0"]
"""The first is none; what prepares passwords for a directory makes nothing of the others but the last."""


@pytest.mark.parametrize("username", ["fred", "", "nobody"])
@pytest.mark.parametrize("password", NO_PASSWORDS, ids=repr)
@pytest.mark.parametrize("options", [{**BASE}, TEMPLATE, {**BASE, "auth.ldap.bindpw": "", "auth.ldap.anonymous": True}])
def test_a_bind_without_a_password_proves_nothing(
    open_server: LdapServer, username: str, password: str, options: dict[str, Any]
) -> None:
    assert asks(open_server, username, password, options) is None


def test_users_are_found_as_nobody_where_that_is_wanted(open_server: LdapServer) -> None:
    anonymous = {"auth.ldap.basedn": SUFFIX, "auth.ldap.anonymous": True}
    assert asks(open_server, "fred", PASSWORD, anonymous) == FRED
    assert asks(open_server, "fred", "x", anonymous) is None


def test_groups_of_names(server: LdapServer) -> None:
    named = {"groupou": "Named", "groupclass": "groupOfNames", "accountattributename": "member"}
    assert asks(server, "fred", PASSWORD, **named) == Identity("fred", frozenset({"named"}))
    assert asks(server, "fred", PASSWORD, TEMPLATE, **named) == Identity("fred", frozenset({"named"}))


def test_groups_as_active_directory_has_them(server: LdapServer) -> None:
    assert asks(server, "fred", PASSWORD, activedirectory=True, groupclass="groupOfNames").groups == {"named"}
    assert asks(server, "bob", "b0b", activedirectory=True, groupclass="groupOfNames").groups == {"theirs"}


def test_groups_as_freeipa_has_them(server: LdapServer) -> None:
    ipa = {"freeipa": True, "group_basedn": f"ou=Named,{SUFFIX}", "accountattributename": "member"}
    everyone = {**ipa, "group_filter": f"(|(member=uid={{{{ username }}}},{PEOPLE})(cn=*))"}
    assert asks(server, "fred", PASSWORD, **everyone) == Identity("fred", frozenset({"named"}))


def test_groups_in_the_users_own_entry(server: LdapServer) -> None:
    own = {"groupou": "", "accountattributename": "uid", "groupclass": "inetOrgPerson", "groupattribute": "mail"}
    assert asks(server, "fred", PASSWORD, **own).groups == frozenset()  # an address is no name of a group
    assert asks(server, "fred", PASSWORD, **{**own, "groupattribute": "seeAlso"}).groups == {"pals"}
    assert asks(server, "fred", PASSWORD, groupou="Absent").groups == frozenset()


def test_a_directory_that_refuses_us_is_an_error(server: LdapServer) -> None:
    with pytest.raises(ChannelError, match=r"^ldap: ldap://127\.0\.0\.1:\d+: auth.ldap.binddn and .* are refused"):
        asks(server, "fred", PASSWORD, bindpw="wrong-one")
    with pytest.raises(ChannelError, match=r"inappropriateAuth|are refused|for a bind"):
        asks(server, "fred", PASSWORD, {"auth.ldap.basedn": SUFFIX, "auth.ldap.anonymous": True})
    with pytest.raises(ChannelError, match="invalidDNSyntax for a search below nonsense"):
        asks(server, "fred", PASSWORD, basedn="nonsense")
    assert asks(server, "fred", PASSWORD, bindpw=Secret(ADMIN_PASSWORD)) == FRED


def test_a_directory_that_isnt_there_is_an_error(server: LdapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with pytest.raises(ChannelError, match=f"ldap://127.0.0.1:{port}: "):
        asks(server, "fred", PASSWORD, uri=f"ldap://127.0.0.1:{port}")
    monkeypatch.setattr(module, "ANSWER_WITHIN_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ChannelError, match="timed out"):
        asks(server, "fred", PASSWORD, uri=f"ldap://127.0.0.1:{silent.getsockname()[1]}")
    server.pause()
    try:
        with pytest.raises(ChannelError, match="timed out"):
            asks(server, "fred", PASSWORD)
    finally:
        server.resume()
    assert asks(server, "fred", PASSWORD) == FRED


@pytest.mark.parametrize("more", [{"starttls": True}, {"uri": "ldaps"}], ids=["starttls", "ldaps"])
def test_certificates_are_judged(secure: LdapServer, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    if "uri" in more:
        more = {"uri": f"ldaps://127.0.0.1:{secure.ports[1]}"}
    with pytest.raises(ChannelError, match=r"(?i)certificate|ssl|tls"):
        asks(secure, "fred", PASSWORD, **more)
    assert asks(secure, "fred", PASSWORD, **more, no_verify=True) == FRED
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.folder / "crt.pem"))
    assert asks(secure, "fred", PASSWORD, **more) == FRED
    assert asks(secure, "fred", PASSWORD, TEMPLATE, **more) == FRED
    other = more.get("uri", secure.uri).replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(ChannelError):
        asks(secure, "fred", PASSWORD, **{**more, "uri": other})


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secure: LdapServer
) -> None:
    crt, _ = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(crt))
    with pytest.raises(ChannelError, match=r"(?i)certificate|ssl|tls"):
        asks(secure, "fred", PASSWORD, starttls=True)


def test_no_password_goes_out_before_starttls(server: LdapServer) -> None:
    with pytest.raises(ChannelError):  # this one has no TLS
        asks(server, "fred", PASSWORD, starttls=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auth.ldap.uri": "http://x"}, "auth.ldap.uri must be one server"),
        ({"auth.ldap.uri": "ldap://u:p@x"}, "auth.ldap.uri must be one server"),
        ({"auth.ldap.uri": "ldap://a ldap://b"}, "auth.ldap.uri must be one server"),
        ({"auth.ldap.server": "ldap://x"}, "auth.ldap.server must be the name"),
        ({"auth.ldap.port": 0}, "auth.ldap.port must be a whole number between 1 and 65535"),
        ({"auth.ldap.basedn": ""}, "auth.ldap.basedn must say below what"),
        ({"auth.ldap.filter": "uid=fred"}, "auth.ldap.filter must hold an attribute"),
        ({"auth.ldap.scope": 3}, "auth.ldap.scope must be a whole number between 0 and 2"),
        ({"auth.ldap.bindpw": ""}, "auth.ldap.binddn must hold {{ username }}"),
        ({"auth.ldap.binddn": ""}, "auth.ldap.binddn must say whose"),
        ({"auth.ldap.bindpw": 1234}, "auth.ldap.bindpw must be text, not a number"),
        ({"auth.ldap.tls": "yes"}, "auth.ldap.tls must be true or false"),
        ({"auth.ldap.freeipa": True}, "auth.ldap.freeipa needs"),
        ({"auth.ldap.uri": "ldaps://x", "auth.ldap.starttls": True}, "auth.ldap.starttls can't be used with ldaps"),
        ({"auth.ldap.bindnd": "x"}, r"auth.ldap.bindnd is not an option of it: did you mean binddn\?"),
    ],
)
def test_options_that_cant_be_used_are_told_of(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        driver({**BASE, **options})
    assert "1234" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "uri"),
    [
        ({}, "ldap://localhost:389"),
        ({"auth.ldap.tls": True}, "ldaps://localhost:636"),
        ({"auth.ldap.server": "h.example.com", "auth.ldap.port": 1389}, "ldap://h.example.com:1389"),
        ({"auth.ldap.server": "::1"}, "ldap://[::1]:389"),
        ({"auth.ldap.uri": "ldaps://x/", "auth.ldap.server": "y"}, "ldaps://x"),
    ],
)
def test_where_the_directory_is(options: dict[str, Any], uri: str) -> None:
    assert driver({**BASE, **options})._at.uri == uri


def test_what_is_unsafe_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for options in ({}, {"auth.ldap.uri": "ldaps://x"}, {"auth.ldap.uri": "ldap://x", "auth.ldap.starttls": True}):
        driver({**BASE, **options})
    assert not caplog.records
    driver({**BASE, "auth.ldap.uri": "ldap://x"})
    driver({**BASE, "auth.ldap.uri": "ldaps://x", "auth.ldap.no_verify": True})
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [("unencrypted" in line, "no_verify" in line) for line in said] == [(True, False), (False, True)]
    assert ADMIN_PASSWORD not in caplog.text


def test_without_the_library_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['ldap3'] = None\n"
        "from saltern_master.auth.eauth.configured import configured_drivers as made\n"
        "try: made({'external_auth': {'ldap': {}}})\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    said = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True).stdout.decode()
    assert said == "ConfigError external_auth: ldap: the library ldap3 is missing: run pip install 'saltern[ldap]'\n"


def test_bind_names_that_are_no_distinguished_names() -> None:
    assert in_bind_name("{{ username }}@example.com", "fred.x") == "fred.x@example.com"
    for name in ("fred@evil", "a,b", "a\\b", "", "a b"):
        assert in_bind_name("EXAMPLE\\{{username}}", name) == ""
    assert in_bind_name("cn=admin", "fred") == ""
    assert named_attribute("(&(objectClass=person)(sAMAccountName={{ username }}))") == "sAMAccountName"
    assert rendered("({{username}} {{  username  }})", r"\1") == r"(\1 \1)"


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_one_value_of_a_distinguished_name(text: str, other: str) -> None:
    dn = f"uid={in_dn(text)},ou=People"
    assert first_value(dn) == text
    assert same_dn(dn, f"uid={in_dn(other)},ou=People") == (text.casefold() == other.casefold())
    assert not same_dn(dn, "ou=People")


@given(st.text(max_size=30))
def test_any_text_is_one_value_of_a_filter(text: str) -> None:
    assert not set(in_filter(text).replace("\\5c", "").replace("\\28", "").replace("\\29", "")) & set("()*\0")


def test_distinguished_names_are_compared_as_a_directory_does() -> None:
    assert same_dn("uid=Fred, OU=People", "UID=fred,ou=people")
    assert same_dn("uid=a\\,b,ou=x", "uid=a\\2cb,ou=x")
    assert not same_dn("uid=fred,ou=People", "uid=fred,ou=More,ou=People")
    assert not same_dn("cn=a+sn=b,o=x", "cn=a,sn=b,o=x")
    assert same_dn("cn=a + sn=b,o=x", "cn=a+sn=b,o=x")
    assert not same_dn("", "")
    assert not same_dn("nonsense", "nonsense")
    assert first_value("CN=Domain Users,CN=Users,DC=x") == "Domain Users"
    assert first_value("cn=a\\, b,dc=x") == "a, b"
    assert first_value("nonsense") == ""
