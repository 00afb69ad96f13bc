"""The job store that a master's options ask for."""

from __future__ import annotations

from saltern.config import MasterOptions
from saltern_master.jobs.store import JobStore
from saltern_master.jobs.stores.server import ServerJobStore
from saltern_master.jobs.stores.sqlite import SqliteJobStore
from saltern_master.sql.address import check_library, from_url


def configured_store(options: MasterOptions) -> JobStore:
    """Return the store at ``job_db``, a path or a URL; nothing is opened yet. Raises ``ConfigError``."""
    place, max_bytes = options["job_db"], options["job_db_max_bytes"]
    if "://" not in place:
        return SqliteJobStore(place, max_bytes)
    where = f"{options['conf_file']}: job_db"
    address = from_url(place, where)
    check_library(address, where)
    return ServerJobStore(address, max_bytes)
