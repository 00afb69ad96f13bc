"""``sharedsecret``: any name, with the one password that the option ``sharedsecret`` is. For programs on their own."""

from __future__ import annotations

from saltern.errors import ConfigError
from saltern.secret import Secret
from saltern_master.auth.eauth.driver import Identity

OPTION = "sharedsecret"


class SharedSecretDriver:
    """Knows everybody who knows *secret*."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return *username* when *password* is the secret."""
        return Identity(username) if Secret(password) == self._secret else None


def configured(value: object) -> SharedSecretDriver:
    """Return the driver for the option's *value*, a text, marked ``!secret`` or not. Raises ``ConfigError``."""
    if isinstance(value, str) and value:
        value = Secret(value)
    if not isinstance(value, Secret) or not value.reveal():
        raise ConfigError(
            f"external_auth: {OPTION}: the option {OPTION} must be a text, the password that all of them use"
        )
    return SharedSecretDriver(value)
