"""``salt.crypt``: there is no key of Salt's here; the channel to the master has its own."""

from __future__ import annotations

from typing import Any

from saltern.errors import CommandError


def gen_keys(*args: Any, **kwargs: Any) -> Any:
    """Raise ``CommandError``."""
    raise CommandError("salt.crypt.gen_keys isn't here: keys of minions are made by saltern-key --gen-keys")


def sign_message(*args: Any, **kwargs: Any) -> Any:
    """Raise ``CommandError``."""
    raise CommandError("salt.crypt.sign_message isn't here: minions have keys of Curve25519, which sign nothing")


verify_signature = sign_message
