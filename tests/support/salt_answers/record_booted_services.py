"""Run the calls of ``booted_services.py`` by Salt's loader and print what they come to, as JSON.

By hand, in a throw-away host that systemd started, with Salt's Python: ``python record_booted_services.py FOLDER``.
``booted_services.json`` is what it printed.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import booted_services  # noqa: E402
import record_scenarios  # noqa: E402
import salt.loader  # noqa: E402
import scenario as scenarios  # noqa: E402


def main(folder):
    """Print it."""
    scenarios.emptied_folder(folder)
    one = booted_services.SCENARIOS["booted"]
    opts = record_scenarios.options(folder, {})
    opts["grains"] = salt.loader.grains(opts)
    functions = salt.loader.minion_mods(opts, utils=salt.loader.utils(opts), context={})
    scenarios.prepare(one, folder)
    print(json.dumps(scenarios.run(one, functions, folder, booted_services.kept), indent=1, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
