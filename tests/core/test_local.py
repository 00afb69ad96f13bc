"""The client's end of the master's Unix socket."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ChannelError, MasterNotRunning, NotAuthorised, RequestTimeout, WireError
from saltern.local import LENGTH, MAX_LOCAL_BYTES, SOCKET_NAME, LocalConnection, SocketPath, frame
from support.descriptors import open_ones


def serve(folder: Path, behave: Callable[[socket.socket], Any]) -> threading.Thread:
    """Listen in *folder* for one connection."""
    folder.mkdir(parents=True, exist_ok=True)
    path = SocketPath(str(folder))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path.path)
    listener.listen()
    path.close()

    def run() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            behave(connection)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        for answer in answers:
            connection.sendall(answer)

    return behave


def test_answers_come_in_whatever_pieces(tmp_path: Path) -> None:
    data = frame({"result": ["x" * 1000]})
    thread = serve(tmp_path, answering(*[data[i : i + 7] for i in range(0, len(data), 7)]))
    with LocalConnection(str(tmp_path)) as connection:
        assert connection.call("anything") == ["x" * 1000]
    thread.join()


def test_what_was_followed_till_now_is_no_answer(tmp_path: Path) -> None:
    event, end = frame({"tag": "salt/job/1/ret/m", "data": {"id": "m"}}), frame({"end": True})
    thread = serve(tmp_path, answering(event, event, end, frame({"result": {"jid": "2"}})))
    with LocalConnection(str(tmp_path)) as connection:
        assert connection.call("job.publish") == {"jid": "2"}
    thread.join()


def test_what_is_followed_keeps_no_call_waiting_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern.local.ANSWER_GRACE_S", 0.0)
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not done.wait(0.01):
                connection.sendall(frame({"tag": "salt/job/1/ret/m", "data": {}}))

    thread = serve(tmp_path, behave)
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(RequestTimeout):
        connection.call("anything", within_s=0.1)
    done.set()
    thread.join()


def test_errors_keep_their_class(tmp_path: Path) -> None:
    thread = serve(tmp_path, answering(frame({"error": "you may not", "code": "not_authorised"})))
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(NotAuthorised, match="you may not"):
        connection.call("anything")
    thread.join()


def test_what_a_master_says_before_it_closes_is_heard(tmp_path: Path) -> None:
    refusal = frame({"error": "you may do nothing here", "code": "not_authorised"})
    thread = serve(tmp_path, lambda connection: connection.sendall(refusal))
    with LocalConnection(str(tmp_path)) as connection:
        thread.join()  # it closed: the request can't even be sent
        with pytest.raises(NotAuthorised, match="you may do nothing here"):
            connection.call("anything")


@pytest.mark.parametrize("code", ["os", "NotAuthorised", "annotations", None])
def test_an_unknown_code_is_a_channel_error(tmp_path: Path, code: str | None) -> None:
    thread = serve(tmp_path, answering(frame({"error": "x", "code": code})))
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(ChannelError):
        connection.call("anything")
    thread.join()


def test_no_answer_in_time(tmp_path: Path) -> None:
    done = threading.Event()
    thread = serve(tmp_path, lambda connection: done.wait(10))
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(RequestTimeout, match="did not answer x within"):
        connection.call("x", within_s=0.05)
    done.set()
    thread.join()


def test_a_master_that_goes(tmp_path: Path) -> None:
    thread = serve(tmp_path, answering())
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(ChannelError, match="the master closed"):
        connection.call("x")
    thread.join()


def test_a_length_over_the_limit(tmp_path: Path) -> None:
    thread = serve(tmp_path, answering(LENGTH.pack(MAX_LOCAL_BYTES + 1)))
    with LocalConnection(str(tmp_path)) as connection, pytest.raises(WireError, match="the limit is"):
        connection.call("x")
    thread.join()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(MasterNotRunning, match=f"no master answers at {tmp_path}/{SOCKET_NAME}"):
        LocalConnection(str(tmp_path))
    with pytest.raises(MasterNotRunning):
        LocalConnection(str(tmp_path / "missing"))


def test_a_path_too_long_for_the_kernel(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 200)
    thread = serve(folder, answering(frame({"result": 1})))
    before = open_ones()
    with LocalConnection(str(folder)) as connection:
        assert connection.call("x") == 1
    thread.join()  # its end of the connection is open until then
    assert len(os.listdir("/proc/self/fd")) <= before
