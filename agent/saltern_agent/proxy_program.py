"""``saltern-proxy``: one device as a minion with a key of its own, as Salt's ``salt-proxy``.

Devices that a host speaks for need none of this: its agent runs them, and its key is theirs (docs/proxies.md).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import saltern.log
from saltern import own_environment
from saltern.errors import IdError, SalternError, UsageError, exit_code, told
from saltern.files import UMASK
from saltern.folder_lock import locked
from saltern.ids import check_minion_id
from saltern_agent import identity
from saltern_agent.daemon import Daemon
from saltern_agent.main import (
    CACHE_MODE,
    EX_FAILED,
    FLAGS,
    Arguments,
    configured,
    fixed_by,
    master_of,
    parse,
    prints,
    serve,
)
from saltern_agent.reload import Reload

if TYPE_CHECKING:
    from saltern.config import ProxyOptions

PROGRAM = "saltern-proxy"
PROXY_FLAGS = {**{flag: name for flag, name in FLAGS.items() if name != "id"}, "--proxyid": "id"}
DAEMON = ("-d", "--daemon")

HELP = """usage: saltern-proxy --proxyid ID [options]

Run one device as a minion of its own: pillar says how it is reached (proxy: {proxytype: …}), else the file proxy does.
Many devices need no program each: the agent of a host speaks for those that its pillar names.

options:
  --proxyid ID           the device's minion id
  -d, --daemon           go on in the background
  -c, --config-dir DIR   folder (or file) of the configuration; default $SALTERN_CONFIG_DIR or /etc/saltern
  --join TOKEN           join the master that printed TOKEN (saltern-key --invite), and stay; - reads it, or the whole
                         line, from stdin
  --join-file FILE       the same with what is in FILE
  -l, --log-level LEVEL  debug, info, warning, error or critical
  --log-file FILE        where to log; default: the option log_file, else standard error; in the background the file log
                         in its cachedir
  --version              print the version and exit
  -V, --versions-report  print the versions of everything and exit
  -h, --help             print this and exit

It reads the file proxy of that folder, then proxy.d/*.conf, then proxy.d/ID/*.conf; its key is in pki/proxy/ID.

exit codes: those of saltern-agent

examples:
  saltern-proxy --proxyid switch1 --join -    first start: paste the line of the invitation
  saltern-proxy --proxyid switch1 -d          from then on
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one device; return the exit code: 0 when it was told to stop, or the code of what went wrong."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is a log
    words = list(sys.argv[1:] if argv is None else argv)
    if prints(words, PROGRAM, HELP):
        return 0
    with contextlib.ExitStack() as held:
        return _run(words, held)


def _run(words: Sequence[str], held: contextlib.ExitStack) -> int:
    daemon = None
    try:
        arguments = parse([word for word in words if word not in DAEMON], PROXY_FLAGS)
        proxyid = _proxyid(arguments)
        own_environment.settle(os.environ)
        options = cast("ProxyOptions", configured(arguments, proxyid=proxyid))
        if any(word in DAEMON for word in words):
            daemon = held.enter_context(Daemon())
        held.enter_context(locked(options["cachedir"], CACHE_MODE))
        identity.check_id(options)
        master_key = master_of(options, arguments, f"{PROGRAM} --proxyid {proxyid}")
        if daemon is not None and not options["log_file"]:
            options["log_file"] = os.path.join(options["cachedir"], "log")
            saltern.log.setup(options["log_level"], options["log_file"])
        from saltern_agent.devices.proxy_host import ProxyHost  # what devices need is for who has any

        host = ProxyHost(options, identity.keys(options), master_key)
        reload = Reload(host, arguments.config_dir, [*fixed_by(arguments), "id"], proxyid)
    except SalternError as error:
        hint = f"; see {PROGRAM} --help" if isinstance(error, UsageError) else ""
        print(f"{PROGRAM}: {told(error)}{hint}", file=sys.stderr)
        return exit_code(error)
    except OSError as error:
        print(f"{PROGRAM}: {told(error)}", file=sys.stderr)
        return EX_FAILED
    if daemon is not None:
        daemon.begun(f"{PROGRAM} runs as {proxyid}, pid {os.getpid()}; it logs to {options['log_file']}")
    return serve(host, reload, PROGRAM)


def _proxyid(arguments: Arguments) -> str:
    """Return the device's id. Raises ``UsageError``."""
    if arguments.id is None:
        raise UsageError("--proxyid is missing: it names the device")
    try:
        return check_minion_id(arguments.id)
    except IdError as error:
        raise UsageError(f"--proxyid: {error}") from None


if __name__ == "__main__":
    sys.exit(main())
