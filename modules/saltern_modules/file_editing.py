"""Files and folders of this host: changing what is in a file, by regular expressions, lines and marked blocks.

Each function returns a unified diff (``""`` or ``False``: nothing to change), and leaves what it doesn't change byte
for byte. A file is replaced at once and whole; where its inode is to stay (``preserve_inode``) it is written over while
its old content stands beside it as ``.NAME.saltern-kept-…``, and put back if that fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__virtualname__ = "file"

__powers__ = {
    "replace": "indirect",
    "search": "indirect",
    "line": "indirect",
    "blockreplace": "indirect",
}


def replace(
    path: str,
    pattern: str,
    repl: Any,
    count: int = 0,
    flags: Any = 8,
    bufsize: int | str = 1,
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    not_found_content: str | None = None,
    backup: str | bool = ".bak",
    dry_run: bool = False,
    search_only: bool = False,
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    preserve_inode: bool = True,
    backslash_literal: bool = False,
    encoding: str | None = None,
) -> str | bool:
    """Replace what matches the regular expression *pattern* in the file *path* by *repl*; return the diff.

    ``""`` when nothing changed; with ``show_changes=False`` whether anything did, with *search_only* whether the
    pattern is there. *count* bounds how often (0: always); *flags* are those of ``re``, a number or names
    (``[IGNORECASE, MULTILINE]``). *append_if_not_found* or *prepend_if_not_found* put *repl*, or *not_found_content*,
    as a line at the end or the beginning when neither is there. *backup*: the suffix of a copy of the old file, false
    for none. With *backslash_literal* a backslash in *repl* is one. *encoding*: that of a file that isn't UTF-8.
    *bufsize* is taken, and does nothing. Raises ``ArgumentError``, ``CommandError``; for a file that isn't there not
    with *ignore_if_missing*: ``False`` then.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.replace /etc/ssh/sshd_config '^#?PermitRootLogin.*' 'PermitRootLogin no'
    """
    given = dict(locals())
    from saltern_modules import _file_replace, _file_text

    target = os.readlink(path) if os.path.islink(path) else None
    path = os.path.expanduser(path)
    real = os.path.realpath(path)
    if not os.path.exists(real):
        if ignore_if_missing:
            return False
        raise ArgumentError(f"File not found: {real}")
    if encoding is None and not _file_text.is_text_file(real):
        raise ArgumentError(f"Cannot perform string replacements on a binary file: {real}")
    if search_only and (append_if_not_found or prepend_if_not_found):
        raise ArgumentError("search_only cannot be used with append/prepend_if_not_found")
    with plainly():
        if search_only:
            return _file_replace.found_in_file(path, str(pattern), flags, encoding)
        edit = _file_replace.Edit.of(given)
        told, changed = _file_replace.edit_file(
            path, edit, backup=backup, dry_run=dry_run, preserve_inode=preserve_inode, encoding=encoding
        )
        if changed and backup and not dry_run and target is not None:
            _file_replace.link_to_backup(path, target, str(backup))
    return told if show_changes else bool(told)


def search(
    path: str,
    pattern: str,
    flags: Any = 8,
    bufsize: int | str = 1,
    ignore_if_missing: bool = False,
    multiline: bool = False,
) -> bool:
    """Return whether the regular expression *pattern* is in the file *path*; arguments are those of ``file.replace``.

    With *multiline* ``^`` and ``$`` are at every line.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.search /etc/crontab 'mymaintenance.sh'
    """
    from saltern_modules._file_text import flags_of

    chosen = flags_of(flags) | flags_of("MULTILINE" if multiline else 0)
    return bool(
        replace(
            path, pattern, "", flags=chosen, search_only=True, show_changes=False, ignore_if_missing=ignore_if_missing
        )
    )


def line(
    path: str,
    content: str | None = None,
    match: str | None = None,
    mode: str | None = None,
    location: str | None = None,
    before: str | None = None,
    after: str | None = None,
    show_changes: bool = True,
    backup: bool = False,
    quiet: bool = False,
    indent: bool = True,
) -> str | bool:
    """Change one line of the file *path*; return the diff, ``False`` when nothing changed.

    *mode* says how: ``delete`` lines like the first that *match* (*content* by default) is in, ``replace`` that one
    by *content*, ``insert`` *content* at the *location* ``start`` or ``end``, or next to the lines that *before* and
    *after* are in, ``ensure`` it there once. *match*, *before* and *after* are regular expressions or texts. With
    *indent* it begins with the blanks of its neighbour. *backup* keeps a copy as ``PATH.YYYY-MM-DD-hh-mm-ss``. Raises
    ``CommandError``; for a file that isn't there not with *quiet*: ``False`` then.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.line /etc/nsswitch.conf 'networks:\tfiles dns' after='hosts:.*?' mode=ensure
    """
    from saltern_modules import _file_line

    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        if quiet:
            return False
        raise CommandError(f'File "{os.path.realpath(path)}" does not exists or is not a file.')
    change = _file_line.Change(mode and mode.lower(), content, match, location, before, after, indent)
    with plainly():
        told = _file_line.change_file(path, change, backup=bool(backup), dry_run=bool(__opts__.get("test")))
    return (show_changes and told) or bool(told)


def blockreplace(
    path: str,
    marker_start: str = "#-- start managed zone --",
    marker_end: str = "#-- end managed zone --",
    content: str = "",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    backup: str | bool = ".bak",
    dry_run: bool = False,
    show_changes: bool = True,
    append_newline: bool | None = False,
    insert_before_match: str | None = None,
    insert_after_match: str | None = None,
) -> str | bool:
    """Have *content* stand between the lines with two markers in the file *path*; return the diff.

    ``""`` when nothing changed; with ``show_changes=False`` whether anything did. Where there is no block yet, one is
    made at the end or the beginning (*append_if_not_found*, *prepend_if_not_found*), or beside the first line that a
    regular expression is in (*insert_before_match*, *insert_after_match*). The end marker goes behind the content's
    last character, on a line of its own with *append_newline*; null: where the content has no line end. Raises
    ``ArgumentError``, ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.blockreplace /etc/hosts '# BEGIN' '# END' $'10.0.1.1 foo\n' append_if_not_found=True
    """
    from saltern_modules import _file_block, _file_text

    places = (append_if_not_found, prepend_if_not_found, bool(insert_before_match), bool(insert_after_match))
    if sum(map(bool, places)) > 1:
        raise ArgumentError(
            "Only one of append_if_not_found, prepend_if_not_found, insert_before_match, and insert_after_match is "
            "permitted"
        )
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        raise ArgumentError(f"File not found: {path}")
    encoding = _file_text.encoding_of(path)
    if encoding is None and os.path.isfile(path) and not _file_text.is_text_file(path):
        raise ArgumentError(f"Cannot perform string replacements on a binary file: {path}")
    for name, value in (("insert_before_match", insert_before_match), ("insert_after_match", insert_after_match)):
        if value and not isinstance(value, str):
            raise CommandError(f"RegEx expected in {name} parameter.")
    block = _file_block.Block(str(marker_start), str(marker_end), content, append_newline)
    where = _file_block.Where(append_if_not_found, prepend_if_not_found, insert_before_match, insert_after_match)
    with plainly():
        told = _file_block.change_file(path, block, where, encoding=encoding, backup=backup, dry_run=dry_run)
    return told if show_changes else bool(told)
