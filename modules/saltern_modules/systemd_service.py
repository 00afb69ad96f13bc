"""Services of a host that systemd started: what changes them; what is asked of them is in ``systemd_query.py``.

*name* is the name of a unit, that of a service with or without ``.service``; ``x@y`` is one of a template. A unit file
that is new or changed is read before. *no_block*: don't wait until it is done; for the agent itself that is so anyway.
*unmask*, *unmask_runtime*: take a mask off before. *root*: another root folder, whose unit files are meant.
Functions raise ``CommandError`` with what systemd said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _accounts, _systemd

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload", "unmask_": "unmask"}

__powers__ = {
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
    "reload": "writes",
    "force_reload": "writes",
    "enable": "writes",
    "disable": "writes",
    "mask": "writes",
    "unmask": "writes",
    "systemctl_reload": "writes",
    "firstboot": "writes",
}


def __virtual__() -> str | tuple[bool, str]:
    """Hosts that systemd started, or where its program works on unit files alone."""
    if __grains__.get("kernel", "Linux") == "Linux" and (_systemd.booted() or _accounts.found_program("systemctl")):
        return __virtualname__
    return (
        False,
        "The systemd execution module failed to load: only available on Linux systems which have been booted with "
        "systemd.",
    )


def start(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Start a service and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.start nginx
    """
    return _act("start", name, no_block, unmask, unmask_runtime)


def stop(name: str, no_block: bool | None = None) -> bool:
    """Stop a service and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.stop nginx
    """
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(_systemd.named(name))
    return bool(ctl.do("stop", fails=True, name=name, no_block=_blocks_not(name, no_block))["retcode"] == 0)


def restart(name: str, no_block: bool | None = None, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Stop a service, start it again, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.restart nginx
    """
    return _act("restart", name, _blocks_not(name, no_block), unmask, unmask_runtime)


def reload_(name: str, no_block: bool = False, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Have a service read its configuration anew, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.reload nginx
    """
    return _act("reload", name, no_block, unmask, unmask_runtime)


def force_reload(name: str, no_block: bool = True, unmask: bool = False, unmask_runtime: bool = False) -> bool:
    """Have a service read its configuration anew, or restart it when it can't, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.force_reload nginx
    """
    return _act("force-reload", name, no_block, unmask, unmask_runtime)


def enable(
    name: str,
    no_block: bool = False,
    unmask: bool = False,
    unmask_runtime: bool = False,
    root: str | None = None,
    **kwargs: Any,
) -> bool:
    """Have a service started when the host starts, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enable nginx
    """
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(_systemd.named(name))
    _take_masks_off(ctl, name, unmask, unmask_runtime, root)
    if name in _systemd.scripts(root):
        return _script(name, ["defaults", "99"], "on")
    _raise(ctl.do("enable", name=name, no_block=no_block, root=root))
    return True


def disable(name: str, no_block: bool = False, root: str | None = None, **kwargs: Any) -> bool:
    """Have a service not started when the host starts, and return whether that went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disable nginx
    """
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(_systemd.named(name))
    if name in _systemd.scripts(root):
        return _script(name, ["remove"], "off")
    return bool(ctl.do("disable", name=name, no_block=no_block, root=root)["retcode"] == 0)


def mask(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """Let nothing start a service, with *runtime* until the host starts anew, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.mask nginx
        saltern '*' service.mask nginx runtime=True
    """
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(_systemd.named(name))
    done = ctl.do("mask", *(["--runtime"] if runtime else []), name=name, root=root)
    if done["retcode"]:
        raise CommandError(f"Failed to mask service '{name}'", info=f"{done['stdout']}\n{done['stderr']}".strip())
    return True


def unmask_(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """Undo ``service.mask`` and return ``True``; with *runtime* the mask until the host starts anew is meant.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.unmask nginx
    """
    _unmask(_systemd.Systemctl(__salt__), name, runtime, root)
    return True


def systemctl_reload() -> bool:
    """Have systemd read all unit files anew, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.systemctl_reload
    """
    _systemd.Systemctl(__salt__).reload()
    return True


def firstboot(
    locale: str | None = None,
    locale_message: str | None = None,
    keymap: str | None = None,
    timezone: str | None = None,
    hostname: str | None = None,
    machine_id: str | None = None,
    root: str | None = None,
) -> bool:
    """Set what ``systemd-firstboot`` sets on a system that was never started, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.firstboot keymap=jp locale=en_US.UTF-8 root=/mnt
    """
    given = {
        "locale": locale,
        "locale-message": locale_message,
        "keymap": keymap,
        "timezone": timezone,
        "hostname": hostname,
        "machine-id": machine_id,
        "root": root,
    }
    argv = [_accounts.program("systemd-firstboot"), *(f"--{name}={value}" for name, value in given.items() if value)]
    done = __salt__["cmd.run_all"](argv, python_shell=False, env=_accounts.PLAIN, timeout=_systemd.QUERY_TIMEOUT_S)
    if done["retcode"]:
        raise CommandError(f"systemd-firstboot error: {done['stderr']}")
    return True


def _act(action: str, name: str, no_block: bool, unmask: bool, unmask_runtime: bool) -> bool:
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(_systemd.named(name))
    _take_masks_off(ctl, name, unmask, unmask_runtime, None)
    _raise(ctl.do(action, name=name, no_block=no_block))
    return True


def _raise(done: Mapping[str, Any]) -> None:
    if done["retcode"]:
        raise CommandError(_systemd.without_scope(done["stderr"]))


def _blocks_not(name: str, no_block: bool | None) -> bool:
    return _systemd.unit(name) in _systemd.OWN if no_block is None else no_block


def _take_masks_off(ctl: _systemd.Systemctl, name: str, lasting: bool, runtime: bool, root: str | None) -> None:
    if lasting:
        _unmask(ctl, name, False, root)
    if runtime:
        _unmask(ctl, name, True, root)


def _unmask(ctl: _systemd.Systemctl, name: str, runtime: bool, root: str | None) -> None:
    if not ctl.masked(_systemd.named(name), runtime, root):
        return
    if ctl.do("unmask", *(["--runtime"] if runtime else []), name=name, root=root)["retcode"]:
        raise CommandError(f"Failed to unmask service '{name}'")


def _script(name: str, for_debian: list[str], for_redhat: str) -> bool:
    """Enable or disable one of System V's scripts."""
    if program := _accounts.found_program("update-rc.d"):
        argv = [program, "-f", name, *for_debian]
    elif program := _accounts.found_program("chkconfig"):
        argv = [program, name, for_redhat]
    else:
        raise CommandError("Unable to find sysv service manager (tried update-rc.d, chkconfig)")
    done = __salt__["cmd.retcode"](argv, python_shell=False, ignore_retcode=True, timeout=_systemd.QUERY_TIMEOUT_S)
    return bool(done == 0)
