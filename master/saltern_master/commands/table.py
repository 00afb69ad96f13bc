"""The one table: all that the master can be asked to do."""

from __future__ import annotations

from saltern.key_functions import KeyFunctions
from saltern_master.commands import (
    alerts,
    audit,
    auth_about,
    auth_explain,
    auth_passwords,
    devices,
    events,
    files,
    followed,
    groups,
    jobs,
    journal,
    keys,
    logins,
    manage,
    master,
    metrics,
    minion,
    minion_files,
    options,
    orchestration,
    overview,
    past_jobs,
    pillar,
    returns,
    roles,
    roots,
    saltutil,
    series,
    suites,
    synced,
    targets,
    tokens,
    uploads,
)
from saltern_master.commands.registry import Registry

MODULES = (
    alerts,
    audit,
    auth_about,
    auth_explain,
    auth_passwords,
    devices,
    events,
    files,
    followed,
    groups,
    jobs,
    journal,
    logins,
    manage,
    master,
    metrics,
    minion,
    minion_files,
    options,
    orchestration,
    overview,
    past_jobs,
    pillar,
    returns,
    roles,
    saltutil,
    series,
    suites,
    synced,
    targets,
    tokens,
    uploads,
)


def command_table(key_functions: KeyFunctions) -> Registry:
    """Return every command there is."""
    made = (*keys.commands(key_functions), *manage.presence_commands(), *roots.commands(), *saltutil.sync_commands())
    return Registry(MODULES, made)
