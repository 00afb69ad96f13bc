"""What a command prints as YAML: ``- cmd_yaml: cat /srv/minions/%s.yaml``; ``%s`` is the minion's id.

The master's owner writes the command, for a shell, as in Salt. An id has a grammar that no shell reads anything into.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_master.pillar.ext._program import output_of, with_id
from saltern_master.pillar.yaml_text import YamlError, parsed

__opts__: Mapping[str, Any]


def ext_pillar(minion_id: str, pillar: dict[str, Any], command: str) -> Any:
    """Return what *command* prints. Raises ``CommandError`` when it fails, or that is not YAML."""
    text = output_of(["/bin/sh", "-c", with_id(command, minion_id)], __opts__)
    try:
        return parsed(text)
    except YamlError as error:
        raise CommandError(f"the output is not YAML: {str(error).splitlines()[-1]}") from None
