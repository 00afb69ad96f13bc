"""``salt.utils.cloud``: of virtual machines what a host itself can do; there is no salt-cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern_compat.utils import yaml


def salt_config_to_yaml(configuration: Mapping[str, Any], line_break: str = "\n") -> str:
    """Return options as YAML, as they are written to a configuration's file."""
    return str(yaml.dump(dict(configuration), line_break=line_break, default_flow_style=False))


def check_name(name: str, safe_chars: str) -> None:
    """Raise ``SaltCloudException`` for a name with other signs than those of *safe_chars*, as in ``a-z0-9``."""
    import re

    from saltern_compat import exceptions

    if re.search(f"[^{safe_chars}]", name):
        kind: type[Exception] = vars(exceptions)["SaltCloudException"]
        raise kind(
            f"{name} contains characters not supported by this cloud provider. Valid characters are: {safe_chars}"
        )
