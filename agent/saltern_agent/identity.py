"""Who this agent is, and which master it trusts: its own keys, and the master's key that it pins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from saltern.errors import ConfigError, KeyStoreError
from saltern.files import make_folder, replacement, write_atomic
from saltern.ids import names_every_host
from saltern.pki import NOT_ALLOWED, KeyPair, check_key, own_keys

if TYPE_CHECKING:
    from saltern.config import MinionOptions
    from saltern.join_token import Invite

OWN_KEYS = "minion"
MASTER_KEY_FILE = "minion_master.pub"
JOINED = "# Where the master is, by the invitation (--join). This wins over the file minion: change it here.\n"


def keys(options: MinionOptions) -> KeyPair:
    """Return the agent's own keys, made on first use. Raises ``KeyStoreError``."""
    return own_keys(options["pki_dir"], OWN_KEYS)


def pinned_master_key(options: MinionOptions, program: str = "saltern-agent") -> str:
    """Return the master's public key: from the option ``master_key``, else from ``--join``'s file.

    Raises ``ConfigError`` that says how to get one.
    """
    path = os.path.join(options["pki_dir"], MASTER_KEY_FILE)
    try:
        if options["master_key"]:
            return check_key(options["master_key"])
        with open(path, encoding="ascii") as stream:
            return check_key(stream.read().strip())
    except KeyStoreError as error:
        if options["master_key"]:
            from saltern.config.located import located  # only a fault needs it

            fault = f"{options['conf_file']}: master_key: {error}"
            raise ConfigError(located(fault, options["conf_file"]), path=path) from None
        raise ConfigError(f"{path}: {error}", path=path) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{options['conf_file']}: master_key is not set: set it to what saltern-key -F master shows on the "
            f"master, or run {program} --join - and paste the line that saltern-key --invite prints there"
        ) from None
    except PermissionError:
        raise ConfigError(f"{path}: can't be read: {NOT_ALLOWED}", path=path) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: can't be used as the master's key: {error}", path=path) from None


def check_id(options: MinionOptions) -> None:
    """Raise ``ConfigError`` when this minion's id is one that every host has: no master could tell them apart."""
    minion_id = options["id"]
    if names_every_host(minion_id):
        raise ConfigError(
            f"{options['conf_file']}: id: {minion_id!r} is what every host calls itself: set id: there to a name of "
            f"this host's own, or give the host a name (hostnamectl set-hostname)"
        )


def check_invite(options: MinionOptions, invite: Invite) -> None:
    """Raise ``ConfigError`` when *invite* is for another master than the one that is configured by its key."""
    if options["master_key"] not in ("", invite.master_key):
        raise ConfigError(f"{options['conf_file']}: master_key is another key than the token's: remove one of them")


def pin(options: MinionOptions, invite: Invite) -> None:
    """Pin the master of *invite*, and configure where it is; all of it, or nothing.

    The address goes to ``minion.d/join.conf``, and into *options*, where it differs from what is configured.
    Raises ``ConfigError`` when a file can't be written.
    """
    address = {"master": invite.host, "publish_port": invite.publish_port, "ret_port": invite.ret_port}
    current = {"master": options["master"], "publish_port": options["publish_port"], "ret_port": options["ret_port"]}
    drop_ins = f"{options['conf_file']}.d"
    try:
        make_folder(options["pki_dir"], 0o700)
        with replacement(os.path.join(options["pki_dir"], MASTER_KEY_FILE), 0o600, inherit=True) as pinned:
            pinned.write(f"{invite.master_key}\n".encode())
            pinned.flush()
            if address != current:
                make_folder(drop_ins, 0o755)
                lines = f'master: "{invite.host}"\npublish_port: {invite.publish_port}\nret_port: {invite.ret_port}\n'
                write_atomic(os.path.join(drop_ins, "join.conf"), (JOINED + lines).encode())
    except OSError as error:
        hint = ": run as root" if isinstance(error, PermissionError) else ""
        raise ConfigError(f"{error.filename or drop_ins}: can't be written: {error.strerror}{hint}") from None
    options["master"], options["publish_port"], options["ret_port"] = invite.host, invite.publish_port, invite.ret_port
