"""The groups of someone in a directory, by Salt's options below ``auth.ldap.``.

By themselves: entries of ``groupclass`` (posixGroup) below ``ou=<groupou>`` (Groups) of ``basedn`` that have the user
in ``accountattributename`` (memberUid; for ``member`` and ``uniqueMember``, his distinguished name), called by their
``cn``. Where the user's own entry is found so, the groups in its ``groupattribute`` (memberOf) count.

``activedirectory: true``: entries of ``groupclass`` below ``basedn`` that have him as ``member``. ``freeipa: true``:
what ``group_filter`` finds below ``group_basedn``, where it has him in either attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from saltern_master.auth.eauth.given import Given
from saltern_master.auth.eauth.ldap_text import first_value, in_dn, in_filter, named_attribute, rendered, same_dn

GROUP_OPTIONS = (
    *("accountattributename", "groupou", "groupattribute", "groupclass", "persontype", "activedirectory", "freeipa"),
    *("group_basedn", "group_filter"),
)
MAX_GROUPS = 10_000
BY_NAME = ("member", "uniquemember")
"""Attributes that hold distinguished names."""


class GroupRules(NamedTuple):
    """The options."""

    basedn: str
    account: str
    ou: str
    attribute: str
    group_class: str
    active_directory: bool
    freeipa: bool
    group_basedn: str
    group_filter: str


class Entry(NamedTuple):
    """An entry of the directory."""

    dn: str
    attributes: Mapping[str, Iterable[bytes]]

    def values(self, attribute: str) -> list[str]:
        """Return the texts that it has for *attribute*."""
        wanted = attribute.lower()
        found = (raw for name, raw in self.attributes.items() if name.lower() == wanted)
        return [value.decode("utf-8", "replace") for raw in found for value in raw]


Search = Callable[[str, str, str, list[str]], list[Entry]]


def group_rules(given: Given) -> GroupRules:
    """Return what the options say. Raises ``ConfigError``."""
    rules = GroupRules(
        given.text("basedn"),
        given.text("accountattributename", "memberUid"),
        given.text("groupou", "Groups"),
        given.text("groupattribute", "memberOf"),
        given.text("groupclass", "posixGroup"),
        given.flag("activedirectory"),
        given.flag("freeipa"),
        given.text("group_basedn"),
        given.text("group_filter"),
    )
    given.text("persontype")  # of Salt's search for someone who has been found here before
    if rules.freeipa and not (rules.group_basedn and named_attribute(rules.group_filter)):
        raise given.fault(
            "freeipa", "needs auth.ldap.group_basedn and auth.ldap.group_filter, as in member={{ username }}"
        )
    return rules


def groups_of(rules: GroupRules, search: Search, name: str, user: Entry) -> frozenset[str]:
    """Return the groups that *user*, who logs in as *name*, is in."""
    names = [group for group in _found(rules, search, name, user) if group and group.isprintable()]
    return frozenset(names[:MAX_GROUPS])


def _found(rules: GroupRules, search: Search, name: str, user: Entry) -> list[str]:
    account, attribute = rules.account, rules.attribute
    if rules.active_directory:
        condition = f"(&(member={in_filter(user.dn)})(objectClass={in_filter(rules.group_class)}))"
        return [cn for entry in search(rules.basedn, condition, "SUBTREE", ["cn"]) for cn in entry.values("cn")[:1]]
    if rules.freeipa:
        condition = rendered(rules.group_filter, in_filter(name))
        condition = condition if condition.startswith("(") else f"({condition})"
        entries = search(rules.group_basedn, condition, "SUBTREE", [account, attribute, "cn"])
        return [
            first_value(entry.dn)
            for entry in entries
            if _has(entry.values(account) + entry.values(attribute), name, user.dn)
        ]
    wanted = user.dn if account.lower() in BY_NAME else name
    condition = f"(&({account}={in_filter(wanted)})(objectClass={in_filter(rules.group_class)}))"
    base = f"ou={in_dn(rules.ou)},{rules.basedn}" if rules.ou else rules.basedn
    found: list[str] = []
    for entry in search(base, condition, "SUBTREE", [account, attribute, "cn"]):
        if same_dn(entry.dn, user.dn):
            found += [first_value(group) for group in entry.values(attribute)]
        elif _has(entry.values(account), name, user.dn):
            found += entry.values("cn")[:1]
    return found


def _has(values: list[str], name: str, dn: str) -> bool:
    return any(value == name or same_dn(value, dn) for value in values)
