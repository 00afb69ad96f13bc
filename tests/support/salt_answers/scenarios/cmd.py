"""What ``cmd``'s functions come to with templates and in the background; and what they are beside running."""

from __future__ import annotations

from typing import Any

from scenario import Scenario, kw, label


def kept(fun: str, value: Any) -> Any:
    if isinstance(value, dict):
        masked = {key: type(one).__name__ if key == "pid" else one for key, one in value.items()}
        if fun == "cmd.shell_info":
            return {key: type(one).__name__ for key, one in value.items()}
        return masked
    return value


HERE = {"cwd": "{dir}"}
SCRIPT = "#!/bin/sh\necho {{ grains.town }} {{ pillar.site }} $1\n"
SALTENV = ("cmd.run", "echo {{ pillar.site }} {{ opts.id }} {{ saltenv }}", kw(**HERE, template="jinja"))
INFOS = (("cmd.shell_info", "bash"), ("cmd.shell_info", "perl"))
UNKNOWN_ENGINE = ("cmd.run", "echo", kw(**HERE, template="nonesuch"))
NO_TTY = ("cmd.tty", "pts99999", "hello")

SCENARIOS = {
    "templates": Scenario(
        files={"roots/s.sh": SCRIPT, "roots/plain.sh": "#!/bin/sh\necho $# {{ 1 }}\n", "x/": "", "own.sh": SCRIPT},
        grains={"town": "ulm"},
        pillar={"site": "bonn"},
        calls=(
            ("cmd.run", "echo {{ grains.town }}", kw(**HERE, template="jinja")),
            ("cmd.run", "echo {{ grains.town }}", kw(**HERE)),
            SALTENV,
            ("cmd.run", "echo {{ salt['test.echo']('hi') }}", kw(**HERE, template="jinja")),
            ("cmd.run", "pwd", kw(cwd="{dir}/{{ 'x' }}", template="jinja")),
            ("cmd.run_all", "echo {{ 1 + 1 }}", kw(**HERE, template="jinja")),
            ("cmd.run_stdout", "echo {{ 'a' }}", kw(**HERE, template="jinja")),
            ("cmd.run_stderr", "sh -c 'echo {{ 1 }} >&2'", kw(**HERE, template="jinja")),
            ("cmd.retcode", "sh -c 'exit {{ 3 }}'", kw(**HERE, template="jinja", ignore_retcode=True)),
            ("cmd.shell", "echo {{ 5 }} | cat", kw(**HERE, template="jinja")),
            UNKNOWN_ENGINE,
            ("cmd.script", "salt://s.sh", "one", kw(**HERE, template="jinja")),
            ("cmd.script", "salt://plain.sh", "one two", kw(**HERE)),
            ("cmd.script", "salt://plain.sh", ["one two"], kw(**HERE)),
            ("cmd.script", "salt://nope.sh", kw(**HERE)),
            ("cmd.script", "salt://nope.sh", kw(**HERE, template="jinja")),
            ("cmd.script_retcode", "salt://s.sh", kw(**HERE, template="jinja")),
        ),
        tree=False,
    ),
    "others": Scenario(
        calls=(
            ("cmd.run_bg", "true", kw(**HERE)),
            ("cmd.run_bg", "echo {{ 1 }}", kw(**HERE, template="jinja")),
            *INFOS,
            ("cmd.shell_info", "nonesuch"),
            ("cmd.shell_info", "tcsh"),
            ("cmd.tty", "console", "hello"),
            ("cmd.tty", "nonsense"),
            NO_TTY,
            ("cmd.run", "echo a", kw(**HERE, password="x", encoded_cmd=True)),
        ),
        tree=False,
    ),
}

DIFFERENT = {
    label(SALTENV): "base; Salt's is None where nobody names one",
    **{label(call): "what it is; Salt 3008's fails on the output, which is bytes to it" for call in INFOS},
}
