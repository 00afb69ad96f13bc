"""Data that the master hands to this minion alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.merging import chosen, overlaid
from saltern.traverse import MISSING, traverse
from saltern_modules import _agent

__pillar__: Mapping[str, Any]
__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {
    "items": "reads",
    "data": "reads",
    "raw": "reads",
    "get": "reads",
    "fetch": "reads",
    "item": "reads",
    "ext": "runs",  # what the master allows on demand may be a program, with the caller's arguments
    "file_exists": "reads",
    "filter_by": "reads",
    "keys": "reads",
    "ls": "reads",
    "obfuscate": "reads",
}

log = logging.getLogger(__name__)

NOT_GIVEN = "__unset__"
ERRORS = "_errors"


def items(
    *args: str,
    pillar: Mapping[str, Any] | None = None,
    pillar_enc: str | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> dict[str, Any]:
    """Return the whole pillar, compiled anew on the master; or, by its path, what is at each of *args* (:func:`item`).

    *pillar* is laid over it. *pillarenv* is the one environment to compile (by default all, or that of the option of
    this name). What went wrong is under ``_errors``, and the job's retcode is then 1. What functions and templates see
    stays as it is until ``saltutil.refresh_pillar``. *unmask* is taken, and does nothing: secrets are shown to nobody.
    Raises ``CommandError`` for *pillar_enc*, which isn't supported.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.items pillarenv=prod pillar='{role: web}'
    """
    if args:
        return item(*args, pillarenv=pillarenv, saltenv=saltenv)
    if pillar and pillar_enc:
        raise CommandError("Failed to decrypt pillar override: encrypted pillars aren't supported")
    if pillarenv is None:
        from_saltenv = __opts__.get("pillarenv_from_saltenv", False)
        pillarenv = (saltenv or __opts__.get("saltenv")) if from_saltenv else __opts__.get("pillarenv")
    return _compiled("pillar.items", override=pillar, pillarenv=pillarenv)


def data(
    *args: str,
    pillar: Mapping[str, Any] | None = None,
    pillar_enc: str | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> dict[str, Any]:
    """Return what :func:`items` returns: another name of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.data
    """
    return items(*args, pillar=pillar, pillar_enc=pillar_enc, pillarenv=pillarenv, saltenv=saltenv, unmask=unmask)


def raw(key: str | None = None, unmask: bool | None = None) -> Any:
    """Return the whole pillar in memory, or the value of its top key *key* (``{}`` when it is not there).

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.raw
    """
    return __pillar__.get(key, {}) if key else dict(__pillar__)


def get(
    key: str,
    default: Any = NOT_GIVEN,
    merge: bool = False,
    merge_nested_lists: bool | None = None,
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> Any:
    """Return the value at the path *key*, or *default* (an empty text) when there is none.

    With *merge*, a dict that is found is laid over the dict *default*, at every depth, and a list's members are put
    after those of the list *default*; *merge_nested_lists* says whether lists in dicts are put together too
    (by default as the option ``pillar_merge_lists``). With *pillarenv* or *saltenv* the pillar is compiled anew on
    the master, else it is the one in memory. *unmask* is taken, and does nothing. With the option
    ``pillar_raise_on_missing`` and without *default*, raises ``KeyError`` for a path that isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.get database:port 5432
    """
    missing = MISSING if __opts__.get("pillar_raise_on_missing") else ""
    default = missing if default == NOT_GIVEN else default
    pillar = _pillar_of(pillarenv, saltenv)
    lists = __opts__.get("pillar_merge_lists", False) if merge_nested_lists is None else merge_nested_lists
    if merge:
        if isinstance(default, dict):
            found = traverse(pillar, key, {}, delimiter)
            if isinstance(found, Mapping):
                return overlaid(default, found, lists=bool(lists))
        elif isinstance(default, list):
            found = traverse(pillar, key, [], delimiter)
            if isinstance(found, list):
                return [*default, *(member for member in found if member not in default)]
        log.error("pillar.get: %s: the default and what is there can't be merged: it is left out", key)
    found = traverse(pillar, key, default, delimiter)
    if found is MISSING:
        raise KeyError(f"Pillar key not found: {key}")
    return found


def fetch(
    key: str,
    default: Any = NOT_GIVEN,
    merge: bool = False,
    merge_nested_lists: bool | None = None,
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> Any:
    """Return what :func:`get` returns: its name for templates, where ``get`` is a dict's own.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.fetch database:port
    """
    return get(key, default, merge, merge_nested_lists, delimiter, pillarenv, saltenv, unmask)


def item(
    *args: str,
    default: Any = None,
    delimiter: str | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> dict[str, Any]:
    """Return the values at the paths *args* as ``{path: value}``, *default* (an empty text) for those not there.

    The other keywords are those of :func:`get`.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.item role database:port
    """
    pillar = _pillar_of(pillarenv, saltenv)
    absent = "" if default is None else default
    return {name: traverse(pillar, name, absent, delimiter or ":") for name in args}


def keys(key: str, delimiter: str = ":", unmask: bool | None = None) -> list[Any]:
    """Return the keys of the dict at the path *key*, in their order.

    Raises ``KeyError`` when there is nothing at the path, ``ValueError`` when it is no dict.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.keys database
    """
    value = traverse(__pillar__, key, MISSING, delimiter)
    if value is MISSING:
        raise KeyError(f"Pillar key not found: {key}")
    if not isinstance(value, Mapping):
        raise ValueError(f"Pillar value in key {key} is not a dict")
    return list(value)


def ls(
    *args: str,
    pillar: Mapping[str, Any] | None = None,
    pillar_enc: str | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> list[Any]:
    """Return the keys of what :func:`items` returns.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.ls
    """
    return list(items(*args, pillar=pillar, pillar_enc=pillar_enc, pillarenv=pillarenv, saltenv=saltenv))


def obfuscate(
    *args: str,
    pillar: Mapping[str, Any] | None = None,
    pillar_enc: str | None = None,
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
) -> dict[str, Any]:
    """Return what :func:`items` returns with every value's type in its place: ``<str>``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.obfuscate
    """
    whole = items(*args, pillar=pillar, pillar_enc=pillar_enc, pillarenv=pillarenv, saltenv=saltenv)
    return {name: _type(value) for name, value in whole.items()}


def ext(external: Any, pillar: Mapping[str, Any] | None = None, unmask: bool | None = None) -> dict[str, Any]:
    """Return the pillar as it is with one external pillar more, ``{name: arguments}``, or YAML that says so.

    The master's option ``on_demand_ext_pillar`` says which may be asked for. *pillar* is laid over it.
    Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.ext '{nodegroups: groups}'
    """
    if isinstance(external, str):
        import yaml

        try:
            external = yaml.safe_load(external)
        except yaml.YAMLError as error:
            raise CommandError(f"pillar.ext: {external!r:.80} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(external, Mapping):
        raise CommandError("pillar.ext: an external pillar is a map of its name to its arguments")
    return _compiled("pillar.ext", override=pillar, ext=dict(external))


def file_exists(path: str, saltenv: str | None = None) -> bool:
    """Return whether a file is in the folders of the minion's own option ``pillar_roots``, by default ``/srv/pillar``.

    It is for a master's own host. Raises ``CommandError`` where the option is empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.file_exists top.sls
    """
    import os

    roots = __opts__.get("pillar_roots", {"base": ["/srv/pillar"]})
    if not roots:
        raise CommandError("No pillar_roots found. Are you running this on the master?")
    envs = roots.values() if not saltenv else [roots.get(saltenv, ())]
    return any(os.path.isfile(os.path.join(folder, path)) for folders in envs for folder in folders)


def filter_by(
    lookup_dict: Mapping[str, Any],
    pillar: str,
    merge: Mapping[str, Any] | None = None,
    default: str = "default",
    base: str | None = None,
) -> Any:
    """Return that value of *lookup_dict* whose key, a glob, is what is at the path *pillar*, as ``grains.filter_by``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pillar.filter_by '{web: Serve, db: Store, default: Rest}' role
    """
    return chosen(lookup_dict, traverse(__pillar__, pillar, []), merge, default, base)


def _pillar_of(pillarenv: str | None, saltenv: str | None) -> Mapping[str, Any]:
    """Return the pillar in memory, or that of an environment, compiled anew."""
    return __pillar__ if pillarenv is None and saltenv is None else items(pillarenv=pillarenv, saltenv=saltenv)


def _compiled(function: str, **how: Any) -> dict[str, Any]:
    """Return what the master compiles for this call alone; the one in memory where there is no master."""
    agent = _agent.present(__opts__)
    if agent is None or not agent.connected():
        if how.get("ext"):
            raise CommandError(f"{function} needs the master: it isn't there")
        return overlaid(__pillar__, how.get("override") or {}, lists=False)
    found = agent.request("pillar", apart=True, **{name: value for name, value in how.items() if value})
    if not isinstance(found, dict):
        raise CommandError(f"{function}: the master sent no pillar")
    if found.get(ERRORS):
        __context__["retcode"] = 1
    return found


def _type(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _type(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_type(member) for member in value]
    return f"<{type(value).__name__}>"
