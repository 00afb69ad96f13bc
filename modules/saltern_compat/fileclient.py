"""``salt.fileclient``: the master's files, as the calling module's minion gets them."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from saltern_compat._caller import function


class Client:
    """Files of the master's, by the functions of ``cp``."""

    def __init__(self, opts: Any = None) -> None:
        self.opts = opts

    def cache_file(self, path: str, saltenv: str = "base", cachedir: Any = None, **kwargs: Any) -> Any:
        """Return the path of a copy here; ``False`` when there is no such file."""
        return function("cp.cache_file")(path, saltenv)

    def get_file(self, path: str, dest: str = "", makedirs: bool = False, saltenv: str = "base", **kwargs: Any) -> Any:
        """Put a copy at *dest*, and return where it is; an empty text when there is no such file."""
        if not dest:
            return self.cache_file(path, saltenv)
        return function("cp.get_file")(path, dest, saltenv=saltenv, makedirs=makedirs)

    def get_url(self, url: str, dest: Any, makedirs: bool = False, saltenv: str = "base", **kwargs: Any) -> Any:
        """Put what is at an address at *dest*, and return where it is."""
        return function("cp.get_url")(url, dest, saltenv=saltenv, makedirs=makedirs)

    def cache_dir(self, path: str, saltenv: str = "base", *args: Any, **kwargs: Any) -> Any:
        """Return the paths of copies of a folder's files."""
        return function("cp.cache_dir")(path, saltenv)

    def get_dir(self, path: str, dest: str = "", saltenv: str = "base", **kwargs: Any) -> Any:
        """Put a folder's files below *dest*, and return where they are."""
        return function("cp.get_dir")(path, dest, saltenv=saltenv)

    def is_cached(self, path: str, saltenv: str = "base", cachedir: Any = None) -> Any:
        """Return the path of a copy that is here already, else an empty text."""
        return function("cp.is_cached")(path, saltenv)

    def file_list(self, saltenv: str = "base", prefix: str = "") -> Any:
        """Return the names of all files."""
        return function("cp.list_master")(saltenv, prefix)

    def dir_list(self, saltenv: str = "base", prefix: str = "") -> Any:
        """Return the names of all folders."""
        return function("cp.list_master_dirs")(saltenv, prefix)

    def hash_file(self, path: str, saltenv: str = "base") -> Any:
        """Return ``hsum`` and ``hash_type`` of a file."""
        return function("cp.hash_file")(path, saltenv)

    def envs(self) -> Any:
        """Return the names of all environments."""
        return function("cp.envs")()

    def get_state(self, sls: str, saltenv: str = "base", cachedir: Any = None) -> dict[str, Any]:
        """Return ``dest``, the copy of an SLS file, and ``source``; ``{}`` when there is no such file."""
        path = sls.replace(".", "/")
        for one in (f"salt://{path}.sls", f"salt://{path}/init.sls"):
            if dest := self.cache_file(one, saltenv):
                return {"source": one, "dest": dest}
        return {}

    def destroy(self) -> None:
        """Do nothing: it holds nothing."""

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()


RemoteClient = LocalClient = FSClient = Client


def get_file_client(opts: Any = None, pillar: bool = False) -> Client:
    """Return what gets the master's files."""
    return Client(opts)
