"""A module of the operator's own, as one writes it for Salt."""

import logging

import salt.utils.files
from salt.exceptions import CommandExecutionError

log = logging.getLogger(__name__)

__func_alias__ = {"list_": "list"}


def __virtual__():
    return True


def hello(name="world"):
    """
    Say hello.

    CLI Example:

    .. code-block:: bash

        salt '*' greet.hello fred
    """
    return f"hello {name} from {__grains__['id']}"


def lines(path):
    """Count the lines of a file."""
    if not __salt__["file.file_exists"](path):
        raise CommandExecutionError(f"no file {path}")
    with salt.utils.files.fopen(path) as stream:
        return len(stream.readlines())


def list_():
    """List what the pillar says."""
    return sorted(__salt__["pillar.get"]("services", {}))
