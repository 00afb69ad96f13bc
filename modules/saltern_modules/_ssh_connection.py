"""One connection by SSH, kept while the device is served, and commands on it: each in a channel of its own.

Whom we speak with is settled before a password is: a key that isn't the device's is refused. Nothing of the user's own
``~/.ssh`` is read, no agent and no other key than the device's is tried.
"""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import asyncssh

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern.visible import visible
from saltern_modules._ssh_settings import SshSettings

KEEPALIVE_S = 15
KEEPALIVES = 3
"""So many without an answer, and the connection counts as dead."""
CLOSE_S = 2.0
CHUNK = 65536
MAX_SAID = 200
BROKEN = (asyncssh.Error, OSError)

# At INFO it logs each command, and what is put in its places.
logging.getLogger("asyncssh").setLevel(logging.WARNING)


class Lost(CommandError):
    """There is no connection, or no more."""


class Answer(NamedTuple):
    """What a command has said, and how it ended; *status* is ``None`` where the device doesn't tell."""

    stdout: bytes
    stderr: bytes
    status: int | None


class _Watcher(asyncssh.SSHClient):
    """Takes note of the key of a device that isn't known."""

    def __init__(self) -> None:
        self.unknown = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        algorithm, body = key.export_public_key("openssh").decode("ascii", "replace").split()[:2]
        self.unknown = f"{algorithm} {body} ({key.get_fingerprint()})"
        return False


class SshConnection:
    """The connection to one device. Every function raises ``CommandError``, ``Lost`` where there is no connection.

    No error names a password or a key.
    """

    def __init__(self, settings: SshSettings) -> None:
        """Raises ``CommandError`` for a host's key that is none."""
        self._settings = settings
        self._connection: asyncssh.SSHClientConnection | None = None
        self._key: asyncssh.SSHKey | None = None
        self._known_hosts = _known_hosts(settings)

    @property
    def is_open(self) -> bool:
        """Whether it stands, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def open(self) -> None:
        """Connect anew. Raises ``CommandError`` also for a key that is none."""
        await self.close()
        if self._settings.key and self._key is None:
            self._key = await asyncio.to_thread(_private_key, self._settings)  # decrypting one takes up to seconds
        watcher = _Watcher()
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_timeout):
                self._connection = await asyncssh.connect(
                    settings.host,
                    settings.port,
                    config=None,
                    username=settings.username,
                    password=settings.password or None,
                    client_keys=[self._key] if self._key is not None else None,
                    known_hosts=self._known_hosts,
                    client_factory=lambda: watcher,
                    agent_path=None,
                    gss_host=None,
                    preferred_auth=_ways(settings),
                    keepalive_interval=KEEPALIVE_S,
                    keepalive_count_max=KEEPALIVES,
                    login_timeout=settings.connect_timeout,
                    encoding=None,
                )
        except TimeoutError:
            raise Lost(f"no connection within {settings.connect_timeout:g} s") from None
        except asyncssh.HostKeyNotVerifiable as error:
            raise Lost(_stranger(settings, watcher.unknown, error)) from None
        except asyncssh.PermissionDenied:
            ways = " or ".join(name for name in ("password", "key") if getattr(settings, name))
            raise Lost(f"it refuses the user {settings.username!r} with this {ways}") from None
        except (asyncssh.Error, OSError, ValueError) as error:
            raise Lost(f"no connection: {_said(error)}") from None

    async def close(self) -> None:
        """Disconnect; a device that doesn't answer to that is left."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await connection.wait_closed()
        except TimeoutError:
            connection.abort()

    async def process(self, command: str | None) -> asyncssh.SSHClientProcess[bytes]:
        """Begin *command*, a shell for ``None``; where the connection is gone, on a new one."""
        if not self.is_open:
            await self.open()
        assert self._connection is not None
        terminal: dict[str, Any] = (
            {"term_type": "vt100", "term_size": (250, 1000), "term_modes": {asyncssh.PTY_ECHO: 0}}
            if command is None
            else {}
        )
        try:
            return await self._connection.create_process(
                command, encoding=None, env=self._settings.environment, **terminal
            )
        except BROKEN as error:
            raise Lost(f"it runs nothing: {_said(error)}") from None

    async def run(self, command: str, limit_s: float) -> Answer:
        """Run *command*, and return what it said, ``max_bytes`` of it at most. It isn't run twice whatever happens."""
        most = self._settings.max_bytes
        try:
            async with asyncio.timeout(limit_s):
                process = await self.process(command)
                try:
                    process.stdin.write_eof()
                    stdout, stderr = await asyncio.gather(
                        _drained(process.stdout, most), _drained(process.stderr, most)
                    )
                    await process.wait_closed()
                finally:
                    process.close()
        except TimeoutError:
            raise CommandError(f"it didn't end within {limit_s:g} s") from None
        except BROKEN as error:
            raise Lost(f"the connection broke: {_said(error)}") from None
        if process.returncode is None and not self.is_open and not stdout + stderr:
            raise Lost("the connection ended before the command did")
        return Answer(stdout, stderr, process.returncode)


async def _drained(reader: asyncssh.SSHReader[bytes], most: int) -> bytes:
    """Return all that comes. Raises ``CommandError`` for more than *most* bytes."""
    taken = bytearray()
    while data := await reader.read(CHUNK):
        taken += data
        if len(taken) > most:
            raise CommandError(f"it says more than {most} bytes (max_bytes)")
    return bytes(taken)


def _private_key(settings: SshSettings) -> asyncssh.SSHKey:
    is_text = "-----BEGIN" in settings.key
    try:
        if is_text:
            return asyncssh.import_private_key(settings.key, settings.passphrase or None)
        if not os.path.isabs(settings.key):
            raise CommandError("proxy: ssh: key: a private key, or the path of a file with one, from / on, is right")
        return asyncssh.read_private_key(settings.key, settings.passphrase or None)
    except OSError as error:
        raise CommandError(f"proxy: ssh: key: the file can't be read: {error.strerror}") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise CommandError(
            "proxy: ssh: key: it is no private key, or it is encrypted and passphrase is missing or wrong"
        ) from None


def _known_hosts(settings: SshSettings) -> Any:
    """Return whom asyncssh lets be the device; ``None`` is anybody."""
    if settings.trusts_any:
        return None
    if settings.known_hosts:
        if not os.path.isfile(settings.known_hosts):
            raise CommandError(f"proxy: ssh: known_hosts: there is no file {settings.known_hosts}")
        return settings.known_hosts
    try:
        return [asyncssh.import_public_key(settings.host_key)], [], []
    except asyncssh.KeyImportError:
        raise CommandError(
            'proxy: ssh: host_key: it is no public key: one as in known_hosts is right, "ssh-ed25519 AAAA…"'
        ) from None


def _ways(settings: SshSettings) -> list[str]:
    ways = ["publickey"] if settings.key else []
    return [*ways, "password", "keyboard-interactive"] if settings.password else ways


def _stranger(settings: SshSettings, unknown: str, error: Exception) -> str:
    place = "host_key" if settings.host_key else f"{settings.known_hosts}, where it is looked for"
    if not unknown:
        return f"it is not the device that is known: {_said(error)}"
    return f"its key isn't that of {place}: it has {visible(unknown)}; nothing was told to it"


def _said(error: BaseException) -> str:
    """Return in a line what went wrong: much of it may be the device's words."""
    if isinstance(error, OSError) and error.strerror:
        return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror  # asyncio has its own
    said = visible(str(getattr(error, "reason", "") or error).strip().split("\n")[0])[:MAX_SAID]
    return said or type(error).__name__
