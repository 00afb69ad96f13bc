"""Record what the real Salt's execution modules come to in the scenarios of ``scenarios/NAME.py``: ``NAME.json``.

Run by hand with Salt's Python: ``python record_scenarios.py FOLDER NAME…`` (as root, where scenarios need it). Nothing
is started: Salt's loader is used as a library, with ``file_client: local`` and a configuration below FOLDER.
"""

import importlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import salt.config  # noqa: E402
import salt.loader  # noqa: E402
import scenario as scenarios  # noqa: E402


def options(folder, given):
    """Return a minion's options below *folder*."""
    etc = os.path.join(folder, ".salt", "etc")
    os.makedirs(etc, exist_ok=True)
    with open(os.path.join(etc, "minion"), "w") as f:
        json.dump(
            {
                "id": "minion",
                "root_dir": os.path.join(folder, ".salt"),
                "file_client": "local",
                "file_roots": {"base": [os.path.join(folder, "roots")]},
                "log_level": "error",
                "conf_file": os.path.join(etc, "minion"),
                **scenarios.filled(dict(given), folder),
            },
            f,
        )
    opts = salt.config.minion_config(os.path.join(etc, "minion"))
    opts.update(scenarios.filled(dict(given), folder))  # also what Salt sets itself, as conf_file
    return opts


def record(name, one, folder, kept, grains):
    """Return the record of one scenario."""
    scenarios.emptied_folder(folder)
    opts = options(folder, one.opts)
    opts["grains"] = {**grains, **one.grains}
    opts["pillar"] = dict(one.pillar)
    scenarios.prepare(one, folder)
    utils = salt.loader.utils(opts)
    functions = salt.loader.minion_mods(opts, utils=utils, context={})
    answers = scenarios.run(one, functions, folder, kept)
    found = {"answers": answers}
    if one.tree:
        found["tree"] = scenarios.tree(folder)
    for call, answer in zip(one.calls, answers, strict=True):
        print(name, scenarios.label(call)[:150], "->", json.dumps(answer)[:200], flush=True)
    return found


def main(folder, *names):
    """Record."""
    os.umask(0o022)
    grains = None
    for name in names:
        module = importlib.import_module(f"scenarios.{name}")
        if grains is None:
            grains = salt.loader.grains(options(scenarios.emptied_folder(folder), {}))
        kept = scenarios.kept_of(module)
        found = {
            title: record(title, one, folder, kept, grains) for title, one in scenarios.scenarios_of(module).items()
        }
        with open(os.path.join(HERE, "scenarios", f"{name}.json"), "w") as f:
            f.write(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
