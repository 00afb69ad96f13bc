"""What the pillar of an ``http_json`` device declares, checked, and what is taken out of its answers by that.

All here is pure: nothing is asked of anybody. Whatever is wrong is named by its place, as in
``proxy: metrics: load: scale: 'x' is not valid: use a number``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple
from saltern_modules import _device_http
from saltern_modules._proxy_options import EVERYWHERE

MAX_ITEMS = 1000
"""Of one list; more are left out, and counted."""
MAX_DECLARED = 2000
MAX_NUMBER_CHARACTERS = 200
OWN = ("proxytype", "id", "ping", "metrics", "functions", "grains")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OF_METRIC = frozenset(("path", "value", "values", "each", "label", "where", "scale", "states"))
OF_GRAIN = frozenset(("path", "value"))
OF_FUNCTION = frozenset(("path", "method", "body", "headers", "defaults", "result"))
_PLACE = re.compile(r"\{(\w+)\}")
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_WITH_UNIT = re.compile(
    r"\s*([-+]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][-+]?\d{1,3})?)(?:\s+\D.*|\s*[^\s\w.,:/+-].*|[A-Za-wyzµμΩ].*)?\s*",
    re.ASCII | re.DOTALL,
)
"""A number and what may be behind it; a date, a time, an address and a version are none."""
_FORBIDDEN = re.compile(r"[^!-~]")
_INDEX = re.compile(r"\[(-?\d{1,9})\]")

Steps = tuple[str | int, ...]


class Metric(NamedTuple):
    """Numbers of one answer: that at *value*, or with *each* those of every item of a list.

    *values*: the path of each number below an item, by name; without them the number at *value* is the item's. *where*:
    of those items alone that have one of these texts at each of these paths.
    """

    name: str
    path: str
    value: Steps
    values: Mapping[str, Steps]
    each: Steps | None
    label: Steps | None
    scale: float
    states: Mapping[str, float]
    where: tuple[tuple[Steps, frozenset[str]], ...] = ()


class Grain(NamedTuple):
    """A grain: what is at *value* in the answer of *path*."""

    name: str
    path: str
    value: Steps


class Function(NamedTuple):
    """A request that ``http_json.call`` makes; *arguments* are what stands in braces in its path and its body."""

    name: str
    method: str
    path: str
    body: Any
    headers: Mapping[str, str]
    defaults: Mapping[str, Any]
    result: Steps
    arguments: tuple[str, ...]


def check(proxy: Mapping[str, Any]) -> None:
    """Raise ``CommandError`` for the first thing in *proxy* that isn't as it must be."""
    known = (*OWN, *_device_http.KNOWN)
    strange = sorted(str(name) for name in proxy if name not in known and name not in EVERYWHERE)
    if strange:
        raise _wrong(strange[0], f"there is no such key: there are {', '.join(known)}")
    list(metrics(proxy))
    list(grains(proxy))
    list(functions(proxy))
    ping_path(proxy)


def ping_path(proxy: Mapping[str, Any]) -> str:
    """Return what is asked for to find out whether the device answers; empty when nothing is declared."""
    said = proxy.get("ping")
    if said is not None:
        return path_of(said, "ping")
    paths = [metric.path for metric in metrics(proxy)] or [grain.path for grain in grains(proxy)]
    return paths[0] if paths else ""


def metrics(proxy: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics that are declared. Raises ``CommandError``."""
    for name, said, where in _declared(proxy, "metrics", OF_METRIC):
        each, label = said.get("each"), said.get("label")
        values = said.get("values") or {}
        for key in ("label", "values", "where") if each is None else ():
            if said.get(key):
                raise _wrong(f"{where}: {key}", "it goes with each: a list's path")
        if not isinstance(values, Mapping) or ("values" in said and "value" in said):
            raise _wrong(f"{where}: values", "must be a mapping of names to paths, in the place of value")
        yield Metric(
            name,
            path_of(said.get("path"), f"{where}: path"),
            steps_of(said.get("value", []), f"{where}: value"),
            {_named(key, f"{where}: values"): steps_of(to, f"{where}: values: {key}") for key, to in values.items()},
            None if each is None else steps_of(each, f"{where}: each"),
            None if label is None else steps_of(label, f"{where}: label"),
            _number(said.get("scale", 1), f"{where}: scale"),
            _states(said.get("states") or {}, f"{where}: states"),
            tuple(_conditions(said.get("where") or {}, f"{where}: where")),
        )


def grains(proxy: Mapping[str, Any]) -> Iterator[Grain]:
    """Yield the grains that are declared. Raises ``CommandError``."""
    for name, said, where in _declared(proxy, "grains", OF_GRAIN):
        path = path_of(said.get("path"), f"{where}: path")
        yield Grain(name, path, steps_of(said.get("value", []), f"{where}: value"))


def functions(proxy: Mapping[str, Any]) -> Iterator[Function]:
    """Yield the functions that are declared. Raises ``CommandError``."""
    for name, said, where in _declared(proxy, "functions", OF_FUNCTION):
        method = str(said.get("method", "GET")).upper()
        if method not in METHODS:
            raise _wrong(f"{where}: method", f"{method!r:.40} is not valid: use one of {', '.join(METHODS)}")
        path = path_of(said.get("path"), f"{where}: path")
        defaults, headers = said.get("defaults") or {}, said.get("headers") or {}
        for key, given in (("defaults", defaults), ("headers", headers)):
            if not isinstance(given, Mapping):
                raise _wrong(f"{where}: {key}", "must be a mapping of names to values")
        body = said.get("body")
        places = [*_PLACE.findall(path), *_places(body)]
        unused = sorted(set(map(str, defaults)) - set(places))
        if unused:
            raise _wrong(f"{where}: defaults: {unused[0]}", f"{{{unused[0]}}} is neither in path nor in body")
        yield Function(
            name,
            method,
            path,
            body,
            {str(key): str(value) for key, value in headers.items()},
            defaults,
            steps_of(said.get("result", []), f"{where}: result"),
            tuple(dict.fromkeys(places)),
        )


def request_of(function: Function, given: Mapping[str, Any]) -> tuple[str, Any]:
    """Return path and body of a call with the arguments *given*. Raises ``ArgumentError``."""
    called = f"http_json.call {function.name}"
    strange = sorted(set(given) - set(function.arguments))
    if strange:
        takes = ", ".join(function.arguments) or "no arguments"
        raise ArgumentError(f"{called}: it has no argument {strange[0]}: it takes {takes}")
    values = {**function.defaults, **given}
    lacking = [name for name in function.arguments if name not in values]
    if lacking:
        raise ArgumentError(f"{called}: give {lacking[0]}=")
    texts = {name: quote(_text(value), safe="") for name, value in values.items()}
    if not {".", ".."}.isdisjoint(texts.values()):
        raise ArgumentError(f"{called}: . and .. stand for no thing in a path")
    path = _PLACE.sub(lambda match: texts[match[1]], function.path)
    return path, _filled(function.body, values)


def numbers_of(metric: Metric, answer: Any) -> tuple[dict[str, Any] | float | None, int]:
    """Return what *metric* says is in an *answer*, ``None`` for nothing, and how many items were too many."""
    if metric.each is None:
        return _measured(metric, at(answer, metric.value)), 0
    items = at(answer, metric.each)
    pairs: list[tuple[Any, Any]]
    if isinstance(items, Mapping):
        pairs = list(items.items())
    else:
        pairs = list(enumerate(items)) if isinstance(items, list) else []
    if metric.where:
        pairs = [(key, item) for key, item in pairs if _fits(item, metric.where)]
    labels = [key if metric.label is None else at(item, metric.label) for key, item in pairs[:MAX_ITEMS]]
    names = [None if label is None or isinstance(label, (dict, list)) else _text(label) for label in labels]
    often = Counter(names)
    found: dict[str, Any] = {}
    for name, (key, item) in zip(names, pairs, strict=False):
        told = _of_item(metric, item)
        if told is not None and name is not None:
            found[name if often[name] == 1 else f"{name}#{key}"] = told
    return found or None, max(len(pairs) - MAX_ITEMS, 0)


def put(found: dict[str, Any], name: str, value: Any) -> None:
    """Put *value* into *found* at *name*, whose dots lead deeper."""
    *above, last = name.split(".")
    for step in above:
        below = found.get(step)
        if not isinstance(below, dict):
            below = found[step] = {}
        found = below
    found[last] = value


def at(value: Any, steps: Steps) -> Any:
    """Return what is at *steps* in *value*, ``None`` for nothing."""
    for step in steps:
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def _fits(item: Any, where: tuple[tuple[Steps, frozenset[str]], ...]) -> bool:
    return all((found := at(item, steps)) is not None and _text(found) in texts for steps, texts in where)


def _of_item(metric: Metric, item: Any) -> dict[str, Any] | float | None:
    if not metric.values:
        return _measured(metric, at(item, metric.value))
    told: dict[str, Any] = {}
    for name, steps in metric.values.items():
        number = _measured(metric, at(item, steps))
        if number is not None:
            put(told, name, number)
    return told or None


def _measured(metric: Metric, value: Any) -> float | None:
    """Return a number: of texts that *states* names its own, of numbers in texts those, true and false as 1 and 0.

    Of a text with a unit behind the number it is that.
    """
    if metric.states and str(value) in metric.states:
        return metric.states[str(value)]
    if isinstance(value, str):
        found = _WITH_UNIT.fullmatch(value[:MAX_NUMBER_CHARACTERS])
        if found is None:
            return None
        value = float(found[1])
    if not isinstance(value, (int, float)):
        return None
    number: float = int(value) if isinstance(value, bool) else value
    try:
        number = number if metric.scale == 1 else number * metric.scale
        if not math.isfinite(number):
            return None
    except OverflowError:  # a whole number that no float can be
        return None
    return float(number) if abs(number) >= 2**63 else number


def _declared(
    proxy: Mapping[str, Any], group: str, keys: frozenset[str]
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    said = proxy.get(group) or {}
    if not isinstance(said, Mapping):
        raise _wrong(group, "must be a mapping of names to mappings")
    if len(said) > MAX_DECLARED:
        raise _wrong(group, f"there are {len(said):,}: at most {MAX_DECLARED:,}")
    for name, one in said.items():
        where = f"{group}: {_named(name, group)}"
        if isinstance(one, str):
            one = {"path": one}
        if not isinstance(one, Mapping):
            raise _wrong(where, "must be a mapping, as in {path: /status, value: cpu.load}")
        strange = sorted(str(key) for key in one if key not in keys)
        if strange:
            raise _wrong(f"{where}: {strange[0]}", f"there is no such key: there are {', '.join(sorted(keys))}")
        yield str(name), one, where


def _named(name: Any, where: str) -> str:
    if not _NAME.fullmatch(str(name)):
        raise _wrong(f"{where}: {name!r:.60}", "a name is made of letters, digits, _ and -, with dots between")
    return str(name)


def path_of(said: Any, where: str) -> str:
    """Return what is asked for below ``url``, ``/status?all=1``, as it was said.

    Raises ``CommandError``, which begins with *where*, for no text, and for what would lead to another place.
    """
    if not isinstance(said, str) or not said:
        raise _wrong(where, "is needed: what is asked for below url, as in /status")
    before = said.partition("?")[0]
    if "://" in before or said.startswith("//") or ".." in before.split("/") or _FORBIDDEN.search(said):
        raise _wrong(where, f"{said!r:.80} is not valid: use one below url, as in /status?all=1")
    return said


def steps_of(said: Any, where: str) -> Steps:
    """Return the steps of a path in an answer: a text with dots, or a list where names have dots themselves.

    A text may be written as JSONPath writes it, ``$.ports[0].name``.
    """
    if isinstance(said, str) and "[*]" in said:
        raise _wrong(where, f"{said!r:.80} is not valid: a path leads to one place, and each: to a list")
    if isinstance(said, str):
        plain = _INDEX.sub(r".\1", said)
        said = plain.removeprefix("$").removeprefix(".") if said.startswith(("$.", "$[", "[")) else plain
    if isinstance(said, (str, int)) and not isinstance(said, bool):
        said = str(said).split(".") if said != "" else []
    if not isinstance(said, list) or not all(isinstance(step, (str, int)) for step in said):
        raise _wrong(where, "must be a path in the answer, as in cpu.load or interfaces.0.name")
    return tuple(int(step) if str(step).lstrip("-").isdecimal() else str(step) for step in said)


def _number(said: Any, where: str) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not math.isfinite(said):
        raise _wrong(where, f"{said!r:.40} is not valid: use a number")
    return said


def _states(said: Any, where: str) -> dict[str, float]:
    if not isinstance(said, Mapping):
        raise _wrong(where, "must be a mapping of texts to numbers, as in {running: 1, stopped: 0}")
    return {str(text): _number(number, f"{where}: {text}") for text, number in said.items()}


def _conditions(said: Any, where: str) -> Iterator[tuple[Steps, frozenset[str]]]:
    if not isinstance(said, Mapping):
        raise _wrong(where, "must be a mapping of paths to values, as in {state: up, type: [1, 2]}")
    for path, wanted in said.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values or not all(isinstance(value, (str, int, float)) for value in values):
            raise _wrong(f"{where}: {path}", "must be a value, or a list of some")
        yield steps_of(path, f"{where}: {path}"), frozenset(_text(value) for value in values)


def _places(body: Any) -> list[str]:
    if isinstance(body, str):
        return _PLACE.findall(body)
    if isinstance(body, Mapping):
        return [place for value in body.values() for place in _places(value)]
    return [place for value in body for place in _places(value)] if isinstance(body, list) else []


def _filled(body: Any, values: Mapping[str, Any]) -> Any:
    """Return *body* with *values* in the places: a text that is one place alone becomes the value itself."""
    if isinstance(body, str):
        whole = _PLACE.fullmatch(body)
        return values[whole[1]] if whole else _PLACE.sub(lambda match: _text(values[match[1]]), body)
    if isinstance(body, Mapping):
        return {str(key): _filled(value, values) for key, value in body.items()}
    return [_filled(value, values) for value in body] if isinstance(body, list) else body


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrong(where: str, why: str) -> CommandError:
    return CommandError(f"proxy: {where}: {why}")
