"""Trees of pillar's files with a minion and options, for ``record_pillar.py`` and the test that holds ours against it.

``case(name, files, options, …)``: files by ``env:path`` (``base`` when there is no env); what isn't said is the
minion ``web1`` with the grains below.
"""

# ruff: noqa: E501

from typing import Any

GRAINS: dict[str, Any] = {
    "id": "web1",
    "os": "Debian",
    "os_family": "Debian",
    "roles": ["web", "edge"],
    "num_cpus": 4,
    "site": {"town": "ulm", "rack": 7},
    "ipv4": ["127.0.0.1", "192.0.2.9"],
    "ipv6": ["::1"],
    "virtual": "physical",
    "nothing": None,
}
CASES: dict[str, dict[str, Any]] = {}


def case(name: str, files: dict[str, str], options: dict[str, Any] | None = None, **more: Any) -> None:
    """Add a case. *more*: ``minion``, ``grains``, ``saltenv``, ``pillarenv``, ``override``, ``envs``."""
    assert name not in CASES, name
    CASES[name] = {"files": files, "options": options or {}, **more}


def one(name: str, text: str, options: dict[str, Any] | None = None, **more: Any) -> None:
    """Add a case of one sls for everybody, beside others that it may include."""
    files = {"top.sls": "base:\n  '*':\n    - it\n", "it.sls": text, **more.pop("files", {})}
    case(name, files, options, **more)


def top(name: str, text: str, options: dict[str, Any] | None = None, **more: Any) -> None:
    """Add a case of one top file over the same sls files."""
    files = {f"{sls}.sls": f"{sls}: 1\nlast: {sls}\n" for sls in "abc"}
    files |= {"web/x.sls": "x: 1\n", "web/y.sls": "y: 1\n", "d/init.sls": "d: init\n"}
    case(name, {"top.sls": text, **files, **more.pop("files", {})}, options, **more)


# Which files a minion gets
for number, (target, kind) in enumerate(
    [
        ("*", ""),
        ("web1", ""),
        ("web*", ""),
        ("db*", ""),
        ("WEB1", ""),
        ("web?", ""),
        ("web[0-9]", ""),
        ("web1,db1", ""),
        ("G@os:Debian", ""),
        ("G@os:debian", ""),
        ("G@os:Deb*", ""),
        ("G@roles:edge", ""),
        ("G@site:town:ulm", ""),
        ("not G@os:Debian", ""),
        ("G@os:RedHat or web1", ""),
        ("web* and not G@roles:edge", ""),
        ("( web* or db* ) and G@num_cpus:4", ""),
        ("E@web\\d", ""),
        ("L@db1,web1", ""),
        ("S@192.0.2.0/24", ""),
        ("P@os:(Debian|Ubuntu)", ""),
        ("N@webs", ""),
        ("N@none", ""),
        ("I@role:web", ""),
        ("os:Debian", "grain"),
        ("os:Red*", "grain"),
        ("os:(Deb|Ub).*", "grain_pcre"),
        ("web\\d+", "pcre"),
        ("eb1", "pcre"),
        ("web1,db1", "list"),
        ("web*", "list"),
        ("192.0.2.9", "ipcidr"),
        ("192.0.2.0/24", "ipcidr"),
        ("10.0.0.0/8", "ipcidr"),
        ("webs", "nodegroup"),
        ("dbs", "nodegroup"),
        ("role:web", "pillar"),
        ("web*", "glob"),
        ("G@os:Debian", "glob"),
        ("web1 or db1", "compound"),
    ]
):
    how = f"    - match: {kind}\n" if kind else ""
    top(
        f"target {number}: {target} {kind}".rstrip(),
        f"base:\n  '{target}':\n    - a\n{how}",
        {"nodegroups": {"webs": "web* and G@os:Debian", "dbs": ["db*"]}},
    )

top("several targets, in order", "base:\n  '*':\n    - a\n  'web*':\n    - b\n  'G@os:Debian':\n    - c\n")
top("the same sls twice", "base:\n  '*':\n    - b\n    - a\n  'web*':\n    - b\n")
top("the same sls twice in a list", "base:\n  '*':\n    - a\n    - b\n    - a\n")
top("order", "base:\n  'web*':\n    - a\n    - order: 3\n  '*':\n    - b\n    - order: 1\n")
top("order as text", "base:\n  'web*':\n    - a\n    - order: '3'\n  '*':\n    - b\n    - order: x\n")
top("order negative", "base:\n  'web*':\n    - a\n  '*':\n    - b\n    - order: -1\n")
top("a glob of sls", "base:\n  '*':\n    - 'web.*'\n")
top("a glob of all sls", "base:\n  '*':\n    - '[ab]'\n    - '?'\n")
top("a glob of none", "base:\n  '*':\n    - 'zzz.*'\n    - a\n")
top("a folder with init", "base:\n  '*':\n    - d\n    - web.x\n")
top("a missing sls", "base:\n  '*':\n    - nope\n    - a\n")
top("a missing sls is ignored", "base:\n  '*':\n    - nope\n    - a\n    - ignore_missing: true\n")
top("ignore_missing false", "base:\n  '*':\n    - nope\n    - ignore_missing: false\n")
top("no target matches", "base:\n  'db*':\n    - a\n")
top("an empty top", "")
top("a top of comments", "# nothing\n\n")
top("a top of spaces", "  \n\n")
top("a top that is a list", "base:\n  - a\n")
top("a target without sls", "base:\n  '*':\n")
top("a target with a text", "base:\n  '*': a\n")
top("an environment without targets", "base:\n")
top("a top with another environment's entry", "base:\n  '*':\n    - a\nprod:\n  '*':\n    - a\n")
top("an environment that isn't there, glob", "other:\n  '*':\n    - 'a*'\n")
top("a number as a target", "base:\n  1:\n    - a\n  '*':\n    - b\n")
top("slashes in a name", "base:\n  '*':\n    - web/x\n")
top("a name with .sls", "base:\n  '*':\n    - a.sls\n")
top("an absolute name", "base:\n  '*':\n    - .a\n")
top("an empty name", "base:\n  '*':\n    - ''\n    - a\n")
top("a template in the top", "base:\n  '*':\n{% for x in ['a', 'b'] %}\n    - {{ x }}\n{% endfor %}\n")
top(
    "grains in the top", "base:\n  '*':\n{% if grains['os'] == 'Debian' %}\n    - a\n{% else %}\n    - b\n{% endif %}\n"
)
top(
    "a top that includes one",
    "include:\n  - more\nbase:\n  '*':\n    - a\n",
    files={"more.sls": "base:\n  'web*':\n    - b\n"},
)
top(
    "a top that includes one for the same target",
    "include:\n  - more\nbase:\n  '*':\n    - a\n",
    files={"more.sls": "base:\n  '*':\n    - b\n"},
)
top("a broken top", "base:\n  '*':\n    - a\n   - b\n")
top("an undefined name in the top", "base:\n  '*':\n    - {{ nope }}\n")
top("a syntax error in the top", "base:\n  {% if %}\n")
top("twice the same target", "base:\n  '*':\n    - a\n  '*':\n    - b\n")
top(
    "state_top", "base:\n  '*':\n    - a\n", {"state_top": "other.sls"}, files={"other.sls": "base:\n  '*':\n    - b\n"}
)
top("match given twice", "base:\n  'web1':\n    - match: grain\n    - match: glob\n    - a\n")

# Environments
ENVS = {
    "top.sls": "base:\n  '*':\n    - a\n",
    "a.sls": "a: base\nwho: base\n",
    "prod:top.sls": "prod:\n  '*':\n    - a\n",
    "prod:a.sls": "a: prod\nextra: 1\n",
}
case("two environments", ENVS)
case("pillarenv", ENVS, pillarenv="prod")
case("pillarenv base", ENVS, pillarenv="base")
case("pillarenv of none", ENVS, pillarenv="none")
case("pillarenv of the master", ENVS, {"pillarenv": "prod"})
case("saltenv alone", ENVS, saltenv="prod")
case("pillarenv_from_saltenv", ENVS, {"pillarenv_from_saltenv": True}, saltenv="prod")
case("pillarenv_from_saltenv without one", ENVS, {"pillarenv_from_saltenv": True})
case("strategy none", ENVS, {"pillar_source_merging_strategy": "none"})
case("strategy none in an environment", ENVS, {"pillar_source_merging_strategy": "none"}, saltenv="prod")
case("env_order", ENVS, {"env_order": ["prod", "base"]})
case(
    "all of base's top",
    {"top.sls": "base:\n  '*': [a]\nprod:\n  'web*': [a]\n", "a.sls": "x: base\n", "prod:a.sls": "x: prod\n"},
)
case(
    "base's top is replaced",
    {
        "top.sls": "prod:\n  '*': [a]\n",
        "a.sls": "x: base\n",
        "prod:a.sls": "x: prod\n",
        "prod:b.sls": "y: 1\n",
        "prod:top.sls": "prod:\n  '*': [b]\n",
    },
)
case("no base", {"prod:top.sls": "prod:\n  '*': [a]\n", "prod:a.sls": "x: prod\n"}, envs=["prod"])
case(
    "env __env__",
    {"__env__:top.sls": "dev:\n  '*': [a]\n", "__env__:a.sls": "x: dev\n"},
    pillarenv="dev",
    envs=["__env__"],
)
case("nothing at all", {})

# What a file says
one("plain", "a: 1\nb: [1, 2]\nc: {d: e}\n")
one("empty file", "")
one("spaces alone", "   \n\n")
one("a list", "- a\n- b\n")
one("a text", "just text\n")
one("a number", "5\n")
one("null", "~\n")
one("comment alone", "# hello\n")
one("numbers", "a: 0644\nb: 0\nc: 0x1f\nd: 0b101\ne: 1_000\nf: 1e3\ng: 1.5\nh: 00\ni: '0644'\nj: -5\nk: 0o17\n")
one("words", "a: yes\nb: no\nc: on\nd: off\ne: true\nf: ~\ng: null\nh: ''\ni: 'yes'\n")
one("dates", "a: 2024-01-02\nb: 2024-01-02 03:04:05\nc: 12:30:45\n")
one("merge keys", "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n")
one("merge keys of several", "x: &x {a: 1}\nz: &z {a: 2, c: 3}\ny:\n  <<: [*x, *z]\n  d: 4\n")
one("several lines", "a: |\n  one\n  two\nb: >\n  one\n  two\n")
one("keys of other kinds", "1: a\ntrue: b\n1.5: c\n")
one("unicode", 'a: grüße\nb: "\\u00e9"\nschlüssel: 1\n')
one("double key", "a: 1\nb: 2\na: 3\n")
one("double key below", "a:\n  b: 1\n  b: 2\n")
one("tab", "a:\n\tb: 1\n")
one("bad indentation", "a: 1\n  b: 2\n c: 3\n")
one("unclosed", "a: [1, 2\n")
one("unknown tag", "a: !what x\n")
one("windows line ends", "a: 1\r\nb: 2\r\n")
one("a map as a key", "{{ '{' }}{a: 1}: 2}\n")
one("binary", "a: !!binary aGVsbG8=\n")
one("two documents", "a: 1\n---\nb: 2\n")
one("only yaml", "#!yaml\na: '{{ grains.os }}'\n")
one("only jinja", "#!jinja\na: 1\n")
one("jinja and json", '#!jinja|json\n{"a": "{{ grains.os }}"}\n')
one("json", '#!json\n{"a": 1}\n')
one("yaml_jinja", "#!yaml_jinja\na: {{ 1 + 1 }}\n")
one("a shell's first line", "#!/bin/sh\na: {{ 1 + 1 }}\n")
one("the option renderer", "a: '{{ grains.os }}'\n", {"renderer": "yaml"})

# Templates
one("grains", "os: {{ grains['os'] }}\ntown: {{ grains.site.town }}\nid: {{ grains.id }}\nroles: {{ grains.roles }}\n")
one(
    "grains of all",
    "n: {{ grains | length > 5 }}\nhas: {{ 'os' in grains }}\nnot: {{ 'nope' in grains }}\nget: {{ grains.get('nope', 'd') }}\n",
)
one("opts", "id: {{ opts.id }}\nenv: {{ opts['pillarenv'] }}\n")
one(
    "saltenv and sls",
    "env: {{ saltenv }}\nsls: {{ sls }}\nslspath: {{ slspath }}\ntpldir: {{ tpldir }}\ntplfile: {{ tplfile }}\n",
)
case(
    "place of a deep file",
    {
        "top.sls": "base:\n  '*': [p.q.r, p.s]\n",
        "p/q/r.sls": "r: [{{ sls }}, {{ slspath }}, {{ tpldir }}, {{ tplfile }}, '{{ slsdotpath }}', '{{ slscolonpath }}', '{{ sls_path }}', '{{ tpldot }}']\n",
        "p/s/init.sls": "s: [{{ sls }}, {{ slspath }}, {{ tpldir }}, {{ tplfile }}, '{{ slsdotpath }}']\n",
    },
)
one("pillar is empty", "n: {{ pillar | length }}\ng: {{ pillar.get('a', 'none') }}\n")
one(
    "pillar isn't what came before",
    "g: {{ pillar.get('a', 'none') }}\n",
    files={"top.sls": "base:\n  '*': [a, it]\n", "a.sls": "a: 1\n"},
)
one(
    "salt functions",
    "os: {{ salt['grains.get']('os') }}\ntown: {{ salt['grains.get']('site:town') }}\nd: {{ salt['grains.get']('nope', 'dflt') }}\nx: {{ salt.grains.get('os') }}\n",
)
one("filter_by", "x: {{ salt['grains.filter_by']({'Debian': {'a': 1}, 'default': {'a': 2}}) }}\n")
one(
    "filter_by grain and merge",
    "x: {{ salt['grains.filter_by']({'Debian': {'a': 1}, 'default': {'a': 2}}, grain='os', merge={'b': 3}, base='default') }}\n",
)
one("slsutil", "x: {{ salt['slsutil.merge']({'a': {'b': 1}}, {'a': {'c': 2}}) }}\n")
one("pillar.get in a template", "x: {{ salt['pillar.get']('a:b', 'dflt') }}\n")
one("match in a template", "x: {{ salt['match.glob']('web*', minion_id='web1') }}\n")
one("loops", "{% for i in range(3) %}\nk{{ i }}: {{ i }}\n{% endfor %}\n")
one("set and if", "{% set x = 5 %}{% if x > 3 %}a: big{% else %}a: small{% endif %}\n")
one("json filter", "a: {{ {'b': [1, 2]} | json }}\nb: {{ grains.roles | yaml }}\nc: {{ grains.site | tojson }}\n")
one("load_yaml", "{% load_yaml as x %}\na: 1\nb: [1, 2]\n{% endload %}\nx: {{ x.b | json }}\n")
one("import", "{% from 'm.jinja' import x %}\na: {{ x }}\n", files={"m.jinja": "{% set x = grains.os %}"})
one(
    "import with context",
    "{% from 'm.jinja' import x with context %}\na: {{ x }}\n",
    files={"m.jinja": "{% set x = grains.os %}"},
)
one(
    "import as",
    "{% import 'lib/m.jinja' as m %}\na: {{ m.f(2) }}\n",
    files={"lib/m.jinja": "{% macro f(n) %}{{ n * 2 }}{% endmacro %}"},
)
one("include in a template", "{% include 'part.txt' %}\n", files={"part.txt": "a: {{ grains.os }}\n"})
one("import_yaml", "{% import_yaml 'data.yaml' as d %}\na: {{ d.x | json }}\n", files={"data.yaml": "x: {y: [1, 2]}\n"})
one("import missing", "{% from 'nope.jinja' import x %}\na: {{ x }}\n")
case(
    "import relative",
    {
        "top.sls": "base:\n  '*': [p.q]\n",
        "p/q.sls": "{% from './m.jinja' import x %}\na: {{ x }}\n",
        "p/m.jinja": "{% set x = 'near' %}",
        "m.jinja": "{% set x = 'far' %}",
    },
)
one("undefined", "a: {{ nope }}\n")
one("undefined attribute", "a: {{ grains.nope }}\n")
one("undefined is default", "a: {{ nope | default('d') }}\nb: {{ grains.nope is defined }}\n")
one("syntax error", "a: {% if %}\n")
one("an error of a filter", "a: {{ 5 | join(',') | length }}\nb: {{ 1 / 0 }}\n")
one("raise", "{{ raise('no') }}\n")
one("a list printed", "a: {{ ['x', 'y'] }}\nb: {{ {'c': 1} }}\n")
one("none printed", "a: {{ none }}\nb: {{ grains.nothing }}\n")
for text_name, text in {
    "undefined": "a: 1\nb: {{ nope }}\n",
    "tab": "a:\n\tb: 1\n",
    "double key": "a: 1\na: 2\n",
}.items():
    one(f"told: {text_name}", text, {"pillar_safe_render_error": False})
one(
    "one breaks, others go on",
    "a: {{ nope }}\n",
    files={"top.sls": "base:\n  '*': [b, it, c]\n", "b.sls": "b: 1\n", "c.sls": "c: 1\n"},
)

# include
INC = {"o.sls": "o: 1\nboth: o\nm: {o: 1, x: o}\nl: [o]\n", "p.sls": "p: 1\nboth: p\nm: {p: 1, x: p}\nl: [p]\n"}
one("include", "include:\n  - o\nboth: it\nm: {it: 1, x: it}\n", files=INC)
one("include two", "include:\n  - o\n  - p\n", files=INC)
one("include two and own", "include: [o, p]\nboth: it\nl: [it]\n", files=INC)
one(
    "include overrides",
    "include:\n  - o\nboth: it\nm: {it: 1, x: it}\n",
    {"pillar_includes_override_sls": True},
    files=INC,
)
one("include two override", "include: [o, p]\nboth: it\n", {"pillar_includes_override_sls": True}, files=INC)
one("include with a key", "include:\n  - o:\n      key: a:b\n  - p:\n      key: c\nown: 1\n", files=INC)
one("include with a key, no own", "include:\n  - o:\n      key: a\n", files=INC)
one(
    "include with defaults",
    "include:\n  - t:\n      defaults:\n        port: 80\n",
    files={"t.sls": "port: {{ port }}\n"},
)
one(
    "defaults stay for the next",
    "include:\n  - t:\n      defaults:\n        port: 80\n  - u\n",
    files={"t.sls": "t: {{ port }}\n", "u.sls": "u: {{ port | default('none') }}\n"},
)
one(
    "include twice",
    "include:\n  - t:\n      key: a\n      defaults: {n: 1}\n  - t:\n      key: b\n      defaults: {n: 2}\n",
    files={"t.sls": "n: {{ n }}\n"},
)
one("include a missing one", "include:\n  - nope\nown: 1\n")
one("include a broken one", "include:\n  - bad\nown: 1\n", files={"bad.sls": "a: {{ nope }}\n"})
one("include itself", "include:\n  - it\nown: 1\n")
one("include in a circle", "include:\n  - r\nown: 1\n", files={"r.sls": "include:\n  - it\nr: 1\n"})
one("include is a text", "include: o\nown: 1\n", files=INC)
one("include is a map", "include: {o: 1}\nown: 1\n", files=INC)
one("include is empty", "include: []\nown: 1\n")
one("include of nothing else", "include:\n  - o\n", files=INC)
one("include a glob", "include:\n  - 'w.*'\nown: 1\n", files={"w/x.sls": "x: 1\n", "w/y.sls": "y: 1\n"})
one("include with slashes", "include:\n  - w/x\n", files={"w/x.sls": "x: 1\n"})
one("include an empty one", "include:\n  - e\nown: 1\n", files={"e.sls": ""})
one("include a list", "include:\n  - e\nown: 1\n", files={"e.sls": "- a\n"})
DEEP = {
    "top.sls": "base:\n  '*': [d.it]\n",
    "near.sls": "near: root\n",
    "d/near.sls": "near: d\n",
    "d/e/x.sls": "x: 1\n",
}
case("include relative", {**DEEP, "d/it.sls": "include:\n  - .near\nit: 1\n"})
case("include relative, only there", {**DEEP, "d/it.sls": "include:\n  - .e.x\nit: 1\n"})
case(
    "include relative from init",
    {"top.sls": "base:\n  '*': [d]\n", "d/init.sls": "include:\n  - .near\nit: 1\n", "d/near.sls": "near: d\n"},
)
case("include relative upwards", {**DEEP, "d/it.sls": "include:\n  - ..near\nit: 1\n"})
case(
    "include of an include",
    {
        "top.sls": "base:\n  '*': [a]\n",
        "a.sls": "include: [b]\nv: a\n",
        "b.sls": "include: [c]\nv: b\nb: 1\n",
        "c.sls": "v: c\nc: 1\n",
    },
)
case(
    "included and named",
    {"top.sls": "base:\n  '*': [a, b]\n", "a.sls": "include: [b]\nv: a\n", "b.sls": "v: b\nb: 1\n"},
)
case(
    "included by two",
    {
        "top.sls": "base:\n  '*': [a, b]\n",
        "a.sls": "include: [c]\nv: a\n",
        "b.sls": "include: [c]\nw: b\n",
        "c.sls": "v: c\nw: c\nl: [1]\n",
    },
)

# Merging
MERGE = {
    "top.sls": "base:\n  '*': [a, b]\n",
    "a.sls": "s: a\nm: {x: a, y: {p: 1}}\nl: [1, 2]\nt: [1]\nu: {k: 1}\n",
    "b.sls": "s: b\nm: {z: b, y: {q: 2}}\nl: [2, 3]\nt: {k: 1}\nu: [1]\n",
}
for strategy in ("smart", "recurse", "overwrite", "aggregate", "list", "unknown"):
    case(f"merge {strategy}", MERGE, {"pillar_source_merging_strategy": strategy})
case("merge_lists", MERGE, {"pillar_merge_lists": True})
case("merge_lists overwrite", MERGE, {"pillar_merge_lists": True, "pillar_source_merging_strategy": "overwrite"})
case("merge_lists aggregate", MERGE, {"pillar_merge_lists": True, "pillar_source_merging_strategy": "aggregate"})
case("merge with null", {"top.sls": "base:\n  '*': [a, b]\n", "a.sls": "m: {x: 1}\nn: 1\n", "b.sls": "m:\nn: ~\n"})
case(
    "merge lists of maps",
    {"top.sls": "base:\n  '*': [a, b]\n", "a.sls": "l: [{x: 1}, {y: 2}]\n", "b.sls": "l: [{x: 1}, {z: 3}]\n"},
    {"pillar_merge_lists": True},
)

# What the caller gives
one("override", "a: 1\nm: {x: 1}\n", override={"a": 2, "m": {"y": 2}, "new": 3})
one("override of an error", "a: {{ nope }}\n", override={"a": 2})
one(
    "override in a template",
    "a: {{ pillar.get('given', 'none') }}\nb: {{ salt['pillar.get']('given', 'none') }}\n",
    override={"given": 1},
)

# External pillars
EXT = {"ext_pillar": [{"cmd_yaml": "echo 'e: 1'"}]}
one("ext", "a: 1\n", EXT)
one("ext wins", "e: 0\nm: {x: 1}\n", {"ext_pillar": [{"cmd_yaml": "printf 'e: 1\\nm: {y: 2}\\n'"}]})
one("ext first", "e: 0\ng: {{ pillar.get('e') }}\n", {**EXT, "ext_pillar_first": True})
one(
    "ext first for a target",
    "a: 1\n",
    {**EXT, "ext_pillar_first": True},
    files={"top.sls": "base:\n  'I@e:1':\n    - it\n"},
)
one("ext of the id", "a: 1\n", {"ext_pillar": [{"cmd_yaml": "echo who: %s"}]})
one("ext json", "a: 1\n", {"ext_pillar": [{"cmd_json": 'echo {\\"j\\":1}'}]})
one("ext of two", "a: 1\n", {"ext_pillar": [{"cmd_yaml": "echo e: 1"}, {"cmd_yaml": "echo e: 2"}]})
one("ext nodegroups", "a: 1\n", {"ext_pillar": [{"nodegroups": "groups"}], "nodegroups": {}})
one("ext is no list", "a: 1\n", {"ext_pillar": {"cmd_yaml": "echo e: 1"}})
one("ext isn't there", "a: 1\n", {"ext_pillar": [{"nope_pillar": "x"}]})
one("ext gives a list", "a: 1\n", {"ext_pillar": [{"cmd_yaml": "echo '[1, 2]'"}]})
one("ext fails", "a: 1\n", {"ext_pillar": [{"cmd_yaml": ["echo a", "too", "many", "args"]}]})

# Stacked files
STACK = {
    "top.sls": "",
    "stack:stack.cfg": "common.yml\nminions/{{ minion_id }}.yml\n{% if __grains__['os'] == 'Debian' %}\nos/*.yml\n{% endif %}\nnope.yml\n",
    "stack:common.yml": "a: 1\nm: {x: 1, y: {z: 1}}\nl: [1, 2]\ns: common\nt: [1]\n",
    "stack:minions/web1.yml": "id: {{ minion_id }}\nm: {w: 2, y: {q: 2}}\nl: [2, 3]\ns: minion\nsaw: {{ stack.a }}\nundef: '{{ nope }}'\n",
    "stack:os/1.yml": "o: 1\nt: {k: 1}\n",
    "stack:os/2.yml": "o: 2\n",
    "stack:list.cfg": "- common.yml\n- os/2.yml\n",
}


def stacked(name: str, over: str, arguments: Any = "ROOT/stack/stack.cfg") -> None:
    """Add a case of one file more over the others."""
    case(f"stack: {name}", {**STACK, "stack:os/3.yml": over}, {"ext_pillar": [{"stack": arguments}]}, envs=["base"])


stacked("several", "")
stacked("a list of two", "", ["ROOT/stack/list.cfg", "ROOT/stack/stack.cfg"])
stacked("a missing one", "", ["ROOT/stack/none.cfg", "ROOT/stack/list.cfg"])
stacked("by a grain", "", {"grains:os": {"Debian": "ROOT/stack/list.cfg", "x": "ROOT/stack/stack.cfg"}})
stacked("by a grain, a list", "", {"grains:os_family": {"Debian": ["ROOT/stack/list.cfg"]}})
stacked("by another kind", "", {"nope:os": {"Debian": "x"}})
stacked("overwrite", "__: overwrite\nnew: 1\n")
stacked("merge-first", "__: merge-first\na: 9\nm: {x: 9, n: 9}\nl: [9]\nnew: 1\n")
stacked("remove", "__: remove\na: x\nm: x\n")
stacked("deeper", "m:\n  __: overwrite\n  only: 1\n")
stacked("deeper remove", "m:\n  __: remove\n  x: 1\n")
stacked("lists", "l:\n  - __: merge-first\n  - 0\n")
stacked("lists overwrite", "l:\n  - __: overwrite\n  - 0\n")
stacked("lists remove", "l:\n  - __: remove\n  - 2\n")
stacked("another type", "m: text\nl: 5\na: {__: merge-first, b: 1}\n")
stacked("a new one with its sign", "new:\n  __: overwrite\n  b: {__: remove, c: 1}\nlist:\n  - __: remove\n  - 1\n")
stacked("an unknown strategy", "__: nope\n")
stacked("not YAML", "a: [\n")
stacked("a list", "- a\n")
stacked("broken", "{% if %}\n")
