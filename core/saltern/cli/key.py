"""``saltern-key``: the keys of minions."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

from saltern.cli.command import (
    EX_GENERIC,
    EX_OK,
    OptionParser,
    Output,
    add_output_arguments,
    command_parser,
    run_command,
    seconds,
)
from saltern.cli.host_doubts import doubts
from saltern.config import MasterOptions, client_config, master_config
from saltern.config.minion import own_name
from saltern.ids import check_minion_id
from saltern.invites import INVITE_TTL_S, clock_time
from saltern.join_token import read_token
from saltern.key_functions import state_named
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, WORDS, KeyStore
from saltern.pki import fingerprint
from saltern.wheel import Wheel

EXAMPLES = """  saltern-key                       list all keys (-L)
  saltern-key -f web01              the fingerprint of a key, to compare with what its agent logs
  saltern-key -a 'web*'             accept pending keys
  saltern-key -A -y                 accept all of them, without asking
  saltern-key -r web09              reject
  saltern-key -d web09              delete; the minion loses every right at once
  saltern-key -d web09 --state den  delete the denied key of that id alone
  saltern-key --invite              one line to paste on a new host: it joins without waiting
  saltern-key --invite --id web10   the same, good for that minion id alone
"""

TITLES = {
    ACCEPTED: "Accepted Keys:",
    DENIED: "Denied Keys:",
    PENDING: "Unaccepted Keys:",
    REJECTED: "Rejected Keys:",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse(words)
    return run_command("saltern-key", lambda: _run(options), traceback=options.traceback, config_dir=options.config_dir)


def _parser() -> OptionParser:
    parser = command_parser(
        "saltern-key", "saltern-key [options]", "Manage the keys of minions.", EXAMPLES, short_log=False
    )
    actions = parser.add_mutually_exclusive_group()
    lists = ("all", "acc", "accepted", "pre", "un", "unaccepted", "rej", "rejected", "den", "denied")
    actions.add_argument("-l", "--list", choices=lists, metavar="STATE", help="list one state: acc, un, rej, den, all")
    actions.add_argument("-L", "--list-all", action="store_true", help="list all keys")
    actions.add_argument("-a", "--accept", metavar="GLOB", help="accept pending keys")
    actions.add_argument("-A", "--accept-all", action="store_true", help="accept all pending keys")
    actions.add_argument("-r", "--reject", metavar="GLOB", help="reject pending keys")
    actions.add_argument("-R", "--reject-all", action="store_true", help="reject all pending keys")
    actions.add_argument("-d", "--delete", metavar="GLOB", help="delete keys of any state")
    actions.add_argument("-D", "--delete-all", action="store_true", help="delete all keys")
    actions.add_argument("-f", "--finger", metavar="GLOB", help="print fingerprints")
    actions.add_argument("-F", "--finger-all", action="store_true", help="print all fingerprints, the master's first")
    actions.add_argument("--invite", action="store_true", help="print one line that lets a new host join")
    parser.add_argument(
        "--include-all", "--include-rejected", action="store_true", help="accept or reject keys of other states too"
    )
    parser.add_argument("--state", metavar="STATE", help="with -a, -r, -d: only keys of one state: acc, un, rej, den")
    parser.add_argument("--host", metavar="NAME", help="with --invite: where agents find this master (its full name)")
    parser.add_argument("--id", metavar="ID", help="with --invite: good for this minion id alone")
    parser.add_argument(
        "--ttl", type=seconds, default=INVITE_TTL_S, metavar="S", help="with --invite: good for S seconds"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")
    add_output_arguments(parser)
    return parser


def _run(options: argparse.Namespace) -> int:
    # An invitation tells the master's ports: half of the options won't do.
    opts = (master_config if options.invite else client_config)(options.config_dir)
    wheel = Wheel(opts)
    if options.invite:
        return _invite(wheel, opts, options)
    if options.finger or options.finger_all:
        return _fingers(wheel, opts, options)
    for name, chosen, everything in (
        ("accept", options.accept, options.accept_all),
        ("reject", options.reject, options.reject_all),
        ("delete", options.delete, options.delete_all),
    ):
        if chosen is not None or everything:
            return _change(wheel, name, "*" if everything else chosen, options)
    return _list(wheel, options)


def _list(wheel: Wheel, options: argparse.Namespace) -> int:
    keys = wheel.call_func("key.list_all")
    if options.list and options.list != "all":
        state = state_named(options.list)
        keys = {state: keys[state]}
    if options.out:
        Output(options).show(keys)
        return EX_OK
    for state, title in TITLES.items():
        if state in keys:
            print("\n".join([title, *keys[state]]))
    return EX_OK


def _fingers(wheel: Wheel, opts: MasterOptions, options: argparse.Namespace) -> int:
    prints: dict[str, Any] = {}
    if options.finger_all or options.finger in ("master", "master.pub"):
        key = KeyStore(opts["pki_dir"]).master_key()
        prints["local"] = {"master.pub": fingerprint(key), "master_key": key}
    prints.update(wheel.call_func("key.finger", match="*" if options.finger_all else options.finger))
    if not prints:
        print(f"saltern-key: no key matches {options.finger!r}", file=sys.stderr)
        return EX_GENERIC
    if options.out:
        Output(options).show(prints)
        return EX_OK
    for state, found in prints.items():
        print(TITLES.get(state, "Local Keys:"))
        for name, value in found.items():
            print(f"{name}:  {value}")
    return EX_OK


def _change(wheel: Wheel, name: str, glob: str, options: argparse.Namespace) -> int:
    """Resolve *glob* once, show what it means, and act on exactly that."""
    states = [state_named(options.state)] if options.state else _states(name, include_all=options.include_all)
    keys = wheel.call_func("key.resolve", match=glob, states=states)
    if not keys:
        among = WORDS[states[0]] if options.state else _AMONG[name]
        print(f"The key glob {glob!r} does not match any {among} keys.", file=sys.stderr)
        return EX_GENERIC
    if not options.yes:
        print(f"The following keys are going to be {_DONE[name]}:")
        for state, of_state in groupby(keys, key=itemgetter(0)):
            print(TITLES[state])
            for _, minion_id, shown in of_state:
                print(f"{minion_id}:  {shown or 'this file holds no key'}")
        if not _agreed():
            return EX_GENERIC
    answer = wheel.call_func(f"key.{name}_keys", keys=keys)
    if options.out:
        Output(options).show(answer["done"])
    else:
        for minion_id in chain.from_iterable(answer["done"].values()):
            print(f"Key for minion {minion_id} {_DONE[name]}.")
    for line in answer["refused"]:
        print(f"saltern-key: {line}", file=sys.stderr)
    return EX_GENERIC if answer["refused"] else EX_OK


def _states(name: str, *, include_all: bool) -> list[str]:
    if name == "delete":
        return list(TITLES)
    others = {"accept": [REJECTED, DENIED], "reject": [ACCEPTED, DENIED]}[name]
    return [PENDING, *others] if include_all else [PENDING]


_DONE = {"accept": "accepted", "reject": "rejected", "delete": "deleted"}
_AMONG = {"accept": "unaccepted", "reject": "unaccepted", "delete": "known"}


def _agreed() -> bool:
    try:
        return input("Proceed? [n/Y] ").strip().lower() in ("", "y", "yes")
    except EOFError:
        print("\nsaltern-key: nobody there to ask: use -y", file=sys.stderr)
        return False


def _invite(wheel: Wheel, opts: MasterOptions, options: argparse.Namespace) -> int:
    minion_id = "" if options.id is None else check_minion_id(options.id)  # an empty one isn't good for any
    token = wheel.call_func(
        "key.invite",
        host=own_name() if options.host is None else options.host,
        publish_port=opts["publish_port"],
        ret_port=opts["ret_port"],
        ttl_s=options.ttl,
        minion_id=minion_id,
    )
    invite = read_token(token)
    for warning in doubts(invite.host, opts["interface"]):
        print(f"saltern-key: warning: {warning}", file=sys.stderr)
    print(
        f"saltern-key: good once, until {clock_time(time.time() + options.ttl)}, for "
        f"{minion_id or 'any minion id'}; it sends agents to {invite.host}, ports {invite.publish_port} "
        f"and {invite.ret_port}; run saltern-agent --join - as root on the new host and paste this line there (it runs "
        f"as it stands too, and then shows the token to every user of that host):",
        file=sys.stderr,
    )
    if options.out:
        Output(options).show({"token": token})
    else:
        print(f"saltern-agent --join {token}")
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
