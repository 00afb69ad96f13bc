"""``auth.passwd`` and its like, for who may do everything: who logs in by the file of ``external_auth``.

A password on a command line is every user's of that host, and what a runner is given is told in events: so these take
none as plain text. Without one, one is made up and shown once; a program gives ``Secret("…")``.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from saltern.errors import ArgumentError, CommandError
from saltern.secret import Secret
from saltern_master.auth import passwords
from saltern_master.auth.authenticator import MAX_PASSWORD, can_be_password
from saltern_master.auth.eauth.configured import file_layout
from saltern_master.auth.need import Need
from saltern_master.auth.password_file import PasswordFile
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

HASH_SIGNS = "$=,+/"


def check_password(value: object) -> Secret:
    """Return *value* when it is a secret that may be a password. Raises ``ArgumentError``, which never shows it."""
    if not isinstance(value, Secret):
        raise ArgumentError(
            "a password is not given as plain text, which others see in commands and events: leave it out, "
            "and one is made; a program gives it as a Secret"
        )
    if not can_be_password(value.reveal()):
        raise ArgumentError(f"a password has 1 to {MAX_PASSWORD:,} characters, and no control characters")
    return value


Password = Annotated[Secret | str | bytes | int | float | bool | list[Any] | dict[str, Any] | None, check_password]
"""Of every kind that can be given: the error for a wrong kind would show the value."""


@command("runner.auth.passwd", Need.OWNER, changes=True, private=True)
def passwd(context: Context, user: str, password: Password = None) -> str | bool:
    """Let a user log in by the file of external_auth, or change his password: ``saltern-run auth.passwd fred``

    A new password is made, and shown this once. A program may give one, as a Secret; what is returned is true then.
    What he may do, his entry in external_auth says, or a role. His logins and tokens go on: auth.logout file:fred
    """
    if isinstance(password, Secret):
        _file(context).set(user, password.reveal())
        return True
    made = passwords.random_password()
    _file(context).set(user, made)
    return made


@command("runner.auth.passwd_delete", Need.OWNER, changes=True)
async def passwd_delete(context: Context, user: str) -> bool:
    """Let a user log in no more by the file of external_auth: ``saltern-run auth.passwd_delete fred``

    His logins and tokens end at once.
    """
    file = _file(context)
    there = await asyncio.to_thread(file.delete, user)
    await context.services.tokens.revoke(context.services.tokens.of(f"file:{user}"))
    if not there:
        raise CommandError(f"there is no user {user:.80} in {file.path}: auth.passwd_list shows who is")
    return True


@command("runner.auth.passwd_list", Need.OWNER, private=True)
def passwd_list(context: Context) -> list[str]:
    """List who is in the file of external_auth: ``saltern-run auth.passwd_list``"""
    return _file(context).users()


def _file(context: Context) -> PasswordFile:
    """Return the file. Raises ``CommandError`` where there is none, or one that isn't of ``user:password`` lines."""
    layout = file_layout(dict(context.services.options))
    if layout is None:
        raise CommandError(
            "no file of users is configured: put external_auth: {file: {^filename: /etc/saltern/users, "
            "USER: [test.*]}} into the master's configuration"
        )
    if layout.filetype == "htdigest" or (layout.username_field, layout.password_field) != (1, 2):
        raise CommandError(f"{layout.filename} isn't of user:password lines: change it by what wrote it")
    if all(sign.isalnum() or sign in HASH_SIGNS for sign in layout.separator):
        raise CommandError(
            f"external_auth: file: ^field_separator {layout.separator!r:.20} is a part of hashes: use ':'"
        )
    return PasswordFile(layout.filename, layout.separator)
