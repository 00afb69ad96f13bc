"""The files that the master serves to agents, ``salt://path`` in an environment.

``server.py`` is the face that the rest of the master sees; ``backend.py`` says what a backend must offer, and the
two that there are stand beside it: ``roots/`` (folders on this host) and ``gitfs/`` (a ref of a git repository).
Where several hold the same path, the first in ``fileserver_backend`` wins, and in it the first folder or remote.
Beside them are files on their way to minions (``uploads.py``), and those that minions have kept here (``pushed.py``).
"""

from __future__ import annotations

from saltern_master.fileserver.backend import CHUNK_BYTES, Backend, FileEntry
from saltern_master.fileserver.pushed import Pushed
from saltern_master.fileserver.server import FileServer
from saltern_master.fileserver.uploads import Uploads

__all__ = ["CHUNK_BYTES", "Backend", "FileEntry", "FileServer", "Pushed", "Uploads"]
