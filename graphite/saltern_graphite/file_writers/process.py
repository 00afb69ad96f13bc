"""Spreads batches over worker processes, so that writing neither waits for the interpreter nor makes others wait."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import socket
import subprocess
from collections import deque

import numpy as np

from saltern.own_python import python_module
from saltern_graphite.file_writers.base import Batch, Failure, Outcome
from saltern_graphite.file_writers.worker import LENGTH, pack_batch, unpack_outcome

BUFFER_BYTES = 4 * 1024 * 1024
READ_BYTES = 256 * 1024
STOP_S = 1.0
_GONE = "the worker process that writes it ended; it is started again"

log = logging.getLogger(__name__)


class _Worker:
    """One process and the socket to it. While none can be started, each batch fails, and the next is another try."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._under_way = 0
        self._lost = 0  # batches that went down with the process before this one, or never had one
        self._why = _GONE
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._read = bytearray()  # of answers that are not asked for yet
        if self._try_start() is None:
            log.error("%s; it is tried again with each batch, points are kept meanwhile", self._why)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                for sock in (ours, theirs):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
                one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a pool of threads costs memory
                self._process = subprocess.Popen(self._command, stdin=theirs.fileno(), env={**os.environ, **one_thread})
        except BaseException:
            ours.close()
            raise
        self._sock = ours
        self._why = _GONE
        self._read.clear()

    def _try_start(self) -> socket.socket | None:
        try:
            self._start()
        except OSError as error:  # no memory, process or descriptor is to be had at present
            self._why = f"no worker process can be started to write it: {error.strerror}"
        return self._sock

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def send(self, frame: bytes) -> None:
        self._under_way += 1
        sock = self._sock or self._try_start()
        if sock is None:
            self._lost += 1
            return
        with contextlib.suppress(OSError):  # a dead one is noticed, and told, when the answer is awaited
            self._send(sock, memoryview(frame))

    def _send(self, sock: socket.socket, data: memoryview) -> None:
        """Send *data*, and take in what the worker has to say meanwhile: it reads nothing more until that is gone."""
        poll = select.poll()
        poll.register(sock, select.POLLIN | select.POLLOUT)
        while data:
            ((_, ready),) = poll.poll()
            if ready & ~select.POLLOUT:
                received = sock.recv(READ_BYTES)
                if not received:
                    return
                self._read += received
            if ready & select.POLLOUT:
                with contextlib.suppress(BlockingIOError):
                    data = data[sock.send(data, socket.MSG_DONTWAIT) :]

    def receive(self, metrics: int) -> Outcome:
        self._under_way -= 1
        if self._lost:
            self._lost -= 1
        elif self._sock is not None:
            with contextlib.suppress(OSError):
                body = self._answer(self._sock)
                if body is not None:
                    return unpack_outcome(body)
            status = self.close()
            log.error("worker process %s ended with status %s; starting another", self.pid, status)
            self._lost = self._under_way
            self._try_start()
        return Outcome(failures=[Failure(place, "error", errno.ECHILD, self._why) for place in range(metrics)])

    def _answer(self, sock: socket.socket) -> bytes | None:
        """Return the next answer's body, ``None`` at the end. Raises ``OSError``."""
        head = self._taken(sock, LENGTH.size)
        return None if head is None else self._taken(sock, *LENGTH.unpack(head))

    def _taken(self, sock: socket.socket, size: int) -> bytes | None:
        while len(self._read) < size:
            received = sock.recv(READ_BYTES)
            if not received:
                return None
            self._read += received
        taken = bytes(self._read[:size])
        del self._read[:size]
        return taken

    def close(self) -> int | None:
        """End the process, if there is one; return its status."""
        sock, self._sock = self._sock, None
        if sock is None or self._process is None:
            return None
        sock.settimeout(STOP_S)
        try:
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(READ_BYTES):  # it ends its side when it ends
                pass
        except OSError:
            self._process.kill()
        sock.close()
        return self._process.wait()


class ProcessFileWriter:
    """Runs *workers* processes for the tree at *whisper_dir*; a metric's number decides which of them has it."""

    depth = 2

    def __init__(self, whisper_dir: str, workers: int, *, sync: bool, late: str) -> None:
        command = python_module("saltern_graphite.file_writers.worker", whisper_dir, "--late", late)
        if sync:
            command.append("--sync")
        self._workers = [_Worker(command) for _ in range(workers)]
        self._under_way: deque[list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = deque()

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that could be started."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def submit(self, batch: Batch) -> None:
        """Send each worker its part of *batch*."""
        owner = batch.numbers % len(self._workers)
        parts = [np.flatnonzero(owner == place) for place in range(len(self._workers))]
        frames = [pack_batch(batch.part(places)) if len(places) else b"" for places in parts]
        self._under_way.append(parts)
        for worker, frame in zip(self._workers, frames, strict=True):
            if frame:
                worker.send(frame)

    def collect(self) -> Outcome:
        """Wait for every worker's part of the batch submitted first."""
        whole = Outcome()
        for worker, places in zip(self._workers, self._under_way.popleft(), strict=True):
            if not len(places):
                continue
            whole.add(worker.receive(len(places)), places.tolist())
        return whole

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()
