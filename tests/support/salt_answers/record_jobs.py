"""Record what Salt's runner ``jobs`` answers about some jobs, as ``jobs.json``.

Run by hand, with the Python of an environment where Salt is installed: ``.../bin/python record_jobs.py``. No master
runs: the jobs are put into Salt's job cache in a folder of their own, and its runner is asked as a library.
"""

import json
import tempfile
from pathlib import Path

import salt.config  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.loader  # type: ignore[import-not-found]
import salt.minion  # type: ignore[import-not-found]


def job(number, fun, tgt="*", tgt_type="glob", arg=(), kwarg=None, minions=("m1", "m2"), returns=None, **more):
    return {
        "jid": f"202611281944{number:02d}123456",
        "fun": fun,
        "arg": list(arg),
        "kwarg": kwarg or {},
        "tgt": tgt,
        "tgt_type": tgt_type,
        "user": "root",
        "minions": list(minions),
        "returns": returns or {},
        **more,
    }


def ok(value, retcode=0, success=True):
    return {"return": value, "retcode": retcode, "success": success}


JOBS = [
    job(1, "test.ping", returns={"m1": ok(True), "m2": ok(True)}),
    job(2, "test.arg", arg=[1, "two"], kwarg={"x": 3, "foo": {"a": 1}}, returns={"m1": ok({"args": [1, "two"]})}),
    job(3, "test.false", ["m1", "nope"], "list", minions=["m1"], returns={"m1": ok(False)}),
    job(4, "cmd.run", "m1", arg=["exit 3"], minions=["m1"], returns={"m1": ok("", 3, False)}),
    job(5, "test.ping", "id:m1", "grain", minions=["m1"], metadata={"ticket": 7, "by": "ann"}, returns={}),
    job(6, "test.ping", "m1", kwarg={"metadata": {"ticket": 8}}, minions=["m1"], returns={"m1": ok(0)}),
    job(7, "saltutil.find_job", arg=["20261128194401123456"], returns={"m1": ok({})}),
    job(8, "pkg.install", "web* and G@os:Debian", "compound", arg=["vim"], minions=["m1", "m2"]),
    job(9, "state.show_top", "m2", minions=["m2"], returns={"m2": {**ok({"base": []}), "out": "json"}}),
    job(10, "test.echo", "m[12]", arg=["ü"], returns={"m1": ok([]), "m2": ok({"a": None})}),
]
UNKNOWN = "20200101000000000000"
JIDS = [one["jid"] for one in JOBS] + [UNKNOWN]


def jid(number):
    return JOBS[number - 1]["jid"]


CALLS = [
    *(("list_job", [one], {}) for one in JIDS),
    *(("print_job", [one], {}) for one in JIDS),
    *(("lookup_jid", [one], {}) for one in JIDS),
    *(("lookup_jid", [one], {"missing": True}) for one in JIDS),
    *(("lookup_jid", [one], {"missing": True, "returned": False}) for one in JIDS),
    *(("lookup_jid", [one], {"returned": False}) for one in (jid(1), jid(9))),
    *(("exit_success", [one], {}) for one in JIDS),
    ("list_jobs", [], {}),
    ("list_jobs", [], {"outputter": "json"}),
    *(("list_jobs_filter", [count], {}) for count in (1, 3, 100)),
    ("list_jobs_filter", [5], {"filter_find_job": False}),
    ("list_jobs_filter", [5, False], {"outputter": "json"}),
    *(
        ("list_jobs", [], {"search_function": globs})
        for globs in (
            "test.*",
            "test.ping,cmd.run",
            "test.ping, cmd.run",
            ["pkg.*", "cmd.*"],
            "*.p?ng",
            "ping",
            "TEST.*",
        )
    ),
    *(
        ("list_jobs", [], {"search_target": globs})
        for globs in ("m1", "*", "m1,nope", "m[12]", "web*", "id:*", "no,no2")
    ),
    *(
        ("list_jobs", [], {"search_metadata": wanted})
        for wanted in ({"ticket": 7}, {"ticket": 8}, {"ticket": 9, "by": "ann"}, {"by": "x"}, {"nope": None})
    ),
    ("list_jobs", [], {"search_metadata": {"ticket": 7}, "search_function": "test.*", "search_target": "id:*"}),
    *(
        ("list_jobs", [], {name: when})
        for name in ("start_time", "end_time")
        for when in (
            "2026, Nov 28 19:44:05",
            "2026, Nov 28 19:44:05.123456",
            "2026-11-28 19:44:05.123456",
            "2026-11-28T19:44:05",
            "2026-11-28 19:44",
            "2026/11/28",
            "Nov 29 2026",
            "29 Nov 2026 10:00",
            "20261128",
        )
    ),
    ("list_jobs", [], {"start_time": "2026, Nov 28 19:44:03", "end_time": "2026, Nov 28 19:44:06"}),
    ("last_run", [], {}),
    *(("last_run", [], {"function": fun}) for fun in ("test.ping", "pkg.*,cmd.*", "no.such")),
    *(("last_run", [], {"target": target}) for target in ("m1", "zz")),
    ("last_run", [], {"metadata": {"by": "ann"}}),
    ("last_run", [], {"metadata": "ann"}),
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "master"
        config.write_text(f"root_dir: {folder}\nlog_level: quiet\n")
        opts = salt.config.master_config(str(config))
        returners = salt.minion.MasterMinion(opts).returners
        for one in JOBS:
            given = [*one["arg"], {**one["kwarg"], "__kwarg__": True}] if one["kwarg"] else one["arg"]
            load = {key: one[key] for key in ("jid", "fun", "tgt", "tgt_type", "user", "metadata") if key in one}
            returners["local_cache.prep_jid"](passed_jid=one["jid"])
            returners["local_cache.save_load"](one["jid"], {**load, "arg": given}, minions=one["minions"])
            for minion, ret in one["returns"].items():
                returners["local_cache.returner"]({"jid": one["jid"], "id": minion, "fun": one["fun"], **ret})
        runners = salt.loader.runner(opts)
        answers = []
        for name, args, kwargs in CALLS:
            answers.append([name, args, kwargs, runners[f"jobs.{name}"](*args, **kwargs)])
    lines = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    text = f'{{"jobs": {json.dumps(JOBS, ensure_ascii=False)},\n"answers": [\n{lines}\n]}}\n'
    Path(__file__).with_name("jobs.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
