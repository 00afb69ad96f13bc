"""A plugin as the console has it: what it says of itself, its form and template, and what is wrong with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from django.template import Template

from saltern.own_code import distrusted
from saltern_web.plugins.forms import CompoundForm
from saltern_web.plugins.forms_file import load_form
from saltern_web.plugins.meta import Meta, State, read_meta
from saltern_web.plugins.names import FORMS, META, RESULT, PluginFault
from saltern_web.plugins.template import load_template

MAX_FILE_BYTES = 256 * 1024
NOT_RUN = (
    f"{FORMS}: it came from the master, and its code isn't run here unless the console's configuration says "
    "plugins_from_master: true"
)

T = TypeVar("T")


class Origin(StrEnum):
    """Where a plugin came from."""

    SHIPPED = "shipped"
    FOLDER = "folder"
    MASTER = "master"


class Place(NamedTuple):
    """A folder of plugins' folders; *runs*: whether their ``forms.py`` may be run."""

    path: str
    origin: Origin
    runs: bool = True


@dataclass(frozen=True)
class Plugin:
    """One plugin. ``faults``: one line each; what is wrong with one file takes away what comes from it alone."""

    name: str
    path: str
    origin: Origin
    meta: Meta
    form: type[CompoundForm] | None = None
    template: Template | None = None
    faults: tuple[str, ...] = ()
    can_run: bool = True
    """Whether what it is given is known: its ``meta.yaml`` and, if it has one, its form are whole."""

    @property
    def code_path(self) -> str:
        """Where its ``forms.py`` is, which errors in it are told by."""
        return os.path.join(self.path, FORMS)


def load_plugin(place: Place, name: str) -> Plugin:
    """Return the plugin *name* of a place, whatever is wrong with it."""
    path = os.path.join(place.path, name)
    faults: list[str] = []

    def tried(work: Callable[[], T]) -> T | None:
        try:
            return work()
        except PluginFault as error:
            faults.append(str(error))
            return None

    meta = tried(lambda: read_meta(_read(path, META) or b"", name))
    if meta is not None and meta.state is State.DISABLED:
        return Plugin(name, path, place.origin, meta)
    form = tried(lambda: _form(place, path))
    can_run = not faults
    template = tried(lambda: _template(path))
    meta = meta or Meta(name.replace("_", " ").capitalize())
    return Plugin(name, path, place.origin, meta, form, template, tuple(faults), can_run)


def _form(place: Place, path: str) -> type[CompoundForm] | None:
    file = os.path.join(path, FORMS)
    found = _opened(path, FORMS)
    if found is None:
        return None
    source, status = found
    if not place.runs:
        raise PluginFault(NOT_RUN)
    if place.origin is not Origin.SHIPPED:
        for one, judged in ((file, status), (path, os.stat(path)), (place.path, os.stat(place.path))):
            if why := distrusted(judged, {0, os.geteuid()}):
                raise PluginFault(f"{FORMS}: not run: {one}: {why}")
    return load_form(source, file)


def _template(path: str) -> Template | None:
    source = _read(path, RESULT)
    return None if source is None else load_template(source)


def _read(path: str, name: str) -> bytes | None:
    """Return what is in one file of a plugin; ``None`` when there is none. Raises ``PluginFault``."""
    found = _opened(path, name)
    return None if found is None else found[0]


def _opened(path: str, name: str) -> tuple[bytes, os.stat_result] | None:
    """Return what is in a file, and the status of the very file that was read. Raises ``PluginFault``."""
    try:
        with open(os.path.join(path, name), "rb", opener=_without_waiting) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise PluginFault(f"{name}: is no file")
            content = stream.read(MAX_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PluginFault(f"{name}: can't be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise PluginFault(f"{name}: is over {MAX_FILE_BYTES:,} bytes: too large")
    return content, status


def _without_waiting(path: str, flags: int) -> int:
    """Open so that a pipe of this name keeps nobody."""
    return os.open(path, flags | os.O_NONBLOCK)
