"""Spreads batches over worker processes, so that writing neither waits for the interpreter nor makes others wait."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import subprocess
from collections import deque

import numpy as np

from saltern.own_python import python_module
from saltern_graphite.file_writer import Batch, Failure, Outcome
from saltern_graphite.file_writers.worker import LENGTH, pack_batch, receive, unpack_outcome

BUFFER_BYTES = 4 * 1024 * 1024
STOP_S = 1.0
_GONE = "the worker process that writes it ended; it is started again"

log = logging.getLogger(__name__)


class _Worker:
    """One process and the socket to it."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._under_way = 0
        self._lost = 0  # batches that went down with the process before this one
        self._process: subprocess.Popen[bytes]
        self._sock: socket.socket
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        with theirs:
            one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a pool of threads costs memory
            self._process = subprocess.Popen(self._command, stdin=theirs.fileno(), env={**os.environ, **one_thread})
        self._sock = ours

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, batch: Batch) -> None:
        self._under_way += 1
        with contextlib.suppress(OSError):  # a dead one is noticed, and told, when the answer is awaited
            self._sock.sendall(pack_batch(batch))

    def receive(self, metrics: int) -> Outcome:
        self._under_way -= 1
        if self._lost:
            self._lost -= 1
        else:
            with contextlib.suppress(OSError):
                body = receive(self._sock)
                if body is not None:
                    return unpack_outcome(body)
            self.close()
            log.error("worker process %d ended with status %s; starting another", self.pid, self._process.returncode)
            self._lost = self._under_way
            self._start()
        return Outcome(failures=[Failure(place, "error", errno.ECHILD, _GONE) for place in range(metrics)])

    def close(self) -> None:
        self._sock.settimeout(STOP_S)
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while self._sock.recv(LENGTH.size):  # it ends its side when it ends
                pass
        except OSError:
            self._process.kill()
        self._sock.close()
        self._process.wait()


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
        """The processes' ids."""
        return [worker.pid for worker in self._workers]

    def submit(self, batch: Batch) -> None:
        """Send each worker its part of *batch*."""
        owner = batch.numbers % len(self._workers)
        parts = [np.flatnonzero(owner == place) for place in range(len(self._workers))]
        self._under_way.append(parts)
        for worker, places in zip(self._workers, parts, strict=True):
            if len(places):
                worker.send(batch.part(places))

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
