"""What the far end makes of our part of a handshake: why one failed is not told by ZeroMQ.

A master that has another key than the pinned one can't read our HELLO, and closes the connection without a word; so
does a proxy whose master is away, and so looks a reset on the way. The difference: a master sends its greeting first
(ZMTP 3.1, RFC 23), and it answers a HELLO made for its own key with a WELCOME (CurveZMQ, RFC 26)::

    agent                                 master
    greeting (64 bytes, "CURVE")  ──▶
                                  ◀──  greeting (64 bytes, "CURVE")
    HELLO (for the pinned key)    ──▶
                                  ◀──  WELCOME: it has the pinned key      or the end: it has another one

The HELLO is libzmq's own, which tells it to a socket of ours. It may be sent again: it holds a key made for it alone
and nothing secret.
"""

from __future__ import annotations

import errno
import os
import socket
import time

import zmq

from saltern.pki import KeyPair, fingerprint
from saltern_agent.cause import CUT, KEY, SILENT, STRANGE, Cause, of_addresses

ANSWER_S = 5.0
GREETING_BYTES = 64
HELLO_BYTES = 2 + 200  # flags, length, command
SURE = 2
"""How often the end must come right after our HELLO: a reset hits that moment once, hardly twice."""

_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
_WELCOME = b"\x07WELCOME"


def why_it_failed(address: str, port: int, keys: KeyPair, master_key: str) -> Cause:
    """Return why no handshake comes about with what listens on *address*; it takes ``ANSWER_S`` at most, twice."""
    try:
        hello = hello_for(keys, master_key)
        for _ in range(SURE):
            cause = _ask(address, port, hello)
            if cause is not None:
                return cause
    except OSError as error:
        return Cause(CUT, f"the connection ends during the handshake, and can't be looked at more closely: {error}")
    text = (
        f"the master there has another key than the pinned one, {fingerprint(master_key)}: compare that with what "
        f"saltern-key -F master shows on the master; when its key was made anew, this host has to join again"
    )
    return Cause(KEY, text)


def hello_for(keys: KeyPair, master_key: str) -> bytes:
    """Return a CURVE HELLO for a master with *master_key*, flags and length included. Raises ``OSError``."""
    name = f"saltern-{os.getpid()}-{os.urandom(8).hex()}"
    with socket.socket(socket.AF_UNIX) as listener, zmq.Context() as context:
        listener.settimeout(ANSWER_S)
        listener.bind(f"\0{name}")
        listener.listen(1)
        with context.socket(zmq.DEALER) as dealer:
            dealer.linger = 0
            dealer.curve_serverkey = master_key.encode()
            dealer.curve_publickey, dealer.curve_secretkey = keys.public.encode(), keys.secret.encode()
            dealer.connect(f"ipc://@{name}")
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(ANSWER_S)
                connection.sendall(_greeting(as_server=True))
                return _read(connection, GREETING_BYTES + HELLO_BYTES)[GREETING_BYTES:]


def _ask(address: str, port: int, hello: bytes) -> Cause | None:
    """Return what the far end's answer to *hello* says, ``None`` when it ends the connection for it."""
    try:
        connection = socket.create_connection((address, port), ANSWER_S)
    except OSError as error:
        return of_addresses({address: error.errno or errno.ETIMEDOUT})
    with connection:
        try:
            connection.settimeout(ANSWER_S)
            connection.sendall(_greeting(as_server=False))
            greeting = _read(connection, GREETING_BYTES)
            if greeting and not _is_masters(greeting):
                said = greeting[12:32].rstrip(b"\0") if greeting[0] == 0xFF else greeting[:20]
                return Cause(STRANGE, f"what listens there is no saltern-master: it says {said!r}")
            if len(greeting) < GREETING_BYTES:
                return Cause(CUT, "the connection is closed before the master says anything: is a proxy between?")
            connection.sendall(hello)
            answer = _read(connection, 2 + len(_WELCOME))
        except TimeoutError:
            return Cause(SILENT, "silence: the connection is taken, and then nothing comes: is that the master's port?")
        except OSError as error:
            return Cause(CUT, f"the connection is cut during the handshake: {os.strerror(error.errno or errno.EIO)}")
    if not answer:
        return None
    return Cause(CUT, "the connection ended during the handshake; the master there has the pinned key")


def _greeting(*, as_server: bool) -> bytes:
    """Return a ZMTP 3.1 greeting: signature, version, mechanism, as-server, filler."""
    return (_SIGNATURE + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes([as_server])).ljust(GREETING_BYTES, b"\0")


def _is_masters(greeting: bytes) -> bool:
    """Return whether *greeting*, or the part of it that came, is one for CURVE; libzmq says as-server nowhere."""
    if greeting[:1] != b"\xff":
        return False
    return len(greeting) < GREETING_BYTES or greeting[12:32].rstrip(b"\0") == b"CURVE"


def _read(connection: socket.socket, length: int) -> bytes:
    """Return *length* bytes, fewer at the end of the connection or when they can't be ZMTP. Raises ``OSError``."""
    data = b""
    until = time.monotonic() + ANSWER_S
    while len(data) < length:
        if time.monotonic() > until:
            raise TimeoutError
        more = connection.recv(length - len(data))
        data += more
        if not more or data[0] not in (0xFF, 0x04):
            break
    return data
