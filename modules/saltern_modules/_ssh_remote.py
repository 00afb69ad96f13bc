"""One device by SSH: its connection, the commands that its pillar declares, and what is taken of their answers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.visible import visible
from saltern_modules import _ssh_text as text
from saltern_modules._ssh_command import DeclaredCommand, by_position, filled
from saltern_modules._ssh_connection import Answer, Lost, SshConnection
from saltern_modules._ssh_settings import SshSettings, Taken
from saltern_modules._ssh_shell import SshShell

MAX_SAID = 200
MAX_GRAIN = 1000


class SshRemote:
    """A device as *settings* say. Every function raises ``CommandError``, with the device's address before the text."""

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self._connection = SshConnection(settings)
        self._shell = SshShell(settings, self._connection) if settings.interactive else None
        self.grains: dict[str, Any] = {}

    @property
    def where(self) -> str:
        """What errors call it."""
        host, port = self.settings.host, self.settings.port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._connection.is_open

    async def open(self) -> None:
        """Connect, and learn the grains."""
        try:
            await self._connection.open()
        except CommandError as error:
            raise self._about(error) from None
        try:
            await self.refresh()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect."""
        if self._shell is not None:
            await self._shell.close()
        await self._connection.close()

    async def answers(self) -> float:
        """Return the milliseconds that ``ping`` of the settings takes; without that, to see that it is connected."""
        begun = time.perf_counter()
        if self.settings.ping:
            await self.call(self.settings.ping)
        elif not self._connection.is_open:
            try:
                await self._connection.open()
            except CommandError as error:
                raise self._about(error) from None
        return round((time.perf_counter() - begun) * 1000, 3)

    async def run(self, line: str, limit_s: float = 0.0) -> Answer:
        """Run a command *line* as it is; *limit_s* in seconds, 0 for ``command_timeout``."""
        if not line.strip() or any(ord(letter) < 32 for letter in line):
            raise CommandError("ssh: a command is one line, and not empty")
        limit_s = limit_s or self.settings.command_timeout
        try:
            if self._shell is not None:
                return Answer((await self._shell.run(line, limit_s)).encode(), b"", None)
            return await self._connection.run(line, limit_s)
        except CommandError as error:
            raise self._about(error) from None

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Run the declared command *name*, and return its answer, read as declared. Raises ``ArgumentError`` too."""
        command = self.settings.commands.get(name)
        if command is None:
            raise CommandError(f"ssh: there is no command {name!r}: {', '.join(self.settings.commands) or 'none is'}")
        line = filled(name, command, by_position(name, command, args, kwargs), quotes=self._shell is None)
        return self._read(name, command, await self._output(name, command, line))

    async def refresh(self) -> dict[str, Any]:
        """Ask anew what ``grains`` of the settings want, and return that; without those whose command fails."""
        found, _ = await self._all(self.settings.grains)
        self.grains = {name: value[:MAX_GRAIN] if isinstance(value, str) else value for name, value in found.items()}
        return self.grains

    async def sample(self) -> dict[str, Any]:
        """Return the numbers that ``metrics`` of the settings want; what isn't there or is no number is left out.

        ``ssh.failed`` tells how many commands failed; when all did, the first one's error is raised.
        """
        begun = time.perf_counter()
        told: dict[str, Any] = {}
        found, failed = await self._all(self.settings.metrics)
        for name, value in found.items():
            number = text.number(value)
            scale = self.settings.metrics[name].scale
            if number is not None:
                told[name] = number if scale == 1.0 else round(number * scale, 9)
        told["ssh"] = {"failed": failed, "duration_ms": round((time.perf_counter() - begun) * 1000, 3)}
        return told

    async def _all(self, wanted: Mapping[str, Taken]) -> tuple[dict[str, Any], int]:
        """Return each value that is there, and how many commands failed; each is run once for all of its.

        Raises ``CommandError`` when all failed, and ``Lost`` at once.
        """
        answers: dict[str, tuple[str, Any]] = {}
        errors: dict[str, CommandError] = {}
        for name in dict.fromkeys(taken.command for taken in wanted.values()):
            try:
                answers[name] = await self._answer(name, {each for each in wanted.values() if each.command == name})
            except Lost:
                raise
            except CommandError as error:
                errors[name] = error
        if errors and not answers:
            raise next(iter(errors.values()))
        found: dict[str, Any] = {}
        for name, taken in wanted.items():
            if taken.command in answers:
                value = _taken(taken, *answers[taken.command])
                if value is not None:
                    found[name] = value.strip() if isinstance(value, str) else value
        return found, len(errors)

    async def _answer(self, name: str, wanted: set[Taken]) -> tuple[str, Any]:
        """Return what a declared command says, as text and, where that is wanted, as declared."""
        command = self.settings.commands[name]
        said = await self._output(name, command, filled(name, command, {}, quotes=self._shell is None))
        return said, self._read(name, command, said) if any(not one.pattern for one in wanted) else None

    async def _output(self, name: str, command: DeclaredCommand, line: str) -> str:
        answer = await self.run(line, command.timeout)
        said, aside = text.bare(text.decoded(answer.stdout)), text.bare(text.decoded(answer.stderr))
        if answer.status:
            why = visible((aside.strip() or said.strip()).split("\n")[-1])[:MAX_SAID]
            raise CommandError(f"{self.where}: {name} ended with {answer.status}{': ' if why else ''}{why}")
        return said if said.strip() else aside  # some say all that they say as others say errors

    def _read(self, name: str, command: DeclaredCommand, said: str) -> Any:
        try:
            return text.parsed(said, command.parse, command.pattern)
        except CommandError as error:
            raise CommandError(f"{self.where}: {name}: {error}") from None

    def _about(self, error: CommandError) -> CommandError:
        return (Lost if isinstance(error, Lost) else CommandError)(f"{self.where}: {error}")


def _taken(taken: Taken, said: str, read: Any) -> Any:
    """Return one value out of an answer; ``None`` when it isn't there."""
    if not taken.pattern:
        return text.value_at(read, taken.path)
    match = re.search(taken.pattern, said, re.MULTILINE)
    return (match[1] if match.re.groups else match[0]) if match else None
