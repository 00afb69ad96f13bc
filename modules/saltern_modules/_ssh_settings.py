"""What ``proxy: {proxytype: ssh, …}`` says of a device, checked. ``proxy/ssh.py`` tells users of each option."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.named import NamedTuple
from saltern_modules._proxy_options import ProxyOptions
from saltern_modules._ssh_command import DeclaredCommand, placeholders
from saltern_modules._ssh_text import KINDS

MAX_COMMANDS = 500
KNOWN = (
    *("host", "port", "username", "password", "key", "passphrase", "host_key", "known_hosts", "trust"),
    *("connect_timeout", "command_timeout", "max_bytes", "interactive", "prompt", "prepare", "environment"),
    *("commands", "metrics", "grains", "ping"),
)
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What a metric, a command and a grain may be called."""
PINNED = 'say host_key: "ssh-ed25519 AAAA…", known_hosts: /a/file, or trust: any for a device that may be anybody'


class Taken(NamedTuple):
    """A value out of what a command answers: by *path*, or by the first group of *pattern*."""

    command: str
    path: tuple[str, ...] = ()
    pattern: str = ""
    scale: float = 1.0


class SshSettings(NamedTuple):
    """Where a device is, who logs in, whom it must be, and what is run on it."""

    host: str
    port: int
    username: str
    password: str
    key: str
    passphrase: str
    host_key: str
    known_hosts: str
    trusts_any: bool
    connect_timeout: float
    command_timeout: float
    max_bytes: int
    interactive: bool
    prompt: str
    prepare: tuple[str, ...]
    environment: dict[str, str]
    commands: dict[str, DeclaredCommand]
    metrics: dict[str, Taken]
    grains: dict[str, Taken]
    ping: str

    def __repr__(self) -> str:
        return f"SshSettings({self.username}@{self.host}:{self.port})"


def settings(proxy: object) -> SshSettings:
    """Return what a device's ``proxy:`` says. Raises ``CommandError``."""
    options = ProxyOptions("ssh", proxy, KNOWN)
    host_key, known_hosts, trusts_any = _trust(options)
    if not options.has("password") and not options.has("key"):
        raise options.wrong("password", "it is missing, as is key: one of them is right")
    commands = _commands(options)
    ping = options.text("ping", "") if options.has("ping") else ""
    if ping and ping not in commands:
        raise options.wrong("ping", f"there is no such command: {_of(commands)}")
    return SshSettings(
        host=options.text("host"),
        port=options.whole("port", 22, 1, 65535),
        username=options.text("username"),
        password=options.text("password") if options.has("password") else "",
        key=options.text("key") if options.has("key") else "",
        passphrase=options.text("passphrase") if options.has("passphrase") else "",
        host_key=host_key,
        known_hosts=known_hosts,
        trusts_any=trusts_any,
        connect_timeout=options.number("connect_timeout", 10.0, 0.1, 300.0),
        command_timeout=options.number("command_timeout", 8.0, 0.05, 3600.0),
        max_bytes=options.whole("max_bytes", 1 << 20, 1, 64 << 20),
        interactive=options.flag("interactive"),
        prompt=_pattern(options, "prompt"),
        prepare=tuple(options.texts("prepare")),
        environment={name: str(value) for name, value in options.mapping("environment").items()},
        commands=commands,
        metrics=_taken(options, "metrics", commands),
        grains=_taken(options, "grains", commands),
        ping=ping,
    )


def _trust(options: ProxyOptions) -> tuple[str, str, bool]:
    said = [name for name in ("host_key", "known_hosts", "trust") if options.has(name)]
    if not said:
        raise options.wrong("host_key", f"nothing tells who the device must be: {PINNED}")
    if len(said) > 1:
        raise options.wrong(said[0], f"{said[1]} is there too: one of them is right")
    if said == ["trust"]:
        options.choice("trust", ("any",))
        return "", "", True
    known_hosts = options.text("known_hosts") if said == ["known_hosts"] else ""
    if known_hosts and not known_hosts.startswith("/"):
        raise options.wrong("known_hosts", "the path of a file is right, from / on")
    return (options.text("host_key") if said == ["host_key"] else ""), known_hosts, False


def _commands(options: ProxyOptions) -> dict[str, DeclaredCommand]:
    given = options.mapping("commands")
    if len(given) > MAX_COMMANDS:
        raise options.wrong("commands", f"there are {len(given)}: {MAX_COMMANDS} at most are right")
    return {name: _command(options, name, value) for name, value in given.items()}


def _command(options: ProxyOptions, name: str, value: object) -> DeclaredCommand:
    _named(options, "commands", name)
    if isinstance(value, str):
        value = {"run": value}
    own = options.within("commands", name, value, ("run", "parse", "regex", "timeout", "defaults"))
    run = own.text("run")
    if any(ord(letter) < 32 for letter in run):
        raise own.wrong("run", "a command is one line")
    if own.has("parse") and own.has("regex"):
        raise own.wrong("parse", "regex is there too: one of them is right")
    defaults = {key: str(each) for key, each in own.mapping("defaults").items()}
    strange = sorted(defaults.keys() - set(placeholders(run)))
    if strange:
        raise own.wrong("defaults", f"the command has no place {{{strange[0]}}}")
    return DeclaredCommand(
        run=run,
        parse=own.choice("parse", KINDS, "text"),
        pattern=_pattern(own, "regex"),
        timeout=own.number("timeout", 0.0, 0.05, 3600.0) if own.has("timeout") else 0.0,
        defaults=defaults,
    )


def _taken(options: ProxyOptions, name: str, commands: Mapping[str, DeclaredCommand]) -> dict[str, Taken]:
    found = {}
    for key, value in options.mapping(name).items():
        _named(options, name, key)
        own = options.within(name, key, value, ("command", "path", "regex", "scale"))
        command = own.text("command")
        if command not in commands:
            raise own.wrong("command", f"there is no such command: {_of(commands)}")
        declared = commands[command]
        if lacking := [place for place in placeholders(declared.run) if place not in declared.defaults]:
            raise own.wrong("command", f"it has a place {{{lacking[0]}}} without a default")
        path = tuple(own.text("path").split(".")) if own.has("path") else ()
        pattern = _pattern(own, "regex")
        if path and pattern:
            raise own.wrong("path", "regex is there too: one of them is right")
        found[key] = Taken(command, path, pattern, own.number("scale", 1.0, -1e12, 1e12))
    return found


def _of(commands: Mapping[str, DeclaredCommand]) -> str:
    return f"right are {', '.join(commands)}" if commands else "none is declared in commands:"


def _named(options: ProxyOptions, option: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise options.wrong(option, f"{name[:60]!r} is no name: letters, digits, _ and - are right")


def _pattern(options: ProxyOptions, name: str) -> str:
    if not options.has(name):
        return ""
    pattern = options.text(name)
    try:
        re.compile(pattern)
    except re.error as error:
        raise options.wrong(name, f"it is no regular expression: {error}") from None
    return pattern


def shown(commands: Mapping[str, DeclaredCommand]) -> dict[str, dict[str, Any]]:
    """Return the commands as users are told of them."""
    return {
        name: {"run": one.run, "arguments": placeholders(one.run), "defaults": dict(one.defaults)}
        for name, one in commands.items()
    }
