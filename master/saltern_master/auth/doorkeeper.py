"""Who gets in, and what he may: the authenticator, tokens, logins and the policy of one master, put together."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from saltern.config import MasterOptions
from saltern_master.auth.audit import Audit
from saltern_master.auth.authenticator import Authenticator
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.logins import Logins
from saltern_master.auth.policy import configured_policy
from saltern_master.auth.powers import Powers
from saltern_master.auth.tokens import Tokens

log = logging.getLogger(__name__)

MAX_SAID = 20


class Doorkeeper:
    """The parts, by name; *audit* hears of logins."""

    def __init__(self, options: MasterOptions, powers: Powers, audit: Audit) -> None:
        """Raises ``ConfigError``."""
        self.policy = configured_policy(options, powers)
        self.tokens = Tokens(os.path.join(options["cachedir"], "tokens.db"))
        self.authenticator = Authenticator(options, grants=self._grants)
        self.logins = Logins(options, self.authenticator, self.tokens, audit)

    def _grants(self, source: str, who: Identity) -> bool:
        """Return whether anything is granted to someone who logs in."""
        caller = Caller(Kind.LOGIN, who.name, source=source, groups=who.groups, entries=tuple(who.entries))
        return self.policy.has_rights(caller)

    def checked(self, fresh: MasterOptions) -> Callable[[], None]:
        """Return what puts these options in force. Raises ``ConfigError``: nothing of them is then."""
        put_rights = self.policy.checked(fresh)
        put_drivers = self.authenticator.checked(fresh)

        def put() -> None:
            put_drivers()
            put_rights()
            self.logins.reread(fresh)

        return put

    def say_faulty_targets(self, fault: Callable[[str], str]) -> None:
        """Say in the log which targets of grants can't be understood: *fault* returns why, or ``""``."""
        found = [(where, target, why) for where, target in self.policy.targets() if (why := fault(target))]
        for where, target, why in found[:MAX_SAID]:
            log.error("%s: the target %.200r means no minion: %s", where, target, why)
        if len(found) > MAX_SAID:
            log.error("%d more targets of grants mean no minion", len(found) - MAX_SAID)

    def metrics(self) -> dict[str, float]:
        """Return how many tokens there are, and how logins ended."""
        logins = {f"logins.{name}": value for name, value in self.authenticator.metrics().items()}
        return {**logins, **{f"tokens.{name}": value for name, value in self.tokens.metrics().items()}}

    def close(self) -> None:
        """Begin no login any more."""
        self.authenticator.close()
