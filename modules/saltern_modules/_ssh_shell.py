"""Commands typed into a device's shell, where it runs none without one (``interactive: true``).

An answer is what comes before the next prompt. The prompt is ``prompt`` of the settings, a regular expression; else the
last line that the device shows when one has logged in, which must end as prompts do.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from saltern.errors import CommandError
from saltern_modules._ssh_connection import BROKEN, Lost, SshConnection
from saltern_modules._ssh_settings import SshSettings
from saltern_modules._ssh_text import bare, decoded

PROMPT = r"[^\n]{1,100}[>#$%)\]:] ?"
TAIL = 500
"""Bytes at the end of what came, in which a prompt is looked for."""
CHUNK = 65536
SETTLE_S = 0.4
"""For which a device is silent after what looks like its prompt, when it isn't known: a greeting may come in pieces."""


class SshShell:
    """The shell of one device. Raises what ``SshConnection`` raises. After an error it begins anew."""

    def __init__(self, settings: SshSettings, connection: SshConnection) -> None:
        self._settings = settings
        self._connection = connection
        self._process: Any = None
        self._prompt = settings.prompt

    async def run(self, command: str, limit_s: float) -> str:
        """Type *command* and return what the device says to it."""
        try:
            async with asyncio.timeout(limit_s):
                if self._process is None or not self._connection.is_open or self._process.is_closing():
                    await self._begin()
                answer = await self._typed(command)
        except TimeoutError:
            await self.close()
            raise CommandError(f"it showed no prompt within {limit_s:g} s") from None
        except BaseException:  # what it says later would be taken for the next command's answer
            await self.close()
            raise
        return answer

    async def close(self) -> None:
        """End the shell, and the connection with it."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
            await self._connection.close()

    async def _begin(self) -> None:
        self._process = await self._connection.process(None)
        self._prompt = self._settings.prompt
        greeting = await self._until_prompt(self._prompt or PROMPT, settle_s=0.0 if self._prompt else SETTLE_S)
        if not self._prompt:
            self._prompt = re.escape(greeting.rpartition("\n")[2].rstrip())
        for command in self._settings.prepare:
            await self._typed(command)

    async def _typed(self, command: str) -> str:
        assert self._process is not None
        self._process.stdin.write(command.encode() + b"\n")
        said = await self._until_prompt(self._prompt)
        lines = said.split("\n")
        if lines and lines[0].rstrip().endswith(command.strip()):  # it shows what is typed
            lines = lines[1:]
        return "\n".join(lines[:-1])

    async def _until_prompt(self, prompt: str, *, settle_s: float = 0.0) -> str:
        """Return all that comes up to a prompt at its end, with that; *settle_s*: and after which nothing comes."""
        assert self._process is not None
        taken = bytearray()
        end = re.compile(rf"(?:\A|\n)[ \t]*(?:{prompt})[ \t]*\Z")
        found = False
        while True:
            try:
                async with asyncio.timeout(settle_s if found else None):
                    data = await self._process.stdout.read(CHUNK)
            except TimeoutError:
                if not found:
                    raise  # of the whole command
                return bare(decoded(bytes(taken)))
            except BROKEN:
                data = b""
            if not data:
                raise Lost("it closed its shell")
            taken += data
            if len(taken) > self._settings.max_bytes:
                raise CommandError(f"it says more than {self._settings.max_bytes} bytes (max_bytes)")
            found = end.search(bare(taken[-TAIL:].decode("utf-8", "replace"))) is not None
            if found and not settle_s:
                return bare(decoded(bytes(taken)))
