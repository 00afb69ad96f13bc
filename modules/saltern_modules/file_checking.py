"""Files and folders of this host: how a file differs from what it should hold and be. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _keywords
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "file"

__powers__ = {
    "get_diff": "indirect",
    "check_file_meta": "indirect",
    "check_managed": "indirect",
    "check_managed_changes": "indirect",
}

FETCHED_BY = (
    *("name", "template", "source", "source_hash", "source_hash_name", "user", "group", "mode", "attrs"),
    *("saltenv", "context", "defaults", "skip_verify"),
)
"""The arguments of ``file.get_managed``, in order."""


def get_diff(
    file1: str,
    file2: str,
    saltenv: str = "base",
    show_filenames: bool = True,
    show_changes: bool = True,
    template: bool = False,
    source_hash_file1: str | None = None,
    source_hash_file2: str | None = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
) -> str | tuple[bool, str]:
    """Return the unified diff of two files: paths, ``salt://…`` or URLs; ``""`` when they hold the same.

    It is a sentence for binary files, and for what isn't to be shown. With one of the *ignore* switches returns
    ``(whether they differ in more than that, diff)``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_diff /home/fred/.vimrc salt://users/fred/.vimrc
    """
    from saltern_modules import _file_compare, _file_sources

    places: list[str] = []
    missing: list[str] = []
    for source, source_hash in ((file1, source_hash_file1), (file2, source_hash_file2)):
        place = _file_sources.cached(source, saltenv, salt=__salt__, source_hash=source_hash)
        if isinstance(place, str):
            places.append(place)
        else:
            missing.append(f"File {source} not found")
    if missing:
        raise CommandError("Failed to cache one or more files", info=missing)
    hidden = _file_compare.hidden_by(__salt__, show_changes=show_changes, template=template)
    ignored = _file_compare.Ignored(ignore_ordering, ignore_whitespace, ignore_comment_characters)
    old, new = map(_file_compare.content, places)
    matters, told = _file_compare.compared(
        old, new, *(places if show_filenames else ()), hidden=hidden, ignored=ignored
    )
    return (matters, told) if ignored.any else told


def check_file_meta(
    name: str,
    sfn: str,
    source: str | None,
    source_sum: Mapping[str, str] | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None,
    saltenv: str,
    contents: str | bytes | None = None,
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
    verify_ssl: bool = True,
    follow_symlinks: bool = False,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
) -> dict[str, Any] | tuple[bool, dict[str, Any]]:
    """Return what isn't as it should be, of ``{newfile, diff, sum, user, group, mode, attrs, selinux}``.

    *sfn* is where what is fetched from *source* is, *source_sum* its ``{hsum, hash_type}``. With one of the *ignore*
    switches returns ``(whether the content differs in more than that, that dict)``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.check_file_meta /etc/httpd.conf None salt://http/httpd.conf '{hash_type: md5, hsum: 1f3…}' \\
            root root 755 None base
    """
    return _meta_changes(dict(locals()))


def _meta_changes(given: Mapping[str, Any]) -> dict[str, Any] | tuple[bool, dict[str, Any]]:
    """Return what ``file.check_file_meta`` does of its arguments."""
    from saltern_modules._file_compare import Meta, meta_changes

    meta = Meta.of(given)
    with plainly():
        matters, changes = meta_changes(meta, salt=__salt__)
    return (matters, changes) if meta.ignored.any else changes


def check_managed(
    name: str,
    source: Any,
    source_hash: str | None,
    source_hash_name: str | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None,
    template: str | None,
    context: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None,
    saltenv: str,
    contents: str | bytes | None = None,
    skip_verify: bool = False,
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
    follow_symlinks: bool = False,
    **kwargs: Any,
) -> tuple[bool | None, str]:
    """Return ``(True, sentence)`` when the file *name* is as it should be, ``(None, what isn't)``, ``(False, error)``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.check_managed /etc/httpd.conf salt://http/httpd.conf '' '' root root 0755 '' jinja '' '' base
    """
    given = dict(locals())
    del given["kwargs"]
    from saltern_modules import _file_compare

    changes = check_managed_changes(**given, **kwargs)
    if isinstance(changes, tuple):
        return False, str(changes[1])
    if _file_compare.is_temporary(name):
        changes = {what: new for what, new in changes.items() if what not in ("user", "group", "mode")}
    if not changes:
        return True, f"The file {name} is in the correct state"
    lines = (f"{what}: {new}\n" for what, new in changes.items())
    return None, "".join(("The following values are set to be changed:\n", *lines))


def check_managed_changes(
    name: str,
    source: Any,
    source_hash: str | None,
    source_hash_name: str | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None,
    template: str | None,
    context: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None,
    saltenv: str,
    contents: str | bytes | None = None,
    skip_verify: bool = False,
    keep_mode: bool = False,
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
    verify_ssl: bool = True,
    follow_symlinks: bool = False,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
    **kwargs: Any,
) -> Any:
    """Return what ``file.check_file_meta`` does of the file *name* and its *source*; ``(False, error)`` for no source.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.check_managed_changes /etc/httpd.conf salt://http/httpd.conf '' '' root root 0755 '' jinja \\
            '' '' base
    """
    given = dict(locals())
    from saltern_modules import _file_compare, _file_sources

    given["source"], given["source_hash"] = _file_sources.chosen(source, source_hash, saltenv, salt=__salt__)
    given |= {"sfn": "", "source_sum": {}}
    if contents is None:
        wrong = _fetch(given)
        if wrong:
            _file_compare.remove_temporary(given["sfn"])
            return False, wrong
    try:
        return _meta_changes(given)
    finally:
        _file_compare.remove_temporary(given["sfn"])


def _fetch(given: dict[str, Any]) -> str:
    """Put where the source is, its digest and its mode into the arguments *given*; return what is wrong."""
    from saltern_modules import _file_sources

    more = {"verify_ssl": given["verify_ssl"], **_keywords.own(given["kwargs"])}
    found = __salt__["file.get_managed"](*(given[name] for name in FETCHED_BY), **more)
    given["sfn"], given["source_sum"], wrong = found
    source, digest = given["source"], given["source_sum"].get("hsum")
    if wrong:
        return str(wrong)
    if digest is not None:
        given["source_sum"] = {**given["source_sum"], "hsum": digest.lower()}
    if given["keep_mode"] and given["sfn"] and source and _file_sources.scheme_of(source) in ("salt", "file", ""):
        given["mode"] = _file_sources.octal_mode(source, given["saltenv"], salt=__salt__) or given["mode"]
    return ""
