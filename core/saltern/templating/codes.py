"""Templates' compiled code, kept from one rendering to the next: compiling costs ten times what rendering does.

Code alone is kept, by the text that it is of: no value of one rendering is left for another.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, Environment, Template
from jinja2.bccache import Bucket

MAX_KEPT = 2000


class Codes(BytecodeCache):
    """Keeps code in memory, for environments that are set up alike."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Any, ...], CodeType] = {}

    def template(self, environment: Environment, text: str, how: str = "") -> Template:
        """Return the template of a *text*; *how*: what else tells one environment from another."""
        code = self._codes.get((text, how))
        if code is None:
            code = self._keep((text, how), environment.compile(text))
        return environment.template_class.from_code(environment, code, environment.make_globals(None))

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template's code, if it is kept."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template's code."""
        if bucket.code is not None:
            self._keep((bucket.key, bucket.checksum), bucket.code)

    def _keep(self, key: tuple[Any, ...], code: CodeType) -> CodeType:
        if len(self._codes) >= MAX_KEPT:
            self._codes.clear()
        self._codes[key] = code
        return code
