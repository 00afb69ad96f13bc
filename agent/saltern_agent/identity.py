"""Who this agent is, and which master it trusts: its own keys, and the master's key that it pins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from saltern.errors import ConfigError, KeyStoreError
from saltern.files import make_folder, write_atomic, write_private
from saltern.pki import KeyPair, check_key, own_keys, read_token

if TYPE_CHECKING:
    from saltern.config import MinionOptions

OWN_KEYS = "minion"
MASTER_KEY_FILE = "minion_master.pub"


def keys(options: MinionOptions) -> KeyPair:
    """Return the agent's own keys, made on first use. Raises ``KeyStoreError``."""
    return own_keys(options["pki_dir"], OWN_KEYS)


def pinned_master_key(options: MinionOptions) -> str:
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
        where = f"{options['conf_file']}: master_key" if options["master_key"] else path
        raise ConfigError(f"{where}: {error}", path=path) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{options['conf_file']}: master_key is not set: set it to what saltern-key -F master shows on the "
            f"master, or run saltern-agent --join with the line that saltern-key --invite prints there"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: can't be used as the master's key: {error}", path=path) from None


def join(options: MinionOptions, token: str) -> str:
    """Do what a join token says: pin the master's key, and configure where the master is.

    The address goes to ``minion.d/join.conf``, and into *options*, where it differs from what is configured. Return
    the token's secret. Raises ``KeyStoreError`` for something else than a token, ``ConfigError`` when it says
    another key than the configured one, or when files can't be written.
    """
    invite = read_token(token)
    if options["master_key"] not in ("", invite.master_key):
        raise ConfigError(f"{options['conf_file']}: master_key is another key than the token's: remove one of them")
    address = {"master": invite.host, "publish_port": invite.publish_port, "ret_port": invite.ret_port}
    current = {"master": options["master"], "publish_port": options["publish_port"], "ret_port": options["ret_port"]}
    drop_ins = f"{options['conf_file']}.d"
    try:
        make_folder(options["pki_dir"], 0o700)
        write_private(os.path.join(options["pki_dir"], MASTER_KEY_FILE), f"{invite.master_key}\n".encode())
        if address != current:
            make_folder(drop_ins, 0o755)
            lines = f'master: "{invite.host}"\npublish_port: {invite.publish_port}\nret_port: {invite.ret_port}\n'
            write_atomic(os.path.join(drop_ins, "join.conf"), lines.encode())
    except OSError as error:
        raise ConfigError(f"{error.filename or drop_ins}: can't be written: {error.strerror}") from None
    options["master"], options["publish_port"], options["ret_port"] = invite.host, invite.publish_port, invite.ret_port
    return invite.secret
