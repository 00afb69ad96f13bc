"""What is wrong with a file that is no YAML: PyYAML's words, where, and what would be right."""

from __future__ import annotations

import yaml

HINTS = (
    ("character '\\t'", False, "indent by spaces, a tab is none"),
    ("could not find expected ':'", True, "write 'key: value', a space behind the colon"),
    ("unexpected end of stream", True, "the quote that begins here isn't ended"),
    ("expected ',' or", True, "the bracket that begins here isn't ended"),
    ("found '<stream end>'", False, "a bracket before it isn't ended"),
    ("found another document", False, "a file is one: take out this '---'"),
    ("mapping values are not allowed here", False, "write a text with ': ' in it in quotes"),
    ("found unhashable key", False, "write a text that begins with a bracket in quotes"),
    ("expected <block end>", False, "it is indented otherwise than the lines before, or a '- ' or a key is missing"),
    ("could not determine a constructor", False, "the only mark here is !secret"),
    ("unconstructable recursive node", False, "what an anchor (&name) names can't have its alias (*name) in it"),
    ("undefined alias", False, "no anchor (&name) before it is called so"),
)
"""For words of PyYAML's problem: whether the place is where that begins which isn't ended, and what would be right."""


def yaml_fault(file: str, text: bytes, error: Exception) -> str:
    """Return the line for *error*, which reading *text*, what is in *file*, ended with."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"{file}: line {_line_of(text, error)}: is not YAML: {_unreadable(error)}"
    if isinstance(error, RecursionError):
        return f"{file}: is not YAML that can be read: its brackets are nested too deeply"
    problem = getattr(error, "problem", None) or str(error).split("\n")[0]
    at_its_begin, hint = next(((begin, f": {hint}") for words, begin, hint in HINTS if words in problem), (False, ""))
    mark = getattr(error, "problem_mark", None)
    if at_its_begin:
        mark = getattr(error, "context_mark", None) or mark
    where = f"{file}: line {mark.line + 1}, column {mark.column + 1}" if mark else file
    return f"{where}: is not YAML: {problem}{hint}"


def _line_of(text: bytes, error: yaml.reader.ReaderError) -> int:
    """Return the line of what can't be read: PyYAML counts characters of what is text, and bytes of what isn't."""
    if error.encoding != "unicode":
        return text[: error.position].count(b"\n") + 1
    encoding = "utf-16" if text.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return text.decode(encoding, "replace")[: error.position].count("\n") + 1


def _unreadable(error: yaml.reader.ReaderError) -> str:
    """Return what can't be read there."""
    code = error.character if isinstance(error.character, int) else ord(error.character)
    if error.encoding == "unicode":
        return f"there is a control character ({code:#04x}): take it out, or write it as an escape in quotes"
    return f"the byte {code:#04x} is no {error.encoding.upper()}: save the file as UTF-8"
