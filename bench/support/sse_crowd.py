"""Listeners to ``/events``, run as a program: some hundred connections in one process that reads and counts.

Arguments: host, port, how many, and a tag; the token is the first line on stdin. When all are there it prints
``ready``; the next line on stdin ends it, and it prints what it counted as JSON: events of each listener that bear the
tag, and how late they came (seconds; the time of sending is in the event). Only a few listeners read the events; the
others count them, so that it is the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

READERS = 10
"""Listeners that look into the events."""
CHUNK_BYTES = 256 * 1024


async def listen(
    host: str, port: int, token: str, tag: str, late: list[float] | None, there: asyncio.Semaphore
) -> list[int]:
    """Read one stream until cancelled; return a list with one number, the events that came."""
    count = [0]
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    request = (
        f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\nX-Auth-Token: {token}\r\nAccept: text/event-stream\r\n\r\n"
    )
    writer.write(request.encode())
    await writer.drain()
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"no stream: {status!r}")
    there.release()
    mark = f"\ntag: {tag}/".encode()
    try:
        if late is None:
            await count_marks(reader, mark, count)
        else:
            while line := await reader.readline():
                if line.startswith(b"data:") and f'"{tag}/'.encode() in line[:200]:
                    count[0] += 1
                    late.append(time.time() - json.loads(line[5:])["data"]["sent"])
    except asyncio.CancelledError:
        pass
    writer.close()
    return count


async def count_marks(reader: asyncio.StreamReader, mark: bytes, count: list[int]) -> None:
    """Count how often *mark* comes, wherever the stream is cut."""
    rest = b""
    while chunk := await reader.read(CHUNK_BYTES):
        rest += chunk
        count[0] += rest.count(mark)
        rest = rest[-(len(mark) - 1) :]


async def main(host: str, port: int, listeners: int, tag: str) -> None:
    """Listen, and say what came."""
    token = sys.stdin.readline().strip()
    late: list[float] = []
    there = asyncio.Semaphore(0)
    tasks = [
        asyncio.create_task(listen(host, port, token, tag, late if number < READERS else None, there))
        for number in range(listeners)
    ]
    for _ in tasks:
        await there.acquire()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    counts = [(await task)[0] for task in tasks]
    late.sort()
    tail = {"median": late[len(late) // 2], "p99": late[int(len(late) * 0.99)], "worst": late[-1]} if late else {}
    print(json.dumps({"fewest": min(counts), "most": max(counts), **tail}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
