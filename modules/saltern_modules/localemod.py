"""The locales of this host: which there are, and which is its own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _locales
from saltern_modules._needed import PLAIN, found

__virtualname__ = "locale"

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__powers__ = {
    "list_avail": "reads",
    "get_locale": "reads",
    "set_locale": "writes",
    "avail": "reads",
    "gen_locale": "writes",
}

ETC = "/etc"
I18N = "/usr/share/i18n"
BOOTED_BY_SYSTEMD = "/run/systemd/system"
FILES = {
    "Debian": ("default/locale", "LANG"),
    "RedHat": ("sysconfig/i18n", "LANG"),
    "Suse": ("sysconfig/language", "RC_LANG"),
}
"""By family, below ``/etc``: where the locale is kept without systemd, and as which variable."""
MAX_BYTES = 4 << 20
TIMEOUT_S = 30
GENERATION_S = 1800
_LOCALE = re.compile(r"[A-Za-z][\w.@-]*(?: [\w.-]+)?", re.ASCII)


def list_avail() -> list[str]:
    """Return the locales that were generated, as ``locale -a`` tells them.

    CLI Example:

    .. code-block:: bash

        saltern '*' locale.list_avail
    """
    return str(__salt__["cmd.run"](["locale", "-a"], python_shell=False)).split("\n")


def get_locale() -> str:
    """Return this host's locale, such as ``en_US.UTF-8``; ``""`` when none is set.

    CLI Example:

    .. code-block:: bash

        saltern '*' locale.get_locale
    """
    if os.path.isdir(BOOTED_BY_SYSTEMD):
        return _system_locale().get("LANG", "")
    name, variable = _file()
    lines = (line.partition("=") for line in _read(f"{ETC}/{name}").split("\n"))
    return next((value.strip().replace('"', "") for key, _, value in lines if key == variable), "")


def set_locale(locale: str) -> bool:
    """Have *locale* be this host's, from the next login on; return ``True``.

    Raises ``ArgumentError`` for what can't be one, ``CommandError`` when it can't be set.

    CLI Example:

    .. code-block:: bash

        saltern '*' locale.set_locale en_US.UTF-8
    """
    _check(locale)
    if " " in locale:
        raise ArgumentError(f"locale: {locale!r} is a line of locale.gen: name the locale alone")
    family = __grains__.get("os_family")
    of_systemd = not (family == "Debian" and int(__grains__.get("osmajorrelease") or 0) >= 13)
    if of_systemd and os.path.isdir(BOOTED_BY_SYSTEMD):
        known = {**_system_locale(), "LANG": locale}
        argv = [found("localectl") or "localectl", "set-locale", *(f"{name}={value}" for name, value in known.items())]
        if __salt__["cmd.retcode"](argv, python_shell=False, timeout=TIMEOUT_S) != 0:
            _assign("locale.conf", "LANG", locale)
        return True
    name, variable = _file()
    if family == "Debian":
        program = found("update-locale")
        if program is None:
            raise CommandError('Cannot set locale: "update-locale" was not found.')
        __salt__["cmd.run"]([program], python_shell=False, timeout=TIMEOUT_S)
    _assign(name, variable, f'"{locale}"')
    return True


def avail(locale: str) -> bool:
    """Return whether *locale* was generated, however its character set is spelled: ``en_US.UTF-8``, ``en_US.utf8``.

    CLI Example:

    .. code-block:: bash

        saltern '*' locale.avail en_US.UTF-8
    """
    wanted = _locales.normal(locale)
    return any(_locales.normal(one.strip()) == wanted for one in __salt__["locale.list_avail"]())


def gen_locale(locale: str, **kwargs: Any) -> bool | dict[str, Any]:
    """Generate *locale*; return whether that went well, with ``verbose=True`` what ``cmd.run_all`` tells of it.

    ``False`` when this host can't make it. On Debian it is a line of ``/usr/share/i18n/SUPPORTED`` and is added to
    ``/etc/locale.gen``; the character set behind a blank may be left out. Raises ``CommandError`` without a program
    for it (package ``locales``).

    CLI Example:

    .. code-block:: bash

        saltern '*' locale.gen_locale 'en_IE.UTF-8 UTF-8'
    """
    _check(locale)
    on_debian, on_ubuntu = (__grains__.get("os") == name for name in ("Debian", "Ubuntu"))
    parts = _locales.parts(locale)
    place = f"{parts['language']}_{parts['territory']}"
    if not parts["charmap"] and not on_ubuntu:
        parts["charmap"] = parts["codeset"]
        locale = _locales.joined(parts)
    if on_debian:
        valid = locale in _read(f"{I18N}/SUPPORTED").splitlines()
    else:
        try:
            valid = place in os.listdir(
                "/usr/share/locale" if __grains__.get("os_family") == "Suse" else f"{I18N}/locales"
            )
        except OSError:
            raise CommandError(f'Locale "{locale}" is not available.') from None
    if not valid:
        return False
    if os.path.exists(f"{ETC}/locale.gen"):
        _enable(locale)
    if program := found("locale-gen"):
        argv = [program, _locales.normal(locale) if on_ubuntu else locale]
    elif program := found("localedef"):
        name = f"{place}.{parts['codeset']}"
        verbosity = "--verbose" if kwargs.get("verbose") else "--quiet"
        argv = [program, "--force", "-i", place, "-f", parts["codeset"], name, verbosity]
    else:
        raise CommandError('Command "locale-gen" or "localedef" was not found on this system.')
    done: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False, timeout=GENERATION_S)
    return done if kwargs.get("verbose") else done["retcode"] == 0


def _system_locale() -> dict[str, str]:
    """Return what ``localectl`` says that the system's locale is: ``{'LANG': …, …}``. Raises ``CommandError``."""
    program = found("localectl")
    if program is None:
        raise CommandError('Unable to find "localectl"')
    text = __salt__["cmd.run"]([program, "status"], python_shell=False, env=PLAIN, timeout=TIMEOUT_S)
    if "Failed to connect to bus: No such file or directory" in text:
        raise CommandError('Command "localectl" is in a degraded state.')
    known = _variables(text)
    if known is None:
        raise CommandError('Unable to parse result of "localectl"')
    return known


def _variables(text: str) -> dict[str, str] | None:
    """Return the variables under ``System Locale`` in what localectl(1) says, None when it has no such line.

    The first is on that line, the others below it::

        System Locale: LANG=en_US.UTF-8
                       LC_TIME=de_DE.UTF-8
            VC Keymap: (unset)
    """
    found_: dict[str, str] | None = None
    inside = False
    for line in text.split("\n"):
        heading, colon, value = line.partition(": ")
        if colon:
            inside = heading.strip() == "System Locale"
            found_ = {} if inside else found_
        name, equals, value = (value if colon else line).strip().partition("=")
        if inside and found_ is not None and equals:
            found_[name] = value
    return found_


def _file() -> tuple[str, str]:
    family = __grains__.get("os_family")
    if family not in FILES:
        raise CommandError(f'Error: "{__grains__.get("oscodename", "")}" is unsupported!')
    return FILES[family]


def _check(locale: str) -> None:
    if not _LOCALE.fullmatch(locale):
        raise ArgumentError(f"locale: {locale!r} is no locale, as en_US.UTF-8 is one")


def _enable(locale: str) -> None:
    """Have ``/etc/locale.gen`` name *locale*: take the comment mark from its line, or add one."""
    old = _read(f"{ETC}/locale.gen")
    line = re.compile(rf"^[ \t]*#?[ \t]*{re.escape(locale)}[ \t]*$", re.MULTILINE)
    new, count = line.subn(locale, old)
    if not count:
        new = f"{old}{'' if not old or old.endswith(chr(10)) else chr(10)}{locale}\n"
    _write("locale.gen", old, new)


def _assign(name: str, variable: str, value: str) -> None:
    """Have a file of shell variables give *variable* the *value*, on its line or on a new one."""
    old = _read(f"{ETC}/{name}")
    new, count = re.subn(rf"^{variable}=.*", lambda match: f"{variable}={value}", old, flags=re.MULTILINE)
    if not count:
        new = f"{old}{'' if not old or old.endswith(chr(10)) else chr(10)}{variable}={value}\n"
    _write(name, old, new)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return ""


def _write(name: str, old: str, new: str) -> None:
    from saltern_modules._rewriting import rewrite

    path = f"{ETC}/{name}"
    if new == old:
        return
    try:
        rewrite(path, new.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandError(f"locale: can't write {path}: {error.strerror}") from None
