"""A device that is spoken with over SSH, as a test wants it."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncssh

USER, PASSWORD = "monitor", "of the monitor"


class SshDevice:
    """Answers commands by ``answers``: a text, or what handles the process. ``lines`` are those that came."""

    def __init__(self) -> None:
        self.answers: dict[str, str | Callable[[Any], Awaitable[int]]] = {}
        self.lines: list[str] = []
        self.connections: list[Any] = []
        self.user_key = ""
        self.port = 0
        self.prompt = "(Cmd) "
        self.echo = True
        self.once = False
        """Whether it hangs up after each command, as some switches do."""
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")

    @property
    def public(self) -> str:
        """Its key, as ``host_key`` takes it."""
        return self.host_key.export_public_key().decode().strip()

    async def handle(self, process: Any) -> None:
        """Be the far end of one channel."""
        if process.command is None:
            await self.shell(process)
            return
        process.exit(await self.answer(process, process.command))
        if self.once:
            connection = process.channel.get_connection()
            await process.wait_closed()
            connection.close()

    async def answer(self, process: Any, line: str) -> int:
        """Answer one command."""
        self.lines.append(line)
        words = shlex.split(line) if process.command is not None else line.split()
        answer = self.answers.get(line, self.answers.get(words[0] if words else "", None))
        if answer is None:
            process.stderr.write(f"first\n{words[0] if words else ''}: not found\n")
            return 127
        if callable(answer):
            return await answer(process)
        process.stdout.write(answer.replace("{args}", repr(words[1:])))
        return 0

    async def shell(self, process: Any) -> None:
        """Be a shell with a prompt."""
        process.stdout.write(f"Welcome: type help\r\n\x1b[1m{self.prompt}\x1b[0m")
        with contextlib.suppress(asyncssh.Error, BrokenPipeError):
            async for line in process.stdin:
                typed = line.strip()
                if self.echo:
                    process.stdout.write(f"{typed}\r\n")
                if typed == "exit":
                    break
                await self.answer(process, typed)
                process.stdout.write(f"\r\n{self.prompt}")
        process.exit(0)


class _Server(asyncssh.SSHServer):
    def __init__(self, device: SshDevice) -> None:
        self._device = device

    def connection_made(self, connection: Any) -> None:
        self._device.connections.append(connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return bool(self._device.user_key)

    def validate_public_key(self, username: str, key: Any) -> bool:
        return bool(key.export_public_key().decode().strip() == self._device.user_key)


@contextlib.asynccontextmanager
async def ssh_device(device: SshDevice | None = None, port: int = 0) -> AsyncIterator[SshDevice]:
    """Yield a device that listens on 127.0.0.1."""
    device = device or SshDevice()
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Server(device),
        server_host_keys=[device.host_key],
        process_factory=device.handle,
        line_editor=False,
    )
    device.port = server.sockets[0].getsockname()[1]
    try:
        yield device
    finally:
        server.close()
        for connection in device.connections:
            connection.abort()
        await server.wait_closed()
        await asyncio.gather(*(connection.wait_closed() for connection in device.connections))
