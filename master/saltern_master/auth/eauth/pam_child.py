"""The process that asks PAM about one login: a JSON object on its standard input, one on its standard output.

``{service, folder, username, password}`` → ``{name, groups, error}``: *name* is empty for who may not log in, *error*
says why PAM could not tell. It imports nothing of ours: it starts anew for each login.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import grp
import json
import os
import pwd
import sys
from collections.abc import Callable
from typing import Any

SUCCESS, CONV_ERR, BUF_ERR, SILENT = 0, 19, 5, 0x8000
USER = 2
PROMPT_ECHO_OFF, PROMPT_ECHO_ON = 1, 2
DISALLOW_NULL = 0x1
REFUSALS = frozenset({4, 6, 7, 8, 10, 11, 12, 13, 27})
"""Codes that say no: permission, password, too few rights to try this one, unknown user, too many tries, a password or
an account that has expired, and 4, "system error", which is how pam_exec says that its program said no. Any other but
success says that PAM could not tell.
"""
MAX_ASKED_BYTES = 64 * 1024
MAX_GROUPS = 10_000


class _Message(ctypes.Structure):
    _fields_ = (("style", ctypes.c_int), ("text", ctypes.c_char_p))


class _Response(ctypes.Structure):
    _fields_ = (("text", ctypes.c_void_p), ("code", ctypes.c_int))


_Talk = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_Message)),
    ctypes.POINTER(ctypes.POINTER(_Response)),
    ctypes.c_void_p,
)


class _Conversation(ctypes.Structure):
    _fields_ = (("talk", _Talk), ("data", ctypes.c_void_p))


def _talking(libc: Any, username: str, password: str) -> Callable[..., int]:
    """Return what answers PAM's questions: what is typed unseen is the password, what is typed seen is the name."""

    def talk(count: int, messages: Any, responses: Any, _: Any) -> int:
        if count <= 0 or count > 32:  # PAM_MAX_NUM_MSG
            return CONV_ERR
        memory = libc.calloc(count, ctypes.sizeof(_Response))  # PAM frees them
        if not memory:
            return BUF_ERR
        answers = ctypes.cast(memory, ctypes.POINTER(_Response))
        for number in range(count):
            style = messages[number].contents.style
            if style in (PROMPT_ECHO_OFF, PROMPT_ECHO_ON):
                text = password if style == PROMPT_ECHO_OFF else username
                answers[number].text = libc.strdup(text.encode())
        responses[0] = answers
        return SUCCESS

    return talk


def asked(service: str, folder: str, username: str, password: str) -> tuple[str, str]:
    """Return the name that PAM knows *username* by, empty when it says no, and why it could not tell, or nothing."""
    name = ctypes.util.find_library("pam") or "libpam.so.0"
    try:
        pam, libc = ctypes.CDLL(name), ctypes.CDLL(None)
    except OSError as error:
        return "", f"there is no libpam on this host: {error}"
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
    libc.strdup.argtypes = (ctypes.c_char_p,)
    pam.pam_strerror.restype = ctypes.c_char_p
    conversation = _Conversation(_Talk(_talking(libc, username, password)), None)
    handle = ctypes.c_void_p()
    words = (service.encode(), username.encode(), ctypes.byref(conversation))
    if folder:
        code = pam.pam_start_confdir(*words, folder.encode(), ctypes.byref(handle))
    else:
        code = pam.pam_start(*words, ctypes.byref(handle))
    if code != SUCCESS:
        return "", f"pam_start failed with {code}"
    try:
        code = pam.pam_authenticate(handle, SILENT | DISALLOW_NULL)
        if code == SUCCESS:
            code = pam.pam_acct_mgmt(handle, SILENT | DISALLOW_NULL)
        if code != SUCCESS:
            said = (pam.pam_strerror(handle, code) or b"").decode("utf-8", "replace")
            return "", "" if code in REFUSALS else f"{said} ({code})"
        item = ctypes.c_void_p()
        if pam.pam_get_item(handle, USER, ctypes.byref(item)) != SUCCESS or not item.value:
            return "", "it doesn't say who it is"
        return ctypes.string_at(item.value).decode("utf-8", "replace"), ""
    finally:
        pam.pam_end(handle, code)


def account(name: str) -> tuple[str, list[str]]:
    """Return the name that this host's user database has for *name*, and all its groups; none for who isn't in it."""
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        return name, []
    groups = []
    for gid in os.getgrouplist(user.pw_name, user.pw_gid)[:MAX_GROUPS]:
        try:
            groups.append(grp.getgrgid(gid).gr_name)
        except KeyError:  # a group without a name can't be granted anything
            continue
    return user.pw_name, sorted(groups)


def main() -> None:
    """Answer the one question."""
    question = json.loads(sys.stdin.buffer.read(MAX_ASKED_BYTES))
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a module prints is no answer
    name, error = asked(question["service"], question["folder"], question["username"], question["password"])
    name, groups = account(name) if name else ("", [])
    with output:
        json.dump({"name": name, "groups": groups, "error": error}, output)


if __name__ == "__main__":
    main()
