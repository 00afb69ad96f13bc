"""One sls file and what it includes, rendered for one minion.

include:
  - other               before this file, which wins; pillar_includes_override_sls turns that round
  - .sibling            relative to this file's folder
  - glob.*
  - name: {key: a:b, defaults: {port: 80}}      below a key, with variables for its template
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from saltern.errors import FileServerError
from saltern_master.pillar.claims import without_secrets
from saltern_master.pillar.context import Scene
from saltern_master.pillar.merging import merged
from saltern_master.pillar.renderer import Renderer, RenderError
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.tree import Found, Tree

MAX_INCLUDE_DEPTH = 50
MAX_ERRORS = 100
REFUSED = (
    "SLS '{}' gives out secrets by grains, which the minion can claim: {} left out. Put them into an SLS of its own "
    "that reads no grains, for a target of ids, or set pillar_secrets_by_grains: true on the master"
)


class Rendered(NamedTuple):
    """What an sls came to: its data with what it includes (``None``: nothing), and errors."""

    data: Any
    errors: list[str]


class SlsCompiler:
    """Renders the sls files of one environment for one minion; ``log`` takes lines with file and line."""

    def __init__(
        self, settings: Settings, tree: Tree, renderer: Renderer, scene: Scene, may_be_missing: set[str], log: list[str]
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._renderer = renderer
        self._scene = scene
        self._may_be_missing = may_be_missing
        self._log = log
        self.done: dict[str, Any] = {}
        """By sls, what it came to without what it includes."""
        self._claimed: set[str] = set()
        """Of these, those that hang on grains, or include one that does."""

    def merge(self, below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
        """Merge by the master's options."""
        return merged(below, above, strategy_of(self._settings), lists=self._settings.merge_lists)

    def render(
        self, sls: str, env: str, *, claimed: bool, defaults: Mapping[str, Any] | None = None, depth: int = 0
    ) -> Rendered:
        """Return what *sls* comes to. *claimed*: it is for this minion by grains alone."""
        errors: list[str] = []
        try:
            found = self._tree.sls(env, sls)
        except FileServerError as error:
            self._log.append(str(error))
            self.done[sls] = None
            return Rendered(None, [f"Rendering SLS '{sls}' failed. Please see master log for details."])
        if found is None:
            return Rendered(None, self._missing(sls, env))
        state: Any = None
        try:
            state, claimed = self._own(found, sls, env, claimed, defaults or {}, errors)
        except RenderError as error:
            self._log.append(f"{found.place}: {error.where}{error.first_line}")
            safe = f"Rendering SLS '{sls}' failed. Please see master log for details."
            errors.append(
                safe if self._settings.safe_errors else f"Rendering SLS '{sls}' failed, render error:\n{error}"
            )
        self.done[sls] = state
        if not state:
            return Rendered(state, errors)
        if not isinstance(state, dict):
            return self._wrong(found, state, errors, f"SLS '{sls}' does not render to a dictionary")
        if "include" not in state:
            return Rendered(state, errors)
        if not isinstance(state["include"], list):
            return self._wrong(found, state, errors, f"Include Declaration in SLS '{sls}' is not formed as a list")
        own = self.done[sls] = {key: value for key, value in state.items() if key != "include"}
        if depth >= MAX_INCLUDE_DEPTH:
            return self._wrong(found, own, errors, f"SLS '{sls}' is included over {MAX_INCLUDE_DEPTH} deep")
        return self._with_includes(found, sls, env, state["include"], own, claimed, errors, depth)

    def _own(
        self, found: Found, sls: str, env: str, claimed: bool, defaults: Mapping[str, Any], errors: list[str]
    ) -> tuple[Any, bool]:
        """Return what a file itself says, and whether that hangs on grains. Raises ``RenderError``."""
        scene = self._scene
        before, scene.grains.used = scene.grains.used, set()
        try:
            state = self._renderer.render(found, env, sls, scene, defaults)
            claimed = claimed or bool(scene.grains.used) or (scene.overridden and bool(scene.pillar))
        finally:
            scene.grains.used |= before
        if claimed and not self._settings.secrets_by_grains:
            state, paths = without_secrets(state)
            if paths:
                shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
                errors.append(REFUSED.format(sls, shown))
                self._log.append(f"{found.place}: {errors[-1]}")
        if claimed or scene.below_claimed:
            self._claimed.add(sls)
            scene.grains.look_at(state)
        return state, claimed

    def _with_includes(
        self,
        found: Found,
        sls: str,
        env: str,
        included: list[Any],
        own: dict[Any, Any],
        claimed: bool,
        errors: list[str],
        depth: int,
    ) -> Rendered:
        under: list[Any] = []
        state: Any = own
        defaults: Mapping[str, Any] = {}
        failed: list[str] = []
        for one in included:
            key = None
            if isinstance(one, dict) and len(one) >= 1:
                one, how = next(iter(one.items()))
                if not isinstance(how, dict):
                    return self._wrong(
                        found, own, errors, f"include of '{one}' in SLS '{sls}' is not 'key' or 'defaults'"
                    )
                defaults, key = how.get("defaults") or {}, how.get("key")
            if not isinstance(one, str) or not isinstance(defaults, Mapping):
                return self._wrong(
                    found, own, errors, f"Include Declaration in SLS '{sls}' has an entry that is no name"
                )
            for name in self._names(one, sls, env, found, errors):
                if name not in self.done:
                    data, failed = self.render(name, env, claimed=claimed, defaults=defaults, depth=depth + 1)
                else:
                    data = self.done[name]
                if claimed or name in self._claimed:
                    self._claimed.add(sls)
                if data and isinstance(data, dict):
                    for part in reversed(str(key).split(":")) if key else ():
                        data = {part: data}
                    if name in self._claimed:
                        self._scene.grains.look_at(data)
                    if self._settings.includes_override:
                        state = self.merge(state, data)
                    else:
                        under.append(data)
                errors += failed[: max(0, MAX_ERRORS - len(errors))]
        if not self._settings.includes_override:
            state = None
            for data in (*under, own):
                state = data if state is None else self.merge(state, data)
        return Rendered(state, errors)

    def _names(self, one: str, sls: str, env: str, found: Found, errors: list[str]) -> list[str]:
        """Return the sls names that an entry of ``include`` means."""
        try:
            names = list(self._tree.matching(env, one.lstrip(".").replace("/", ".")))
            if one.startswith("."):
                parts = sls.split(".")
                folder = parts if found.path.endswith("/init.sls") else parts[:-1]
                one = ".".join([*folder, one[1:]])
            names += self._tree.matching(env, one)
        except KeyError:
            errors.append(f"No matching pillar environment for environment '{env}' found")
            names = []
        return names or [one]

    def _missing(self, sls: str, env: str) -> list[str]:
        if sls in self._may_be_missing:
            return []
        if not self._tree.has(env):
            self._log.append(f"SLS '{sls}' was not found: pillar_roots has no environment '{env}'")
            return []
        text = f"Specified SLS '{sls}' in environment '{env}' is not available on the salt master"
        why = self._tree.why_missing(env, sls)
        self._log.append(f"{text}: {why}" if why else text)
        return [text]

    def _wrong(self, found: Found, state: Any, errors: list[str], text: str) -> Rendered:
        errors.append(text)
        self._log.append(f"{found.place}: {text}")
        return Rendered(state, errors)


def strategy_of(settings: Settings) -> str:
    """Return the strategy, ``smart`` resolved by the renderer."""
    if settings.strategy != "smart":
        return settings.strategy
    yamlex = settings.renderer.split("|")[-1] == "yamlex" or settings.renderer.startswith("yamlex_")
    return "aggregate" if yamlex else "recurse"
