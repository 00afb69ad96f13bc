"""``salt.returners.get_returner_options``: what a returner is configured with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def get_returner_options(
    virtualname: str | None = None,
    ret: Mapping[str, Any] | None = None,
    attrs: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Return the options of the returner *virtualname*: *attrs* maps their names to the keys that configure them.

    Each is the first that there is of these, but that ``ret_kwargs`` of *ret* has the last word:

    1. with ``ret_config: other`` in *ret*, ``other.NAME`` (a mapping) or ``other.NAME.key``
    2. ``NAME`` (a mapping) or ``NAME.key``
    3. ``defaults[key]``

    Keywords: ``__salt__``, whose ``config.option`` is asked, or else ``__opts__``; ``defaults``; ``profile_attr`` and
    ``profile_attrs``, an option that names a key whose mapping has others of the options.
    """
    functions: Mapping[str, Any] = kwargs.get("__salt__") or {}
    option = functions.get("config.option")
    options = kwargs.get("__opts__") or {}
    configured: Callable[..., Any] = option or (lambda key, default="": options.get(key, default))
    defaults: Mapping[str, Any] = kwargs.get("defaults") or {}
    name, other = str(virtualname), str((ret or {}).get("ret_config") or "")
    found = dict(_options(configured, name, other, attrs or {}, defaults))
    found |= _of_profile(configured, name, found, kwargs.get("profile_attr"), kwargs.get("profile_attrs") or {})
    given = (ret or {}).get("ret_kwargs")
    return {**found, **given} if isinstance(given, Mapping) else found


def _options(
    configured: Callable[..., Any], name: str, other: str, attrs: Mapping[str, str], defaults: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    for option, key in attrs.items():
        value = _value(configured, f"{other}.{name}", key) if other else None
        if not value:
            value = _value(configured, name, key)
        if value not in (None, ""):
            yield option, value
        elif option in defaults:
            yield option, defaults[option]


def _value(configured: Callable[..., Any], name: str, key: str) -> Any:
    """Return what ``name: {key: …}`` or else ``name.key`` says."""
    whole = configured(name, {})
    flat = configured(f"{name}.{key}")
    return whole.get(key, flat) if isinstance(whole, Mapping) else flat


def _of_profile(
    configured: Callable[..., Any], name: str, found: Mapping[str, Any], attr: str | None, attrs: Mapping[str, str]
) -> dict[str, Any]:
    profile = configured(found[attr]) if attr and found.get(attr) else None
    if not isinstance(profile, Mapping):
        return {}
    return {option: profile.get(f"{name}.{key}") for option, key in attrs.items()}
