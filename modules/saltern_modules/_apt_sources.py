"""apt's sources: lines (sources.list(5)) and stanzas (``.sources`` files), as they are read, changed and written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError

LIST = "/etc/apt/sources.list"
PARTS = "/etc/apt/sources.list.d"
KINDS = ("deb", "deb-src", "rpm", "rpm-src")

_OPTIONS = re.compile(r"\[(.*?=.*?)\]")
_CDROM = re.compile(r"(.*)(cdrom:.*/)(.*)")
_FIELD = re.compile(r"(\S+):\s*(\S.*|)")
_TRUE = ("yes", "true", "with", "on", "enable", "1")
_FALSE = ("no", "false", "without", "off", "disable", "0")


def boolean(value: Any) -> bool:
    """Return what apt takes a word for. Raises ``ArgumentError`` for another one."""
    text = str(value).lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ArgumentError(f"Unable to convert to boolean: {text}")


class Line:
    """A line of a ``.list`` file; ``invalid`` when it is no source: a remark, or nonsense."""

    def __init__(self, text: str, file: str = LIST) -> None:
        self.file = file
        self.disabled = False
        self.invalid = True
        self.type = self.uri = self.dist = self.comment = ""
        self.comps: list[str] = []
        self.architectures: list[str] = []
        self.signedby: Any = ""
        self.trusted: bool | None = None
        self.options: dict[str, str] = {}
        self.read(text)

    def read(self, text: str) -> None:
        """Take over what *text* says. Raises ``ArgumentError`` for a source without a distribution."""
        self.text = text.strip()
        rest = self.text
        if rest.startswith("#"):
            self.disabled, rest = True, rest[1:]
        if (remark := rest.find("#")) > 0:
            rest, self.comment = rest[:remark], rest[remark + 1 :]
        cdrom = _CDROM.match(rest.strip())
        words = [*cdrom[1].split(), cdrom[2].strip(), *cdrom[3].split()] if cdrom else rest.split()
        bracketed = len(words) > 1 and words[1].startswith("[")
        closed = any(word.endswith("]") for word in words)
        if not words or words[0] not in KINDS or len(words) < 3 or (bracketed and not closed):
            return
        self.options = _options(rest)
        if bracketed:
            end = next(at for at, word in enumerate(words) if word.endswith("]"))
            words = [words[0], *words[end + 1 :]]
        if len(words) < 3:
            raise ArgumentError(f"Invalid repository definition: {' '.join(words)}")
        self.invalid = False
        self.type, self.uri, self.dist, self.comps = words[0], words[1], words[2], words[3:]
        self.architectures = self.options["arch"].split(",") if "arch" in self.options else []
        self.signedby = self.options.get("signed-by", "")
        self.trusted = boolean(self.options["trusted"]) if "trusted" in self.options else None

    @property
    def types(self) -> list[str]:
        """As a stanza has them: one."""
        return [self.type]

    @property
    def uris(self) -> list[str]:
        """As a stanza has them: one."""
        return [self.uri]

    @property
    def suites(self) -> list[str]:
        """As a stanza has them: one, or none."""
        return [self.dist] if self.dist else []

    @suites.setter
    def suites(self, suites: Sequence[str]) -> None:
        self.dist = suites[0] if suites else ""

    def __str__(self) -> str:
        if self.invalid:
            return self.text
        options = dict(self.options)
        if self.architectures:
            options["arch"] = ",".join(self.architectures)
        if self.signedby:
            options["signed-by"] = str(self.signedby)
        if self.trusted:
            options["trusted"] = "yes"
        if options.get("trusted") == "no":
            del options["trusted"]
        given = [f"[{' '.join(f'{key}={value}' for key, value in options.items())}]"] if options else []
        words = [*(["#"] if self.disabled else []), self.type, *given, self.uri, self.dist, " ".join(self.comps)]
        return " ".join([*words, *([f"#{self.comment}"] if self.comment else [])]).strip()


def _options(text: str) -> dict[str, str]:
    match = _OPTIONS.search(text)
    found: dict[str, str] = {}
    for option in match[1].split() if match else []:
        key, _, value = option.partition("=")
        name = "arch" if key.startswith("arch") else key
        found[name] = f"{found[name]},{value}" if name == "arch" and name in found else value
    return found


class Stanza:
    """A stanza of a ``.sources`` file."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.fields: dict[str, str] = {}
        self.above: list[str] = []
        self.below: list[str] = []
        name = ""
        for line in text.splitlines():
            match = _FIELD.match(line)
            if line.startswith("#"):
                (self.below if name else self.above).append(line)
            elif match:
                name = self._key(match[1])
                self.fields[name] = match[2].strip()
            elif name:
                self.fields[name] += f"\n{line.rstrip()}"

    def _key(self, name: str) -> str:
        return next((key for key in self.fields if key.lower() == name.lower()), name)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return a field's text."""
        return self.fields.get(self._key(name), default)

    def put(self, name: str, value: str | None) -> None:
        """Set a field, or remove it for None."""
        if value is None:
            self.fields.pop(self._key(name), None)
        else:
            self.fields[self._key(name)] = value

    def _words(self, name: str) -> list[str]:
        return (self.get(name) or "").split()

    invalid = property(lambda self: not self.fields)
    type = property(lambda self: self.get("Types") or "", lambda self, value: self.put("Types", value))
    uri = property(lambda self: self.get("URIs"), lambda self, value: self.put("URIs", value))
    dist = property(lambda self: self.get("Suites"), lambda self, value: self.put("Suites", value))
    types = property(lambda self: self._words("Types"), lambda self, value: self.put("Types", " ".join(value)))
    uris = property(lambda self: self._words("URIs"), lambda self, value: self.put("URIs", " ".join(value)))
    suites = property(lambda self: self._words("Suites"), lambda self, value: self.put("Suites", " ".join(value)))
    comps = property(
        lambda self: self._words("Components"), lambda self, value: self.put("Components", " ".join(value))
    )
    architectures = property(
        lambda self: self._words("Architectures"), lambda self, value: self.put("Architectures", " ".join(value))
    )
    signedby = property(lambda self: self.get("Signed-By"), lambda self, value: self.put("Signed-By", str(value)))
    disabled = property(
        lambda self: not boolean(self.get("Enabled", "yes")),
        lambda self, value: self.put("Enabled", "no" if value else None),
    )
    trusted = property(
        lambda self: None if self.get("Trusted") is None else boolean(self.get("Trusted")),
        lambda self, value: self.put("Trusted", None if value is None else "yes" if boolean(value) else "no"),
    )

    @property
    def comment(self) -> str:
        """The remarks above it."""
        return "\n".join(self.above)

    @comment.setter
    def comment(self, text: str) -> None:
        lines = text.splitlines()
        self.above = lines if all(line.startswith("#") for line in lines) else [f"#{line}" for line in lines]

    def __str__(self) -> str:
        fields = [f"{name}: {value}" for name, value in self.fields.items() if value]
        return "\n".join([*self.above, *fields, *self.below]).strip()


Source = Line | Stanza


class Sources:
    """All sources of this host. What isn't changed isn't written again."""

    def __init__(self, main: str = LIST, parts: str = PARTS) -> None:
        self.list: list[Source] = []
        self.main = main
        names = sorted(os.listdir(parts)) if os.path.isdir(parts) else []
        paths = [main, *(os.path.join(parts, name) for name in names if name.endswith((".list", ".sources")))]
        for path in paths:
            if os.path.isfile(path):
                self.list += parsed(_text(path), path)
        self._before = {path: self._of(path) for path in paths}

    def _of(self, path: str) -> str:
        gap = "\n\n" if path.endswith(".sources") else "\n"
        texts = [str(one) for one in self.list if one.file == path]
        return gap.join(texts) + "\n" if texts else ""

    def valid(self) -> list[Source]:
        """Return those that are sources."""
        return [one for one in self.list if not one.invalid]

    def save(self) -> None:
        """Write the files of which something was changed. Raises ``CommandError``."""
        from saltern import files

        for path in {**self._before, **{one.file: "" for one in self.list}}:
            text = self._of(path)
            if text == self._before.get(path):
                continue
            try:
                with files.replacement(path, 0o644, keep_mode=True) as stream:
                    stream.write(text.encode("utf-8", "surrogateescape"))
            except OSError as error:
                raise CommandError(f"{path}: can't be written: {error.strerror or error}") from None
            self._before[path] = text


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"{path}: can't be read: {error.strerror or error}") from None


def parsed(text: str, path: str) -> list[Source]:
    """Return the sources of a file's *text*; a line that can't be understood is kept as a remark."""
    if path.endswith(".sources"):
        blocks = re.split(r"\n[ \t]*\n", text)
        return [Stanza(block, path) for block in blocks if block.strip()]
    found: list[Source] = []
    for line in text.split("\n")[: -1 if text.endswith("\n") else None]:
        try:
            found.append(Line(line, path))
        except ArgumentError:
            broken = Line("", path)
            broken.text = line
            found.append(broken)
    return found


def told(sources: Iterable[Source]) -> dict[str, list[dict[str, Any]]]:
    """Return *sources* by address, as ``pkg.list_repos`` does."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in sources:
        for uri, suite, kind in ((u, s, k) for u in one.uris for s in one.suites for k in one.types):
            found.setdefault(uri, []).append(
                {
                    "file": one.file,
                    "comps": one.comps,
                    "disabled": one.disabled,
                    "enabled": not one.disabled,
                    "dist": suite,
                    "suites": one.suites,
                    "type": kind,
                    "types": one.types,
                    "uri": uri,
                    "uris": one.uris,
                    "line": one.text if isinstance(one, Line) else _as_line(one, kind, uri, suite),
                    "architectures": one.architectures,
                    "signedby": one.signedby,
                }
            )
    return found


def _as_line(stanza: Stanza, kind: str, uri: str, suite: str) -> str:
    line = Line(f"{kind} {uri} {suite} {' '.join(stanza.comps)}")
    line.disabled, line.architectures = stanza.disabled, stanza.architectures
    line.signedby, line.trusted = stanza.signedby or "", stanza.trusted
    return str(line)
