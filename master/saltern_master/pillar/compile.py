"""A minion's pillar: top files, the sls files that they name, external pillars; all by Salt's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.errors import FileServerError, TargetError
from saltern_master.pillar.claims import without_secrets
from saltern_master.pillar.context import Scene
from saltern_master.pillar.matching import Matching
from saltern_master.pillar.merging import merged
from saltern_master.pillar.renderer import Renderer, RenderError
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.sls import MAX_ERRORS, REFUSED, SlsCompiler, strategy_of
from saltern_master.pillar.top import BROKEN, Top, merged_tops
from saltern_master.pillar.tree import Tree

PRIMARY = "Rendering Primary Top file failed, render error:\n"
MAX_INCLUDED_TOPS = 1000


class Request(NamedTuple):
    """Whose pillar, and how: what the minion's options and a caller's arguments say."""

    minion_id: str
    grains: Mapping[str, Any]
    saltenv: str | None = None
    pillarenv: str | None = None
    override: Mapping[str, Any] = {}
    ext: Mapping[str, Any] = {}


class Compiled(NamedTuple):
    """A pillar; ``_errors`` is in it when there are any. *log*: lines for the master's log, with file and line.

    *used*: names of the grains that it hangs on; *asked*: the files (``Tree.asked``). *proxy_claimed*: whether its
    ``proxy`` hangs on grains (``claims``).
    """

    pillar: dict[str, Any]
    errors: list[str]
    log: list[str]
    used: set[str]
    asked: set[str]
    proxy_claimed: bool


ExtPillar = Callable[[str, dict[str, Any], Any, "Scene", Settings], Any]
"""Runs one external pillar: name, the pillar so far, arguments. Returns a map; raises for what is wrong."""


class Compiler:
    """Compiles one minion's pillar after another from the same files."""

    def __init__(
        self, settings: Settings, run_ext: ExtPillar, tree: Tree | None = None, at: Callable[[str], None] | None = None
    ) -> None:
        """*run_ext* runs external pillars. *at* is told what is rendered next."""
        self.settings = settings
        self.tree = tree or Tree(settings.roots, settings.hidden)
        self._run_ext = run_ext
        self._at = at or (lambda _: None)
        self._renderer = Renderer(settings, self.tree, self._at)
        self._matching = Matching(settings.nodegroups, settings.conf_file)

    def compile(self, request: Request) -> Compiled:
        """Return a minion's pillar, with all that went wrong. Never raises for what files say."""
        settings = self.settings
        pillarenv = request.pillarenv
        if pillarenv is None and settings.pillarenv_from_saltenv:
            pillarenv = request.saltenv
        pillarenv = pillarenv or settings.pillarenv
        self.tree.asked = set()
        opts = {**settings.opts, "saltenv": request.saltenv, "pillarenv": pillarenv}
        data: dict[str, Any] = {}
        scene = Scene(request.minion_id, request.grains, data, opts, settings.nodegroups, settings.conf_file)
        log: list[str] = []
        tops, top_errors = self._tops(scene, request.saltenv, pillarenv, log)
        try:
            top = merged_tops(tops)
        except (TypeError, AttributeError):
            top = Top({}, {})
            top_errors.append(BROKEN)
        override = dict(request.override)
        scene.overridden = bool(override)
        ext = [*settings.ext, dict(request.ext)] if request.ext else settings.ext
        if settings.ext_first:
            errors: list[str] = []
            data.update(self._external(override, override, ext, scene, errors, log))
            data.update(self._merge(data, self._files(top, scene, pillarenv, override, errors, log)))
        else:
            errors = []
            data.update(self._files(top, scene, pillarenv, override, errors, log))
            data.update(self._external(dict(data), override, ext, scene, errors, log))
        errors += top_errors
        pillar = dict(data)
        if isinstance(told := pillar.get("_errors"), list):  # of trees in git
            errors = [*map(str, told), *errors]
        if errors:
            pillar["_errors"] = errors[:MAX_ERRORS]
        if override:
            pillar = self._merge(pillar, override)
        return Compiled(pillar, errors, log, scene.grains.used, self.tree.asked, scene.grains.proxy_claimed)

    def top(self, request: Request) -> Any:
        """Return the top files as merged for a minion, ``{env: {target: [sls]}}``, or a list of errors."""
        settings = self.settings
        scene = Scene(request.minion_id, request.grains, {}, settings.opts, settings.nodegroups, settings.conf_file)
        tops, errors = self._tops(scene, request.saltenv, request.pillarenv or settings.pillarenv, [])
        try:
            top = merged_tops(tops)
        except (TypeError, AttributeError):
            return [*errors, BROKEN]
        shown = {env: {one.target: [*one.matches, *one.sls] for one in rows} for env, rows in top.entries.items()}
        return errors or shown

    def _merge(self, below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
        return merged(below, above, strategy_of(self.settings), lists=self.settings.merge_lists)

    def _tops(
        self, scene: Scene, saltenv: str | None, pillarenv: str | None, log: list[str]
    ) -> tuple[list[tuple[dict[str, Any], bool]], list[str]]:
        """Return the top files in order, each with whether it read grains, and errors."""
        errors: list[str] = []
        found: list[tuple[str, dict[str, Any], bool]] = []
        for env in self._envs(saltenv, pillarenv):
            try:
                one = self._top_file(env, self.settings.top, scene)
            except (RenderError, FileServerError) as error:
                errors.append(f"{PRIMARY}{error}")
                said = f"{error.where}{error.first_line}" if isinstance(error, RenderError) else str(error)
                log.append(f"{env}: {self.settings.top}: {said}")
                break
            if one is not None:
                found.append((env, *one))
        tops = [(top, claimed) for _, top, claimed in found]
        for env, top, claimed in found:
            self._included_tops(env, top, claimed, scene, tops, errors)
        return tops, errors

    def _included_tops(
        self,
        env: str,
        top: Any,
        claimed: bool,
        scene: Scene,
        tops: list[tuple[dict[str, Any], bool]],
        errors: list[str],
    ) -> None:
        """Add the top files that one includes."""
        names = top.get("include") if isinstance(top, dict) else None
        for name in dict.fromkeys(names[:MAX_INCLUDED_TOPS]) if isinstance(names, list) else ():
            try:
                included = self.tree.sls(env, str(name))
                if included is None:
                    continue
                state, told = self._rendered(included.path, env, scene)
            except (RenderError, FileServerError) as error:
                errors.append(f"Rendering Top file {name} failed, render error:\n{error}")
                continue
            tops.append((state, told or claimed))

    def _top_file(self, env: str, path: str, scene: Scene) -> tuple[Any, bool] | None:
        return self._rendered(path, env, scene) if self.tree.find(env, path) is not None else None

    def _rendered(self, path: str, env: str, scene: Scene) -> tuple[Any, bool]:
        """Return a top file's data, and whether it read grains."""
        found = self.tree.find(env, path)
        if found is None:
            return {}, False
        before, scene.grains.used = scene.grains.used, set()
        try:
            return self._renderer.render(found, env, "", scene, {}), bool(scene.grains.used)
        finally:
            scene.grains.used |= before

    def _envs(self, saltenv: str | None, pillarenv: str | None) -> list[str]:
        if pillarenv:
            return [pillarenv] if pillarenv in self.settings.roots else []
        if self.settings.strategy == "none":
            only = saltenv or "base"
            return [only] if only in self.tree.envs else []
        return self.tree.envs

    def _matches(
        self, top: Top, scene: Scene, pillarenv: str | None, errors: list[str], log: list[str]
    ) -> dict[str, dict[str, bool]]:
        """Return by environment the sls names that the minion gets, each with whether that is by grains alone."""
        found: dict[str, dict[str, bool]] = {}
        given = bool(scene.pillar) and scene.overridden
        for env, entries in top.entries.items():
            if pillarenv and env != pillarenv:
                continue
            for entry in entries:
                if not isinstance(entry.target, str):
                    continue
                try:
                    if not self._matching.means(entry.target, entry.kind, scene.minion_id, scene.grains, scene.pillar):
                        continue
                except TargetError as error:
                    errors.append(f"top file of environment '{env}': {entry.target!r:.100}: {error}")
                    log.append(errors[-1])
                    continue
                names = found.setdefault(env, {})
                claimed = entry.claimed or given or not self._matching.proven(entry.target, entry.kind, scene.minion_id)
                for name in entry.sls:
                    names[name] = names.get(name, True) and claimed
        return found

    def _files(
        self,
        top: Top,
        scene: Scene,
        pillarenv: str | None,
        override: Mapping[str, Any],
        errors: list[str],
        log: list[str],
    ) -> dict[str, Any]:
        matches = self._matches(top, scene, pillarenv, errors, log)
        pillar: dict[str, Any] = dict(override)
        order = self.settings.env_order
        for env in [*(env for env in order if env in matches), *(env for env in matches if env not in order)]:
            compiler = SlsCompiler(
                self.settings, self.tree, self._renderer, scene, top.may_be_missing.get(env, set()), log
            )
            names: list[tuple[str, bool]] = []
            for name, claimed in matches[env].items():
                try:
                    meant = self.tree.matching(env, name)
                except KeyError:
                    errors.append(f"No matching pillar environment for environment '{env}' found")
                    meant = []
                names += [(one, claimed) for one in meant or [name]]
            for name, claimed in names:
                state, failed = compiler.render(name, env, claimed=claimed)
                errors += failed[: max(0, MAX_ERRORS - len(errors))]
                if isinstance(state, dict):
                    pillar = compiler.merge(pillar, state)
        return pillar

    def _external(
        self,
        pillar: dict[str, Any],
        override: Mapping[str, Any],
        ext: list[Any],
        scene: Scene,
        errors: list[str],
        log: list[str],
    ) -> dict[str, Any]:
        if override:
            pillar = self._merge(pillar, override)
        for run in ext:
            for name, arguments in run.items():
                before, scene.grains.used = scene.grains.used, set()
                try:
                    self._at(f"ext_pillar {name}")
                    found = self._run_ext(name, pillar, arguments, scene, self.settings)
                    claimed = bool(scene.grains.used) and name != "git"  # whose files are looked at one by one
                    claimed = claimed or bool(override)  # it may choose by what the caller gave
                    if claimed:
                        scene.grains.look_at(found)
                        scene.below_claimed = True
                except Exception as error:  # an external pillar is anybody's program
                    errors.append(f"Failed to load ext_pillar {name}: {error}")
                    log.append(errors[-1])
                    continue
                finally:
                    scene.grains.used |= before
                if claimed and not self.settings.secrets_by_grains:
                    found, paths = without_secrets(found)
                    if paths:
                        errors.append(REFUSED.format(f"of ext_pillar {name}", ", ".join(paths[:5])))
                        log.append(errors[-1])
                if found and isinstance(found, Mapping):
                    pillar = self._merge(pillar, found)
        return pillar
