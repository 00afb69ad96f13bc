"""``saltern-call``: run a function on this host, here and now."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from saltern.arguments import parse_arguments, parse_value
from saltern.config import MinionOptions, minion_config
from saltern.errors import ArgumentError, FunctionNotFound, IdError, SalternError, UsageError, exit_code, told
from saltern.host_name import check_host
from saltern.ids import JidSource, check_minion_id, returners_of
from saltern.named import NamedTuple
from saltern.option_parser import OptionParser, add_argument_options, common_parser, set_up_log
from saltern.output.options import Output, add_output_arguments
from saltern.plain import Plain
from saltern.visible import visible, visible_lines
from saltern.wire import MAX_MESSAGE_BYTES
from saltern_agent import grains
from saltern_agent.call_connection import CONNECT_TIMEOUT_S, Connection
from saltern_agent.call_services import CallServices
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, Job, Outcome
from saltern_agent.loader import Loader
from saltern_agent.loader.marks import Marks
from saltern_agent.return_to import ReturnTo, return_to
from saltern_agent.returns import pack_return
from saltern_agent.sync import grains_folders, marks_file, module_folders, returners_folders, utils_folders

DOC = "sys.doc"
SHOWN_AS = LOCAL = "local"
EX_OK = 0
EX_FAILED = 1
EX_MISSING = 255
EX_INTERRUPTED = 130
MAX_TIMEOUT_S = 3600

EXAMPLES = """  saltern-call test.ping
  saltern-call --local stats.collect --out json
  saltern-call --local cmd.run 'df -h | tail -1' timeout=5
  saltern-call --local -m ./modules mymodule.fun    a module that is being written
  saltern-call -g                                   this host's grains
  saltern-call -d stats                             what its functions do; nothing is run
  saltern-call test.echo -- --help                  after -- nothing is an option
"""


class Ran(NamedTuple):
    """What a call came to, and the documentation of its function."""

    outcome: Outcome
    doc: str = ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 when the function failed, or the code of what went wrong here."""
    parser = _parser()
    arguments = parser.parse(sys.argv[1:] if argv is None else argv)
    _check(parser, arguments)
    try:
        set_up_log(arguments)
        output = Output(arguments)
        options = _options(arguments)
        if arguments.doc:
            return _show_docs(arguments, options, output)
        if arguments.grains_run:
            output.show({SHOWN_AS: grains.of_a_call(options, _loader(options, {**options}, Current()))})
            return EX_OK
        return _run(arguments, options, output)
    except SalternError as error:
        print(f"saltern-call: {told(error)}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        print("\nsaltern-call: interrupted", file=sys.stderr)
        return EX_INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away; Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK


def _parser() -> OptionParser:
    parser = common_parser(
        "saltern-call",
        "saltern-call [options] <function> [arguments]",
        "Run a function of this host's execution modules, in this process.",
        EXAMPLES,
        config="minion",
    )
    add = parser.add_argument
    add("-d", "--doc", "--documentation", action="store_true", help="show what functions do, and run none")
    add("-g", "--grains", dest="grains_run", action="store_true", help="show this host's grains, and run nothing")
    add("--local", action="store_true", help="don't connect to the master: no pillar, no files of it")
    add("--id", metavar="ID", help="this minion's id")
    add("--master", metavar="HOST", help="another master than the configuration's")
    add(
        "-t",
        "--timeout",
        type=_seconds,
        default=CONNECT_TIMEOUT_S,
        metavar="S",
        help="seconds for the master to answer",
    )
    add("-m", "--module-dirs", action="append", default=[], metavar="DIR", help="a folder with more modules")
    add("--file-root", action="append", default=[], metavar="DIR", help="with --local: a folder that salt:// means")
    add("--pillar-root", action="append", default=[], metavar="DIR", help="not supported: pillar is the master's")
    add("--skip-grains", action="store_true", help="don't collect grains")
    add("--refresh-grains-cache", action="store_true", help="changes nothing: they are collected for each call")
    add("--return", dest="ret", metavar="R[,R]", help="returners that get the return too")
    add("--return_config", default="", metavar="NAME", help="an alternative set of their options")
    add("--return_kwargs", default="", metavar="MAP", help="options of theirs, as {host: db1}")
    add("--no-return-event", action="store_true", help="changes nothing: the master is never sent the return")
    add("--metadata", action="store_true", help="show all of the return, not its value alone")
    add("--set-metadata", metavar="YAML", help="goes into the return")
    add("--retcode-passthrough", action="store_true", help="exit with the function's return code")
    add_argument_options(parser)
    add_output_arguments(parser)
    return parser


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"must be seconds, above 0 and up to {MAX_TIMEOUT_S:,}, not {text!r}")
    return number


def _check(parser: OptionParser, arguments: argparse.Namespace) -> None:
    if not arguments.words and not arguments.doc and not arguments.grains_run:
        parser.error("Requires function, --grains or --doc")
    if arguments.words and arguments.grains_run:
        parser.error("-g/--grains does not accept any arguments")
    if arguments.doc and len(arguments.words) > 1:
        parser.error("You can only get documentation for one method at one time")
    if arguments.pillar_root:
        parser.error("--pillar-root: pillar is made by the master alone: leave it out, and --local too")
    if arguments.file_root and not arguments.local:
        print(
            "Warning: --file-root is ignored because --local was not specified; the files are fetched from the master.",
            file=sys.stderr,
        )


def _options(arguments: argparse.Namespace) -> MinionOptions:
    options = minion_config(arguments.config_dir)
    try:
        options["id"] = check_minion_id(arguments.id) if arguments.id else options["id"]
        options["master"] = check_host(arguments.master) if arguments.master else options["master"]
    except IdError as error:
        raise UsageError(str(error)) from None
    folders = [folder for word in arguments.module_dirs for folder in word.split(",")]
    options["module_dirs"] = [*options["module_dirs"], *map(os.path.abspath, folders)]
    return options


def _show_docs(arguments: argparse.Namespace, options: MinionOptions, output: Output) -> int:
    """Print what functions of this host are for: those whose names begin with the word, or all; nothing is run."""
    patterns = [f"{word}*" for word in arguments.words]
    outcome = run_here(arguments, options, Job(JidSource().next(), DOC, patterns, {}, user="saltern-call")).outcome
    docs = {name: text for name, text in sorted(outcome.value.items()) if text} if outcome.success else {}
    if not docs:
        why = f"no function or module {' '.join(arguments.words)} has documentation"
        print(f"saltern-call: {visible(why if outcome.success else str(outcome.value))}", file=sys.stderr)
    elif output.chosen:
        output.show(docs)
    else:
        for name, text in docs.items():
            print("\n".join([f"{visible(name)}:", *map(visible, text.split("\n")), ""]))
    return EX_OK


def _run(arguments: argparse.Namespace, options: MinionOptions, output: Output) -> int:
    function, *words = arguments.words
    arg, kwarg = parse_arguments(words, arguments.no_parse)
    about = {"pid": os.getpid(), "tgt": "salt-call"}
    job = Job(JidSource().next(), function, arg, kwarg, user="saltern-call", about=about)
    job.ret = _returners(arguments)
    here = arguments.local or options["file_client"] == LOCAL
    ran = run_here(arguments, options, job) if here else run_connected(arguments, options, job)
    outcome = ran.outcome
    retcode = int(outcome.retcode)
    if outcome.error is not None or (outcome.missing and not isinstance(outcome.value, dict)):
        return _say_error(job, ran)
    value = Plain().of(outcome.value)
    if arguments.metadata:
        about = {"jid": job.jid, "return": value, "retcode": retcode, "id": options["id"], "fun": function}
        more = {"metadata": parse_value(arguments.set_metadata)} if arguments.set_metadata is not None else {}
        output.show({SHOWN_AS: {**about, "fun_args": words, **more}}, retcode=retcode)
    else:
        output.show({SHOWN_AS: value}, out=outcome.out, retcode=retcode)
    return retcode & 0xFF if arguments.retcode_passthrough else EX_FAILED if retcode else EX_OK


def _say_error(job: Job, ran: Ran) -> int:
    """Say on standard error why the function returned nothing, in Salt's words, and return the exit code."""
    outcome, name = ran.outcome, job.fun
    error, text = outcome.error, str(outcome.value)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if outcome.missing:
        _say(text)
        if outcome.failed and outcome.failed != text:  # what was perhaps meant
            _say(f"saltern-call: {outcome.failed}")
        return EX_MISSING
    if isinstance(error, SystemExit):
        return int(outcome.retcode)
    if isinstance(error, ArgumentError):
        _say(text.removeprefix(f"ERROR executing '{name}': "))
    elif isinstance(error, TypeError) or "SaltInvocationError" in kinds:
        for beginning in (f"Passed invalid arguments to {name}: ", f"ERROR executing '{name}': "):
            text = text.removeprefix(beginning)
        _say(f"\nPassed invalid arguments: {text.removesuffix(ran.doc).rstrip()}.\n\nUsage:")
        sys.stderr.flush()
        print("\n".join(map(visible, ran.doc.split("\n"))))
    elif text.startswith("ERROR: "):
        _say(f"Error running '{name}': {text.removeprefix('ERROR: ')}")
    else:
        _say(text)
    return EX_FAILED


def _say(text: str) -> None:
    print("\n".join(visible_lines(text)), file=sys.stderr)


def _returners(arguments: argparse.Namespace) -> ReturnTo:
    """Return which returners the command line names. Raises ``UsageError``."""
    kwargs = parse_value(arguments.return_kwargs) if arguments.return_kwargs else {}
    if not isinstance(kwargs, dict):
        raise UsageError(f"--return_kwargs {arguments.return_kwargs}: must be a map, as in '{{host: db1}}'")
    try:
        return return_to(returners_of(arguments.ret), arguments.return_config, kwargs)
    except IdError as error:
        raise UsageError(f"--return: {error}") from None


def run_here(arguments: argparse.Namespace, options: MinionOptions, job: Job) -> Ran:
    """Run *job* in this process with what is on this host alone."""
    current = Current()
    opts: dict[str, Any] = {**options, "file_client": LOCAL}
    if arguments.file_root:
        opts["file_roots"] = {"base": [os.path.abspath(folder) for folder in arguments.file_root]}
    loader = _loader(options, opts, current)
    loader.set_grains({} if arguments.skip_grains else grains.of_a_call(options, loader))
    return _ran(loader, current, options, job)


def run_connected(arguments: argparse.Namespace, options: MinionOptions, job: Job) -> Ran:
    """Run *job* in this process while a channel of its own to the master is open.

    Raises ``RequestTimeout`` when the master can't be reached in time, ``NotAuthorised`` when it does not take us in.
    """
    connection = Connection(options, arguments.timeout)
    try:
        connection.open()
        current = Current()
        services = CallServices(current, options, connection.calls.request, connection.fire)
        loader = _loader(options, {**options, "__agent__": services}, current)
        services.serve(loader)
        loader.set_grains({} if arguments.skip_grains else grains.of_a_call(options, loader))
        loader.set_pillar(connection.pillar)
        return _ran(loader, current, options, job)
    finally:
        connection.close()


def _loader(options: MinionOptions, opts: dict[str, Any], current: Current) -> Loader:
    folders, utils, returners = module_folders(options), utils_folders(options), returners_folders(options)
    return Loader(opts, folders, current, utils, Marks(marks_file(options)), returners, grains_folders(options))


def _ran(loader: Loader, current: Current, options: MinionOptions, job: Job) -> Ran:
    """Run *job*, and hand the return to the returners that the command line names; they change nothing of it."""
    outcome = Executor(loader, current, interruptible=True).run(job)
    if job.ret.names:
        from saltern_agent.returners import Returners

        frame = pack_return(job, outcome, None, MAX_MESSAGE_BYTES).frame
        Returners(options["id"], loader.returner).hand_all(frame, job.ret)
    doc = ""
    if outcome.error is not None and isinstance(job.fun, str):
        with contextlib.suppress(FunctionNotFound):  # its module may have been taken away meanwhile
            doc = loader.function(job.fun).__doc__ or ""
    return Ran(outcome, doc)


if __name__ == "__main__":
    sys.exit(main())
