"""From the text of an sls file to data, by the renderers that its first line names: ``#!jinja|yaml``.

``jinja``, ``yaml`` and ``json`` are here, in any order that makes sense; other renderers of Salt's are named as not
here. What YAML makes of a text is kept: most minions' templates come to the same one.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, FileServerError, SalternError
from saltern_master.pillar.context import Scene
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.tree import Found, Tree
from saltern_master.pillar.yaml_text import YamlError, parsed

HERE = ("jinja", "yaml", "json")
OLD_NAMES = {"yaml_jinja": "jinja|yaml", "json_jinja": "jinja|json"}
NOT_HERE = [
    "py",
    "pyobjects",
    "pydsl",
    "mako",
    "wempy",
    "cheetah",
    "genshi",
    "gpg",
    "nacl",
    "yamlex",
    "stateconf",
    "json5",
    "hjson",
    "toml",
    "dson",
    "msgpack",
    "pass",
    "aws_kms",
    "map",
    "aggregation",
    "tomlmod",
    "text",
]
MAX_KEPT = 5000
"""Texts of which it is kept what YAML makes of them."""
MAX_KEPT_CHARS = 32 * 1024 * 1024


LINES_AROUND = 5
MARKER = "    <======================"
_MARKS = ("{{", "{%", "{#", "#jinja2:", "\r")
"""Without any of them, and settings of Jinja's own, a text is what it renders to: Jinja changes line ends too."""
_OF_LINE = re.compile(r"(?P<what>.*); line (?P<line>\d{1,9}) of (?P<where>.*)", re.DOTALL)


class RenderError(Exception):
    """An sls can't be rendered. ``where``: ``line 3: ``, or nothing."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.where = f"line {line}: " if line else ""
        self._line = line

    @property
    def first_line(self) -> str:
        """What is wrong on one line, without the lines around it and the line's number, which is in ``where``."""
        told = str(self).split("\n\n", 1)[0].removesuffix(f"; line {self._line}").splitlines()
        return ": ".join(line for line in told if not line.startswith("  in "))  # where YAML was, by its own count


class Renderer:
    """Renders files, one after another; *at* is told which."""

    def __init__(self, settings: Settings, tree: Tree, at: Callable[[str], None]) -> None:
        self._settings = settings
        self._tree = tree
        self._at = at
        self._codes: Any = None
        self._parsed: dict[str, Any] = {}
        self._chars = 0

    def render(self, found: Found, env: str, sls: str, scene: Scene, defaults: Mapping[str, Any]) -> Any:
        """Return what a file comes to for a minion, to be read alone. Raises ``RenderError``."""
        text = found.text
        if not text.strip():
            return {}
        self._at(found.place)
        data: Any = text
        for name in self._pipe(text):
            if not isinstance(data, str):
                raise RenderError(f"the renderer {name} needs text: it is named after one that makes data of it")
            if name == "jinja":
                data = self._jinja(data, found, env, sls, scene, defaults)
            elif name == "yaml":
                data = self._yaml(data)
            else:
                data = _json(data)
        return data

    def _pipe(self, text: str) -> list[str]:
        """Return the renderers that a text's first line, or the option, names. Raises ``RenderError``."""
        line = text.split("\n", 1)[0]
        named = line.strip()[2:] if line.startswith("#!") and not line.startswith("#!/") else self._settings.renderer
        pipe = [part.strip().split(" ", 1)[0] for part in OLD_NAMES.get(named, named).split("|")]
        for name in pipe:
            if name not in HERE:
                why = "isn't here" if name in NOT_HERE else "isn't known"
                raise RenderError(f"the renderer {name!r:.40} {why}: use {', '.join(HERE)}, as in #!jinja|yaml", 1)
        return pipe

    def _jinja(self, text: str, found: Found, env: str, sls: str, scene: Scene, defaults: Mapping[str, Any]) -> str:
        if not self._settings.opts.get("jinja_sls_env") and not any(mark in text for mark in _MARKS):
            return text  # to find that out by Jinja takes longer than all the rest
        try:
            from saltern.templating.codes import Codes
            from saltern.templating.render import render
        except ImportError:
            if not any(mark in text for mark in _MARKS[:3]):
                return text
            raise RenderError("templates need Jinja2: pip install 'saltern[templates]' on the master") from None
        if self._codes is None:
            self._codes = Codes()
        context = {
            **_place(found.path, sls),
            "grains": scene.grains,
            "opts": scene.opts,
            "pillar": scene.pillar,
            "salt": scene.salt,
            "saltenv": env,
            "env": env,
            "sls": sls,
            "tmplpath": found.place,
            **defaults,
        }
        try:
            return render(
                text,
                context,
                opts=self._settings.opts,
                read=lambda path: self._read(env, path),
                source=found.path,
                sls=sls,
                codes=self._codes,
            )
        except SalternError as error:
            raise _told(str(error), found) from None

    def _read(self, env: str, path: str) -> str | None:
        try:
            found = self._tree.find(env, path)
        except FileServerError as error:
            raise CommandError(str(error)) from None
        return found.text if found is not None else None

    def _yaml(self, text: str) -> Any:
        if text in self._parsed:
            return self._parsed[text]
        try:
            data = parsed(text)
        except YamlError as error:
            raise RenderError(str(error), error.line) from None
        self._chars += len(text)
        if len(self._parsed) >= MAX_KEPT or self._chars > MAX_KEPT_CHARS:
            self._parsed.clear()
            self._chars = len(text)
        self._parsed[text] = data
        return data


def _told(message: str, found: Found) -> RenderError:
    """Return an error with the lines around its own, as Salt shows it."""
    said = _OF_LINE.fullmatch(message)
    if said is None or said["where"] != found.path:
        return RenderError(message)
    line, lines = int(said["line"]), found.text.splitlines()
    if not 0 < line <= len(lines):
        return RenderError(f"{said['what']}; line {line}\n\n{found.text}", line)
    first, last = max(0, line - LINES_AROUND - 1), min(len(lines), line + LINES_AROUND)
    around = [one + (MARKER if number == line else "") for number, one in enumerate(lines[first:last], first + 1)]
    cut = [*(["[...]"] if first else []), *around, *(["[...]"] if last < len(lines) else [])]
    return RenderError("\n".join([f"{said['what']}; line {line}", "", "---", *cut, "---"]), line)


def _json(text: str) -> Any:
    lines = text.split("\n")
    if lines[0].startswith("#!"):
        lines[0] = ""
    try:
        return json.loads("\n".join(lines)) or {}
    except (ValueError, RecursionError) as error:
        raise RenderError(f"is not JSON: {error}", getattr(error, "lineno", 0)) from None


def _place(path: str, sls: str) -> dict[str, str]:
    """Return what a template may know of its place, by Salt's names."""
    folder = posixpath.dirname(path)
    sls_path = sls.replace(".", "/") if path.endswith("/init.sls") else posixpath.dirname(sls.replace(".", "/"))
    return {
        "tplpath": path,
        "tplfile": path,
        "tpldir": folder or ".",
        "tpldot": folder.replace("/", "."),
        "slspath": sls_path,
        "slsdotpath": sls_path.replace("/", "."),
        "slscolonpath": sls_path.replace("/", ":"),
        "sls_path": sls_path.replace("/", "_"),
    }
