"""What templates need beside Jinja's own: merging, rendering, serializing, and where files of the master are."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from saltern import merging
from saltern.errors import ArgumentError, CommandError, os_errors
from saltern_modules import _keywords

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__powers__ = {
    "update": "reads",
    "merge": "reads",
    "merge_all": "reads",
    "renderer": "indirect",  # a template calls functions
    "serialize": "reads",
    "deserialize": "reads",
    "banner": "reads",
    "boolstr": "reads",
    "file_exists": "reads",
    "dir_exists": "reads",
    "path_exists": "reads",
    "findup": "reads",
}

TITLE = "THIS FILE IS MANAGED BY SALT - DO NOT EDIT"
TEXT = (
    "The contents of this file are managed by Salt. Any changes to this file may be overwritten automatically and "
    "without warning."
)
MAX_TEMPLATE_BYTES = 16 << 20


def update(dest: Any, upd: Any, recursive_update: bool = True, merge_lists: bool = False) -> Any:
    """Return the dict *dest* with *upd* put into it, at every depth; lists are joined with *merge_lists*.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.update '{foo: Foo}' '{bar: Bar}'
    """
    return merging.update(dest, upd, recursive_update, merge_lists)


def merge(obj_a: Any, obj_b: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Return two dicts merged by *strategy*: smart, recurse, list, aggregate, overwrite or none.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.merge '{foo: Foo}' '{bar: Bar}'
    """
    return merging.merge(obj_a, obj_b, strategy, renderer, merge_lists)


def merge_all(lst: list[Any], strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Return a list of dicts merged, the later ones over those before.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.merge_all '[{foo: Foo}, {foo: Bar}]'
    """
    found: Any = {}
    for one in lst:
        found = merging.merge(found, one, strategy, renderer, merge_lists)
    return found


def renderer(
    path: str | None = None, string: str | None = None, default_renderer: str = "jinja|yaml", **kwargs: Any
) -> Any:
    """Return what a template comes to: a file at *path* (``salt://…`` or on this host), or the text *string*.

    *default_renderer*: by what, when its first line, ``#!jinja|yaml``, doesn't say it: jinja, yaml, json, or several.
    *kwargs* are names for the template, ``context`` more of them; ``saltenv``, ``sls``. Jinja has ``salt``, ``grains``,
    ``pillar`` and ``opts``. Raises ``ArgumentError``, and ``RenderError`` with the template's line.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.renderer salt://path/to/file
        saltern '*' slsutil.renderer string='Inline template! {{ saltenv }}' default_renderer=jinja
    """
    if not path and not string:
        raise ArgumentError("Must pass path or string.")
    if path and string:
        raise ArgumentError("Must not pass both path and string.")
    from saltern_modules import _rendering

    given = _keywords.own(kwargs)
    saltenv = str(given.pop("saltenv", "base"))
    context = {**given, **(given.pop("context", None) or {})}
    return _rendering.compiled(
        string if string else _text_of(str(path), saltenv),
        default_renderer,
        salt=__salt__,
        grains=__grains__,
        pillar=__pillar__,
        opts=__opts__,
        saltenv=saltenv,
        sls=str(context.pop("sls", "")),
        source=str(path or ""),
        context=context,
    )


def serialize(serializer: str, obj: Any, **mod_kwargs: Any) -> Any:
    """Return *obj* as a text of json, yaml or configparser, or as bytes of msgpack; *mod_kwargs* are its options.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.serialize 'json' obj="{'foo': 'Foo!'}"
    """
    return _serialized(serializer, 0, obj, mod_kwargs)


def deserialize(serializer: str, stream_or_string: Any, **mod_kwargs: Any) -> Any:
    """Return what a text of json, yaml or configparser, or bytes of msgpack, say.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.deserialize 'json' '{"foo": "Foo!"}'
    """
    return _serialized(serializer, 1, stream_or_string, mod_kwargs)


def banner(
    width: int = 72,
    commentchar: str = "#",
    borderchar: str = "#",
    blockstart: str | None = None,
    blockend: str | None = None,
    title: str | None = None,
    text: str | None = None,
    newline: bool = False,
) -> str:
    """Return a comment in a frame, *width* characters wide, that says whose a file is. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.banner
        saltern '*' slsutil.banner commentchar='//' borderchar='='
    """
    import textwrap

    left, right = commentchar.rstrip(), commentchar.strip()
    before, after = left + " ", " " + right
    inner = width - len(before) - len(after)
    if inner <= 0:
        raise CommandError("Width is too small to render banner")
    border = commentchar + borderchar[:1] * (width - len(left) - len(right)) + right
    spacer = commentchar + " " * (width - len(commentchar) * 2) + commentchar
    wrapper = textwrap.TextWrapper(width=inner)
    lines = [
        *([] if blockstart is None else [blockstart]),
        border,
        spacer,
        *(before + line.center(inner) + after for line in wrapper.wrap(TITLE if title is None else title)),
        spacer,
        *(before + line + " " * (inner - len(line)) + after for line in wrapper.wrap(TEXT if text is None else text)),
        border,
        *([] if blockend is None else [blockend]),
    ]
    return "\n".join(lines) + ("\n" if newline else "")


def boolstr(value: Any, true: Any = "true", false: Any = "false") -> Any:
    """Return *true* or *false*, whichever *value* is.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.boolstr '{{ salt["pillar.get"]("a") }}' true=yes false=no
    """
    return true if value else false


def file_exists(path: str, saltenv: str = "base") -> bool:
    """Return whether the master has the file *path*, without ``salt://``.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.file_exists nginx/defaults.yaml
    """
    return path in __salt__["cp.list_master"](saltenv)


def dir_exists(path: str, saltenv: str = "base") -> bool:
    """Return whether the master has the folder *path*, without ``salt://``.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.dir_exists nginx/files
    """
    return path in _folders(__salt__["cp.list_master"](saltenv))


def path_exists(path: str, saltenv: str = "base") -> bool:
    """Return whether the master has the file or folder *path*, without ``salt://``.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.path_exists nginx/defaults.yaml
    """
    files = __salt__["cp.list_master"](saltenv)
    return path in files or path in _folders(files)


def findup(startpath: str | None, filenames: str | list[str], saltenv: str = "base") -> str:
    """Return the first of *filenames* that the master has in *startpath*, or in a folder above it.

    Raises ``ArgumentError`` for wrong arguments, ``CommandError`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' slsutil.findup formulas/shared/nginx map.jinja
    """
    files = __salt__["cp.list_master"](saltenv)
    there = {*files, *_folders(files)}
    folder = posixpath.normpath(startpath) if startpath else ""
    if folder and folder not in there:
        raise ArgumentError(f"Starting path not found in the state tree: {folder}")
    names = [filenames] if isinstance(filenames, str) else filenames
    if not isinstance(names, list):
        raise ArgumentError("Filenames argument must be a string or list of strings")
    while True:
        for name in names:
            path = posixpath.normpath(posixpath.join(folder, name.lstrip("/")))
            if path in there:
                return path
        if not folder:
            raise CommandError("File pattern(s) not found in path ancestry")
        folder = posixpath.dirname(folder)


def _folders(files: list[str]) -> set[str]:
    found: set[str] = {"."}
    for path in files:
        while path := posixpath.dirname(path):
            found.add(path)
    return found


def _serialized(serializer: str, which: int, value: Any, given: Mapping[str, Any]) -> Any:
    from saltern_modules import _serializing

    return _serializing.apply(serializer, which, value, _keywords.own(given))


def _text_of(path: str, saltenv: str) -> str:
    if not path.startswith("/"):
        cached = __salt__["cp.cache_file"](path, saltenv)
        if not cached:
            raise CommandError(f"slsutil.renderer: there is no {path} in environment {saltenv}")
        path = cached
    with os_errors(CommandError, path, "can't be read"), open(path, "rb") as file:
        data = file.read(MAX_TEMPLATE_BYTES + 1)
    if len(data) > MAX_TEMPLATE_BYTES:
        raise CommandError(f"{path}: a template may have {MAX_TEMPLATE_BYTES >> 20} MiB")
    return data.decode("utf-8", "replace")
