"""Crontabs of throw-away users whose names begin with ``slt``; only root can, and the program crontab must be there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

from scenario import Scenario, kw

TAB = """# m h  dom mon dow   command
MAILTO=me@example.com

5 4 * * * /usr/bin/mine  two  blanks
# Lines below here are managed by Salt, do not edit
PATH=/bin:/usr/bin
# first job SALT_CRON_IDENTIFIER:one
1 2 3 4 5 /bin/one --a=b
# SALT_CRON_IDENTIFIER:two
*/5 * * * * /bin/two
* * * * * /bin/three
# of two
# lines
#DISABLED#0 0 1 1 * /bin/four % x
# yes SALT_CRON_IDENTIFIER:five
@daily /bin/five
#DISABLED#@reboot /bin/six
"""

UNMANAGED = "# only mine\nA=1\n1 1 1 1 1 /bin/x\n"


def with_tab(name: str, text: str) -> Callable[[str], None]:
    """Return a setup that makes the user *name* and gives him a crontab."""

    def setup(folder: str) -> None:
        subprocess.run(["crontab", "-r", "-u", name], check=False, capture_output=True)
        subprocess.run(["userdel", "-f", name], check=False, capture_output=True)
        subprocess.run(["useradd", "-M", "-s", "/bin/sh", name], check=True, capture_output=True)
        if text:
            subprocess.run(["crontab", "-u", name, "-"], input=text.encode(), check=True)

    return setup


def kept(fun: str, value: Any) -> Any:
    """Mask process ids, and the name of Salt's temporary file in what crontab says."""
    if fun == "cron.write_cron_file_verbose":
        return {**value, "pid": 0}
    if isinstance(value, str):
        return re.sub(r'"(/tmp/__salt.tmp.[^"]*|-)":', '"FILE":', value)
    return value


def scenario(name: str, text: str, *calls: tuple[Any, ...], **more: Any) -> Scenario:
    """Return *calls*, in which ``USER`` is *name*, on a crontab; it and its user are removed after."""
    named = tuple(tuple(name if one == "USER" else one for one in call[:-1]) + call[-1:] for call in calls)
    named = tuple((*call[:-1], name) if call[-1] == "USER" else call for call in named)
    last = (("cmd.retcode", ["crontab", "-r", "-u", name]), ("user.delete", name))
    return Scenario(root=True, tree=False, setup=with_tab(name, text), calls=(*named, *last), **more)


SCENARIOS = {
    "reading": scenario(
        "sltcra",
        TAB,
        ("cron.raw_cron", "USER"),
        ("cron.list_tab", "USER"),
        ("cron.ls", "USER"),
        ("cron.get_entry", "USER", "one"),
        ("cron.get_entry", "USER", kw(cmd="/bin/three")),
        ("cron.get_entry", "USER", kw(cmd="/bin/five")),
        ("cron.get_entry", "USER", "one", "/bin/three"),
        ("cron.get_entry", "USER", "none"),
        ("cron.get_entry", "USER", kw(cmd="none")),
        ("cron.get_entry", "USER"),
        ("cron.raw_cron", "sltnone"),
        ("cron.list_tab", "sltnone"),
        ("cron.get_entry", "sltnone", "x"),
    ),
    "new": scenario(
        "sltcrb",
        "",
        ("cron.raw_cron", "USER"),
        ("cron.list_tab", "USER"),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a"),
        ("cron.raw_cron", "USER"),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a"),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a", kw(identifier="a", comment="c")),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a", kw(identifier="a", comment="c")),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a", kw(identifier="a")),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/a"),
        ("cron.raw_cron", "USER"),
        ("cron.set_job", "USER", "*/5", "*", "*", "JAN", "Mon", "/bin/a", kw(identifier="a", commented=True)),
        ("cron.set_job", "USER", "*", "*", "*", "*", "*", "/bin/b", kw(identifier="a")),
        ("cron.list_tab", "USER"),
        ("cron.set_special", "USER", "@hourly", "/bin/s"),
        ("cron.set_special", "USER", "@hourly", "/bin/s"),
        ("cron.set_special", "USER", "@daily", "/bin/s"),
        ("cron.set_special", "USER", "@daily", "/bin/t", kw(identifier="s", comment="two\nlines")),
        ("cron.set_special", "USER", "@daily", "/bin/t", kw(identifier="s")),
        ("cron.set_special", "USER", "@daily", "/bin/t", kw(identifier="s", commented=True)),
        ("cron.set_special", "USER", "@reboot", "/bin/b", kw(identifier="a")),
        ("cron.set_env", "USER", "MAILTO", "me"),
        ("cron.set_env", "USER", "MAILTO", "me"),
        ("cron.set_env", "USER", "MAILTO", "you"),
        ("cron.set_env", "USER", "EMPTY"),
        ("cron.set_env", "USER", "EMPTY2", ""),
        ("cron.raw_cron", "USER"),
        ("cron.list_tab", "USER"),
        ("cron.rm_env", "USER", "MAILTO"),
        ("cron.rm_env", "USER", "MAILTO"),
        ("cron.rm", "USER", "/bin/none"),
        ("cron.rm_job", "USER", "/bin/none"),
        ("cron.rm_special", "USER", "/bin/none"),
        ("cron.rm_special", "USER", "/bin/s", "@hourly"),
        ("cron.rm_special", "USER", "/bin/s", "@daily"),
        ("cron.rm_special", "USER", "/bin/t"),
        ("cron.rm_special", "USER", "/bin/t", kw(identifier="s")),
        ("cron.raw_cron", "USER"),
    ),
    "over what is there": scenario(
        "sltcrc",
        TAB,
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/one --a=b", kw(identifier="one", comment="first job")),
        ("cron.set_job", "USER", 1, 2, 3, 4, 5, "/bin/one --a=b"),
        ("cron.set_job", "USER", "*", "*", "*", "*", "*", "/bin/three", kw(identifier="three")),
        ("cron.set_job", "USER", "*", "*", "*", "*", 6, "/bin/two", kw(identifier="two", comment="now")),
        ("cron.set_job", "USER", "0", "0", "1", "1", "*", "/bin/four % x", kw(commented=False)),
        ("cron.set_job", "USER", "*", "*", "*", "*", 6, "/bin/five", kw(identifier="five")),
        ("cron.set_special", "USER", "@weekly", "/bin/six"),
        ("cron.raw_cron", "USER"),
        ("cron.rm_job", "USER", "/bin/one --a=b", kw(dayweek=6)),
        ("cron.rm_job", "USER", "/bin/one --a=b", kw(identifier="one", dayweek=6)),
        ("cron.rm_job", "USER", "anything", kw(identifier="one", minute="1", dayweek=5)),
        ("cron.rm_job", "USER", "/bin/two", kw(identifier="two", minute="random")),
        ("cron.rm_job", "USER", "/bin/two", kw(identifier="two", dayweek="random")),
        ("cron.rm", "USER", "/bin/four % x", 0),
        ("cron.raw_cron", "USER"),
        ("cron.list_tab", "USER"),
    ),
    "a tab without a managed part": scenario(
        "sltcrd",
        UNMANAGED,
        ("cron.list_tab", "USER"),
        ("cron.rm_job", "USER", "/bin/x"),
        ("cron.set_env", "USER", "A", "2"),
        ("cron.raw_cron", "USER"),
    ),
    "removing from nothing": scenario(
        "sltcre",
        "",
        ("cron.rm_job", "USER", "/bin/x"),
        ("cron.raw_cron", "USER"),
        ("cron.rm_special", "USER", "/bin/x"),
        ("cron.raw_cron", "USER"),
        ("cron.rm_env", "USER", "X"),
    ),
    "random": scenario(
        "sltcrf",
        "",
        ("cron.set_job", "USER", "5:5", "7:7", "*", "11:11", "2:2", "/bin/r", kw(identifier="r")),
        ("cron.list_tab", "USER"),
        ("cron.set_job", "USER", "random", "random", "*", "random", "random", "/bin/r", kw(identifier="r")),
        ("cron.set_job", "USER", "random", "7", "*", "RANDOM", "2", "/bin/r", kw(identifier="r")),
        ("cron.list_tab", "USER"),
        ("cron.rm_job", "USER", "/bin/r", kw(identifier="r", minute="random")),
        ("cron.set_job", "USER", 1, 1, "*", "*", "*", "x", kw(identifier="r", comment="# odd  #", commented="yes")),
        ("cron.set_job", "USER", 1, 1, "*", "*", "*", "x", kw(identifier=5)),
        ("cron.set_job", "USER", 1, 1, "*", "*", "*", "x", kw(identifier=5)),
        ("cron.raw_cron", "USER"),
        ("cron.list_tab", "USER"),
    ),
    "failures": scenario(
        "sltcrg",
        TAB,
        ("cron.set_job", "USER", "99", 2, 3, 4, 5, "/bin/a"),
        ("cron.set_job", "USER", "a b", 2, 3, 4, 5, "/bin/a"),
        ("cron.set_special", "USER", "@never", "/bin/a"),
        ("cron.set_job", "sltnone", 1, 2, 3, 4, 5, "/bin/a"),
        ("cron.set_special", "sltnone", "@daily", "/bin/a"),
        ("cron.set_env", "sltnone", "A", "b"),
        ("cron.rm_job", "sltnone", "/bin/a"),
        ("cron.rm_special", "sltnone", "/bin/a"),
        ("cron.rm_env", "sltnone", "A"),
        ("cron.raw_cron", "USER"),
    ),
    "whole files": scenario(
        "sltcrh",
        "",
        ("cron.write_cron_file", "USER", "{dir}/tab"),
        ("cron.raw_cron", "USER"),
        ("cron.write_cron_file", "USER", "{dir}/bad"),
        ("cron.write_cron_file", "USER", "{dir}/none"),
        ("cron.write_cron_file", "sltnone", "{dir}/tab"),
        ("cron.write_cron_file_verbose", "USER", "{dir}/tab"),
        ("cron.write_cron_file_verbose", "USER", "{dir}/bad"),
        ("cron.write_cron_file_verbose", "USER", "{dir}/none"),
        ("cron.write_cron_file_verbose", "sltnone", "{dir}/tab"),
        ("cron.raw_cron", "USER"),
        files={"tab": "1 2 3 4 5 /bin/a\n", "bad": "no crontab\n"},
    ),
}

DIFFERENT = {
    'cron.raw_cron "sltcrf"': "a line that isn't changed stays as it is: Salt takes signs off a comment's beginning",
}
