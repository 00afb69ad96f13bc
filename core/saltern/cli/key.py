"""``saltern-key``: the keys of minions."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import chain
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
    set_up_log,
)
from saltern.cli.host_doubts import doubts
from saltern.config import MasterOptions, client_config, master_config
from saltern.config.minion import own_name
from saltern.errors import IdError, KeyStoreError, UsageError
from saltern.ids import check_minion_id
from saltern.invites import INVITE_TTL_S, clock_time
from saltern.join_token import read_token
from saltern.key_functions import PROXIED, state_named
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, WORDS, KeyStore
from saltern.pki import fingerprint, own_keys
from saltern.visible import visible
from saltern.wheel import Wheel

EXAMPLES = """  saltern-key                       list all keys (-L)
  saltern-key -l un                 list those that wait to be accepted
  saltern-key -f web01              the fingerprint of a key, to compare with what its agent logs
  saltern-key -a 'web*'             accept pending keys
  saltern-key -A -y                 accept all of them, without asking
  saltern-key -r web09              reject
  saltern-key -d web09              delete; the minion loses every right at once
  saltern-key -d web09 --state den  delete the denied key of that id alone
  saltern-key --invite              one line to paste on a new host: it joins without waiting
  saltern-key --invite --id web10   the same, good for that minion id alone
  saltern-key --delegate sw1 --to web01       let web01 speak for the device sw1, which has no key
  saltern-key --delegate sw1 --to web01,web02 one of the two that is there
  saltern-key --undelegate sw1      the device loses every right at once
"""

LISTED = (PENDING, REJECTED, ACCEPTED, DENIED)
"""The states in the order in which programs are told them; people read them by the order of ``--out key``."""

SHOWN_AS = "key"
LEAST_KEY_BITS, MOST_KEY_BITS = 2048, 32768
_TAKING = ("delete", "undelegate")
_DONE = {"accept": "accepted", "reject": "rejected", "delete": "deleted"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse(words)
    if (options.delegate is None) != (options.to is None):
        parser.error("--delegate and --to go together: --delegate sw1 --to web01")
    if options.words:
        parser.error(f"unexpected word: {visible(options.words[0])} (globs are quoted, as in -a 'web*')")
    return run_command("saltern-key", lambda: _run(options), traceback=options.traceback, config_dir=options.config_dir)


def _parser() -> OptionParser:
    parser = command_parser(
        "saltern-key", "saltern-key [options]", "Manage the keys of minions.", EXAMPLES, short_log=False
    )
    actions = parser.add_argument_group("what to do").add_mutually_exclusive_group()
    actions.add_argument(
        "-l", "--list", type=_listed, metavar="STATE", help="list one state: acc, un, rej, den, prox, all"
    )
    actions.add_argument("-L", "--list-all", action="store_true", help="list all keys")
    actions.add_argument("-a", "--accept", metavar="GLOB", help="accept pending keys; a,b: several globs")
    actions.add_argument("-A", "--accept-all", action="store_true", help="accept all pending keys")
    actions.add_argument("-r", "--reject", metavar="GLOB", help="reject pending keys")
    actions.add_argument("-R", "--reject-all", action="store_true", help="reject all pending keys")
    actions.add_argument("-d", "--delete", metavar="GLOB", help="delete keys of any state")
    actions.add_argument("-D", "--delete-all", action="store_true", help="delete all keys")
    actions.add_argument("-p", "--print", metavar="GLOB", help="print public keys")
    actions.add_argument("-P", "--print-all", action="store_true", help="print all public keys")
    actions.add_argument("-f", "--finger", metavar="GLOB", help="print fingerprints")
    actions.add_argument("-F", "--finger-all", action="store_true", help="print all fingerprints, the master's first")
    actions.add_argument("--delegate", metavar="DEVICE", help="let a host speak for devices, with --to; a,b: several")
    actions.add_argument("--undelegate", metavar="DEVICE", help="take devices from the hosts they were delegated to")
    actions.add_argument("--invite", action="store_true", help="print one line that lets a new host join")
    actions.add_argument("--gen-keys", metavar="NAME", help="make a key pair, NAME.key and NAME.pub")
    how = parser.add_argument_group("how")
    how.add_argument("--include-all", action="store_true", help="with -a: rejected ones too; with -r: accepted ones")
    how.add_argument("--include-accepted", action="store_true", help="with -r: accepted keys too")
    how.add_argument("--include-rejected", action="store_true", help="with -a: rejected keys too")
    how.add_argument("--include-denied", action="store_true", help="with -a and -r: denied keys too")
    how.add_argument("--state", metavar="STATE", help="with -a, -r, -d: only keys of one state: acc, un, rej, den")
    how.add_argument("--to", metavar="HOST", help="with --delegate: the minion that speaks for them; a,b: one of these")
    how.add_argument("--host", metavar="NAME", help="with --invite: where agents find this master (its full name)")
    how.add_argument("--id", metavar="ID", help="with --invite: good for this minion id alone")
    how.add_argument("--ttl", type=seconds, default=INVITE_TTL_S, metavar="S", help="with --invite: good for S seconds")
    how.add_argument("--gen-keys-dir", default=".", metavar="DIR", help="with --gen-keys: where to (here)")
    how.add_argument(
        "--keysize", type=_key_bits, metavar="BITS", help="with --gen-keys: means nothing, these keys have one size"
    )
    how.add_argument("-y", "--yes", action="store_true", help="don't ask")
    how.add_argument("-q", "--quiet", action="store_true", help="say no more than what was done (it never does)")
    add_output_arguments(parser)
    return parser


def _listed(word: str) -> str:
    """Return the state that ``-l`` lists, ``""`` for all: as in Salt the word's beginning says it."""
    if not word:
        return ""
    for beginning, state in (
        ("acc", ACCEPTED),
        ("pre", PENDING),
        ("un", PENDING),
        ("rej", REJECTED),
        ("den", DENIED),
        ("prox", PROXIED),
        ("all", ""),
    ):
        if word.startswith(beginning):
            return state
    raise argparse.ArgumentTypeError(f"'{visible(word)}' is not a valid argument to '--list'")


def _key_bits(text: str) -> int:
    bits = int(text)
    if bits < LEAST_KEY_BITS:
        raise argparse.ArgumentTypeError(f"The minimum value for keysize is {LEAST_KEY_BITS}")
    if bits > MOST_KEY_BITS:
        raise argparse.ArgumentTypeError(f"The maximum value for keysize is {MOST_KEY_BITS}")
    return bits


def _run(options: argparse.Namespace) -> int:
    set_up_log(options)
    output = Output(options)
    if options.gen_keys is not None:
        return _generate(options, output)
    # An invitation tells the master's ports: half of the options won't do.
    opts = (master_config if options.invite else client_config)(options.config_dir)
    wheel = Wheel(opts)
    if options.invite:
        return _invite(wheel, opts, options, output)
    for function, chosen, everything in (
        ("print", options.print, options.print_all),
        ("finger", options.finger, options.finger_all),
    ):
        if chosen is not None or everything:
            return _show_keys(wheel, opts, function, "*" if everything else chosen, output)
    for name, chosen, everything in (
        ("accept", options.accept, options.accept_all),
        ("reject", options.reject, options.reject_all),
        ("delete", options.delete, options.delete_all),
    ):
        if chosen is not None or everything:
            return _change(wheel, name, "*" if everything else chosen, options, output)
    if options.delegate is not None:
        return _delegate(wheel, _words(options.delegate), _words(options.to), options, output)
    if options.undelegate is not None:
        return _undelegate(wheel, _words(options.undelegate), options, output)
    keys = wheel.call_func("key.list_all")
    states = [options.list] if options.list else [*LISTED, *([PROXIED] if PROXIED in keys else [])]
    output.show({state: _in_order(keys.get(state, {})) for state in states}, out=SHOWN_AS)
    return EX_OK


def _in_order(listed: list[str] | dict[str, Any]) -> list[str] | dict[str, Any]:
    if isinstance(listed, dict):
        return dict(sorted(listed.items(), key=lambda row: row[0].lower()))
    return sorted(listed, key=str.lower)


def _words(text: str) -> list[str]:
    """Return the ids in ``a,b``, once each. Raises ``IdError``."""
    return list(dict.fromkeys(check_minion_id(word.strip()) for word in text.split(",")))


def _delegate(wheel: Wheel, devices: list[str], hosts: list[str], options: argparse.Namespace, output: Output) -> int:
    """Show which devices go to which hosts, by which keys, and do exactly that."""
    keys = {host: key for _, host, key in wheel.call_func("key.resolve", match=",".join(hosts), states=[ACCEPTED])}
    for host in hosts:
        if not keys.get(host):
            raise KeyStoreError(
                f"{host}: no key is accepted for it: a host has one (saltern-key -a {host})", minion=host
            )
    now = wheel.call_func("key.list_all").get(PROXIED, {})
    going = {device: hosts[0] if len(hosts) == 1 else sorted(hosts) for device in devices}
    if not output.chosen:
        print("The following devices are going to be delegated:")
        output.show({PROXIED: going}, out=SHOWN_AS)
    if not options.yes:
        for host in hosts:
            print(f"{host}:  {keys[host]}", file=sys.stderr)
        for device in devices:
            if device in now:
                via = now[device] if isinstance(now[device], str) else ", ".join(now[device])
                print(f"{device}:  now via {via}", file=sys.stderr)
        if not _agreed("delegate"):
            return EX_OK
    done = wheel.call_func("key.delegate", devices=devices, hosts=hosts, fingerprints=keys)
    return _show_done(done, "delegated to", output)


def _undelegate(wheel: Wheel, devices: list[str], options: argparse.Namespace, output: Output) -> int:
    """Show from which hosts devices are taken, and do exactly that."""
    shown: dict[str, list[str]] = wheel.call_func("key.delegated", match=",".join(devices))
    if shown and not output.chosen:
        print("The following devices are going to be taken from their hosts:")
        output.show(
            {PROXIED: {device: hosts[0] if len(hosts) == 1 else hosts for device, hosts in shown.items()}}, out=SHOWN_AS
        )
    if not options.yes and shown and not _agreed("undelegate"):
        return EX_OK
    done = wheel.call_func("key.undelegate", devices=devices, shown=shown)
    return _show_done(done, "taken from", output)


def _show_done(done: dict[str, list[str]], what: str, output: Output) -> int:
    """Show which devices were *what* which hosts, and return the exit code."""
    if output.chosen:
        output.show(done)
    else:
        for device, hosts in done.items():
            print(f"Device {device} {what} {', '.join(hosts)}.")
    return EX_OK


def _show_keys(wheel: Wheel, opts: MasterOptions, function: str, match: str, output: Output) -> int:
    found: dict[str, Any] = wheel.call_func(f"key.{function}", match=match)
    if function == "finger" and match in ("*", "master", "master.pub"):
        key = KeyStore(opts["pki_dir"]).master_key()
        found["local"] = {"master.pub": fingerprint(key), "master_key": key}
    if found:
        output.show(found, out=SHOWN_AS)
    else:
        print(f"saltern-key: no key matches '{visible(match)}'", file=sys.stderr)
    return EX_OK


def _change(wheel: Wheel, name: str, match: str, options: argparse.Namespace, output: Output) -> int:
    """Resolve *match* once, show what it means, and act on exactly that."""
    states = [state_named(options.state)] if options.state else _states(name, options)
    keys = wheel.call_func("key.resolve", match=match, states=states)
    keys.sort(key=lambda key: (states.index(key[0]), key[1].lower()))
    if not keys:
        print(f"The key glob '{visible(match)}' does not match any {_among(name, states, options)} keys.")
        return EX_OK
    if not output.chosen:
        print(f"The following keys are going to be {_DONE[name]}:")
        output.show(_by_state(keys), out=SHOWN_AS)
    if not options.yes:
        for _, minion_id, shown in keys:
            print(f"{minion_id}:  {shown or 'this file holds no key'}", file=sys.stderr)
        if not _agreed(name):
            return EX_OK
    answer = wheel.call_func(f"key.{name}_keys", keys=keys)
    if output.chosen:
        output.show(answer["done"])
    else:
        for minion_id in chain.from_iterable(answer["done"].values()):
            print(f"Key for minion {minion_id} {_DONE[name]}.")
    for line in answer["refused"]:
        print(f"saltern-key: {line}", file=sys.stderr)
    return EX_GENERIC if answer["refused"] else EX_OK


def _states(name: str, options: argparse.Namespace) -> list[str]:
    """Return the states of the keys that may be meant, in the order in which they are changed."""
    if name == "delete":
        return list(LISTED)
    accepted = name == "reject" and (options.include_all or options.include_accepted)
    rejected = name == "accept" and (options.include_all or options.include_rejected)
    wanted = {PENDING: True, ACCEPTED: accepted, REJECTED: rejected, DENIED: options.include_denied}
    return [state for state, included in wanted.items() if included]


def _among(name: str, states: Sequence[str], options: argparse.Namespace) -> str:
    if options.state:
        return WORDS[states[0]]
    words = ["unaccepted", *(WORDS[state] for state in states[1:] if name != "delete")]
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _by_state(keys: list[list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for state, minion_id, _ in keys:
        found.setdefault(state, []).append(minion_id)
    return found


def _agreed(name: str) -> bool:
    """Ask; no answer means no to what takes something away, and yes to what else there is."""
    try:
        said = input(f"Proceed? [{'N/y' if name in _TAKING else 'n/Y'}] ")
    except EOFError:
        print(file=sys.stderr)
        raise UsageError("nobody there to ask: use -y") from None
    return (said or ("n" if name in _TAKING else "y")).lower().startswith("y")


def _generate(options: argparse.Namespace, output: Output) -> int:
    """Make a minion's key pair, to be accepted before it first connects."""
    name = options.gen_keys
    if not name or os.sep in name or name.startswith("."):
        raise IdError(f"{visible(repr(name))} can't be a file's name: the pair is NAME.key and NAME.pub")
    output.show({"return": fingerprint(own_keys(options.gen_keys_dir, name).public)})
    return EX_OK


def _invite(wheel: Wheel, opts: MasterOptions, options: argparse.Namespace, output: Output) -> int:
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
    if output.chosen:
        output.show({"token": token})
    else:
        print(f"saltern-agent --join {token}")
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
