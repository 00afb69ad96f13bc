"""What a job makes run beside its own function: the caller must be allowed that too.

An indirect function needs a grant of its exact name. Beyond that:

=====================  ================================================================================
``schedule.add``       the function that it schedules
``mine.send``          the function that it calls, by its name or ``mine_function``
``test.cross_test``    the function that it calls
``test.try``           likewise
``mine.update``        those that ``mine_functions`` names; nothing for those that the minion has configured
``schedule.modify``    likewise when one is given; ``ANY`` when arguments are given to one that isn't
``schedule.run_job``   nothing: what they let run, arguments and all, was there before
``schedule.enable_job``
``schedule.enable``
``cp.get_file``        nothing: what a written file makes run can't be told, so only its exact name grants it
``cp.recv``            likewise (``saltern-cp``)
``user.add``           likewise: what a user is, or may become, can have root's rights
``user.chuid``
``user.chgid``
``user.chshell``
``user.chhome``
``user.chgroups``
``user.rename``
``group.chgid``        likewise for who is in a group
``group.adduser``
``group.members``
``shadow.info``        likewise for passwords, and for hashes, from which they can be guessed
``shadow.set_password``
``shadow.del_password``
``shadow.unlock_password``
``shadow.set_expire``
``cron.set_job``       likewise: a job of cron runs what it says, as the user that it is said of
``cron.set_special``
``cron.set_env``
``cron.write_cron_file``
``cron.write_cron_file_verbose``
``cp.recv_chunked``
``cp.get_dir``
``cp.get_template``    likewise; a template calls functions, those that it names aren't looked for
``cp.get_url``         nothing: it writes, or shows, any file of the minion or of a host that the minion reaches
``cp.get_file_str``
``cp.cache_file``      likewise: what the minion reaches, the caller may not
``cp.cache_file_ssh``
``cp.cache_files``
``cp.push``            nothing: it shows any file of the minion to the master's host, and may remove it
``cp.push_dir``
``cp.send``            likewise to other minions (``saltern-cp minion:…``)
``logs.tail``          nothing: what is in log files is not for everybody
``plugin_logs.run``
``event.send``         likewise for whoever listens
``event.fire``
``event.fire_master``
``grains.*``           nothing: what a grain brings this host, as a job's target or by pillar, can't be told
``publish.publish``    nothing: what the master lets that minion run (``peer``, ``peer_run``) is its own right
``publish.full_data``
``publish.runner``
``saltutil.cmd``       likewise
``saltutil.cmd_iter``
``saltutil.runner``
``saltutil.wheel``
``sysctl.assign``      nothing: a parameter of the kernel may be a program that root runs
``sysctl.persist``
``mount.mount``        nothing: a file system over another brings programs, and hides files
``mount.remount``
``mount.swapon``       nothing: who owns the file reads what the kernel swaps out, and writes it
``mount.set_fstab``
``mount.rm_fstab``
``mount.set_automaster``
``mount.rm_automaster``
``hosts.add_host``     nothing: whom the host believes to be another can't be told
``hosts.set_host``
``disk.format``        nothing: it takes what is on any device, or in any file
``disk.wipe``
``disk.hpa``
``--return NAME``      ``returner:NAME``: a returner runs code of the minion's with options of the caller's, to
                       write files or to send what was returned elsewhere; so does what ``schedule.add`` is given
=====================  ================================================================================

Nothing beyond either, for what gives files another content, owner, mode or place (what a template in them calls can't
be told): ``file.append``, ``file.prepend``, ``file.write``, ``file.seek_write``, ``file.restore_backup``,
``file.check_managed``, ``file.check_managed_changes``, ``file.comment``, ``file.uncomment``, ``file.comment_line``,
``file.psed``, ``file.replace``, ``file.line``, ``file.blockreplace``, ``file.mkdir``, ``file.makedirs``,
``file.makedirs_perms``, ``file.mknod``, ``file.mknod_chrdev``, ``file.mknod_blkdev``, ``file.mknod_fifo``,
``file.get_managed``, ``file.manage_file``, ``file.apply_template_on_contents``, ``file.copy``, ``file.move``,
``file.rename``, ``file.link``, ``file.symlink``, ``file.set_mode``, ``file.chown``, ``file.lchown``, ``file.chgrp``,
``file.check_perms``, ``file.chattr``, ``file.set_selinux_context``.

Likewise by their exact names alone, for what they write, reach or call can't be told by their arguments:
``alternatives.install``, ``archive.cmd_unzip``, ``archive.cmd_zip``, ``archive.gunzip``, ``archive.gzip``,
``archive.is_encrypted``, ``archive.list``, ``archive.rar``, ``archive.unrar``, ``archive.unzip``, ``archive.zip``,
``dnsutil.hosts_append``, ``dnsutil.hosts_remove``, ``environ.setenv``, ``environ.setval``,
``hashutil.base64_decodefile``, ``http.query``, ``http.wait_for_successful_query``, ``ini.remove_option``,
``ini.remove_section``, ``ini.set_option``, ``jinja.import_json``, ``jinja.import_yaml``, ``jinja.load_map``,
``kmod.load``, ``kmod.remove``, ``slsutil.renderer``, ``ssh.hash_known_hosts``, ``ssh.host_keys``,
``ssh.recv_known_host_entries``, ``ssh.rm_auth_key``, ``ssh.rm_auth_key_from_file``, ``ssh.rm_known_host``,
``ssh.set_auth_key``, ``ssh.set_auth_key_from_file``, ``ssh.set_known_host``, ``ssh.user_keys``.

Packages bring programs that run as root when they are installed, from wherever a repository says:
``lowpkg.bin_pkg_info``, ``pkg.add_repo_key``, ``pkg.group_install``, ``pkg.groupinstall``, ``pkg.install``,
``pkg.mod_repo``, ``pkg.update``, ``pkg.upgrade``, ``pkg_resource.parse_targets``. And a remote may be a folder or a
host that the caller may not reach: ``git.remote_refs``, ``git.remote_set``.

And what shows the content of whatever file the caller names, which may be a key or ``/etc/shadow``, or who logs in
where by what password: ``file.read``, ``file.seek_read``, ``file.grep``, ``file.search``, ``file.contains``,
``file.contains_regex``, ``file.contains_glob``, ``file.get_diff``, ``file.check_file_meta``, ``file.extract_hash``,
``hashutil.base64_encodefile``, ``ini.get_option``, ``ini.get_section``, ``ini.get_ini``, ``dnsutil.parse_hosts``,
``dnsutil.parse_zone``, ``mount.fstab``, ``mount.automaster``, ``sysctl.show``, ``lowpkg.diff``, ``pkg.diff``,
``ps.proc_info`` (a process's environment), ``environ.get``, ``environ.item``, ``environ.items``, ``git.config_get``,
``git.config_get_regex``, ``git.config_get_regexp``, ``git.remote_get``, ``git.remotes``. Or fetches what the minion
reaches: ``file.get_source_sum``, ``file.source_list``, ``ssh.check_key_file``, ``pkg.set_selections``. Or whatever a
device shows to who logs in there: ``http_json.get``, ``snmp.get``, ``snmp.walk``, ``snmp.bulk``, ``snmp.table``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from saltern.errors import IdError
from saltern.ids import returners_of
from saltern.sent_keywords import sent_keywords

RETURNER = "returner:"
"""Before a returner's name in grants. No module can be called so, and no glob covers it."""

ANY = "*"
"""Stands for a function that can't be told: no grant covers it, only the right to do everything."""

MAX_DEPTH = 8
"""A job may schedule a job that schedules a job …, so deep; it can't be told what is below."""

MAX_NAMED = 1000
MAX_ARGUMENT_CHARS = 16 * 1024
"""Of the texts among a job's arguments that are looked into for keywords: that costs time."""


class Called(NamedTuple):
    """A function with what it is given."""

    fun: str
    arg: Sequence[Any] = ()
    kwarg: Mapping[str, Any] = MappingProxyType({})


class _Untold(Exception):
    """It can't be told what is run."""


def scheduled_functions(fun: str, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> list[str]:
    """Return the functions that *fun*, called with *arg* and *kwarg*, makes run now or later, each once.

    Keywords may be among *arg*, as the agent takes them. A job of several functions is asked about one by one, each
    with its list of arguments and the job's ``kwarg``.
    """
    if fun not in _LOOKS:
        return []
    found: list[str] = []
    try:
        todo = [(_as_given(fun, arg, kwarg), 0)]
        while todo:
            called, depth = todo.pop()
            look = _LOOKS.get(called.fun)
            if look is None:
                continue
            if depth == MAX_DEPTH or len(found) > MAX_NAMED:
                raise _Untold
            for one in look(called):
                found += [one.fun] if one.fun not in found else []
                if not isinstance(one.kwarg, Mapping):
                    raise _Untold
                todo.append((one, depth + 1))
    except _Untold:
        found.append(ANY)
    return found


def _as_given(fun: str, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> Called:
    """Return *fun* as an agent calls it, with the keywords out of *arg*."""
    if sum(len(one) for one in arg if isinstance(one, str)) > MAX_ARGUMENT_CHARS:
        raise _Untold
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for one in arg:
        found = sent_keywords(one)
        if found is None:
            positional.append(one)
        else:
            keywords.update(found)
    return Called(fun, positional, {**keywords, **kwarg})


def _of_schedule(called: Called) -> Iterator[Called]:
    """Yield what a schedule calls, and the returners that it names."""
    kwarg = called.kwarg
    yield from (Called(name) for name in named_returners(kwarg.get("returner")))
    named = kwarg.get("function")
    if named is None:
        if called.fun == "schedule.modify" and not _RUNS_ELSE.isdisjoint(kwarg):
            raise _Untold
        return
    arguments, keywords = kwarg.get("job_args"), kwarg.get("job_kwargs") or {}
    if not isinstance(named, str):  # a secret, or nonsense
        raise _Untold
    yield Called(named, arguments if isinstance(arguments, list) else (), keywords)


_RUNS_ELSE = frozenset({"job_args", "job_kwargs", "return_config", "return_kwargs"})


def _of_mine(called: Called) -> Iterator[Called]:
    """Yield what is called for the mine."""
    if called.fun == "mine.send":
        own = {key: value for key, value in called.kwarg.items() if not key.startswith("__")}
        name, args = (called.arg[0], called.arg[1:]) if called.arg else (own.pop("name", None), ())
        function = own.pop("mine_function", None) or name
        yield _called(function, args, own)
        return
    wanted = called.kwarg.get("mine_functions", called.arg[1] if len(called.arg) > 1 else None)
    if not isinstance(wanted, (list, Mapping)):
        return  # what is configured
    for name in wanted:
        yield _of_entry(name, wanted[name] if isinstance(wanted, Mapping) else None)


def _of_entry(name: Any, given: Any) -> Called:
    """Return what is called for an entry of the mine, by a configuration's form of it."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, Mapping):
            kwargs.update(one)
        elif one is not None:
            args.append(one)
    return _called(kwargs.pop("mine_function", None) or name, args, kwargs)


def _of_test(called: Called) -> Iterator[Called]:
    """Yield what a function of ``test`` calls."""
    kwarg = {key: value for key, value in called.kwarg.items() if not key.startswith("__")}
    if called.fun == "test.cross_test":
        args = called.arg[1] if len(called.arg) > 1 else kwarg.get("args")
        yield _called(called.arg[0] if called.arg else kwarg.get("func"), args if isinstance(args, list) else (), {})
    else:
        named = kwarg.pop("module", None)
        yield _called(called.arg[0] if called.arg else named, (), kwarg)


_LOOKS: Mapping[str, Callable[[Called], Iterator[Called]]] = {
    "schedule.add": _of_schedule,
    "schedule.modify": _of_schedule,
    "mine.send": _of_mine,
    "mine.update": _of_mine,
    "test.cross_test": _of_test,
    "test.try": _of_test,
    "test.try_": _of_test,
}
"""What looks into the arguments of a function for the functions that it calls."""


def _called(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Called:
    if not isinstance(function, str):
        raise _Untold
    return Called(function, args, kwargs)


def named_returners(names: Any) -> list[str]:
    """Return what grants call the returners *names* (``"a,b"``, or a list); ``ANY`` for what can't be told."""
    try:
        return [f"{RETURNER}{name}" for name in returners_of(names)]
    except IdError:
        return [ANY]
