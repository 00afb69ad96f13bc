"""What the module ``git`` comes to, on repositories of local paths."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from scenario import Scenario, kw

REPO = "{dir}/repo"
IDS = re.compile(r"\bg?[0-9a-f]{7,40}\b")
PROGRESS = re.compile(r"\.\.\s+")
ENV = {
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: str, *words: str) -> None:
    """Run git in *folder*."""
    subprocess.run(
        ["git", *words],
        cwd=folder,
        env={**os.environ, **ENV},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def named(folder: str, name: str) -> None:
    """Say who commits in the repository *name*."""
    git(os.path.join(folder, name), "config", "user.name", "Ann")
    git(os.path.join(folder, name), "config", "user.email", "ann@example.com")


def repository(folder: str) -> None:
    """Make ``repo``, with two commits on ``main`` and one on ``side``, and a tag on the first."""
    os.umask(0o022)
    repo = os.path.join(folder, "repo")
    os.makedirs(os.path.join(repo, "sub"), exist_ok=True)
    git(repo, "init", "-b", "main")
    named(folder, "repo")
    for name, text in (("a.txt", "one\n"), ("sub/b.txt", "two\n"), ("sub/grün.txt", "grün\n")):
        with open(os.path.join(repo, name), "w", encoding="utf-8") as file:
            file.write(text)
    git(repo, "add", ".")
    git(repo, "commit", "-m", "first")
    git(repo, "tag", "v1", "-m", "the first")
    git(repo, "branch", "side")
    with open(os.path.join(repo, "a.txt"), "a", encoding="utf-8") as file:
        file.write("more\n")
    git(repo, "commit", "-am", "second")
    git(repo, "checkout", "side")
    with open(os.path.join(repo, "c.txt"), "w", encoding="utf-8") as file:
        file.write("side\n")
    git(repo, "add", "c.txt")
    git(repo, "commit", "-m", "on the side")
    git(repo, "checkout", "main")


def clones(folder: str) -> None:
    """Make ``repo``, a bare ``origin.git`` of it and ``clone``, a clone of that."""
    repository(folder)
    git(folder, "clone", "--bare", "repo", "origin.git")
    git(folder, "clone", os.path.join(folder, "origin.git"), "clone")
    named(folder, "clone")
    git(os.path.join(folder, "clone"), "config", "pull.rebase", "false")
    git(os.path.join(folder, "repo"), "remote", "add", "origin", os.path.join(folder, "origin.git"))


def conflict(folder: str) -> None:
    """Make ``repo``, of which ``other`` can't be merged."""
    repository(folder)
    repo = os.path.join(folder, "repo")
    git(repo, "checkout", "-b", "other", "v1")
    with open(os.path.join(repo, "a.txt"), "w", encoding="utf-8") as file:
        file.write("another\n")
    git(repo, "commit", "-am", "other")
    git(repo, "checkout", "main")


SCENARIOS = {
    "what a checkout holds": Scenario(
        setup=repository,
        tree=False,
        calls=(
            ("git.current_branch", REPO),
            ("git.current_branch", "{dir}/nowhere"),
            ("git.current_branch", "{dir}"),
            ("git.describe", REPO),
            ("git.describe", REPO, "v1"),
            ("git.describe", REPO, "nothing"),
            ("git.revision", REPO),
            ("git.revision", REPO, "v1"),
            ("git.revision", REPO, kw(rev="side", short=True)),
            ("git.revision", REPO, "nothing"),
            ("git.rev_parse", REPO, "HEAD"),
            ("git.rev_parse", REPO, kw(opts="--show-toplevel")),
            ("git.rev_parse", REPO, kw(opts=["--abbrev-ref"], rev="HEAD")),
            ("git.rev_parse", REPO, "nothing", kw(opts="--verify")),
            ("git.rev_parse", f"{REPO}/sub", kw(opts="--show-prefix")),
            ("git.list_branches", REPO),
            ("git.list_branches", REPO, kw(remote=True)),
            ("git.list_branches", "{dir}", kw(ignore_retcode=True)),
            ("git.list_tags", REPO),
            ("git.status", REPO),
            ("git.status", "{dir}"),
            ("git.remotes", REPO),
            ("git.remote_get", REPO),
            ("git.remote_get", REPO, "upstream"),
            ("git.diff", REPO, "v1"),
            ("git.diff", REPO, "v1", "main", kw(opts="--stat")),
            ("git.diff", REPO, "v1", "side", kw(paths="c.txt,a.txt")),
            ("git.diff", REPO, "v1", "side", kw(paths=["sub"])),
            ("git.diff", REPO, "nothing"),
            ("git.diff", REPO, kw(cached=True)),
            ("git.diff", REPO, "side", kw(cached=True, opts="--name-status")),
            ("git.diff", REPO, kw(no_index=True, paths="a.txt,sub/b.txt")),
            ("git.diff", "{dir}", kw(no_index=True, paths=["repo/a.txt", "repo/a.txt"])),
            ("git.diff", REPO, kw(no_index=True, cached=True)),
            ("git.merge_base", REPO, "main,side"),
            ("git.merge_base", REPO, ["main", "side"], kw(all=True)),
            ("git.merge_base", REPO, "v1,main", kw(is_ancestor=True)),
            ("git.merge_base", REPO, "main,v1", kw(is_ancestor=True)),
            ("git.merge_base", REPO, "main", kw(is_ancestor=True)),
            ("git.merge_base", REPO, "main,side", kw(octopus=True)),
            ("git.merge_base", REPO, "main,side", kw(independent=True)),
            ("git.merge_base", REPO, kw(fork_point="main")),
            ("git.merge_base", REPO, "main,side", kw(fork_point="main")),
            ("git.merge_base", REPO, "main,side", kw(octopus=True, independent=True)),
            ("git.merge_base", REPO, "main,side", kw(all=True, independent=True)),
            ("git.merge_base", REPO, "main,nothing"),
            ("git.merge_base", REPO, "main,side", kw(other=1)),
            ("git.merge_tree", REPO, "main", "side"),
            ("git.merge_tree", REPO, "main", "nothing"),
            ("git.symbolic_ref", REPO, "HEAD"),
            ("git.symbolic_ref", REPO, "HEAD", kw(opts="--short")),
            ("git.symbolic_ref", REPO, "nothing"),
            ("git.symbolic_ref", REPO, "HEAD", "refs/heads/main", kw(opts="-d")),
            ("git.is_worktree", REPO),
            ("git.is_worktree", "{dir}"),
            ("git.archive", REPO, "{dir}/a.tar"),
            ("git.archive", REPO, "{dir}/a.zip", kw(rev="v1", prefix="", format="zip")),
            ("git.archive", REPO, "{dir}/b.tar", "nothing"),
            ("git.archive", REPO, "{dir}/none/b.tar"),
            ("git.archive", REPO, "{dir}/b.tar", kw(overwrite=True)),
            ("git.stash", REPO, "list"),
        ),
    ),
    "changing a checkout": Scenario(
        setup=repository,
        tree=False,
        files={"repo/new.txt": "new\n", "repo/sub/é.txt": "é\n"},
        calls=(
            ("git.init", "{dir}/made"),
            ("git.init", "{dir}/made"),
            ("git.init", "{dir}/bare.git", kw(bare=True)),
            ("git.init", "{dir}/shared", kw(shared="group")),
            ("git.init", "{dir}/shared2", kw(shared=True)),
            ("git.init", "{dir}/shared3", kw(shared=660)),
            ("git.init", "{dir}/deep/er", kw(opts="-b trunk")),
            ("git.init", "{dir}/separate", kw(separate_git_dir="{dir}/separate.git")),
            ("git.init", "{dir}/templated", kw(template="{dir}/none")),
            ("git.init", "{dir}/repo/a.txt"),
            ("git.current_branch", "{dir}/made"),
            ("git.symbolic_ref", "{dir}/deep/er", "HEAD"),
            ("git.status", REPO),
            ("git.add", REPO, "new.txt"),
            ("git.add", REPO, "sub", kw(opts="--verbose")),
            ("git.add", REPO, "nothing"),
            ("git.add", REPO, ".", kw(opts="--dry-run")),
            ("git.status", REPO),
            ("git.diff", REPO, kw(cached=True, opts="--name-status")),
            ("git.commit", REPO, "third"),
            ("git.commit", REPO, "again"),
            ("git.commit", REPO, "empty", kw(opts="--allow-empty")),
            ("git.commit", REPO, "mine", kw(opts="--allow-empty --author='Bob <bob@example.com>'")),
            ("git.commit", REPO, "one", kw(filename="nothing")),
            ("git.rm", REPO, "new.txt"),
            ("git.rm", REPO, "sub"),
            ("git.rm", REPO, "sub", kw(opts="-r --cached")),
            ("git.rm", REPO, "nothing"),
            ("git.status", REPO),
            ("git.reset", REPO, kw(opts="--hard")),
            ("git.reset", REPO, kw(opts="--hard nothing")),
            ("git.reset", REPO),
            ("git.discard_local_changes", REPO),
            ("git.discard_local_changes", REPO, "nothing"),
            ("git.tag", REPO, "v2"),
            ("git.tag", REPO, "v2"),
            ("git.tag", REPO, "v3", "v1", kw(message="third")),
            ("git.tag", REPO, "v4", kw(opts="-m text")),
            ("git.tag", REPO, "v4", "nothing"),
            ("git.tag", REPO, "v3", kw(opts="-d")),
            ("git.tag", REPO, "v9", kw(opts="--delete")),
            ("git.list_tags", REPO),
            ("git.branch", REPO, "b1"),
            ("git.branch", REPO, "b1"),
            ("git.branch", REPO, "b1", kw(opts="-m b2")),
            ("git.branch", REPO, "b2", kw(opts="-d")),
            ("git.branch", REPO),
            ("git.branch", REPO, "a b"),
            ("git.list_branches", REPO),
            ("git.checkout", REPO, "side"),
            ("git.checkout", REPO, "-"),
            ("git.checkout", REPO),
            ("git.checkout", REPO, kw(opts="-b topic")),
            ("git.checkout", REPO, "v1", kw(opts="-B other")),
            ("git.checkout", REPO, "nothing"),
            ("git.checkout", REPO, "v1", kw(force=True)),
            ("git.current_branch", REPO),
            ("git.checkout", REPO, "topic", kw(opts=["--quiet"])),
            ("git.merge", REPO, "side"),
            ("git.merge", REPO, "side"),
            ("git.merge", REPO, "nothing"),
            ("git.merge", REPO),
            ("git.merge", REPO, "side", kw(branch="x")),
            ("git.rebase", REPO, "main"),
            ("git.rebase", REPO, "nothing"),
            ("git.rebase", REPO, kw(opts="-i")),
            ("git.rebase", REPO, "main side"),
            ("git.rebase", REPO),
            ("git.stash", REPO),
            ("git.stash", REPO, "pop"),
            ("git.stash", REPO, "nonsense"),
            ("git.submodule", REPO, "status"),
            ("git.submodule", REPO, "update", kw(init=True)),
            ("git.submodule", REPO, "update", kw(other=True)),
            ("git.commit", REPO, "x", kw(git_opts="-c user.name=Bob", opts="--allow-empty")),
            ("git.add", REPO, "a.txt", kw(opts=["--"])),
            ("git.add", REPO, "a.txt", kw(user="no-such-user")),
        ),
    ),
    "stashed": Scenario(
        setup=repository,
        tree=False,
        files={},
        calls=(
            ("git.rm", REPO, "a.txt"),
            ("git.stash", REPO, "save", kw(opts="work")),
            ("git.stash", REPO, "list"),
            ("git.stash", REPO, "pop"),
            ("git.status", REPO),
        ),
    ),
    "a conflict": Scenario(
        setup=conflict,
        tree=False,
        calls=(
            ("git.merge", REPO, "other"),
            ("git.status", REPO),
            ("git.merge", REPO, kw(opts="--abort")),
            ("git.rebase", REPO, "other"),
            ("git.rebase", REPO, "", kw(opts="--abort")),
        ),
    ),
    "configuration": Scenario(
        setup=repository,
        tree=False,
        calls=(
            ("git.config_get", "user.name", REPO),
            ("git.config_get", "user.name"),
            ("git.config_get", "user.nothing", REPO),
            ("git.config_get", "user.name", REPO, kw(all=True)),
            ("git.config_get", "user.nothing", REPO, kw(all=True)),
            ("git.config_get", "nonsense", REPO),
            ("git.config_get", "user.name", kw(cwd=REPO, other=1)),
            ("git.config_get", "user.name", "{dir}/none"),
            ("git.config_set", "foo.bar", "one", kw(cwd=REPO)),
            ("git.config_set", "foo.bar", "two", kw(cwd=REPO, add=True)),
            ("git.config_get", "foo.bar", REPO),
            ("git.config_get", "foo.bar", REPO, kw(all=True)),
            ("git.config_get_regexp", "^foo", kw(cwd=REPO)),
            ("git.config_get_regexp", "^foo", "^t", kw(cwd=REPO)),
            ("git.config_get_regex", "^user", kw(cwd=REPO)),
            ("git.config_get_regexp", "^nothing", kw(cwd=REPO)),
            ("git.config_get_regexp", "(", kw(cwd=REPO)),
            ("git.config_get_regexp", "^foo"),
            ("git.config_unset", "foo.bar", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", "o", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", "^two$", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar"),
            ("git.config_unset", "nonsense", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", "(", kw(cwd=REPO)),
            ("git.config_set", "foo.bar", kw(cwd=REPO, multivar="a,b,c")),
            ("git.config_set", "foo.bar", kw(cwd=REPO, multivar=["d", 5])),
            ("git.config_set", "foo.bar", "x", ["y"], kw(cwd=REPO)),
            ("git.config_set", "foo.bar", "x"),
            ("git.config_set", "foo.bar", "x", kw(cwd=REPO, other=1)),
            ("git.config_set", "nonsense", "x", kw(cwd=REPO)),
            ("git.config_set", "foo.number", 5, kw(cwd=REPO)),
            ("git.config_set", "foo.text", "a b  c", kw(cwd=REPO)),
            ("git.config_unset", "foo.bar", kw(cwd=REPO, all=True)),
            ("git.config_get_regexp", "^foo", kw(cwd=REPO)),
        ),
    ),
    "other repositories": Scenario(
        setup=clones,
        tree=False,
        calls=(
            ("git.clone", "{dir}/c1", "{dir}/origin.git"),
            ("git.clone", "{dir}/c1", "{dir}/origin.git"),
            ("git.clone", "{dir}/c2", "{dir}/origin.git", "named", kw(opts="--branch side")),
            ("git.clone", "{dir}/c3", "{dir}/nothing"),
            ("git.clone", "{dir}/c3"),
            ("git.clone", "{dir}/c3", "http://example.com/x", kw(https_user="a", https_pass="b")),
            ("git.clone", "{dir}/c3", "{dir}/origin.git", kw(identity="{dir}/none")),
            ("git.clone", "{dir}/c3", "{dir}/origin.git", kw(identity=["{dir}/none", "{dir}/neither"])),
            ("git.clone", "{dir}/c4", "file://{dir}/origin.git", kw(opts="--bare")),
            ("git.current_branch", "{dir}/c2/named"),
            ("git.remotes", "{dir}/c1"),
            ("git.remote_get", "{dir}/c1"),
            ("git.list_branches", "{dir}/c1", kw(remote=True)),
            ("git.commit", REPO, "fourth", kw(opts="--allow-empty")),
            ("git.branch", REPO, "extra"),
            ("git.tag", REPO, "v5"),
            ("git.push", REPO, "origin", "main"),
            ("git.push", REPO, "origin", "extra:renamed"),
            ("git.push", REPO, "origin", "v5"),
            ("git.push", REPO, "origin", "nothing"),
            ("git.push", REPO, "nowhere", "main"),
            ("git.push", REPO, "origin", "main", kw(branch="x")),
            ("git.fetch", "{dir}/clone"),
            ("git.fetch", "{dir}/clone"),
            ("git.fetch", "{dir}/clone", "origin", kw(refspecs="main:copy,side:copy2", force=True)),
            ("git.fetch", "{dir}/clone", "origin", kw(refspecs=["nothing"])),
            ("git.fetch", "{dir}/clone", "nowhere"),
            ("git.pull", "{dir}/clone"),
            ("git.pull", "{dir}/clone"),
            ("git.pull", REPO),
            ("git.push", REPO, "origin", ":renamed"),
            ("git.fetch", "{dir}/clone", kw(opts="--prune")),
            ("git.ls_remote", REPO),
            ("git.ls_remote", REPO, "origin", "main"),
            ("git.ls_remote", kw(remote="{dir}/origin.git", opts="--heads")),
            ("git.ls_remote", REPO, "nowhere"),
            ("git.ls_remote", REPO, "origin", "nothing"),
            ("git.remote_refs", "{dir}/origin.git"),
            ("git.remote_refs", "{dir}/origin.git", kw(heads=True)),
            ("git.remote_refs", "{dir}/origin.git", kw(tags=True)),
            ("git.remote_refs", "{dir}/origin.git", kw(filter="side")),
            ("git.remote_refs", "{dir}/nothing"),
            ("git.remote_refs", "{dir}/origin.git", kw(other="x")),
            ("git.remote_set", REPO, "https://example.com/x.git", "up"),
            ("git.remote_set", REPO, "https://example.com/x.git", "up", kw(https_user="ann", https_pass="a/b@c")),
            ("git.remote_set", REPO, "/tmp/y", "up", kw(push_url="https://e.com/z", push_https_user="ann")),
            ("git.remote_set", REPO, "/tmp/y", "up2", kw(https_user="ann")),
            ("git.remotes", REPO),
            ("git.remote_set", REPO, "https://ann:pw@example.com/x.git", "up"),
            ("git.remotes", REPO, kw(redact_auth=False)),
            ("git.remote_get", REPO, "up", kw(redact_auth=False)),
            (
                "git.submodule",
                "{dir}/clone",
                "add",
                kw(opts="{dir}/origin.git subm", git_opts="-c protocol.file.allow=always"),
            ),
            ("git.submodule", "{dir}/clone", "status"),
            ("git.submodule", "{dir}/clone", "nonsense"),
            ("git.is_worktree", "{dir}/clone/subm"),
        ),
    ),
    "working folders": Scenario(
        setup=repository,
        tree=False,
        calls=(
            ("git.list_worktrees", REPO),
            ("git.worktree_add", REPO, "{dir}/w1"),
            ("git.worktree_add", REPO, "{dir}/w2", kw(branch="two", ref="v1")),
            ("git.worktree_add", REPO, "{dir}/w3", kw(detach=True, ref="v1")),
            ("git.worktree_add", REPO, "{dir}/w4", kw(branch="two")),
            ("git.worktree_add", REPO, "{dir}/w4", kw(branch="two", force=True, reset_branch=True)),
            ("git.worktree_add", REPO, "{dir}/w5", kw(branch="x", detach=True)),
            ("git.worktree_add", REPO, "{dir}/w5", kw(other="x")),
            ("git.worktree_add", REPO, "{dir}/w1"),
            ("git.is_worktree", "{dir}/w1"),
            ("git.list_worktrees", REPO),
            ("git.list_worktrees", "{dir}/w1", kw(stale=True)),
            ("git.worktree_rm", "{dir}/w1"),
            ("git.worktree_rm", "{dir}/w1"),
            ("git.worktree_rm", REPO),
            ("git.list_worktrees", REPO, kw(stale=True)),
            ("git.list_worktrees", REPO, kw(all=True)),
            ("git.list_worktrees", REPO, kw(all=True, stale=True)),
            ("git.list_worktrees", REPO, kw(other=True)),
            ("git.list_worktrees", "{dir}"),
            ("git.worktree_prune", REPO, kw(dry_run=True)),
            ("git.worktree_prune", REPO, kw(expire="1.hour.ago")),
            ("git.worktree_prune", REPO, kw(verbose=False)),
            ("git.list_worktrees", REPO, kw(all=True)),
        ),
    ),
}


def kept(fun: str, value: Any) -> Any:
    """Mask the ids of commits that are made now."""
    if isinstance(value, str):
        return PROGRESS.sub(".. ", IDS.sub("<id>", value))
    if isinstance(value, dict):
        return {kept(fun, key): kept(fun, one) for key, one in value.items()}
    return [kept(fun, one) for one in value] if isinstance(value, list) else value


DIFFERENT: dict[str, str] = {}
