"""``saltern-master``: the program."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from saltern import log, own_environment
from saltern.complaints import Complaints
from saltern.config import MasterOptions, master_config
from saltern.config.exposure import exposures
from saltern.config.load import config_stamp
from saltern.config.located import located
from saltern.config.master import MASTER
from saltern.config.remarks import remarks
from saltern.descriptors import accept_quietly
from saltern.errors import ConfigError, SalternError, exit_code, told
from saltern.files import UMASK
from saltern.folder_lock import locked
from saltern.option_parser import LOG_LEVELS, common_parser
from saltern.visible import visible
from saltern_master.pillar.files import Pillar
from saltern_master.pillar.tree import secret_files
from saltern_master.timed_loop import TimedLoop

if TYPE_CHECKING:
    from saltern_master.master import Master

EX_FAILED = 1
CACHE_MODE = 0o755

_log = logging.getLogger(__name__)

EXAMPLES = """  saltern-master                         run with /etc/saltern/master
  saltern-master -c ~/saltern/etc        run with the configuration in another folder
  saltern-master -l debug                say more, with tracebacks
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a master until SIGTERM or SIGINT; return the exit code."""
    os.umask(UMASK)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be heeded
    parser = common_parser(
        "saltern-master",
        "saltern-master [options]",
        "The control plane: keys, jobs, events, files, and the way of points to Carbon.",
        EXAMPLES,
    )
    arguments = parser.parse(sys.argv[1:] if argv is None else argv)
    if arguments.words:
        parser.error(f"unexpected word: {visible(arguments.words[0])}")
    level = (arguments.log_file_level if arguments.log_file else None) or arguments.log_level
    own_environment.settle(os.environ)
    main = ""
    try:
        options = master_config(arguments.config_dir)
        main = options["conf_file"]
        read_as = config_stamp(main)
        file = arguments.log_file or options["log_file"] or None
        log.setup(LOG_LEVELS[level] if level else options["log_level"], file)
        _warn(options)
        with locked(options["cachedir"], CACHE_MODE), asyncio.Runner(loop_factory=TimedLoop) as runner:
            runner.run(_serve(options, read_as, level_is_ours=level is None))
    except (SalternError, OSError) as error:
        line = located(told(error), main) if isinstance(error, ConfigError) else told(error)
        print(f"saltern-master: {line}", file=sys.stderr)
        # What isn't the configuration's fault (a port that is taken, a full disk) may be over when started again.
        return exit_code(error) if isinstance(error, SalternError) else EX_FAILED
    return 0


def _warn(options: MasterOptions) -> None:
    """Log what every user of this host can read and shouldn't, and what of the configuration is no option."""
    pillar = {*Pillar(options["pillar_files"], options["config_dir"]).files(), *secret_files(options)}
    for line in (*exposures(options["conf_file"], pillar), *remarks(MASTER, options)):
        _log.warning("%s", line)


SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep the interpreter from the loop; a tenth of Python's own.

The loop lets go of the interpreter with every frame that it sends, and a thread that works takes it then: the job
store would cost each ping five milliseconds again and again.
"""


async def _serve(options: MasterOptions, read_as: object, *, level_is_ours: bool) -> None:
    """Serve; *read_as*: the files' stamp; *level_is_ours*: it says what is logged, and not the command line."""
    from saltern_master.master import Master  # after the arguments: --help and faults answer at once

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    master = Master(options)
    master.briefing.read_as = read_as
    if level_is_ours:
        master.briefing.on_reload.append(lambda fresh: log.set_level(fresh["log_level"]))
    loop = asyncio.get_running_loop()
    accept_quietly(loop, Complaints(_log, logging.WARNING))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, master.stop)
    loop.add_signal_handler(signal.SIGHUP, _reload, master)
    await master.run(_settle)


def _reload(master: Master) -> None:
    _log.info("SIGHUP: the log is opened anew; configuration, pillar and alert rules are read again")
    master.reload()


def _settle() -> None:
    """Spare collections the look at what is there to stay: it would keep a fleet waiting for it."""
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
