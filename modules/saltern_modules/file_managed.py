"""Files and folders of this host: bringing a file to what it should hold and be, from a source or contents.

A source is a path, ``salt://…`` or a URL. A source's hash is ``md5=…``, bare digits, or a file of digests. Templates
are Jinja's. Signatures need a module that checks them, which isn't here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules._file_errors import plainly

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__virtualname__ = "file"

__powers__ = {
    "source_list": "indirect",
    "get_managed": "indirect",
    "manage_file": "indirect",
    "apply_template_on_contents": "indirect",
}


def source_list(source: Any, source_hash: Any, saltenv: str) -> tuple[Any, Any]:
    """Return ``(source, hash)``: of a list, whose members are sources or ``{source: hash}``, the first that is there.

    What is no list is returned as it is. Raises ``CommandError`` when none is.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.source_list '["salt://http/httpd.conf", "/etc/httpd.conf"]' '' base
    """
    from saltern_modules import _file_sources

    return _file_sources.chosen(source, source_hash, saltenv, salt=__salt__)


def apply_template_on_contents(
    contents: str, template: str, context: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None, saltenv: str
) -> str | dict[str, Any]:
    """Return the text that the template *contents* comes to with *context*, which is laid over *defaults*.

    *template* is ``jinja``; for another one ``{"result": False, "comment": sentence}`` is returned.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.apply_template_on_contents contents='{{ word }}' template=jinja context='{word: hi}' \\
            defaults={} saltenv=base
    """
    from saltern_modules._file_manage import TEMPLATES, rendered

    if template not in TEMPLATES:
        return {"result": False, "comment": f"Specified template format {template} is not supported"}
    return rendered(contents, template, {**(defaults or {}), **(context or {})}, saltenv=saltenv, **_dunders())


def _dunders() -> dict[str, Any]:
    """Return what a template is given beside its context."""
    return {"salt": __salt__, "grains": __grains__, "pillar": __pillar__, "opts": __opts__}


def get_managed(
    name: str,
    template: str | None,
    source: str | None,
    source_hash: str | None,
    source_hash_name: str | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None,
    saltenv: str,
    context: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None,
    skip_verify: bool = False,
    verify_ssl: bool = True,
    use_etag: bool = False,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: str | None = None,
    gnupghome: str | None = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> tuple[str, dict[str, str], str]:
    """Fetch *source* for the file *name*, and render it; return ``(path, {hsum, hash_type}, what is wrong)``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.get_managed /etc/httpd.conf jinja salt://http/httpd.conf None None root root 755 None base \\
            None None
    """
    given = dict(locals())
    from saltern_modules._file_fetch import Request, fetched

    request = Request.of(given)
    with plainly():
        return fetched(request, **_dunders())


def manage_file(
    name: str,
    sfn: str | None,
    ret: dict[str, Any] | None,
    source: str | None,
    source_sum: dict[str, str] | None,
    user: str | int | None,
    group: str | int | None,
    mode: str | int | None,
    attrs: str | None,
    saltenv: str,
    backup: str | None,
    makedirs: bool = False,
    template: str | None = None,
    show_changes: bool = True,
    contents: str | bytes | None = None,
    dir_mode: str | int | None = None,
    follow_symlinks: bool = True,
    skip_verify: bool = False,
    keep_mode: bool = False,
    encoding: str | None = None,
    encoding_errors: str = "strict",
    seuser: str | None = None,
    serole: str | None = None,
    setype: str | None = None,
    serange: str | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
    signature: Any = None,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: str | None = None,
    gnupghome: str | None = None,
    ignore_ordering: bool = False,
    ignore_whitespace: bool = False,
    ignore_comment_characters: Any = None,
    new_file_diff: bool = False,
    sig_backend: str = "gpg",
    **kwargs: Any,
) -> dict[str, Any]:
    """Have the file *name* hold *contents*, or what was fetched to *sfn* from *source*, and be as asked.

    *source_sum* is ``{hsum, hash_type}``, as ``file.get_managed`` returns it; *backup* ``minion`` keeps the old file
    where ``file.list_backups`` finds it. Returns *ret*, ``{name, changes, comment, result}``, with what was changed:
    ``diff``, ``new``, ``user``, ``group``, ``mode``, ``attrs``.

    CLI Example:

    .. code-block:: bash

        saltern '*' file.manage_file /etc/httpd.conf '' '{}' salt://http/httpd.conf '{hash_type: md5, hsum: 1f3…}' \\
            root root 755 '' base ''
    """
    given = dict(locals())
    from saltern_modules._file_manage import Task, managed

    task = Task.of(given, salt=__salt__, opts=__opts__)
    with plainly():
        return managed(task, ret)
