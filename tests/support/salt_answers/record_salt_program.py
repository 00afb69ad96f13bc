"""Record what Salt's program ``salt`` prints, and how it exits, for many command lines: ``salt_program.json``.

Run by hand, with the Python of an environment that has Salt 3008: ``python record_salt_program.py``. Salt's own program
runs in this process: its option parser, client, batch and outputters; only the way to a master is replaced, by the
scripted fleet. Record anew when a case is added here, or when a newer Salt is the measure.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import scripted_fleet  # noqa: E402

JID = "202601010000000000{:02d}"
FORMS = ("nested", "json", "yaml", "txt", "raw", "pprint")

PLAIN = [
    ["*", "test.ping"],
    ["m1", "test.ping"],
    ["*", "test.false"],
    ["*", "test.none"],
    ["*", "test.empty"],
    ["*", "test.emptydict"],
    ["*", "test.emptylist"],
    ["*", "test.table"],
    ["*", "test.mixed"],
    ["*", "test.broken"],
    ["*", "test.json"],
    ["*", "test.txt"],
    ["*", "test.odd"],
    ["m1", "test.quiet"],
    ["*", "test.nosuch"],
    ["*", "test.retcode", "3"],
    ["nobody", "test.ping"],
    ["-L", "m1,m3", "test.ping"],
    ["-L", "m1, m3", "test.ping"],
    ["-L", " m1  m3 ", "test.ping"],
    ["-L", "m1,m9", "test.ping"],
    ["-L", "m8,m9", "test.ping"],
    ["m1", "test.arg", "a", "k=v", "n=1", "[1, 2]", "1.0", "true"],
    ["m1", "test.arg", "a=b=c", "a==b", "x.y=1", "1a=2"],
    ["m1", "test.arg", "--no-parse", "a,b", "a=1", "b=[1]", "c=1"],
    ["m1", "test.arg", "--", "-1", "--x"],
    ["m1", "test.arg", "-"],
    ["m1", "test.arg", ""],
    ["m1", "test.echo", "two\nlines"],
    ["m1", "test.echo", "Grüße"],
]
SEVERAL = [
    ["m1", "test.ping,test.id"],
    ["m1", "test.ping,test.arg", ",", "a", "b"],
    ["m1", "test.arg,test.ping", "a", ","],
    ["m1", "test.arg,test.id,test.echo", "1", "k=2", ",", ",", "x"],
    ["m1", "test.arg,test.arg", "1", ",", "2", "k=v"],
    ["m1", "test.arg,test.echo", "1,2"],
    ["m1", "test.arg,test.echo", "1,", "2"],
    ["m1", "test.arg,test.echo", "1", ",2"],
    ["m1", "test.arg,test.echo", "1"],
    ["m1", "test.arg,test.echo"],
    ["m1", "test.arg,test.echo", "1", ",", "2", ",", "3"],
    ["m1", "test.arg,test.echo", "--args-separator", "::", "a,b", "::", "c"],
    ["m1", "test.arg,test.echo", "--args-separator=::", "a::c"],
    ["m1", "test.false,test.ping", ","],
    ["m1", "test.mixed,test.false", ","],
    ["m1", "test.ping,", ","],
]
FLAGS = [
    ["-v"],
    ["--verbose", "--summary"],
    ["--show-jid"],
    ["--show-jid", "-v"],
    ["--summary"],
    ["--hide-timeout"],
    ["--static"],
    ["-s", "--summary"],
    ["-s", "-v"],
    ["--static", "--out", "json"],
    ["--out", "json"],
    ["--out", "json", "--summary"],
    ["--out", "json", "-v"],
    ["--out", "yaml"],
    ["--out", "txt"],
    ["--out", "raw"],
    ["--out", "pprint"],
    ["--async"],
    ["--async", "-v"],
    ["--preview-target"],
    ["--preview-target", "--out", "json"],
    ["-b", "1"],
    ["-b", "2"],
    ["-b", "50%"],
    ["-b", "1", "--out", "json"],
    ["-b", "100%", "--out", "txt"],
    ["-b", "1", "--failhard"],
    ["-b", "1", "-v"],
    ["-b", "1", "--show-jid"],
    ["-b", "1", "--summary"],
    ["-s", "-b", "1"],
    ["--failhard"],
    ["--batch-safe-limit", "2"],
    ["--batch-safe-limit", "3", "--batch-safe-size", "1"],
    ["--batch-safe-limit", "4"],
    ["-t", "3"],
    ["-t", "0"],
]
ASKED = [["*", "test.ping"], ["*", "test.mixed"], ["nobody", "test.ping"]]
DOC = [
    ["-d"],
    ["-d", "m1"],
    ["-d", "test.ping"],
    ["-d", "nosuch.fun"],
    ["-d", "*", "test.ping"],
    ["*", "-d", "test.echo"],
    ["-d", "*", "nosuch"],
    ["-d", "nobody", "test.ping"],
    ["-d", "*", "test.ping", "test.echo"],
    ["-d", "--out", "json", "*", "test.ping"],
    ["-d", "*", "test.ping", "-v"],
    ["-d", "*", "test.ping", "--summary"],
    ["*", "sys.doc"],
    ["*", "sys.doc", "test.ping", "test.echo"],
    ["*", "sys.doc", "--out", "json"],
    ["*", "sys.doc", "-s"],
    ["*", "sys.doc", "-b", "1"],
    ["nobody", "sys.doc"],
    ["*", "sys.doc", "nosuch"],
]
BATCHES = [
    ["-b", size, "*", function, *more]
    for size in ("1", "3", "7", "9", "10%", "30%", "50%", "99%", "100%", "200%", "%30")
    for function, more in (("test.ping", []), ("test.mixed", []), ("test.mixed", ["--failhard"]))
    if function == "test.ping" or size in ("1", "3", "100%")
]
TOGETHER = [
    ["--subset", "2", "-v", "*", "test.ping"],
    ["--subset", "2", "--show-jid", "*", "test.ping"],
    ["--subset", "2", "--summary", "*", "test.mixed"],
    ["--subset", "2", "--async", "*", "test.ping"],
    ["--subset", "2", "--out", "json", "*", "test.ping"],
    ["--subset", "2", "-b", "1", "*", "test.ping"],
    ["--subset", "2", "-s", "*", "test.ping"],
    ["--subset", "0", "*", "test.ping"],
    ["--subset", "-1", "*", "test.ping"],
    ["--preview-target", "*", "test.ping", "a"],
    ["--preview-target"],
    ["--preview-target", "-L", "m1,m3"],
    ["--preview-target", "-L", "m1,m9"],
    ["--preview-target", "-b", "1", "*"],
    ["--preview-target", "-s", "*"],
    ["--preview-target", "-s", "*", "test.ping"],
    ["--preview-target", "--out", "txt", "*"],
    ["--preview-target", "--out", "yaml", "*"],
    ["--preview-target", "--out", "json", "nobody"],
    ["--preview-target", "-v", "--summary", "*"],
    ["--preview-target", "--async", "*"],
    ["--preview-target", "-d", "*"],
    ["-s", "--async", "*", "test.ping"],
    ["-s", "--failhard", "*", "test.mixed"],
    ["-s", "--out", "txt", "*", "test.mixed"],
    ["-s", "--out", "yaml", "*", "test.table"],
    ["-s", "*", "test.json"],
    ["-s", "*", "test.ping,test.id", ","],
    ["-s", "-b", "x", "*", "test.ping"],
    ["-b", "1", "m1", "test.json"],
    ["-b", "1", "m1", "test.txt"],
    ["-b", "1", "m1", "test.table"],
    ["-b", "1", "m1", "test.broken"],
    ["-b", "1", "m1", "test.none"],
    ["-b", "1", "m1", "test.ping,test.false", ","],
    ["-b", "1", "m1", "test.mixed,test.false", ",", "--failhard"],
    ["-b", "2", "--out", "yaml", "*", "test.ping"],
    ["-b", "2", "--out", "raw", "*", "test.ping"],
    ["-b", "2", "--out", "pprint", "*", "test.table"],
    ["-b", "2", "-L", "m1,m2,m9", "test.ping"],
    ["-b", "2", "-L", "m8,m9", "test.ping"],
    ["--batch-size=1", "m1", "test.ping"],
    ["-b1", "m1", "test.ping"],
    ["--batch-wait", "0.1", "-b", "1", "m1", "test.ping"],
    ["--batch-wait", "-1", "-b", "1", "m1", "test.ping"],
    ["--batch-wait", "1", "m1", "test.ping"],
    ["--batch-safe-limit", "1", "*", "test.ping"],
    ["--batch-safe-limit", "-5", "*", "test.ping"],
    ["--batch-safe-limit", "2", "--async", "*", "test.ping"],
    ["--batch-safe-limit", "2", "-v", "*", "test.ping"],
    ["--batch-safe-limit", "2", "--batch-safe-size", "x", "*", "test.ping"],
    ["--batch-safe-limit", "2", "-d", "*", "test.ping"],
    ["-d", "-s", "*", "test.ping"],
    ["-d", "-b", "1", "*", "test.ping"],
    ["-d", "--async", "*", "test.ping"],
    ["-d", "--subset", "1", "*", "test.ping"],
    ["-d", "--out", "txt", "*"],
    ["-d", "--out", "yaml", "*", "test.ping"],
    ["-d", "--show-jid", "*", "test.ping"],
    ["-d", "-L", "m1"],
    ["-d", "-L", "m1,m2", "test.echo"],
    ["-d", "*", "sys.doc", "test.echo"],
    ["--doc", "*", "test.ping,test.echo"],
    ["--documentation", "*", "test.ping"],
    ["--summary", "--out", "nested", "*", "test.ping"],
    ["--summary", "m1", "test.ping,test.false", ","],
    ["--summary", "-v", "*", "test.broken"],
    ["-v", "--async", "nobody", "test.ping"],
    ["-v", "nobody", "test.ping"],
    ["--summary", "nobody", "test.ping"],
    ["--show-jid", "nobody", "test.ping"],
    ["--out", "no_such_form", "m1", "test.table"],
    ["--out-indent", "2", "--out", "json", "m1", "test.table"],
    ["--out-indent", "-1", "--out", "json", "*", "test.ping"],
    ["--out-indent", "-1", "-s", "--out", "json", "*", "test.ping"],
    ["-vt", "5", "m1", "test.ping"],
    ["-vL", "m1,m2", "test.ping"],
    ["-t5", "m1", "test.ping"],
    ["m1", "-t", "5", "test.echo", "-v", "hi"],
    ["m1", "test.echo", "--", "--out=json"],
    ["--", "m1", "test.echo", "-v"],
    ["m1", "--", "test.echo", "-v"],
    ["m1", "test.arg", "-"],
    ["", "test.ping"],
    ["m1", ""],
    ["", ""],
    ["-L", "", "test.ping"],
    ["-L", ",", "test.ping"],
    ["-L", "m1,,m2", "test.ping"],
    ["-L", "m1,m1", "test.ping"],
    ["-L", "m1;m2", "test.ping"],
    ["m1,m2", "test.ping"],
    ["m1", ","],
    ["m1", "test.ping,,test.id", ",", ","],
    ["m1", ",test.ping", ","],
    ["m1", "test.arg,test.arg", ",", ","],
    ["m1", "test.arg,test.arg", ",a"],
    ["m1", "test.arg,test.arg", "a,,b"],
    ["m1", "test.arg,test.arg,test.arg", "a,,b"],
    ["m1", "test.arg,test.arg", "--args-separator", ""],
    ["m1", "test.arg,test.arg", "a", "b", "--args-separator", "b"],
]
WRONG = [
    [],
    ["m1"],
    ["-v"],
    ["-L"],
    ["-L", "m1"],
    ["-b", "x", "*", "test.ping"],
    ["-b", "", "*", "test.ping"],
    ["-b", "0", "*", "test.ping"],
    ["-b", "-1", "*", "test.ping"],
    ["-b", "1.5", "*", "test.ping"],
    ["-b", "x%", "*", "test.ping"],
    ["-t", "x", "*", "test.ping"],
    ["-t"],
    ["*", "test.ping", "-1"],
    ["*", "test.ping", "- a"],
    ["*", "test.ping", "---"],
    ["*", "test.ping", "--nosuch"],
    ["*", "test.ping", "--nosuch=1"],
    ["-Z", "*", "test.ping"],
    ["--sta", "m1", "test.ping"],
    ["--s", "m1", "test.ping"],
    ["--static=1", "m1", "test.ping"],
    ["--subset", "x", "*", "test.ping"],
    ["--batch-wait", "x", "*", "test.ping"],
    ["--batch-safe-limit", "x", "*", "test.ping"],
    *[
        [one, two, "m1", "test.ping"]
        for one, two in itertools.combinations(["-E", "-L", "-G", "-P", "-N", "-R", "-C", "-I", "-J", "-S"], 2)
    ],
    ["-E", "-L", "-G", "m1", "test.ping"],
    ["--subset", "1", "*", "test.nosuch"],
    ["--subset", "2", "*", "test.arg"],
    ["--subset", "3", "*", "test.ping"],
    ["--subset", "9", "*", "test.id"],
    ["--subset", "1", "nobody", "test.ping"],
]


def cases() -> list[tuple[str, list[str]]]:
    """Return every fleet and command line."""
    found = [("three", words) for words in [*PLAIN, *SEVERAL, *WRONG, *DOC, *TOGETHER]]
    found += [("three", ["--out", form, *words]) for form in FORMS[1:] for words in PLAIN[2:14]]
    for fleet in ("three", "silent", "mute", "away", "worst", "dumb"):
        found += [(fleet, ["*", "test.ping"]), (fleet, ["*", "test.mixed"])]
        found += [(fleet, [*flags, *words]) for flags in FLAGS for words in ASKED[: 3 if fleet == "three" else 1]]
    found += [("worst", ["--summary", "-v", "*", "test.mixed"]), ("silent", ["-d", "*", "test.ping"])]
    found += [("dumb", ["-d", "*", "test.ping"]), ("dumb", ["-s", "--out", "json", "*", "test.ping"])]
    found += [
        ("mute", [*flags, "*", "test.mixed"]) for flags in (["-s"], ["-s", "--out", "json"], ["-b", "1"], ["-b", "3"])
    ]
    background = ["-b", "2", "--async"]
    found += [(fleet, [*background, "*", "test.id"]) for fleet in ("three", "worst", "dumb", "mute")]
    found += [("three", [*background, *words]) for words in (["nobody", "test.id"], ["-v", "m1", "test.id"])]
    found += [("three", [*background, "--out", "json", "*", "test.id"]), ("three", [*background, "-s", "*", "test.id"])]
    found += [("seven", words) for words in BATCHES]
    return found


class Event:
    """Stands for the connection to the master's events."""

    cpub = True

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def client_class() -> Any:
    """Return a ``LocalClient`` of Salt's whose minions are scripted."""
    import salt.client

    class Client(salt.client.LocalClient):  # type: ignore[misc]
        fleet = scripted_fleet.FLEETS["three"]
        count = 0

        def __init__(self, opts: Any) -> None:
            self.opts, self.event, self.jobs = opts, Event(), {}

        def destroy(self) -> None:
            pass

        def gather_minions(self, tgt: Any, expr_form: str) -> list[str]:
            return self.fleet.resolve(tgt, expr_form)

        def run_job(
            self,
            tgt: Any,
            fun: Any,
            arg: Any = (),
            tgt_type: str = "glob",
            ret: str = "",
            timeout: Any = None,
            jid: str = "",
            kwarg: Any = None,
            listen: bool = False,
            **_: Any,
        ) -> Any:
            minions = self.fleet.resolve(tgt, tgt_type)
            if not jid:
                Client.count += 1
                jid = JID.format(Client.count)
            self.jobs[jid, tuple(minions)] = (fun, list(arg))
            return self._check_pub_data({"jid": jid, "minions": minions}, listen=listen)

        def get_iter_returns(self, jid: str, minions: Any, expect_minions: bool = False, **_: Any) -> Any:
            fun, arg = self.jobs[jid, tuple(minions)]
            silent = []
            for minion_id in sorted(minions):
                if not self.fleet.answers(minion_id, fun):
                    silent.append(minion_id)
                    continue
                answer = scripted_fleet.answer(minion_id, fun, arg)
                found = {"ret": answer["ret"]}
                if "out" in answer:
                    found["out"] = answer["out"]
                yield {minion_id: {**found, "retcode": answer["retcode"], "jid": jid}}
            if expect_minions:
                for minion_id in silent:
                    yield {minion_id: {"failed": True}}

    return Client


def run(client: Any, fleet: str, words: list[str], config: Path) -> dict[str, Any]:
    """Run one command line and return what it printed."""
    import salt.cli.batch
    import salt.cli.salt

    client.fleet, client.count = scripted_fleet.FLEETS[fleet], 0
    away = {name for name in client.fleet.minions if name not in client.fleet.away}
    gather = salt.cli.batch.Batch.gather_minions
    jids = itertools.count(50)

    def sorted_minions(batch: Any) -> Any:
        present, pings, down = gather(batch)
        return sorted(present), pings, sorted(down)

    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    opts: dict[str, Any] = {}

    def connected(*_: Any, **__: Any) -> Any:
        return SimpleNamespace(connected_ids=lambda: away, contains=lambda _, name: name in client.fleet.minions)

    instead = {
        "salt.client.get_local_client": lambda *_, **__: client(opts),
        "salt.utils.minions.CkMinions": connected,
        "salt.cache.factory": connected,
        "salt.utils.jid.gen_jid": lambda _: JID.format(next(jids)),
        "salt.cli.batch.Batch.gather_minions": sorted_minions,
        "random.shuffle": lambda _: None,
        "salt._logging.set_logging_options_dict": lambda _: None,
        "salt._logging.freeze_logging_options_dict": lambda: None,
        "salt._logging.setup_logging": lambda: None,
    }
    with contextlib.ExitStack() as patches:
        patches.enter_context(contextlib.redirect_stdout(out))
        patches.enter_context(contextlib.redirect_stderr(err))
        patches.enter_context(mock.patch.object(sys, "argv", ["salt", "-c", str(config), *words]))
        for name, function in instead.items():
            patches.enter_context(mock.patch(name, function))
        import salt.config

        opts.update(salt.config.client_config(str(config / "master")))
        try:
            salt.cli.salt.SaltCMD().run()
        except SystemExit as error:
            code = error.code or 0
            if isinstance(code, str):
                err.write(f"{code}\n")
                code = 1
        except Exception as error:  # what a traceback would end in
            err.write(f"{type(error).__name__}: {error}\n")
            code = 1
    text = out.getvalue()
    if text.startswith("Usage:"):
        text = "<help>\n"
    said = err.getvalue().replace(str(config), "CONFIG")
    return {"fleet": fleet, "argv": words, "out": text, "err": said, "code": code}


def main() -> None:
    """Record every case."""
    os.environ["NO_COLOR"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder)
        lines = {name: str(config / name) for name in ("pki_dir", "cachedir", "sock_dir", "log_file", "root_dir")}
        (config / "master").write_text(json.dumps({**lines, "log_level": "error", "color": False}))
        client = client_class()
        found = [run(client, fleet, words, config) for fleet, words in cases()]
    lines_of = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in found)
    (HERE / "salt_program.json").write_text(f"[\n{lines_of}\n]\n")
    print(f"{len(found)} command lines")


if __name__ == "__main__":
    main()
