"""Routes as Graphite's clients need them."""

from __future__ import annotations

from starlette.routing import Route

from saltern_graphite.http.answers import Endpoint, guarded


def both_slashes(path: str, endpoint: Endpoint, methods: list[str]) -> list[Route]:
    """With and without a slash at the end: clients send both, and a redirect would lose a POST's body."""
    answer = guarded(endpoint)
    return [Route(path, answer, methods=methods), Route(f"{path}/", answer, methods=methods)]
