"""A server's certificate: read at the start, and again when it was renewed, for connections from then on."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass

from saltern.errors import ConfigError, os_errors

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a certificate, its key, and perhaps the chain of who vouches for it, in PEM."""

    crt: str
    key: str
    chain: str = ""

    def context(self) -> ssl.SSLContext:
        """Return what speaks TLS with it. Raises ``ConfigError``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def reread(self, context: ssl.SSLContext) -> None:
        """Have *context* show what the files hold now, or say why not and keep the old one."""
        try:
            self.context()  # whether both files are whole is known only when both were read
            self._load(context)
        except ConfigError as error:
            log.error("the certificate stays as it was: %s", error)

    def _load(self, context: ssl.SSLContext) -> None:
        for name, path in (("ssl_crt", self.crt), ("ssl_key", self.key), ("ssl_chain", self.chain)):
            if path:
                with os_errors(ConfigError, path, "can't be read", called=f"{name} {path}"), open(path, "rb"):
                    pass
        try:
            context.load_cert_chain(self.crt, self.key, password=lambda: "")
            if self.chain:
                context.load_verify_locations(self.chain)
        except (ssl.SSLError, OSError, ValueError) as error:
            why = getattr(error, "reason", None) or str(error) or "unreadable"
            raise ConfigError(
                f"ssl_crt {self.crt} and ssl_key {self.key} can't be used: {why}: they must be "
                "a certificate and its key, without a passphrase, in PEM"
            ) from None
