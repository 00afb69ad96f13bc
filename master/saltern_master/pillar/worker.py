"""The process that compiles pillars, one after another: ``python -m saltern_master.pillar.worker``.

Frames on standard input and output: four bytes of length, then msgpack (secrets in it pass). The first frame is the
settings; each further one a request, answered by one frame. What is rendered at the moment is written into a small
shared file, so that who ends this process can say what it was doing. Memory is bounded by the kernel.
"""

from __future__ import annotations

import logging
import mmap
import os
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from saltern.digest import sha256
from saltern.errors import SalternError
from saltern.wire import pack_value, unpack_value
from saltern_master.pillar.compile import Compiled, Compiler, Request
from saltern_master.pillar.ext import run_ext
from saltern_master.pillar.renderer import RenderError
from saltern_master.pillar.settings import Settings

MAX_FRAME_BYTES = 64 * 1024 * 1024
MAX_PILLAR_BYTES = 8 * 1024 * 1024
MEMORY_BYTES = 1024 * 1024 * 1024
"""Of address space beyond what the process begins with."""
ALONE_S = 2.0
PLACE_BYTES = 1024
MAX_LOG_LINES = 50
FRAME_HEAD = 4
BEGINNING = "its beginning"


def main(argv: list[str]) -> int:
    """Serve until the input ends. *argv*: the descriptor of the shared file."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an external pillar prints is no frame
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    place = mmap.mmap(int(argv[0]), PLACE_BYTES)
    serve(sys.stdin.buffer, output, place)
    return 0


def serve(source: BinaryIO, output: BinaryIO, place: mmap.mmap) -> None:
    """Answer requests until the source ends."""
    compiler: Compiler | None = None
    generation = -1
    _bound_memory()

    refused: set[str] = set()

    def at(where: str) -> None:
        if where in refused:
            raise RenderError("it took too long before: it is left alone until files change")
        text = where.encode("utf-8", "replace")[: PLACE_BYTES - 1]
        place[: len(text) + 1] = text + b"\0"

    while (frame := read_frame(source)) is not None:
        asked = unpack_value(frame, secrets=True)
        at(BEGINNING)
        if compiler is None or "settings" in asked:
            compiler, generation = Compiler(Settings(*asked["settings"]), run_ext, at=at), -1
            continue
        refused = {one.removeprefix(", in ") for one in asked.get("refused", ())}
        # The kernel ends us when the master, which would have, is gone: even within a regular expression.
        signal.setitimer(signal.ITIMER_REAL, compiler.settings.timeout_s * 2 + ALONE_S)
        try:
            if asked["generation"] != generation:
                at("the folders of pillar_roots")
                compiler.tree.look()
                generation = asked["generation"]
            answer = answer_of(compiler, asked)
        except MemoryError:
            answer = {"failed": f"it takes over {MEMORY_BYTES >> 20} MiB of memory"}
        except RecursionError:
            answer = {"failed": "it is nested too deeply"}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        signal.setitimer(signal.ITIMER_REAL, 0)
        packed = pack_value(answer, secrets=True)
        if len(packed) > MAX_FRAME_BYTES:
            packed = pack_value({"failed": f"it comes to over {MAX_FRAME_BYTES >> 20} MiB"})
        output.write(len(packed).to_bytes(FRAME_HEAD, "big") + packed)
        output.flush()


def answer_of(compiler: Compiler, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request: the pillar packed, its digest, and what it hangs on."""
    request = Request(
        asked["id"],
        asked["grains"],
        asked.get("saltenv"),
        asked.get("pillarenv"),
        asked.get("override") or {},
        _allowed(compiler.settings, asked.get("ext") or {}),
    )
    if asked.get("top"):
        return {"top": compiler.top(request)}
    found = compiler.compile(request)
    packed = _settled(found)
    if len(packed) > MAX_PILLAR_BYTES:
        return {"failed": f"it comes to {len(packed):,} bytes: {MAX_PILLAR_BYTES:,} fit a message"}
    return {
        "pillar": packed,
        "digest": sha256(packed).hexdigest()[:32],
        "errors": found.errors,
        "log": found.log[:MAX_LOG_LINES],
        "used": sorted(found.used),
        "asked": sorted(found.asked),
        "proxy_claimed": found.proxy_claimed,
    }


def _settled(found: Compiled) -> bytes:
    """Return the pillar's bytes as both ends pack it: what has no plain form gets one first."""
    packed = pack_value(found.pillar, secrets=True)
    return pack_value(unpack_value(packed, secrets=True), secrets=True)


def _allowed(settings: Settings, ext: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is asked for on demand, if the master allows each of it. Raises ``CommandError``."""
    wrong = [name for name in ext if name not in settings.on_demand]
    if wrong:
        raise SalternError(f"on_demand_ext_pillar doesn't allow {', '.join(map(str, wrong))}")
    return ext


def _bound_memory() -> None:
    """Have the kernel refuse memory beyond the bound."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        now = int(stream.read().split()[0]) * mmap.PAGESIZE
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = now + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def read_frame(source: BinaryIO) -> bytes | None:
    """Return the next frame; ``None`` at the end."""
    head = source.read(FRAME_HEAD)
    if len(head) < FRAME_HEAD:
        return None
    length = int.from_bytes(head, "big")
    frame = source.read(length)
    return frame if len(frame) == length else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
