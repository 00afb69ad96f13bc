"""Pillar from git, from folders of files and from nodegroups."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from saltern.config.master import DEFAULTS
from saltern.errors import ConfigError
from saltern_master.pillar.compile import Compiled, Compiler, Request
from saltern_master.pillar.ext import run_ext
from saltern_master.pillar.git_trees import GitTrees, configured_trees, git_trees
from saltern_master.pillar.keeper import Pillars
from saltern_master.pillar.settings import Settings


def compiled(root: Path, ext: list[Any], minion: str = "web1", **options: Any) -> Compiled:
    settings = {**DEFAULTS, "conf_file": str(root / "master"), "cachedir": str(root / "cache"), "ext_pillar": ext}
    compiler = Compiler(Settings.of({**settings, **options}), run_ext)
    compiler.tree.look()
    return compiler.compile(Request(minion, {"os": "Debian"}))


class Repository:
    """A git repository with a few files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> None:
        own = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *own, *words], cwd=self.root, check=True, capture_output=True)

    def commit(self, **files: str) -> None:
        for name, text in files.items():
            place = self.root / name.replace("__", "/").replace("_sls", ".sls")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", "change")

    @property
    def url(self) -> str:
        return f"file://{self.root}"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.commit(top_sls="base:\n  '*': [a]\n", a_sls="a: {{ grains.os }}\nwho: main\n")
    repository.git("checkout", "-q", "-b", "prod")
    repository.commit(sub__top_sls="prod:\n  '*': [b]\n", sub__b_sls="b: 1\nwho: prod\n")
    repository.git("checkout", "-q", "main")
    return repository


def test_trees_in_git_each_by_their_own_top_file(tmp_path: Path, repository: Repository) -> None:
    ext = [{"git": [f"main {repository.url}", {f"prod {repository.url}": [{"root": "sub"}, {"env": "prod"}]}]}]
    before = compiled(tmp_path, ext)
    assert "was not fetched yet" in str(before.errors)
    trees = GitTrees(configured_trees(ext, str(tmp_path / "cache")))
    assert list(trees.update().values()) == [True, True]
    found = compiled(tmp_path, ext)
    assert (found.pillar, found.errors) == ({"a": "Debian", "who": "prod", "b": 1}, [])
    assert found.used == {"os"}  # what a tree in git reads counts
    assert list(trees.update().values()) == [False, False]
    repository.commit(a_sls="a: {{ nope }}\n")
    assert list(trees.update(branch="main").values()) == [True]
    broken = compiled(tmp_path, ext)
    assert broken.errors == ["Rendering SLS 'a' failed. Please see master log for details."]
    assert broken.pillar["b"] == 1
    assert trees.update(repo="nobody") == {}


def test_a_fetch_compiles_anew(tmp_path: Path, repository: Repository) -> None:
    options: Any = {
        **DEFAULTS,
        "config_dir": str(tmp_path),
        "conf_file": str(tmp_path / "master"),
        "cachedir": str(tmp_path / "cache"),
        "ext_pillar": [{"git": [f"main {repository.url}"]}],
    }

    async def scenario() -> None:
        pillars = Pillars(options, lambda _: {"os": "Debian"}, lambda: ["web1"])
        changed = asyncio.Event()
        pillars.on_changed = lambda _: changed.set()
        task = asyncio.create_task(pillars.run())
        async with asyncio.timeout(30):
            while pillars.of("web1") != {"a": "Debian", "who": "main"}:
                changed.clear()
                await changed.wait()
            repository.commit(a_sls="a: 2\n")
            await pillars.update_git()
            while pillars.of("web1") != {"a": 2}:
                changed.clear()
                await changed.wait()
        assert pillars.metrics()["git_failures"] == 0
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("repos", "told"),
    [
        (["https://x/y.git"], "must be 'BRANCH URL'"),
        (["__env__ https://x/y.git"], "__env__ isn't here"),
        (["main ext::sh -c id"], "must be 'BRANCH URL'"),
        (["main ext::sh"], "url"),
        (["--upload-pack=x https://x/y.git"], "ref"),
        ([{"main https://x/y.git": [{"root": "../.."}]}], "root"),
    ],
)
def test_a_remote_that_is_none_is_refused(tmp_path: Path, repos: list[Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        git_trees(repos, str(tmp_path))


def test_files_of_folders(tmp_path: Path) -> None:
    for path, content in {
        "hosts/web1/ssl/key": b"one\n",
        "hosts/web1/raw": b"\xff\n\n",
        "hosts/db1/other": b"x",
        "nodegroups/webs/shared": b"group\n",
        "nodegroups/webs/raw": b"g",
        "nodegroups/nobody/x": b"x",
    }.items():
        place = tmp_path / "files" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    root = str(tmp_path / "files")
    groups = {"webs": "web*", "dbs": ["db1"]}
    found = compiled(tmp_path, [{"file_tree": {"root_dir": root}}, {"nodegroups": "in"}], nodegroups=groups).pillar
    assert found == {"ssl": {"key": b"one"}, "raw": b"\xff\n", "shared": b"group", "in": ["webs"]}
    kept = compiled(tmp_path, [{"file_tree": {"root_dir": root, "keep_newline": ["*key"]}}]).pillar
    assert kept == {"ssl": {"key": b"one\n"}, "raw": b"\xff\n"}
    for arguments, told in (
        ({"root_dir": "/nope"}, "does not exist"),
        ({}, "no root_dir"),
        ({"root_dir": "rel"}, "relative"),
        ({"root_dir": root, "template": True}, "template isn't here"),
        ({"root_dir": root, "nope": 1}, "unexpected keyword argument"),
    ):
        assert told in str(compiled(tmp_path, [{"file_tree": arguments}]).errors)


def test_secrets_of_external_pillars_by_grains_are_withheld_too(tmp_path: Path) -> None:
    (tmp_path / "plain.yml").write_text("a: !secret x\nb: 1\n")
    (tmp_path / "all.cfg").write_text("plain.yml\n")
    (tmp_path / "grain.cfg").write_text("{% if __grains__.os == 'Debian' %}\nplain.yml\n{% endif %}\n")
    for arguments, given in (
        (str(tmp_path / "all.cfg"), True),
        (str(tmp_path / "grain.cfg"), False),
        ({"grains:os": {"Debian": str(tmp_path / "all.cfg")}}, False),
        ({"opts:id": {"web1": str(tmp_path / "all.cfg")}}, True),
    ):
        found = compiled(tmp_path, [{"stack": arguments}])
        assert (found.pillar["b"], "a" in found.pillar, bool(found.errors)) == (1, given, not given)
    assert "a" in compiled(tmp_path, [{"stack": str(tmp_path / "grain.cfg")}], pillar_secrets_by_grains=True).pillar


@pytest.mark.parametrize(
    "role",
    [
        "../../secret",
        "x\n../secret.yml\ny",
        "x\nminions/web2",
        "x\u2028minions/web2",
        "x\n{root}/secret",
        "x'\n- {root}/secret.yml",
    ],
)
@pytest.mark.parametrize("read", ["__grains__.role", "__salt__['grains.get']('role')", "__opts__.grains.role"])
def test_a_grain_leads_to_no_file_that_the_list_does_not_mean(tmp_path: Path, role: str, read: str) -> None:
    (tmp_path / "stack" / "roles").mkdir(parents=True)
    (tmp_path / "stack" / "minions").mkdir()
    for path in ("secret.yml", "stack/minions/web2.yml"):
        (tmp_path / path).write_text("of: another\n")
    (tmp_path / "stack" / "roles" / "web.yml").write_text("of: web\n")
    (tmp_path / "stack" / "stack.cfg").write_text(f"roles/{{{{ {read} }}}}.yml\n")
    arguments = {"ext_pillar": [{"stack": str(tmp_path / "stack" / "stack.cfg")}]}
    settings = Settings.of({**DEFAULTS, "conf_file": "x", "cachedir": str(tmp_path), **arguments})
    compiler = Compiler(settings, run_ext)
    assert compiler.compile(Request("web1", {"role": "web"})).pillar == {"of": "web"}
    assert "of" not in compiler.compile(Request("web1", {"role": role.format(root=tmp_path)})).pillar


@pytest.mark.parametrize("first", [True, False])
def test_what_a_caller_gives_chooses_no_secret(tmp_path: Path, first: bool) -> None:
    """A minion asks for its pillar as it would be with another one laid over."""
    (tmp_path / "db.yml").write_text("a: !secret x\nb: 1\n")
    (tmp_path / "db.cfg").write_text("db.yml\n")
    (tmp_path / "top.sls").write_text("base: {'*': [s]}\n")
    (tmp_path / "s.sls").write_text("{% if pillar.get('role') == 'db' %}\nc: !secret x\n{% endif %}\nd: 1\n")
    ext = [{"stack": {"pillar:role": {"db": str(tmp_path / "db.cfg")}}}]
    more = {"ext_pillar": ext, "ext_pillar_first": first, "pillar_roots": {"base": [str(tmp_path)]}}
    compiler = Compiler(Settings.of({**DEFAULTS, "conf_file": "x", "cachedir": "x", **more}), run_ext)
    compiler.tree.look()
    found = compiler.compile(Request("web1", {}, override={"role": "db"})).pillar
    assert (found["b"], found["d"], "a" in found, "c" in found) == (1, 1, False, False)


def test_what_an_external_pillar_does_to_what_it_is_given_stays_with_it(tmp_path: Path) -> None:
    (tmp_path / "files" / "_pillar").mkdir(parents=True)
    (tmp_path / "files" / "_pillar" / "spoils.py").write_text(
        "def ext_pillar(minion_id, pillar, x):\n    pillar['m']['spoiled'] = minion_id\n    return {}\n"
    )
    (tmp_path / "top.sls").write_text("base: {'*': [a]}\n")
    (tmp_path / "a.sls").write_text("m: {x: 1}\n")
    settings = {**DEFAULTS, "conf_file": "x", "cachedir": "x", "ext_pillar": [{"spoils": 1}]}
    roots = {"pillar_roots": {"base": [str(tmp_path)]}, "file_roots": {"base": [str(tmp_path / "files")]}}
    compiler = Compiler(Settings.of({**settings, **roots}), run_ext)
    compiler.tree.look()
    for minion in ("web1", "web2"):
        assert compiler.compile(Request(minion, {})).pillar == {"m": {"x": 1}}
