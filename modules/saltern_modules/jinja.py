"""What Jinja files of the master hold, for those who write them: a look from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "load_map": "indirect",  # a template calls functions
    "import_yaml": "indirect",
    "import_json": "indirect",
}


def load_map(path: str, value: str) -> Any:
    """Return the variable *value* of the Jinja file *path*, below the file roots. Raises ``RenderError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' jinja.load_map template/map.jinja nginx
    """
    if not str(value).isidentifier():
        raise ArgumentError(f"jinja.load_map: {value!r} is not the name of a variable")
    return _shown(f'{{% from "{_path(path)}" import {value} with context %}}{{{{ {value} | tojson }}}}')


def import_yaml(path: str) -> Any:
    """Return what the YAML file *path*, below the file roots, says, rendered first. Raises ``RenderError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' jinja.import_yaml template/foo.yaml
    """
    return _shown(f'{{% import_yaml "{_path(path)}" as imported %}}{{{{ imported | tojson }}}}')


def import_json(path: str) -> Any:
    """Return what the JSON file *path*, below the file roots, says, rendered first. Raises ``RenderError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' jinja.import_json template/foo.json
    """
    return _shown(f'{{% import_json "{_path(path)}" as imported %}}{{{{ imported | tojson }}}}')


def _path(path: str) -> str:
    if any(char in str(path) for char in '"\\{}%\n'):
        raise ArgumentError(f"jinja: {path!r} is not the path of a file")
    return str(path)


def _shown(template: str) -> Any:
    return __salt__["slsutil.renderer"](string=template, default_renderer="jinja|yaml")
