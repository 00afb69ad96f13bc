"""A template's text with its context, rendered."""

from __future__ import annotations

import json
import logging
import posixpath
import re
import traceback
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from saltern.errors import ArgumentError, CommandError, RenderError

if TYPE_CHECKING:
    from saltern.templating.codes import Codes
    from saltern.templating.environment import Read

log = logging.getLogger(__name__)

MAX_OUTPUT = 16 << 20
"""Characters that one rendering may come to."""

HEADER = "#jinja2:"
_OURS = re.compile(r"saltern\w*(?:\.\w+)+ object")
"""What Jinja calls a mapping of ours: to whoever wrote the template it is a map as any other."""
IN_TEMPLATE = ("top-level template code", "template", "<module>")
"""What Jinja calls the frames of a template; those of blocks and macros have other names."""


def render(
    text: str,
    context: Mapping[str, Any],
    *,
    opts: Mapping[str, Any],
    read: Read | None = None,
    source: str = "",
    sls: str | None = None,
    codes: Codes | None = None,
) -> str:
    """Return the template *text* rendered, with *context*'s names.

    *read* returns the text of a file below the file roots, for imports. *source*: the template's path there.
    *sls*: the dotted name of the file when it is one of pillar's or states': then ``jinja_sls_env`` counts, not
    ``jinja_env``. *codes* keeps compiled code for the next time. A line end at the end
    stays. Raises ``RenderError``, one line that says what, and where.
    """
    try:
        import jinja2  # an extra, and 2 MB: only those who render have it
        from jinja2 import exceptions

        from saltern.templating import environment
    except ImportError:
        raise CommandError("templates need Jinja2: pip install 'saltern[templates]'") from None
    arguments: dict[str, Any] = {}
    name = "jinja_sls_env" if sls else "jinja_env"
    given = opts.get(name)
    _take(arguments, given if isinstance(given, dict) else {}, name)
    for word in ("trim_blocks", "lstrip_blocks"):
        if opts.get(f"jinja_{word}"):
            arguments[word] = True
    text, header = _without_header(text)
    _take(arguments, header, HEADER)
    names = {**_place(source, sls), **context}
    made = environment.made(opts, read, arguments)
    made.globals.update(names)
    made.bytecode_cache = codes
    try:
        template = codes.template(made, text, repr(arguments)) if codes is not None else made.from_string(text)
        output = _bounded(template.generate(**names))
    except RenderError:
        raise
    except exceptions.UndefinedError as error:
        raise _fault(f"Jinja variable {_OURS.sub('dict object', str(error))}", error, source) from None
    except (exceptions.TemplateRuntimeError, exceptions.TemplateSyntaxError, exceptions.SecurityError) as error:
        message = error.message if isinstance(error, exceptions.TemplateSyntaxError) else str(error)
        raise _fault(f"Jinja syntax error: {message}", error, source) from None
    except (CommandError, ArgumentError) as error:
        raise _fault(f"Problem running salt function in Jinja template: {error}", error, source) from None
    except jinja2.TemplateNotFound as error:
        raise _fault(f"Jinja error: {error} can't be found", error, source) from None
    except Exception as error:
        raise _fault(f"Jinja error: {error or type(error).__name__}", error, source) from None
    return output + "\n" if text.endswith("\n") else output


def _bounded(chunks: Iterator[str]) -> str:
    found, length = [], 0
    for chunk in chunks:
        length += len(chunk)
        if length > MAX_OUTPUT:
            raise RenderError(f"Jinja error: the template comes to more than {MAX_OUTPUT >> 20} MiB")
        found.append(chunk)
    return "".join(found)


def _fault(message: str, error: BaseException, source: str) -> RenderError:
    """Return the error with the line of the template that it came from."""
    line, where = getattr(error, "lineno", None), getattr(error, "name", None) or ""
    if line is None:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.name in IN_TEMPLATE and frame.filename.startswith(("<template>", "<unknown>")):
                line, where = frame.lineno, ""
            elif frame.name in IN_TEMPLATE and not frame.filename.endswith(".py"):
                line, where = frame.lineno, frame.filename
    where = where or source
    one_line = " ".join(message.split())
    return RenderError(f"{one_line}; line {line}" + (f" of {where}" if where else "") if line else one_line)


def _take(arguments: dict[str, Any], given: Mapping[str, Any], whence: str) -> None:
    """Take Jinja's own settings from *given*, in any case; say which are none."""
    from jinja2 import defaults

    for name, value in given.items():
        if hasattr(defaults, str(name).upper()):
            arguments[str(name).lower()] = value
        else:
            log.warning("%s: Jinja has no setting %r", whence, name)


def _without_header(text: str) -> tuple[str, dict[str, Any]]:
    """Return *text* without its line ``#jinja2: {"trim_blocks": true}``, and that line's settings.

    It is the first line, or the second after one such as ``#!jinja|yaml``.
    """
    lines = text.splitlines(keepends=True)
    at = 1 if lines and lines[0].startswith("#!") and not lines[0].startswith("#!/") else 0
    if len(lines) <= at or not lines[at].startswith(HEADER):
        return text, {}
    try:
        settings = json.loads(lines[at].removeprefix(HEADER))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        return text, {}
    del lines[at]
    return "".join(lines), settings


def _place(source: str, sls: str | None) -> dict[str, str]:
    """Return what a template may know of its own place, Salt's names of it."""
    if not source and sls is None:
        return {}
    path = source.removeprefix("salt://")
    folder = posixpath.dirname(path)
    found = {"tplpath": path, "tplfile": path, "tpldir": folder or ".", "tpldot": folder.replace("/", ".")}
    if sls is not None:
        found |= {
            "sls": sls,
            "slspath": folder,
            "slsdotpath": folder.replace("/", "."),
            "slscolonpath": folder.replace("/", ":"),
            "sls_path": folder.replace("/", "_"),
        }
    return found
