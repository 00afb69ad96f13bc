"""Record what the real Salt makes of some trees of pillar's files, into ``pillar.json`` beside this file.

Run by hand, with the Python of a virtual environment that has Salt 3008::

    SALT-VENV/bin/python tests/support/salt_answers/record_pillar.py

The cases are in ``pillar_cases.py``. An answer is the pillar, ``_errors`` in it; the folder of the files is ``ROOT``
in them. Where Salt raises, it is ``{"raises": "TypeError: …"}``.
"""

import copy
import json
import logging
import sys
import tempfile
from pathlib import Path

import salt.config  # type: ignore[import-not-found]  # Salt's own environment
import salt.pillar

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from pillar_cases import CASES, GRAINS  # noqa: E402


def answer(case):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        envs = case.get("envs", ["base", "prod"])
        for name, text in case["files"].items():
            env, _, path = name.rpartition(":")
            place = root / (env or "base") / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        opts = copy.deepcopy(BASE)
        opts.update(
            pillar_roots={env: [str(root / env)] for env in envs},
            file_roots={"base": [str(root / "files")]},
            cachedir=str(root / "cache"),
            extension_modules=str(root / "ext"),
            conf_file=str(root / "master"),
        )
        opts.update(json.loads(json.dumps(case["options"]).replace("ROOT", str(root))))
        minion = case.get("minion", "web1")
        grains = copy.deepcopy({**GRAINS, **case.get("grains", {})})
        try:
            pillar = salt.pillar.Pillar(
                opts,
                grains,
                minion,
                case.get("saltenv"),
                pillar_override=copy.deepcopy(case.get("override")),
                pillarenv=case.get("pillarenv"),
            )
            found = pillar.compile_pillar()
        except Exception as error:
            found = {"raises": f"{type(error).__name__}: {error}"}
        return json.loads(json.dumps(found, default=repr).replace(str(root), "ROOT"))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    BASE = salt.config.apply_master_config({"__role": "master", "id": "master1_master", "grains": {}})
    BASE["file_client"] = "local"
    answers = {}
    for name, case in CASES.items():
        answers[name] = answer(case)
        print(name, json.dumps(answers[name])[:150], file=sys.stderr)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found)}" for name, found in answers.items())
    (HERE / "pillar.json").write_text("{\n" + lines + "\n}\n")
    print(len(answers), "cases")
