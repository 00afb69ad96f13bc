"""Fetch the scripts and styles that others made, from npm's packages, and check them: for maintainers.

::

    python web/vendor.py            fetch what is missing or differs, and check all of it
    python web/vendor.py --check    check what is there

``SOURCES.txt`` says of each file its SHA-256, its place, its package with the version, its place in there, its licence.
For another version change it there, with ``?`` for the digests: they are filled in, and looked at before they are
committed. Needs npm, which is asked for the package as it is: nothing is installed and no script of a package runs.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "saltern_web" / "static" / "vendor"
SOURCES = FOLDER / "SOURCES.txt"
NEW = "?"
MAX_FILE_BYTES = 4 * 1024 * 1024


class Source(NamedTuple):
    """One file: what it must be, where it is here, and where it is from."""

    digest: str
    place: str
    package: str
    """``name@version``"""
    inside: str
    licence: str

    @property
    def path(self) -> Path:
        """Where it is here."""
        return FOLDER / self.place


def sources(text: str) -> Iterator[Source]:
    """Yield what the lines of ``SOURCES.txt`` say. Raises ``SystemExit`` for one that says something else."""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        try:
            digest, place, kind, package, inside, licence = line.split()
        except ValueError:
            raise SystemExit(f"SOURCES.txt: not six words: {line}") from None
        if kind != "npm" or "@" not in package[1:] or ".." in place or place.startswith("/"):
            raise SystemExit(f"SOURCES.txt: must be digest, place, npm, name@version, place in it, licence: {line}")
        yield Source(digest, place, package, inside, licence)


def faults(text: str, folder: Path = FOLDER) -> list[str]:
    """Return what is wrong with the files in *folder* by *text*, a line each."""
    listed = {source.place: source for source in sources(text)}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {SOURCES.name}
    found = [f"{place}: is not in SOURCES.txt" for place in sorted(there - listed.keys())]
    for place, source in sorted(listed.items()):
        if place not in there:
            found.append(f"{place}: is missing")
        elif sha256((folder / place).read_bytes()).hexdigest() != source.digest:
            found.append(f"{place}: isn't what SOURCES.txt says")
    return found


@cache
def _packed(package: str, folder: str) -> Path:
    done = subprocess.run(
        ["npm", "pack", "--silent", "--ignore-scripts", package],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"npm pack {package}: {done.stderr.strip() or done.stdout.strip()}")
    return Path(folder, done.stdout.split()[-1])


def fetch(source: Source, folder: str) -> bytes:
    """Return the file of *source* out of its package. Raises ``SystemExit``."""
    with tarfile.open(_packed(source.package, folder)) as archive:
        try:
            member = archive.extractfile(source.inside)
        except KeyError:
            member = None
        if member is None:
            raise SystemExit(f"{source.package} has no file {source.inside}")
        return member.read(MAX_FILE_BYTES)


def main(words: list[str]) -> int:
    """Do what the command line says; return the exit code."""
    if words not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 64
    text = SOURCES.read_text()
    if not words:
        with tempfile.TemporaryDirectory() as folder:
            for source in sources(text):
                content = fetch(source, folder)
                digest = sha256(content).hexdigest()
                if source.digest == NEW:
                    line = f"  {source.place}  npm {source.package}"
                    text = text.replace(f"{NEW}{line}", f"{digest}{line}")
                elif source.digest != digest:
                    print(f"{source.place}: {source.package} holds another file now", file=sys.stderr)
                    return 1
                source.path.parent.mkdir(parents=True, exist_ok=True)
                source.path.write_bytes(content)
        SOURCES.write_text(text)
    found = faults(text)
    print("\n".join(found) or f"{len(list(sources(text)))} files are what {SOURCES.name} says")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
