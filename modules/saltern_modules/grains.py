"""Facts of this minion, collected on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.merging import chosen
from saltern.traverse import MISSING, traverse

__grains__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {
    "items": "reads",
    "item": "reads",
    "get": "reads",
    "fetch": "reads",
    "has_value": "reads",
    "equals": "reads",
    "filter_by": "reads",
    "ls": "reads",
    "keys": "reads",
}


HIDDEN = {
    "id": "MINION.DOMAINNAME",
    "fqdn": "MINION.DOMAINNAME",
    "host": "MINION",
    "localhost": "MINION",
    "nodename": "MINION",
    "domain": "DOMAINNAME",
}
"""What *sanitize* puts in the place of what names this host; of its serial number the last quarter is crossed out."""


OF_THE_AGENT = ("id", "master", "proxytype", "saltversion", "device")
UNKNOWN = {"osfullname": "proxy", "osarch": "proxy"}
"""What a device by the form of 2014 (``proxy: {name: {proxytype: …}}``) doesn't show among all: it never said so."""


def items(sanitize: bool = False) -> dict[str, Any]:
    """Return every grain; with *sanitize* without the names and the serial number of this host.

    Of a device that the pillar of its host names by the form of 2014 they are those that it, and what adds grains to
    its kind, say of it; the others are there for :func:`item`, :func:`get`, and for targets.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.items
    """
    found = dict(__grains__)
    if __opts__.get("proxy_named"):
        unsaid = {*OF_THE_AGENT, *(name for name, value in UNKNOWN.items() if found.get(name) == value)}
        found = {name: value for name, value in found.items() if name not in unsaid}
    return _shown(found, sanitize)


def item(*names: str, default: Any = "", delimiter: str = ":", sanitize: bool = False) -> dict[str, Any]:
    """Return the grains called *names* (colon paths too) as ``{name: value}``, *default* for those not there.

    *sanitize* is that of :func:`items`.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.item os kernel
    """
    return _shown({name: traverse(__grains__, name, default, delimiter) for name in names}, sanitize)


def get(key: str, default: Any = "", delimiter: str = ":", ordered: bool = True) -> Any:
    """Return the grain at the path *key*, or *default* when there is none. *ordered* is taken, and does nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.get pythonversion:0
    """
    return traverse(__grains__, key, default, delimiter)


def fetch(key: str, default: Any = "", delimiter: str = ":", ordered: bool = True) -> Any:
    """Return what :func:`get` returns: its name for templates, where ``get`` is a dict's own.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.fetch os
    """
    return get(key, default, delimiter)


def has_value(key: str, delimiter: str = ":") -> bool:
    """Return whether there is a grain at the path *key*, whatever it is: null, zero and false count too.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.has_value roles
    """
    return traverse(__grains__, key, MISSING, delimiter) is not MISSING


def equals(key: str, value: Any) -> bool:
    """Return whether the grain at the path *key* is *value*, both as text.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.equals os Debian
    """
    return str(value) == str(get(key))


def filter_by(
    lookup_dict: Mapping[str, Any],
    grain: str = "os_family",
    merge: Mapping[str, Any] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Return that value of *lookup_dict* whose key, a glob, is what the grain is; that of the key *default* else.

    It is laid over the value of the key *base*, and *merge* over that, dicts at every depth. ``None`` when there is
    nothing. Raises ``SalternError`` when what is to be laid over each other isn't maps.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.filter_by '{Debian: apache2, RedHat: httpd, default: none}'
    """
    return chosen(lookup_dict, traverse(__grains__, grain, []), merge, default, base)


def ls() -> list[str]:
    """Return the names of the grains, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.ls
    """
    return sorted(__grains__)


def keys(key: str = "", delimiter: str = ":") -> list[str]:
    """Return the names of the grains, or of the dict at the path *key*, sorted; ``[]`` when it is no dict.

    CLI Example:

    .. code-block:: bash

        saltern '*' grains.keys
    """
    value = traverse(__grains__, key, None, delimiter) if key else __grains__
    return sorted(map(str, value)) if isinstance(value, Mapping) else []


def _shown(found: dict[str, Any], sanitize: bool) -> dict[str, Any]:
    if not sanitize:
        return found
    found.update({name: text for name, text in HIDDEN.items() if name in found})
    serial = found.get("serialnumber")
    if isinstance(serial, str):
        kept = len(serial) * 3 // 4
        found["serialnumber"] = serial[:kept] + "X" * (len(serial) - kept)
    return found
