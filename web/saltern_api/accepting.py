"""In which form an answer is wanted: the ``Accept`` header, with its weights."""

from __future__ import annotations

from collections.abc import Sequence

JSON = "application/json"
YAML = "application/x-yaml"
HTML = "text/html"
FORMS = (JSON, YAML, "application/yaml", "text/yaml")
"""What a return is written as; of those that are wanted alike the one that is named first, or the first here."""
_MAX_RANGES = 50


def ranges(accept: str) -> list[tuple[str, float]]:
    """Return the media ranges of an ``Accept`` header with their weights; what can't be read is left out."""
    found: list[tuple[str, float]] = []
    for one in accept.split(",")[:_MAX_RANGES]:
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _weight(value.strip())
        if name.count("/") == 1:
            found.append((name, weight))
    return found


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0  # neither is NaN


def weight_of(kind: str, wanted: Sequence[tuple[str, float]]) -> float:
    """Return how much *kind* is wanted: what the most exact range says."""
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        weights = [weight for one, weight in wanted if one == name]
        if weights:
            return weights[0]
    return 0.0


def form_of(accept: str) -> str | None:
    """Return which of ``FORMS`` an answer is to have, ``None`` when none of them is wanted."""
    if not accept.strip():
        return JSON
    wanted = ranges(accept)
    named = [name for name, _ in wanted]
    weights = [(weight_of(form, wanted), -(named.index(form) if form in named else len(named)), form) for form in FORMS]
    weight, _, best = max(weights, key=lambda one: one[:2])
    return best if weight > 0 else None


def wants_html(accept: str) -> bool:
    """Return whether a page is named, and no form of ours is wanted as much: a browser that was sent here."""
    wanted = ranges(accept)
    page = next((weight for name, weight in wanted if name == HTML), 0.0)
    return page > 0 and all(weight_of(form, wanted) < page for form in (JSON, YAML))
