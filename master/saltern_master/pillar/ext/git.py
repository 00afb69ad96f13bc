"""Trees of pillar in git, as Salt writes them::

    ext_pillar:
      - git:
          - main https://example.org/pillar.git
          - prod https://example.org/pillar.git:
              - root: salt
              - env: prod

The master fetches them (``git_trees.py``); here what it fetched is compiled, each remote by its own top file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_master.pillar.git_trees import GitTree, git_trees
from saltern_master.pillar.merging import merged

__opts__: Mapping[str, Any]
__grains__: Any
_compilers: dict[tuple[Any, ...], Any] = {}
MAX_KEPT = 100


def ext_pillar(minion_id: str, pillar: dict[str, Any], *repos: Any) -> dict[str, Any]:
    """Return what the trees come to, in order. Raises ``CommandError`` for one that wasn't fetched yet."""
    settings = __opts__["__settings__"]
    trees = git_trees(repos, settings.cachedir)
    pillarenv = __opts__.get("pillarenv")
    found: dict[str, Any] = {}
    for tree in trees:
        env = tree.env
        if pillarenv and env != pillarenv:
            continue
        roots = [_folder(tree), *(_folder(other) for other in trees if other.env == env and other is not tree)]
        compiler = _compiler(settings, env, tuple(roots))
        from saltern_master.pillar.compile import Request  # it imports what runs us

        one = compiler.compile(Request(minion_id, __grains__, saltenv=env)).pillar
        errors = [*found.get("_errors", []), *one.get("_errors", [])]
        found = merged(found, one, settings.strategy, lists=settings.merge_lists)
        if errors:
            found["_errors"] = errors
    return found


def _folder(tree: GitTree) -> str:
    folder = tree.exported()
    if folder is None:
        raise CommandError(f"git_pillar: {tree.name} was not fetched yet: see the master's log")
    return folder


def _compiler(settings: Any, env: str, roots: tuple[str, ...]) -> Any:
    from saltern_master.pillar.compile import Compiler
    from saltern_master.pillar.ext import run_ext

    known = _compilers.get((env, roots))
    if known is None:
        if len(_compilers) >= MAX_KEPT:
            _compilers.clear()
        known = Compiler(settings._replace(roots={env: list(roots)}, ext=[], ext_first=False), run_ext)
        known.tree.look()
        _compilers[env, roots] = known
    return known
