"""Forms of the operator's own for ``--out``: files with a function ``output(data, **kwargs)`` that returns a text.

They are in ``outputter_dirs``, in ``output`` of ``extension_modules``, or came by ``saltutil.sync_output``. What is
found there runs in a child process, which serves all values of a command. Only what the master's user, root, or this
user can have written is run; root runs what the master's user wrote as that user.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import time
from typing import IO, Any, NamedTuple, TextIO

from saltern.config import MasterOptions, client_config
from saltern.errors import ChannelError, CommandError, SalternError
from saltern.output import wants_color, write_text
from saltern.own_code import distrusted
from saltern.own_python import python_module
from saltern.secret import masked
from saltern.visible import HIDDEN, escape, visible
from saltern.wire import pack_value, unpack_value

PROGRAM = "saltern_agent.on_master.program"
LENGTH = struct.Struct(">I")
WITHIN_S = 60.0
"""For one value."""
MAX_TEXT_BYTES = 64 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][\w-]{0,99}")


class Look(NamedTuple):
    """What a form is told of how it should look."""

    stream: TextIO
    color: bool | None
    indent: int | None


class Place(NamedTuple):
    """The folders of forms, the strongest last, and the user to run the one in question as (``None``: this one)."""

    folders: list[str]
    utils: list[str]
    user: int | None


class OwnOutputter:
    """One form, in a child."""

    def __init__(self, name: str, opts: MasterOptions, place: Place, look: Look) -> None:
        """Start it. Raises ``SalternError`` when it can't be loaded, ``OSError`` when nothing can be started."""
        self.name = name
        self.over = False
        """Whether it answers no more."""
        given: dict[str, Any] = {}
        if place.user is not None:
            given = {"user": place.user, "group": _group_of(place.user), "extra_groups": []}
        self._process = subprocess.Popen(
            python_module(PROGRAM), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", **given
        )
        told = {**masked(dict(opts)), "color": wants_color(look.color, look.stream), "output": name, "id": ""}
        told |= {"output_indent": look.indent, "strip_colors": False, "extension_modules": opts["extension_modules"]}
        folders = {"output": place.folders, "utils": place.utils}
        try:
            self._ask({"do": "output", "out": name, "opts": told, "folders": folders})
        except BaseException:
            self.close()
            raise

    def text(self, value: Any, retcode: int) -> str:
        """Return *value* in this form. Raises ``SalternError``."""
        answer = self._ask({"data": _safe(value), "kwarg": {"_retcode": retcode}})
        return str(answer["text"]).rstrip()

    def close(self) -> None:
        """End the child."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        packed = pack_value(message)
        try:
            self._process.stdin.write(LENGTH.pack(len(packed)) + packed)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChannelError("its process ended") from None
        until = time.monotonic() + WITHIN_S
        (length,) = LENGTH.unpack(_read(self._process.stdout, LENGTH.size, until))
        if length > MAX_TEXT_BYTES:
            raise ChannelError(f"its text is over {MAX_TEXT_BYTES:,} bytes")
        answer: dict[str, Any] = unpack_value(_read(self._process.stdout, length, until))
        if "error" in answer:
            raise CommandError(str(answer["error"]))
        return answer


def find(name: str, config_dir: str | None, look: Look) -> OwnOutputter | None:
    """Return the form *name*, started, or ``None``; why one that is there can't be used is said on stderr."""
    try:
        opts = client_config(config_dir)
        place = _place(name, opts)
        if place is None:
            return None
        own = OwnOutputter(name, opts, place, look)
        atexit.register(own.close)
        return own
    except (SalternError, OSError, KeyError) as error:  # KeyError: a user without an account
        _say(name, str(error))
        return None


def shown(own: OwnOutputter | None, value: Any, retcode: int, stream: TextIO) -> bool:
    """Write *value* in a form of the operator's own to *stream*; return whether that could be done."""
    if own is None or own.over:
        return False
    try:
        text = own.text(value, retcode)
    except SalternError as error:
        own.over = isinstance(error, ChannelError)
        _say(own.name, str(error))
        return False
    write_text(text, stream)
    return True


def _place(name: str, opts: MasterOptions) -> Place | None:
    """Return where the form *name* is, if it is somewhere. Raises ``CommandError`` when nobody should run it."""
    if _NAME.fullmatch(name) is None:
        return None
    extension, synced = opts["extension_modules"], os.path.join(opts["cachedir"], "extmods")
    tops = [*([extension] if extension else []), synced]
    folders = [*opts["outputter_dirs"], *(os.path.join(top, "output") for top in tops)]
    trusted = {0, os.geteuid(), *_owner_of(opts["cachedir"])}
    for folder in reversed(folders):
        for path in (os.path.join(folder, f"{name}.py"), os.path.join(folder, name, "__init__.py")):
            try:
                of_file, of_folder = os.stat(path), os.stat(folder)
            except OSError:
                continue
            for status, what in ((of_folder, folder), (of_file, path)):
                why = distrusted(status, trusted)
                if why:
                    raise CommandError(f"{what} is not run: {why}")
            owner = of_file.st_uid or of_folder.st_uid
            return Place([folder], [os.path.join(top, "utils") for top in tops], _other(owner))
    return None


def _other(owner: int) -> int | None:
    return owner if os.geteuid() == 0 and owner != 0 else None


def _owner_of(path: str) -> tuple[int, ...]:
    try:
        return (os.stat(path).st_uid,)
    except OSError:
        return ()


def _group_of(user: int) -> int:
    import pwd  # for root alone

    return pwd.getpwuid(user).pw_gid


def _read(stream: IO[bytes], size: int, until: float) -> bytes:
    data = b""
    ready = select.poll()  # select() knows no descriptor above 1,023
    ready.register(stream, select.POLLIN)
    while len(data) < size:
        left = until - time.monotonic()
        if left <= 0 or not ready.poll(left * 1000):
            raise ChannelError(f"it took over {WITHIN_S:g} s")
        chunk = os.read(stream.fileno(), size - len(data))
        if not chunk:
            raise ChannelError("its process ended")
        data += chunk
    return data


def _safe(value: Any) -> Any:
    """Return *value* without what steers a terminal: a minion's words must not, whatever form they are shown in."""
    if isinstance(value, str):
        return HIDDEN.sub(escape, value)
    if isinstance(value, dict):
        return {_safe(key): _safe(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_safe(member) for member in value]
    return value


def _say(name: str, why: str) -> None:
    print(f"[ERROR   ] The outputter {visible(name)} can't be used: {visible(why)}", file=sys.stderr)
