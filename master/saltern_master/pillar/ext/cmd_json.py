"""What a command prints as JSON: ``- cmd_json: /usr/local/bin/inventory %s``; ``%s`` is the minion's id. No shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_master.pillar.ext._program import output_of, with_id

__opts__: Mapping[str, Any]


def ext_pillar(minion_id: str, pillar: dict[str, Any], command: str) -> Any:
    """Return what *command* prints. Raises ``CommandError`` when it fails, or that is not JSON."""
    argv = [with_id(word, minion_id) for word in shlex.split(command)]
    text = output_of(argv, __opts__)
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise CommandError(f"the output is not JSON: {error}") from None
