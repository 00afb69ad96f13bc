"""Write what Salt's module ``config`` answers over the sources in it: ``config.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_config.py
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import salt.modules.config as config  # type: ignore[import-not-found]  # Salt's own, in its own environment

OPTS = {
    "id": "web1",
    "backup_mode": "minion",
    "test.foo": "bar",
    "mysql.host": "db.example",
    "mysql": {"host": "nested", "ports": [3306, 3307], "5": "text five", 5: "five", "empty": {}},
    "cafe-menu": ["egg", {"spam": {"eggs": 2}}, {"7": "text", 7: "number"}],
    "shared": {"from": "opts", "opts": 1, "deep": {"a": 1}},
    "list": [1, 2],
    "nothing": None,
    "flag": False,
    "zero": 0,
    "ok": {True: "yes!", None: "null!", 1.5: "one and a half"},
}
GRAINS = {"os": "Debian", "roles": ["web"], "shared": {"from": "grains", "grains": 1, "deep": {"b": 2}}, "id": "g"}
PILLAR = {
    "os": "pillar",
    "secret": {"a": {"b": "c"}},
    "shared": {"from": "pillar", "pillar": 1, "deep": {"c": 3}},
    "list": [3],
    "master": {"interface": "0.0.0.0", "shared": {"from": "master", "master": 1}, "list": [4], "mysql.pass": "x"},
    "role:x": "colon",
}

KEYS = [
    "id",
    "test.foo",
    "mysql",
    "mysql:host",
    "mysql.host",
    "mysql:ports",
    "mysql:ports:0",
    "mysql:ports:-1",
    "mysql:ports:2",
    "mysql:ports:x",
    "mysql:5",
    "mysql:empty",
    "mysql:nope",
    "mysql:host:x",
    "cafe-menu",
    "cafe-menu:0",
    "cafe-menu:1",
    "cafe-menu:spam",
    "cafe-menu:spam:eggs",
    "cafe-menu:7",
    "cafe-menu:nope",
    "shared",
    "shared:from",
    "shared:grains",
    "shared:deep",
    "shared:deep:b",
    "list",
    "list:0",
    "nothing",
    "flag",
    "zero",
    "ok:true",
    "ok:yes",
    "ok:null",
    "ok:None",
    "ok:1.5",
    "ok:~",
    "os",
    "roles",
    "roles:0",
    "secret:a:b",
    "secret:a",
    "interface",
    "mysql.pass",
    "role:x",
    "virt",
    "virt:tunnel",
    "hosts.file",
    "nope",
    ":",
    "mysql:",
]
CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    *(("get", [key], {}) for key in KEYS),
    *(("get", [key], {"merge": how}) for key in KEYS[:30] for how in ("recurse", "overwrite", "junk")),
    *(("get", [key, "dflt"], {}) for key in ("nope", "mysql:nope", "nothing")),
    *(("get", [key.replace(":", "|")], {"delimiter": "|"}) for key in KEYS[:30]),
    *(("get", ["role:x"], {"delimiter": delimiter}) for delimiter in ("|", "::")),
    *(("get", [key], {f"omit_{one}": True}) for key in ("id", "os", "shared", "list", "interface", "test.foo")
      for one in ("opts", "grains", "pillar", "master")),
    *(("option", [key], {}) for key in KEYS),
    *(("option", [key, "dflt"], {}) for key in ("nope", "mysql:host", "nothing")),
    *(("option", [key], {f"omit_{one}": True}) for key in ("id", "os", "shared", "list", "interface", "test.foo")
      for one in ("opts", "grains", "pillar", "master", "all")),
    *(("option", [key], {"wildcard": True}) for key in ("mysql*", "*o*", "nope*", "test.foo", "sha*", "ldap.*")),
    *(("option", ["*"], {"wildcard": True, "omit_all": True}),),
    *(("option", ["nope*", "dflt"], {"wildcard": True}),),
    *(("merge", [key], {}) for key in ("shared", "list", "id", "os", "roles", "nothing", "nope", "test.foo", "virt")),
    *(("merge", ["nope", "dflt"], {}),),
    *(("merge", [key], {f"omit_{one}": True}) for key in ("shared", "list", "id") for one in
      ("opts", "pillar", "master")),
    *(("dot_vals", [key], {}) for key in ("mysql", "test", "nope", "mysql.host")),
    *(("manage_mode", [mode], {}) for mode in (644, "644", "0644", "0o644", "keep", None, "", "'0755'", '"755"', 0, 7)),
    *(("valid_fileproto", [uri], {}) for uri in ("salt://a", "/a", "http://a", "HTTPS://a", "s3://b", "gopher://x")),
    *(("backup_mode", args, {}) for args in ([], ["x"])),
]  # fmt: skip


def main() -> None:
    """Ask for each case with fresh sources: ``merge`` changes those that it is given."""
    answers = []
    for function, args, kwargs in CASES:
        config.__opts__, config.__grains__, config.__pillar__ = map(copy.deepcopy, (OPTS, GRAINS, PILLAR))
        answers.append([function, args, kwargs, repr(getattr(config, function)(*args, **kwargs))])
    sources = repr([OPTS, GRAINS, PILLAR])
    path = Path(__file__).with_name("config.json")
    lines = ",\n".join(json.dumps(answer) for answer in answers)
    path.write_text(f'{{"sources": {json.dumps(sources)},\n"answers": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
