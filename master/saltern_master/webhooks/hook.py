"""One hook, as the configuration has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.config.load import nearest
from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.annotations.places import Places
from saltern_master.web_end import WebEnd
from saltern_master.webhooks.choice import Choice
from saltern_master.webhooks.forms.form import Form, Given
from saltern_master.webhooks.forms.json import Json
from saltern_master.webhooks.forms.pagerduty import URL, PagerDuty
from saltern_master.webhooks.forms.slack import Slack

FORMS: dict[str, Callable[[Given], Form]] = {"json": Json, "pagerduty": PagerDuty, "slack": Slack}
OF_ALL = ("url", "events", "form", "headers", "sign_token", "timeout", "retries", "retry_for", "enabled")
OPTIONS = [*OF_ALL, "text", "template", "routing_key", "severity"]
MAX_HOOKS = 32
MAX_HEADERS = 20
MAX_ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 10.0
RETRIES = 10
RETRY_FOR_S = 3600.0
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[ -~]{0,2000}")
_OURS = frozenset({"host", "content-length", "connection", "transfer-encoding", "accept", "upgrade", "expect", "te"})
_OUR_PREFIX = "x-saltern-"


class Hook(NamedTuple):
    """A parsed hook. Shown by its name and the host alone: a URL may be all that a stranger needs to post there."""

    name: str
    end: WebEnd
    host: str
    choice: Choice
    form: Form
    headers: Mapping[str, str]
    sign_token: str
    retries: int
    """Tries after the first that the receiver answered with an error."""
    retry_for_s: float
    """For how long an event is tried at all."""
    given: Mapping[str, Any]
    """What the configuration says, to tell whether it is another now."""

    def __str__(self) -> str:
        return f"{self.name} ({self.host})"

    def __repr__(self) -> str:
        return str(self)


def hooks_of(option: Mapping[str, Any], places: Callable[[], Places]) -> dict[str, Hook]:
    """Return the hooks of the *option* ``webhooks`` by name; what isn't enabled is left out. Raises ``ConfigError``."""
    if len(option) > MAX_HOOKS:
        raise ConfigError(f"webhooks: there are {len(option)}: {MAX_HOOKS} at most")
    found = {}
    for name, given in option.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(f"webhooks: {name!r:.80} is no name: letters, digits, _ and -, up to 64")
        if not isinstance(given, dict):
            raise ConfigError(f"webhooks: {name}: must be a map with url and events")
        enabled = given.get("enabled", True)
        if not isinstance(enabled, bool):
            raise ConfigError(f"webhooks: {name}: enabled must be true or false")
        hook = _hook(name, given, places)
        if enabled:
            found[name] = hook
    return found


def _hook(name: str, given: Mapping[str, Any], places: Callable[[], Places]) -> Hook:
    where = f"webhooks: {name}"
    for option in given:
        if option not in OPTIONS:
            raise ConfigError(f"{where}: {option!r:.80} is not an option{nearest(str(option), OPTIONS)}")
    kind = given.get("form", "json")
    if kind not in FORMS:
        raise ConfigError(f"{where}: form must be one of {', '.join(FORMS)}, not {kind!r:.80}")
    choice = Choice(given.get("events"), f"{where}: events")
    form_given = Given(name, given, choice, places)
    for option in OF_ALL:
        form_given.take(option)
    form = FORMS[kind](form_given)
    if left := form_given.left():
        raise ConfigError(f"{where}: {left[0]} means nothing for form {kind}")
    headers = _headers(given.get("headers", {}), where)
    end = _end(where, given.get("url", URL if kind == "pagerduty" else None), _number(given, "timeout", where))
    if end.has_login and any(header.lower() == "authorization" for header in headers):
        raise ConfigError(f"{where}: url has a user and password, and headers an Authorization: give one of the two")
    token = _text(given.get("sign_token", ""), f"{where}: sign_token")
    if "sign_token" in given and not 8 <= len(token) <= 1000:
        raise ConfigError(f"{where}: sign_token must have 8 to 1,000 characters")
    host = "/".join(end.url.split("/", 3)[:3])
    retries, retry_for_s = int(_number(given, "retries", where)), _number(given, "retry_for", where)
    return Hook(name, end, host, choice, form, headers, token, retries, retry_for_s, given)


def _end(where: str, url: Any, timeout_s: float) -> WebEnd:
    example = "https://hooks.example/services/…"
    text = url.reveal() if isinstance(url, Secret) else url
    try:
        if not isinstance(text, str):
            raise ConfigError("")
        return WebEnd("url", text, example, timeout_s=timeout_s, max_answer_bytes=MAX_ANSWER_BYTES)
    except ConfigError:  # whose text has the URL
        raise ConfigError(f"{where}: url must be like {example!r}, http or https; what it is isn't shown") from None


_BOUNDS = {"timeout": (TIMEOUT_S, 0.1, 120), "retries": (RETRIES, 0, 100), "retry_for": (RETRY_FOR_S, 0, 86400 * 7)}


def _number(given: Mapping[str, Any], option: str, where: str) -> float:
    default, low, high = _BOUNDS[option]
    value = given.get(option, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"{where}: {option} must be a number between {low:g} and {high:,g}")
    return float(value)


def _headers(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict) or len(given) > MAX_HEADERS:
        raise ConfigError(f"{where}: headers must be a map of up to {MAX_HEADERS} names and texts")
    headers = {}
    for name, value in given.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise ConfigError(f"{where}: headers: {name!r:.80} is no name of a header")
        if name.lower() in _OURS or name.lower().startswith(_OUR_PREFIX):
            raise ConfigError(f"{where}: headers: {name} is set by Saltern")
        text = _text(value, f"{where}: headers: {name}").strip(" ")  # blanks around it are no part of it
        if not _VALUE.fullmatch(text):
            raise ConfigError(f"{where}: headers: {name} must be of ASCII characters, in one line")
        headers[name] = text
    return headers


def _text(value: Any, where: str) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if not isinstance(value, str):
        raise ConfigError(f"{where} must be text: write it in quotes")
    return value
