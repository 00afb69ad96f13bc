"""``salt.syspaths``: Salt's usual places; where things are on this host is in ``__opts__``."""

from __future__ import annotations

import os

ROOT_DIR = "/"
CONFIG_DIR = "/etc/salt"
SHARE_DIR = "/usr/share/salt"
CACHE_DIR = "/var/cache/salt"
SOCK_DIR = "/var/run/salt"
LIB_STATE_DIR = "/var/lib/salt"
LOGS_DIR = "/var/log/salt"
PIDFILE_DIR = "/var/run"
SRV_ROOT_DIR = "/srv"
BASE_FILE_ROOTS_DIR = "/srv/salt"
BASE_PILLAR_ROOTS_DIR = "/srv/pillar"
BASE_MASTER_ROOTS_DIR = "/srv/salt-master"
HOME_DIR = os.path.expanduser("~")
