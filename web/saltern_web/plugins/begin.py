"""``saltern-web plugin new NAME``: a plugin that works, to begin with."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from saltern.errors import exit_code, os_errors
from saltern_web.plugins.names import FORMS, META, RESULT, PluginFault, check_name, module_of

BEGINNING = Path(__file__).parent / "beginning"
NAME, TITLE = "PLUGIN_NAME", "PLUGIN_TITLE"
"""What stands in the files for the plugin's own name and title."""
NEXT = """{name}/ is a plugin that works. Next:
  try it             {python} {name}/test_{name}.py
  see it             mkdir -p /etc/saltern/plugins && cp -r {name} /etc/saltern/plugins/
                     (or name the folder above it in the console's plugin_dirs; of saltern-up: plugins in its etc)
  bring it to hosts  mkdir -p /srv/saltern/_modules && cp {name}/plugin_{name}.py /srv/saltern/_modules/
                     (on the master, wherever its file_roots are; of saltern-up: srv/_modules)
                     saltern '*' saltutil.sync_modules
  use it             /plugins/{name} in the console
docs/plugins.md says more."""


def begin_plugin(name: str) -> int:
    """Make the folder of a new plugin, here; return the exit code. What is wrong is said in one line."""
    try:
        make_plugin(name, Path.cwd())
    except PluginFault as error:
        print(f"saltern-web: {error}", file=sys.stderr)
        return exit_code(error)
    print(NEXT.format(name=name, python=shlex.quote(sys.executable)))
    return 0


def make_plugin(name: str, parent: Path) -> Path:
    """Make the folder of a new plugin in *parent* and return it. Raises ``PluginFault``."""
    folder = parent / check_name(name)
    if os.path.lexists(folder):
        raise PluginFault(f"{folder} is there already: choose another name, or take it away first")
    with os_errors(PluginFault, str(folder), "can't be made"):
        folder.mkdir()
        folder.chmod(0o755)  # none of it is a secret, and consoles and masters are other users
        for source, target in files_of(name).items():
            text = (BEGINNING / source).read_text(encoding="utf-8")
            text = text.replace(NAME, name).replace(TITLE, name.replace("_", " ").capitalize())
            (folder / target).write_text(text, encoding="utf-8")
            (folder / target).chmod(0o644)
    return folder


def files_of(name: str) -> dict[str, str]:
    """Return what each of our files is called in the new plugin; no Python of ours ends in ``.py`` there."""
    return {
        META: META,
        "module.txt": f"{module_of(name)}.py",
        "forms.txt": FORMS,
        RESULT: RESULT,
        "test.txt": f"test_{name}.py",
    }
