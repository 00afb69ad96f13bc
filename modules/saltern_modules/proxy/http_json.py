"""Any device with an HTTP interface that speaks JSON, by what its pillar declares: no code is written.

For example::

    proxy:
      proxytype: http_json
      url: https://10.0.0.9/api/v1         # paths are below it
      username: monitor                    # Basic; or token: for "Authorization: Bearer"
      password: {{ salt["pillar.get"]("secret") }}
      headers: {X-Tenant: dc1}             # more of them, where it wants any
      verify: false                        # its certificate signs itself; or ca: /etc/ssl/devices.pem
      timeout: 5                           # seconds for one call
      ping: /health                        # what answers without an error while it is well

      grains:
        model: {path: /system, value: hardware.model}
        serial: {path: /system, value: hardware.serial}

      metrics:
        load: {path: /stats, value: cpu.load.0, scale: 100}
        fan: {path: /stats, value: fan.state, states: {ok: 1, failed: 0}}
        port:                              # one for each item of a list, by its name
          path: /ports
          each: ports
          label: name
          where: {enabled: true}           # of those alone; a list: of those that have any of its values
          values: {rx_bytes: counters.rx, tx_bytes: counters.tx}

      functions:
        port_down: {method: POST, path: "/ports/{port}/admin", body: {enabled: false}, result: status}
        note: {method: PUT, path: /note, body: {text: "{text}", days: "{days}"}, defaults: {days: 7}}

With that ``stats.collect`` returns ``{'load': 12.5, 'fan': 1, 'port': {'eth0': {'rx_bytes': 3, 'tx_bytes': 4}}}``, and
``http_json.call port_down port=eth0`` does what it says.

A *value* is a path in the answer: names with dots between them, a number for an item of a list (``ports.0.name``, or
``ports[0].name``), a list where a name has dots or brackets itself (``[a, "b.c"]``); left out it is the whole answer.
What isn't there is left out. Numbers may be texts, with a unit behind them (``"41.5 °C"`` is 41.5), and true and false
are 1 and 0. Of several items with one label each has its place in the list behind it (``eth0#3``). Each path is asked
for once in a collection, however many metrics are in its answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _device_http as device
from saltern_modules import _http_json as declared

__opts__: Mapping[str, Any]
__context__: MutableMapping[str, Any]

__proxyenabled__ = ["http_json"]

OPENED = "opened"
GRAINS = "grains"
NOT_FOUND = 404
MAX_SAID_CHARACTERS = 200


def init(opts: Mapping[str, Any]) -> None:
    """Check what is declared, and find out whether the device answers. Raises ``CommandError``."""
    proxy = _proxy()
    declared.check(proxy)
    path = declared.ping_path(proxy)
    answer = device.ask(_far(), path)
    if path or answer.status != NOT_FOUND:  # it answers, and nobody said that there is anything at its url itself
        device.good(answer)
    __context__[OPENED] = True


def shutdown(opts: Mapping[str, Any]) -> None:
    """Forget what is known of the device: between requests there is no connection."""
    __context__.clear()


def initialized() -> bool:
    """Return whether ``init`` has found the device."""
    return bool(__context__.get(OPENED))


def alive(opts: Mapping[str, Any]) -> bool:
    """Return whether the device answers."""
    return ping()


def ping() -> bool:
    """Return whether the device answers to what ``ping`` names, without an error."""
    path = declared.ping_path(_proxy())
    try:
        status = device.ask(_far(), path).status
    except CommandError:
        return False
    return status < 400 or (not path and status == NOT_FOUND)


def grains() -> dict[str, Any]:
    """Return the grains that are declared, as they were when they were first asked for."""
    if GRAINS not in __context__:
        __context__[GRAINS] = _grains()
    return dict(__context__[GRAINS])


def grains_refresh() -> dict[str, Any]:
    """Return the same, asked for anew."""
    __context__.pop(GRAINS, None)
    return grains()


def stats() -> dict[str, Any]:
    """Return the metrics that are declared, and of the collection: ``{'http_json': {'requests': 2, 'failed': 0}}``.

    Raises ``CommandError`` when none of the paths could be had.
    """
    wanted = list(declared.metrics(_proxy()))
    answers = _Answers(metric.path for metric in wanted)
    found: dict[str, Any] = {}
    left_out = 0
    for metric in wanted:
        if metric.path in answers.found:
            value, more = declared.numbers_of(metric, answers.found[metric.path])
            left_out += more
            if value is not None:
                declared.put(found, metric.name, value)
    own: dict[str, Any] = {"requests": answers.requests, "failed": answers.failed}
    return {**found, "http_json": {**own, "left_out": left_out} if left_out else own}


def functions() -> dict[str, dict[str, Any]]:
    """Return the functions that are declared: ``{name: {'method', 'path', 'arguments', 'defaults'}}``."""
    return {
        one.name: {
            "method": one.method,
            "path": one.path,
            "arguments": list(one.arguments),
            "defaults": dict(one.defaults),
        }
        for one in declared.functions(_proxy())
    }


def call(name: str, given: Mapping[str, Any]) -> Any:
    """Return what the declared function *name* comes to with the arguments *given*."""
    known = {one.name: one for one in declared.functions(_proxy())}
    function = known.get(name)
    if function is None:
        there = f"there are {', '.join(sorted(known))}" if known else "none is declared in proxy: functions"
        raise ArgumentError(f"http_json.call: there is no function {name!r:.60}: {there}")
    path, body = declared.request_of(function, given)
    answer = device.ask(_far(), path, method=function.method, body=body, headers=function.headers)
    return _value(answer, function.result)


def get(path: str, value: Any) -> Any:
    """Return what the device answers to a GET of *path*, or what is at *value* in that."""
    try:
        path, steps = declared.path_of(path, "path"), declared.steps_of(value, "value")
    except CommandError as error:
        raise ArgumentError(str(error).replace("proxy", "http_json.get", 1)) from None
    return _value(device.ask(_far(), path), steps)


class _Answers:
    """The answers of *paths*, each asked for once, all within the time of one call."""

    def __init__(self, paths: Iterable[str]) -> None:
        far = _far()
        until = time.monotonic() + far.timeout_s
        errors: list[CommandError] = []
        self.found: dict[str, Any] = {}
        self.requests = 0
        for path in dict.fromkeys(paths):
            left_s = until - time.monotonic()
            if left_s <= 0:
                errors.append(CommandError(f"GET {path}: there is no time left for it of {far.timeout_s:.3g} s"))
                continue
            self.requests += 1
            try:
                self.found[path] = device.good(device.ask(far._replace(timeout_s=left_s), path)).json()
            except CommandError as error:
                errors.append(error)
        self.failed = len(errors)
        if errors and not self.found:
            raise errors[0]


def _grains() -> dict[str, Any]:
    wanted = list(declared.grains(_proxy()))
    answers = _Answers(grain.path for grain in wanted)
    found: dict[str, Any] = {}
    for grain in wanted:
        value = declared.at(answers.found.get(grain.path), grain.value)
        if value is not None:
            declared.put(found, grain.name, value)
    return found


def _value(answer: device.Answer, steps: declared.Steps) -> Any:
    """Return what is at *steps* in an answer; the text of one that isn't JSON, and nothing of an empty one.

    Objects and lists are JSON whatever they are said to be: small devices call all that they answer a page.
    """
    if answer.status >= 400:
        said = " ".join(answer.text[:MAX_SAID_CHARACTERS].split())
        raise CommandError(f"{answer.where}: {answer.status} {answer.reason}{f': {said}' if said else ''}")
    if not answer.body:
        return None
    if not steps and "json" not in answer.kind:
        try:
            return answer.json() if answer.text.lstrip(device.AROUND)[:1] in ("{", "[") else answer.text
        except CommandError:
            return answer.text
    return declared.at(answer.json(), steps)


def _proxy() -> Mapping[str, Any]:
    found = __opts__.get("proxy")
    return found if isinstance(found, Mapping) else {}


def _far() -> device.Far:
    return device.far(_proxy(), float(__opts__.get("device_timeout") or device.TIMEOUT_S))
