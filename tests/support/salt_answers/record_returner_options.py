"""Write what Salt's ``salt.returners.get_returner_options`` answers for the options in it: ``returner_options.json``.

Run by hand with the Python of Salt's own environment::

    python tests/support/salt_answers/record_returner_options.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import salt.modules.config as config  # type: ignore[import-not-found]  # Salt's own, in its own environment
import salt.returners  # type: ignore[import-not-found]

OPTS = {
    "flat.host": "flat-host",
    "flat.port": 1,
    "flat.empty": "",
    "flat.none": None,
    "flat.zero": 0,
    "flat.profile": "creds",
    "creds": {"flat.user": "profile-user"},
    "nested": {"host": "nested-host", "port": 2},
    "nested.user": "dotted-user",
    "other.flat.host": "other-host",
    "other.flat.zero": 0,
    "other.nested": {"host": "other-nested"},
    "other.nested.user": "other-user",
}
ATTRS = {"server": "host", "port": "port", "user": "user", "none": "none", "empty": "empty", "zero": "zero"}
DEFAULTS = {"user": "nobody", "none": "default", "empty": "default", "extra": "never"}
RETS: list[dict[str, Any] | None] = [
    None,
    {},
    {"ret_config": "other"},
    {"ret_config": ""},
    {"ret_config": "missing"},
    {"ret_kwargs": {"server": "kw", "new": 1}},
    {"ret_config": "other", "ret_kwargs": {"port": 9}},
]


def main() -> None:
    """Ask for each returner, return and set of defaults."""
    config.__opts__, config.__grains__, config.__pillar__ = OPTS, {}, {}
    functions = {"config.option": config.option}
    answers = [
        [
            name,
            ret,
            defaults,
            profile,
            salt.returners.get_returner_options(
                name, ret, ATTRS, __salt__=functions, __opts__=OPTS, defaults=defaults, **profile
            ),
        ]
        for name in ("flat", "nested", "absent")
        for ret in RETS
        for defaults in (None, DEFAULTS)
        for profile in ({}, {"profile_attr": "profile", "profile_attrs": {"user": "user"}})
    ]
    recorded = {"opts": OPTS, "attrs": ATTRS, "answers": answers}
    Path(__file__).with_name("returner_options.json").write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()
