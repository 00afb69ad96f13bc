"""One sync: fetching the master's modules and what they share, by digest, only what changed, never half a file.

What does not compile is refused by name, a package as a whole, and the version before it stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from saltern.digest import sha256
from saltern.errors import ChannelError, ModuleError, SalternError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import foreign_aside, is_aside
from saltern_agent.loader.module import reason
from saltern_agent.loader.source import KINDS, MODULES
from saltern_agent.sync import Sync, Taken, digests
from saltern_agent.sync_units import Listing, Unit, read_listing
from saltern_modules._agent import Synced

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_UNIT_BYTES = 64 * 1024 * 1024
OTHER_SYNC_S = 60.0  # for another program's sync to end
LOOK_INTERVAL_S = 0.05


class SyncRun:
    """Brings *state* up to date; *request* calls the master, *taken* hears what came of it."""

    def __init__(self, state: Sync, request: Callable[..., Any], taken: Taken) -> None:
        self._state = state
        self._folder = state.folder
        self._request = request
        self._taken = taken

    def run(self, kinds: Sequence[str]) -> Synced:
        """Take over *kinds*. Raises ``ChannelError``, ``ModuleError``, ``OSError``."""
        listing = read_listing(self._request("modules", saltenv="base"))
        foreign_aside(self._folder, folder=True)
        make_folder(self._folder, 0o755)
        with _alone(os.path.join(self._folder, "lock")):
            return self._take_over(listing, kinds)

    def _take_over(self, listing: Listing, kinds: Sequence[str]) -> Synced:
        changed: list[tuple[str, str]] = []
        refused = {path: f"refused: {why}" for path, why in listing.odd.items()}
        complete = True
        for kind in kinds:
            changed += [(kind, name) for name in self._remove_others(kind, listing)]
            for unit in listing.of(kind):
                try:
                    if self._take(unit):
                        changed.append((kind, unit.name))
                except ChannelError:
                    raise
                except SalternError as error:
                    refused[f"{kind}.{unit.name}"] = f"refused: {error}"
                    complete = complete and isinstance(error, Unusable)
        if set(kinds) == set(KINDS):
            self._state.digest = listing.digest if complete else ""
        return self._tell(listing, kinds, changed, refused)

    def _tell(
        self, listing: Listing, kinds: Sequence[str], changed: list[tuple[str, str]], refused: dict[str, str]
    ) -> Synced:
        tops = tuple(f"_{kind}/" for kind in kinds)
        left_out = {path: why for path, why in listing.left_out.items() if path.startswith((*tops, "…"))}
        modules = f"{MODULES}."
        missing = {name.removeprefix(modules): why for name, why in refused.items() if name.startswith(modules)}
        for path, why in left_out.items():
            if path.startswith(f"_{MODULES}/") and path.endswith((".py", "/")):
                missing[path.removeprefix(f"_{MODULES}/").removesuffix("/").removesuffix(".py")] = f"left out: {why}"
        unused = self._taken([name for _, name in changed], missing)
        for name, why in refused.items():
            shown = name.removeprefix(modules)
            self._state.refusals.say(f"{name} {why}", f"module {shown}: {why}; the version before it stays")
        if changed:
            names = (name if kind == MODULES else f"_{kind}/{name}" for kind, name in changed)
            log.info("modules changed: %s", ", ".join(names))
        told = [f"{name}: {why}" for name, why in sorted(refused.items())]
        told += [f"{modules}{name}: {why}" for name, why in sorted(unused.items()) if MODULES in kinds]
        told += [f"{path}: left out: {why}" for path, why in sorted(left_out.items())]
        failed = bool(refused) or any(path.endswith((".py", "/")) for path in left_out)
        return Synced([f"{kind}.{name}" for kind, name in changed], told, failed)

    def _take(self, unit: Unit) -> bool:
        """Fetch what of one module isn't here already, all or nothing; return whether it changed."""
        folder = os.path.join(self._folder, unit.kind)
        fresh: dict[str, bytes] = {}
        size = 0
        for file, version in unit.files.items():
            path = os.path.join(folder, file)
            if _digest_of(path) == version.digest:
                continue
            fresh[file] = self._fetch(unit.path(file), version.digest)
            size += len(fresh[file])
            if size > MAX_UNIT_BYTES:
                raise Unusable(f"it has over {MAX_UNIT_BYTES:,} bytes")
            if file.endswith(".py"):
                _check_compiles(fresh[file], path, file if unit.package else "")
        others = self._other_files(unit)
        for file, data in fresh.items():
            path = os.path.join(folder, file)
            self._make_folders(folder, os.path.dirname(file))
            foreign_aside(path)
            write_atomic(path, data)
        for path in others:
            _remove(path)
        known = self._state.by_kind.setdefault(unit.kind, {})
        before = known.get(unit.name)  # another program may have brought the files since
        changed = bool(fresh or others) or (before is not None and digests(before) != digests(unit.files))
        known[unit.name] = dict(unit.files)
        return changed

    def _make_folders(self, folder: str, inside: str) -> None:
        for name in inside.split("/") if inside else ():
            folder = os.path.join(folder, name)
            foreign_aside(folder, folder=True)
            make_folder(folder, 0o755)

    def _other_files(self, unit: Unit) -> list[str]:
        """Return what lies where *unit* is, and is none of its files."""
        folder = os.path.join(self._folder, unit.kind)
        if not unit.package:
            other = os.path.join(folder, unit.name)
            return [other] if os.path.lexists(other) else []
        plain = f"{os.path.join(folder, unit.name)}.py"
        others = [plain] if os.path.lexists(plain) else []
        wanted = {os.path.join(folder, file) for file in unit.files}
        for place, _, names in os.walk(os.path.join(folder, unit.name)):
            others += [path for name in names if (path := os.path.join(place, name)) not in wanted]
        return [path for path in others if not is_aside(path)]

    def _fetch(self, path: str, hsum: str) -> bytes:
        data = b""
        while True:
            chunk = self._request("file_chunk", path=path, saltenv="base", hsum=hsum, offset=len(data))
            if not isinstance(chunk, dict) or not isinstance(chunk.get("data"), bytes):
                raise ModuleError("the master has it no more")
            data += bytes(chunk["data"])
            size = chunk.get("size")
            if not isinstance(size, int) or size > MAX_FILE_BYTES:
                raise ModuleError(f"it has {size!r} bytes: a module has at most {MAX_FILE_BYTES:,}")
            if len(data) >= size or not chunk["data"]:
                break
        if sha256(data).hexdigest() != hsum:
            raise ModuleError("what came does not match its digest")
        return data

    def _remove_others(self, kind: str, listing: Listing) -> list[str]:
        """Remove the modules of *kind* that the master has no more, and return their names."""
        folder = os.path.join(self._folder, kind)
        foreign_aside(folder, folder=True)
        make_folder(folder, 0o755)
        wanted = {unit.name for unit in listing.of(kind)}
        removed = []
        for entry in sorted(os.listdir(folder)):
            name = entry.removesuffix(".py")
            if name not in wanted and not is_aside(entry) and (name != entry or _is_folder(folder, entry)):
                if name != entry:
                    foreign_aside(os.path.join(folder, entry))
                _remove(os.path.join(folder, entry))
                removed.append(name)
        known = self._state.by_kind.get(kind, {})
        self._state.by_kind[kind] = {name: files for name, files in known.items() if name in wanted}
        return removed


class Unusable(ModuleError):
    """A file that arrived whole but is no module; asking again would not help."""


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Hold the file *path* against other programs' syncs. Raises ``ModuleError`` when another one goes on and on."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + OTHER_SYNC_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ModuleError(f"another program syncs modules for over {OTHER_SYNC_S:g} s") from None
                time.sleep(LOOK_INTERVAL_S)
        yield
    finally:
        os.close(descriptor)


def _is_folder(folder: str, name: str) -> bool:
    return os.path.isdir(os.path.join(folder, name))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # it was none, and is set aside
        if os.path.isdir(path) and not os.path.islink(path):
            from shutil import rmtree  # a megabyte, for the day that a package goes

            rmtree(path)
        else:
            os.unlink(path)


def _check_compiles(data: bytes, path: str, file: str) -> None:
    """Raise ``Unusable`` for what is no Python; *file* names it in a package."""
    try:
        compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unusable(f"{file}: {reason(error, path)}" if file else reason(error, path)) from None


def _digest_of(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return sha256(stream.read()).hexdigest()
    except OSError:
        return ""
