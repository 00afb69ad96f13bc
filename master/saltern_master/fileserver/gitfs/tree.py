"""The files of one commit, as ``git ls-tree`` lists them, with the links among them resolved.

A link in git is a blob whose content is where it leads to. It is served as ``roots`` serves it: when that is a file or
a folder inside what is served. The links of a hostile tree could lead round and round or multiply: a path is followed
through 40 links at most, as the kernel does, and 1,000 folders are looked into by way of links.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from saltern.errors import IdError
from saltern.ids import check_path
from saltern.visible import visible
from saltern_master.fileserver.backend import MAX_FILE_BYTES, MAX_FILES, MAX_NAMED
from saltern_master.fileserver.gitfs.program import GitFault
from saltern_master.fileserver.ignored import NOTHING_MORE, Ignored

MAX_ENTRIES = MAX_FILES + MAX_FILES // 10
"""Of one tree, with what can't be served; git isn't asked for more."""
MAX_TREE_BYTES = 16 * 1024**3
MAX_LINK_BYTES = 4096
MAX_LINKS = 10_000
MAX_HOPS = 40
MAX_PATH_CHARACTERS = 1024
"""Of a path by way of links."""
MAX_LINKED_FOLDERS = 1000
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_POINTER_BYTES = range(100, 1024)
LFS_ATTRIBUTE = b"filter=lfs"
MAX_ATTRIBUTES_BYTES = 64 * 1024
MAX_ATTRIBUTES = 100
BLOBS_AT_ONCE = 2000

_FILE_MODES = ("100644", "100755", "100664")
_LINK, _SUBMODULE = "120000", "160000"

Contents = Callable[[list["Blob"]], dict[str, bytes]]
"""Returns the contents of blobs by object id. Raises ``GitFault``."""


class Blob(NamedTuple):
    """One file's content in a repository: its object id, its size in bytes, and whether it may be run."""

    oid: str
    size: int
    executable: bool = False


class Tree(NamedTuple):
    """The files of one commit by path; ``left_out`` says what else is in it, and why that is not served.

    ``links``: where its links lead to, as they are written.
    """

    commit: str
    files: dict[str, Blob]
    left_out: dict[str, str]
    links: dict[str, str]


class _Unresolved(Exception):
    """A link that can't be followed; the text is why."""


def read_tree(commit: str, listed: bytes, mountpoint: str, contents: Contents, ignored: Ignored = NOTHING_MORE) -> Tree:
    """Return the tree that ``git ls-tree -r -z --long`` printed as *listed*, below *mountpoint*. Raises ``GitFault``.

    It prints ``<mode> SP <type> SP <oid> SP <size, padded> TAB <path> NUL …``.
    """
    reader = _Reader(mountpoint, ignored)
    for record in listed.split(b"\0")[:-1]:
        meta, _, name = record.partition(b"\t")
        mode, _, oid, size = meta.decode("ascii").split()
        reader.take(mode, oid, size, name)
    reader.drop_pointers(contents)
    reader.follow(contents)
    total = sum({blob.oid: blob.size for blob in reader.served.values()}.values())
    if total > MAX_TREE_BYTES:
        raise GitFault(f"its files have {total:,} bytes, over {MAX_TREE_BYTES:,}: serve a part of it with root")
    return Tree(commit, dict(sorted(reader.served.items())), reader.left_out, reader.links())


class _Reader:
    """Takes the entries of a tree: ``files`` and ``links`` as they lie in it, ``served`` as they appear."""

    def __init__(self, mountpoint: str, ignored: Ignored) -> None:
        self.served: dict[str, Blob] = {}
        self.left_out: dict[str, str] = {}
        self._mountpoint = mountpoint
        self._ignored = ignored
        self._files: dict[str, Blob] = {}
        self._links: dict[str, Blob] = {}
        self._targets: dict[str, str] = {}
        self._folders: dict[str, set[str]] = {"": set()}
        self._linked = 0
        self._waiting: list[tuple[str, str, frozenset[str]]] = []

    def take(self, mode: str, oid: str, size: str, name: bytes) -> None:
        """Take one entry. Raises ``GitFault`` for one too many."""
        try:
            path = check_path(name.decode())
        except UnicodeDecodeError:
            self._leave_out(name.decode(errors="surrogateescape"), "its name is not UTF-8")
            return
        except IdError:
            self._leave_out(name.decode(), "no path of it can be asked for: its name has a backslash or dots alone")
            return
        if self._ignored(path):
            return
        if mode == _SUBMODULE:
            self._leave_out(path, f"it is a submodule (commit {oid[:12]}): add that repository as a remote")
        elif mode == _LINK and int(size) > MAX_LINK_BYTES:
            self._leave_out(path, f"it is a link of {int(size):,} bytes")
        elif mode == _LINK:
            self._links[path] = Blob(oid, int(size))
            self._place(path)
        elif mode not in _FILE_MODES:
            self._leave_out(path, f"it has the mode {mode}")
        elif int(size) > MAX_FILE_BYTES:
            self._leave_out(path, f"it is over {MAX_FILE_BYTES:,} bytes")
        else:
            self._files[path] = Blob(oid, int(size), mode == "100755")
            self._place(path)
            self._serve(path, self._files[path])

    def drop_pointers(self, contents: Contents) -> None:
        """Serve no file of which only a pointer of Git LFS is here."""
        attributes = [
            blob
            for path, blob in self._files.items()
            if path.rpartition("/")[2] == ".gitattributes" and blob.size <= MAX_ATTRIBUTES_BYTES
        ][:MAX_ATTRIBUTES]
        if not any(LFS_ATTRIBUTE in text for text in contents(attributes).values()):
            return
        small = [(path, blob) for path, blob in self._files.items() if blob.size in LFS_POINTER_BYTES]
        for start in range(0, len(small), BLOBS_AT_ONCE):
            some = small[start : start + BLOBS_AT_ONCE]
            found = contents([blob for _, blob in some])
            for path, blob in some:
                if found.get(blob.oid, b"").startswith(LFS_POINTER):
                    del self._files[path]
                    self.served.pop(self._shown(path), None)
                    self._leave_out(path, "it is in Git LFS: only a pointer to it is in the repository")

    def follow(self, contents: Contents) -> None:
        """Serve what links lead to."""
        known = dict(list(self._links.items())[:MAX_LINKS])
        for path in list(self._links)[MAX_LINKS:]:
            self._leave_out(path, f"it is a link, after {MAX_LINKS:,} others")
        texts = contents(list(known.values()))
        self._targets = {
            path: texts.get(blob.oid, b"").decode(errors="surrogateescape") for path, blob in known.items()
        }
        for path in known:
            names = path.split("/")[:-1]
            above = frozenset("/".join(names[:depth]) for depth in range(len(names) + 1))
            self._serve_link(path, path, above)
            while self._waiting:
                self._serve_folder(*self._waiting.pop())

    def links(self) -> dict[str, str]:
        """Return where links that are served lead to, by path."""
        shown = ((self._shown(path), visible(target)) for path, target in sorted(self._targets.items()))
        return {path: target for path, target in shown if path not in self.left_out}

    def _serve_link(self, path: str, link: str, above: frozenset[str]) -> None:
        """Serve as *path* what the *link* leads to; *above* are the places of the folders that *path* is in.

        A folder waits for its turn: one may be deeper in others than Python calls functions.
        """
        target = visible(self._targets.get(link, ""))[:200]
        try:
            place = self._resolved(link)
            if self._ignored(place):
                raise _Unresolved("it leads to what is hidden")
            if place in self._files:
                self._serve(path, self._files[place])
                return
            if place in above:
                raise _Unresolved("it leads round in a circle")
        except _Unresolved as error:
            self._leave_out(path, f"it is a link to {target}: {error}")
            return
        self._waiting.append((path, place, above | {place}))

    def _serve_folder(self, path: str, place: str, above: frozenset[str]) -> None:
        if self._linked == MAX_LINKED_FOLDERS:
            self._leave_out(path, f"over {MAX_LINKED_FOLDERS:,} folders are behind links")
            return
        self._linked += 1
        for name in sorted(self._folders[place]):
            inside, appears = f"{place}/{name}" if place else name, f"{path}/{name}"
            if inside in self._files:
                self._serve(appears, self._files[inside])
            elif inside in self._targets:
                self._serve_link(appears, inside, above)
            elif inside in self._folders:
                self._waiting.append((appears, inside, above | {inside}))

    def _resolved(self, link: str) -> str:
        """Return the place of the file or folder (the top: ``""``) that *link* leads to. Raises ``_Unresolved``."""
        place: list[str] = []
        waiting = link.split("/")[::-1]
        hops = 0
        while waiting:
            name = waiting.pop()
            if name == "..":
                if not place:
                    raise _Unresolved("it leads out of what is served")
                place.pop()
                continue
            if name in ("", "."):
                continue
            place.append(name)
            here = "/".join(place)
            if here in self._targets:
                target = self._targets[here]
                hops += 1
                if hops > MAX_HOPS:
                    raise _Unresolved("it leads round in a circle")
                if target.startswith("/"):
                    raise _Unresolved("it is an absolute one")
                place.pop()
                waiting += target.split("/")[::-1]
            elif here not in self._folders and (here not in self._files or waiting):
                raise _Unresolved("nothing that is served is there")
        return "/".join(place)

    def _serve(self, path: str, blob: Blob) -> None:
        if len(self.served) >= MAX_FILES:
            raise GitFault(f"has over {MAX_FILES:,} files: serve a part of it with root")
        if len(path) > MAX_PATH_CHARACTERS:
            self._leave_out(path, f"its path has over {MAX_PATH_CHARACTERS:,} characters")
        else:
            self.served[self._shown(path)] = blob

    def _place(self, path: str) -> None:
        """Take note of the folders that *path* is in."""
        while path:
            folder, _, name = path.rpartition("/")
            names = self._folders.setdefault(folder, set())
            if name in names:
                return
            names.add(name)
            path = folder

    def _shown(self, path: str) -> str:
        return f"{self._mountpoint}/{path}" if self._mountpoint else path

    def _leave_out(self, path: str, why: str) -> None:
        if len(self.left_out) < MAX_NAMED:
            self.left_out[visible(self._shown(path))] = why
