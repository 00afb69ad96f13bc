"""What the modules ``pip`` and ``virtualenv`` come to, with wheels from a folder."""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from typing import Any

from scenario import Scenario, kw

VENV = "{dir}/venv"
WHEELS = {
    "saltern_test_one-1.0": "",
    "saltern_test_one-1.1": "",
    "saltern_test_one-2.0rc1": "",
    "saltern_test_one-1.0b2": "",
    "Saltern.Test_two-1.0": "Requires-Dist: saltern-test-one\n",
}
OWN = ("pip", "setuptools", "wheel")
SAID = re.compile(
    r"^(?:Successfully (?:un)?installed .*|ERROR: .*|Found existing installation: .*|WARNING: Skip.*)$", re.M
)


def wheel(folder: str, name: str, more: str) -> None:
    """Make a wheel in ``wheels``."""
    title, version = name.split("-")
    package = title.replace(".", "_").lower()
    info = f"{title.replace('.', '_')}-{version}.dist-info"
    os.makedirs(os.path.join(folder, "wheels"), exist_ok=True)
    path = os.path.join(folder, "wheels", f"{title.replace('.', '_')}-{version}-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{package}/__init__.py", f"version = {version!r}\n")
        archive.writestr(f"{package}/data/text.txt", "a text\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {title}\nVersion: {version}\n{more}")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


def environment(folder: str) -> None:
    """Make a virtual environment, and wheels that pip installs from."""
    for name, more in WHEELS.items():
        wheel(folder, name, more)
    os.environ.update(
        PIP_NO_INDEX="1", PIP_FIND_LINKS=os.path.join(folder, "wheels"), PIP_DISABLE_PIP_VERSION_CHECK="1"
    )
    os.environ.update(PIP_CONFIG_FILE="/dev/null", PIP_ROOT_USER_ACTION="ignore")
    venv = os.path.join(folder, "venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    spec = importlib.util.find_spec("pip")  # to unpack one takes five seconds
    assert spec is not None
    assert spec.origin is not None
    packages = os.path.dirname(os.path.dirname(spec.origin))
    (target,) = glob.glob(f"{venv}/lib/python*/site-packages")
    for path in [f"{packages}/pip", *glob.glob(f"{packages}/pip-*.dist-info")]:
        os.symlink(path, os.path.join(target, os.path.basename(path)))
    program = os.path.join(venv, "bin", "pip")
    with open(program, "w") as file:
        file.write(f'#!/bin/sh\nexec "{venv}/bin/python" -m pip "$@"\n')
    os.chmod(program, 0o755)


SCENARIOS = {
    "packages": Scenario(
        setup=environment,
        tree=False,
        files={
            "requirements.txt": "-r more.txt  # and more\nsaltern-test-one==1.0\n",
            "more.txt": "",
            "roots/requirements.txt": "saltern-test-one<1.1\n",
            "program": "#!/bin/sh\n",
        },
        calls=(
            ("pip.version", VENV),
            ("pip.version", "{dir}/none"),
            ("pip.version", "{dir}/wheels"),
            ("pip.version", "{dir}/program"),
            ("pip.version", f"{VENV}/bin/python"),
            ("pip.version", f"{VENV}/bin/pip"),
            ("pip.list", kw(bin_env=VENV)),
            ("pip.list", "saltern", kw(bin_env=VENV)),
            ("pip.freeze", VENV),
            ("pip.is_installed", "saltern-test-one", kw(bin_env=VENV)),
            ("pip.install", kw(bin_env=VENV)),
            ("pip.install", "saltern-test-one==1.0", kw(bin_env=VENV)),
            ("pip.install", "saltern-test-one==1.0", kw(bin_env=VENV)),
            ("pip.install", ["saltern-test-none"], kw(bin_env=VENV)),
            ("pip.install", "saltern-test-one>1", kw(bin_env=VENV, no_index=True, index_url="http://x")),
            ("pip.install", "x", kw(bin_env=VENV, index_url="x")),
            ("pip.install", "x", kw(bin_env=VENV, extra_index_url="x:y")),
            ("pip.install", "x", kw(bin_env=VENV, find_links="{dir}/none")),
            ("pip.install", "x", kw(bin_env=VENV, timeout="soon")),
            ("pip.install", "x", kw(bin_env=VENV, timeout=1.5)),
            ("pip.install", "x", kw(bin_env=VENV, exists_action="z")),
            ("pip.install", "x", kw(bin_env=VENV, mirrors="http://x")),
            ("pip.install", "x", kw(bin_env=VENV, env_vars="A=1")),
            ("pip.install", "x", kw(bin_env=VENV, extra_args=[{"--a": {"b": 1}}])),
            ("pip.install", "x", kw(bin_env=VENV, log="{dir}/none/log")),
            ("pip.install", "x", kw(bin_env=VENV, log="{dir}")),
            ("pip.install", kw(bin_env=VENV, editable="git+https://x.example/y")),
            ("pip.install", kw(bin_env=VENV, requirements=5)),
            ("pip.install", kw(bin_env=VENV, requirements="{dir}/requirements.txt")),
            ("pip.install", kw(bin_env="{dir}/none", pkgs="x")),
        ),
    ),
    "upgrades": Scenario(
        setup=environment,
        tree=False,
        calls=(
            ("pip.install", "saltern-test-one==1.0", kw(bin_env=VENV)),
            ("pip.list_upgrades", VENV),
            ("pip.upgrade_available", "saltern-test-one", VENV),
            ("pip.upgrade_available", "saltern-test-none", VENV),
            ("pip.list_all_versions", "saltern-test-one", VENV),
            ("pip.list_all_versions", "saltern-test-one", VENV, kw(include_rc=True, include_beta=True)),
            ("pip.list_all_versions", "saltern-test-none", VENV),
            ("pip.list_all_versions", "saltern-test-one", VENV, kw(index_url="x")),
            ("pip.upgrade", VENV),
            ("pip.upgrade", VENV),
        ),
    ),
    "names": Scenario(
        setup=environment,
        tree=False,
        calls=(
            ("pip.install", "saltern-test-one==1.0", kw(bin_env=VENV)),
            ("pip.install", "Saltern_Test-Two", kw(bin_env=VENV, no_deps=True, upgrade=True, no_cache_dir=True)),
            (
                "pip.install",
                "saltern-test-one",
                kw(bin_env=VENV, pre_releases=True, force_reinstall=True, upgrade=True),
            ),
            ("pip.list", kw(bin_env=VENV)),
            ("pip.list", "saltern_test.t", kw(bin_env=VENV)),
            ("pip.list_freeze_parse", kw(bin_env=VENV)),
            ("pip.list_freeze_parse", "saltern", kw(bin_env=VENV)),
            ("pip.freeze", kw(bin_env=VENV)),
            ("pip.is_installed", "saltern-test-one", VENV),
            ("pip.is_installed", "Saltern-Test-One", VENV),
            ("pip.is_installed", "saltern-test", VENV),
            ("virtualenv.get_site_packages", VENV),
            ("virtualenv.get_site_packages", "{dir}/none"),
            ("virtualenv.get_distribution_path", VENV, "x;import os"),
            ("virtualenv.get_distribution_path", "{dir}/none", "x"),
            ("virtualenv.get_resource_path", VENV, "saltern_test_one", "import"),
            ("pip.uninstall", "saltern-test-one", kw(bin_env=VENV)),
            ("pip.uninstall", ["saltern-test-one"], kw(bin_env=VENV)),
            ("pip.uninstall", "x", kw(bin_env=VENV, timeout="soon")),
            ("pip.uninstall", kw(bin_env=VENV)),
            ("pip.normalize", "Foo__Bar.-x"),
            ("pip.list", "saltern", kw(bin_env=VENV)),
        ),
    ),
    "environments": Scenario(
        tree=False,
        files={"file": "", "roots/x": ""},
        calls=(
            ("virtualenv.create", "{dir}/v1", kw(venv_bin="venv")),
            ("virtualenv.get_site_packages", "{dir}/v1"),
            ("virtualenv.get_distribution_path", "{dir}/v1", "pip"),
            ("virtualenv.get_resource_path", "{dir}/v1", "pip", "py.typed"),
            ("virtualenv.get_resource_content", "{dir}/v1", "pip", "py.typed"),
            (
                "virtualenv.create",
                "{dir}/v1",
                kw(venv_bin="venv", clear=True, prompt="mine", system_site_packages=True),
            ),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="venv", python="{dir}/none")),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="venv", never_download=True)),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="venv", extra_search_dir="x")),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="pyvenv", python="python3")),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="python3.99")),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="python3", python="python3")),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="virtual", upgrade=True)),
            ("virtualenv.create", "{dir}/v2", kw(venv_bin="virtual", symlinks=True)),
            ("virtualenv.create", "{dir}/file/v3", kw(venv_bin="venv")),
        ),
    ),
}


def kept(fun: str, value: Any) -> Any:
    """Leave out what hangs on the Python and pip that there are."""
    if fun in (
        "pip.version",
        "virtualenv.get_site_packages",
        "virtualenv.get_distribution_path",
        "virtualenv.get_resource_content",
    ):
        return bool(value)
    if fun == "pip.freeze":
        return [line for line in value if line.split("==")[0] not in OWN]
    if isinstance(value, dict) and "pid" in value:
        said = SAID.findall(f"{value['stdout']}\n{value['stderr']}") if fun.startswith("pip.") else []
        return {"keys": sorted(value), "retcode": value["retcode"], "said": said}
    if isinstance(value, dict) and "changes" in value:
        changes = {name: one for name, one in value["changes"].items() if name not in OWN}
        return {**value, "changes": changes}
    if isinstance(value, dict):
        return {name: one for name, one in value.items() if name not in OWN}
    if fun.startswith("virtualenv.get_resource_path"):
        return value.split("site-packages")[-1]
    return value


DIFFERENT: dict[str, str] = {}
