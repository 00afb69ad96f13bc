"""What ``random``'s functions come to: the shape of what is by chance, all of what isn't."""

from __future__ import annotations

from typing import Any

from scenario import Scenario, kw, label

BY_CHANCE = ("random.get_str", "random.rand_int")


def kept(fun: str, value: Any) -> Any:
    return [type(value).__name__, len(value) if isinstance(value, str) else 0] if fun in BY_CHANCE else value


SEEDS = (
    ("random.sample", ["a", "b", "c", "d"], 2, kw(seed=5)),
    ("random.sample", ["a", "b", "c", "d"], 4, kw(seed=123456789)),
    ("random.shuffle", ["a", "b", "c", "d"], kw(seed=5)),
    ("random.shuffle", [], kw(seed=5)),
)

SCENARIOS = {
    "chance": Scenario(
        grains={"id": "minion"},
        calls=(
            ("random.hash", "I am a string"),
            ("random.hash", "I am a string", "md5"),
            ("random.hash", "I am a string", kw(algorithm="sha256")),
            ("random.hash", "x", "nonesuch"),
            ("random.hash", b"bytes", "sha1"),
            ("random.str_encode", "I am a new string"),
            ("random.str_encode", "ü"),
            ("random.str_encode", "x", "nonesuch"),
            ("random.str_encode", 5),
            ("random.get_str",),
            ("random.get_str", 128),
            ("random.get_str", "7"),
            ("random.get_str", 0),
            ("random.get_str", -1),
            ("random.get_str", "x"),
            ("random.get_str", 10, kw(chars="ab")),
            ("random.get_str", 10, kw(printable=True)),
            ("random.get_str", 10, kw(punctuation=False, whitespace=True)),
            ("random.rand_int",),
            ("random.rand_int", 1, 100),
            ("random.rand_int", kw(start=5, end=6)),
            ("random.seed",),
            ("random.seed", 100),
            ("random.seed", 100, "web1"),
            ("random.seed", kw(range=1000, hash=5)),
            *SEEDS,
            ("random.sample", ["a", "b", "c", "d"], 2, kw(seed="five")),
            ("random.shuffle", ["a", "b", "c", "d"], kw(seed="something")),
            ("random.shuffle", ["one"]),
            ("random.shadow_hash", "My5alT12", "MyP@asswd"),
            ("random.shadow_hash", "My5alT12", "MyP@asswd", "md5"),
            ("random.shadow_hash", "My5alT12", "MyP@asswd", "sha256"),
            ("random.shadow_hash", "ab", "MyP@asswd", "crypt"),
            ("random.shadow_hash", "rounds=6000$My5alT12", "MyP@asswd", "sha512"),
            ("random.shadow_hash", "My5alT12", "ü", "sha512"),
        ),
    ),
    "seeded": Scenario(
        calls=(
            ("random.seed", 100, "web1"),
            ("random.seed", 100, "web2"),
        ),
    ),
}

DIFFERENT = {label(call): "a number is a seed too; Salt 3008's fails by it" for call in SEEDS}
