"""Fetching the master's modules and what they share: by digest, only what changed, never half a file.

Modules land in ``cachedir/extmods/modules``, what is in ``_utils`` in ``cachedir/extmods/utils``;
``cachedir/extmods/index`` remembers their digests and commits. What does not compile is refused by name, a package as a
whole, and the version before it stays. ``saltern-call`` syncs into the same folders: the agent notices by the index.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from saltern.complaints import Complaints
from saltern.digest import sha256
from saltern.errors import ChannelError, ModuleError, SalternError, os_errors
from saltern.files import make_folder, write_atomic
from saltern.set_aside import foreign_aside, is_aside
from saltern_agent.loader.imports import KINDS, MODULES, UTILS
from saltern_agent.loader.module import reason
from saltern_agent.state_file import StateFile
from saltern_agent.sync_units import Listing, Unit, Version, read_listing
from saltern_modules._agent import Synced

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_UNIT_BYTES = 64 * 1024 * 1024
OTHER_SYNC_S = 60.0  # for another program's sync to end
LOOK_INTERVAL_S = 0.05

Versions = dict[str, dict[str, dict[str, Version]]]
"""By kind, module, and file in the kind's folder."""

Taken = Callable[[list[str], dict[str, str]], Mapping[str, str]]
"""Is told the modules that changed, and why others aren't there; returns which of them are not used, and why."""


def module_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders that override the bundled modules, the strongest last."""
    return [*opts["module_dirs"], os.path.join(opts["cachedir"], "extmods", MODULES)]


def utils_folders(opts: Mapping[str, Any]) -> list[str]:
    """Return the folders of what modules share."""
    return [os.path.join(opts["cachedir"], "extmods", UTILS)]


class Sync:
    """Keeps the synced modules of one agent. *request* calls the master, *taken* hears what came of a sync."""

    def __init__(self, cachedir: str, request: Callable[..., Any], taken: Taken) -> None:
        self.digest = ""  # of the module tree that was last taken over whole
        self._folder = os.path.join(cachedir, "extmods")
        self.index = StateFile(os.path.join(self._folder, "index"), "the index of modules")
        self.index.read_late = self._load_late
        self._request = request
        self._taken = taken
        self._lock = threading.Lock()
        self._refusals = Complaints(log)
        self._versions: Versions = {}
        self._seen: tuple[int, int] | None = None
        self._load_index()

    def versions(self) -> dict[str, dict[str, str | None]]:
        """Return the digest and commit of each synced module by name, of a package those of its first file."""
        return {name: self._main(name, files)._asdict() for name, files in self._versions.get(MODULES, {}).items()}

    def version(self, name: str) -> dict[str, str | None] | None:
        """Return the digest and commit of one synced module, or ``None``."""
        files = self._versions.get(MODULES, {}).get(name)
        return self._main(name, files)._asdict() if files else None

    def vanished(self) -> bool:
        """Return whether files of modules that were taken over are there no more."""
        if not self.digest:
            return False
        return not all(
            os.path.exists(os.path.join(self._folder, kind, file))
            for kind, units in list(self._versions.items())
            for files in list(units.values())
            for file in list(files)
        )

    def changed_by_others(self) -> list[str]:
        """Return the modules that another program has synced since this was last asked; it costs one look at a file."""
        if _stamp(self.index.path) == self._seen or not self._lock.acquire(blocking=False):
            return []
        try:
            before = self._versions
            self._load_index()
            names = {(kind, name) for units in (before, self._versions) for kind in units for name in units[kind]}
            return [name for kind, name in sorted(names) if _of(before, kind, name) != _of(self._versions, kind, name)]
        finally:
            self._lock.release()

    def run(self, kinds: Sequence[str] = KINDS) -> Synced:
        """Take over what the master has of *kinds*, and return what changed, and what could not be taken or used.

        Raises ``ChannelError`` when the master can't be asked, ``ModuleError`` when its answer makes no sense or
        nothing can be written.
        """
        with self._lock, os_errors(ModuleError, self._folder, "modules can't be written"):
            listing = read_listing(self._request("modules", saltenv="base"))
            foreign_aside(self._folder, folder=True)
            make_folder(self._folder, 0o755)
            with _alone(os.path.join(self._folder, "lock")):
                if self.index.unread:
                    self._load_index()
                return self._run(listing, kinds)

    def _run(self, listing: Listing, kinds: Sequence[str]) -> Synced:
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
            self.digest = listing.digest if complete else ""
        self._save_index()
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
            self._refusals.say(f"{name} {why}", f"module {shown}: {why}; the version before it stays")
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
        known = self._versions.setdefault(unit.kind, {})
        before = known.get(unit.name)  # another program may have brought the files since
        changed = bool(fresh or others) or (before is not None and _digests(before) != _digests(unit.files))
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
        known = self._versions.get(kind, {})
        self._versions[kind] = {name: files for name, files in known.items() if name in wanted}
        return removed

    @staticmethod
    def _main(name: str, files: Mapping[str, Version]) -> Version:
        return files.get(f"{name}.py") or next(iter(files.values()))

    def _load_index(self) -> None:
        self._seen = _stamp(self.index.path)
        index = self.index.read(_parse_index)
        if index is not None:
            self.digest, self._versions = index
        if self.vanished():
            self.digest = ""

    def _load_late(self) -> None:
        if self._lock.acquire(blocking=False):  # else a sync does
            try:
                self._load_index()
            finally:
                self._lock.release()

    def _save_index(self) -> None:
        kinds = {
            kind: {name: {file: list(version) for file, version in files.items()} for name, files in units.items()}
            for kind, units in self._versions.items()
        }
        self.index.write({"digest": self.digest, "kinds": kinds})
        self._seen = _stamp(self.index.path)


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


def _parse_index(index: Any) -> tuple[str, Versions]:
    if "kinds" not in index:  # of an earlier release: the next sync makes it anew
        return "", {}
    return str(index["digest"]), {
        str(kind): {
            str(name): {str(file): Version(str(digest), commit) for file, (digest, commit) in files.items()}
            for name, files in units.items()
        }
        for kind, units in index["kinds"].items()
    }


def _of(versions: Versions, kind: str, name: str) -> dict[str, str]:
    return _digests(versions.get(kind, {}).get(name, {}))


def _digests(files: Mapping[str, Version]) -> dict[str, str]:
    return {file: version.digest for file, version in files.items()}


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


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
