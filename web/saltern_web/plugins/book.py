"""All plugins that there are, by name, read again when their files change.

Of two of one name the first place's counts: the folders of ``plugin_dirs``, then those fetched from the master, then
those that come with the console. So your own folder ``users``, with ``state: disabled`` in it, takes ours away.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from saltern_web.plugins.limited import limited
from saltern_web.plugins.meta import Meta, State
from saltern_web.plugins.names import FORMS, META, NAME_RULE, READ, PluginFault, is_name
from saltern_web.plugins.plugin import Origin, Place, Plugin, load_plugin
from saltern_web.program.settings import WebOptions

SHIPPED = Path(__file__).parent / "shipped"
OWN_FOLDER = "plugins"
LOOK_EVERY_S = 1.0
LOADED_WITHIN_S = 2.0
"""One that takes longer is broken; all are loaded at once, and again only when they change."""
MOST = 500

Stamp = tuple[tuple[int, int, int] | None, ...]


class _Found(NamedTuple):
    place: Place
    stamp: Stamp


class Book:
    """The plugins of some places; for one event loop."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._known: dict[str, tuple[_Found, Plugin]] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()
        self.remarks: tuple[str, ...] = ()
        """What looks like a plugin and is none, for administrators."""

    async def all(self) -> list[Plugin]:
        """Return the plugins that aren't disabled, by their titles."""
        await self._look()
        there = [plugin for _, plugin in self._known.values() if plugin.meta.state is not State.DISABLED]
        return sorted(there, key=lambda plugin: (plugin.meta.title.casefold(), plugin.name))

    async def get(self, name: str) -> Plugin | None:
        """Return one plugin; ``None`` when it isn't there, or is disabled."""
        return next((plugin for plugin in await self.all() if plugin.name == name), None)

    def look_again(self) -> None:
        """Look at all files the next time, however soon that is."""
        self._looked = float("-inf")

    async def _look(self) -> None:
        async with self._looking:
            if time.monotonic() - self._looked < LOOK_EVERY_S:
                return
            found, self.remarks = await asyncio.to_thread(_scan, self._places)
            stale = [name for name, one in found.items() if name not in self._known or self._known[name][0] != one]
            loaded = await asyncio.gather(*(_loaded(found[name].place, name) for name in stale))
            fresh = {name: (found[name], plugin) for name, plugin in zip(stale, loaded, strict=True)}
            self._known = {name: fresh.get(name) or self._known[name] for name in found}
            self._looked = time.monotonic()


async def _loaded(place: Place, name: str) -> Plugin:
    path = os.path.join(place.path, name)
    try:
        return await limited(lambda: load_plugin(place, name), FORMS, path, LOADED_WITHIN_S)
    except PluginFault as error:
        meta = Meta(name.replace("_", " ").capitalize())
        return Plugin(name, path, place.origin, meta, faults=(str(error),), can_run=False)


def places_of(options: WebOptions) -> tuple[Place, ...]:
    """Return where plugins are looked for."""
    own = options["plugin_dirs"]
    if not own and options["config_dir"]:
        own = [os.path.join(options["config_dir"], OWN_FOLDER)]
    return (
        *(Place(path, Origin.FOLDER) for path in own),
        Place(kept_folder(options), Origin.MASTER, options["plugins_from_master"]),
        Place(str(SHIPPED), Origin.SHIPPED),
    )


def kept_folder(options: WebOptions) -> str:
    """Return where the master's plugins are kept."""
    return os.path.join(options["state_dir"], OWN_FOLDER)


def _scan(places: Sequence[Place]) -> tuple[dict[str, _Found], tuple[str, ...]]:
    found: dict[str, _Found] = {}
    remarks: list[str] = []
    for place in places:
        for name in _folders(place.path, remarks):
            if is_name(name) and len(found) < MOST:
                found.setdefault(name, _Found(place, _stamp(os.path.join(place.path, name))))
            else:
                why = NAME_RULE if len(found) < MOST else f"there are over {MOST} plugins"
                remarks.append(f"{os.path.join(place.path, name)}: left out: {why}")
    return found, tuple(remarks[:20])


def _folders(path: str, remarks: list[str]) -> Iterator[str]:
    """Yield the names of the folders in *path* that have a ``meta.yaml``, sorted."""
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        remarks.append(f"{path}: can't be read: {error.strerror}")
        return
    for name in names:
        if os.path.lexists(os.path.join(path, name, META)):
            yield name


def _stamp(path: str) -> Stamp:
    """Return a value that changes with the files of a plugin, and with who may write them."""
    return tuple(_stamp_of(os.path.join(path, name)) for name in ("", *READ))


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ctime_ns, status.st_size, status.st_ino
