"""``salt.utils``: its modules, and what was in it by flat names before these were (``salt.utils.which``)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

MOVED: Mapping[str, str] = {
    "args": "arg_lookup argspec_report clean_kwargs format_call get_function_argspec invalid_kwargs shlex_split "
    "split_input test_mode",
    "data": "compare_dicts compare_lists decode_dict decode_list exactly_n exactly_one filter_by is_dictlist is_iter "
    "is_list is_true mysql_to_dict repack_dictlist simple_types_filter sorted_ignorecase subdict_match substr_in_list "
    "traverse_dict traverse_dict_and_list",
    "dateutils": "date_cast total_seconds",
    "files": "backup_minion fopen human_size_to_bytes flopen fpopen is_empty is_fcntl_available list_files mkstemp "
    "normalize_mode rm_rf safe_rm safe_walk st_mode_to_octal",
    "functools": "alias_function namespaced_function",
    "hashutils": "get_hash",
    "jid": "gen_jid is_jid",
    "json": "find_json import_json",
    "network": "gen_mac ip_bracket isportopen mac_str_to_bytes",
    "path": "check_or_die which which_bin",
    "platform": "is_aix is_darwin is_freebsd is_linux is_netbsd is_openbsd is_proxy is_smartos is_sunos is_windows",
    "process": "daemonize_if",
    "state": "check_state_result gen_state_tag search_onfail_requisites",
    "stringutils": "build_whitespace_split_regex camel_to_snake_case contains_whitespace dequote expr_match "
    "get_context is_hex is_quoted print_cli snake_to_camel_case to_num to_bytes to_str to_unicode "
    "to_none check_whitelist_blacklist check_include_exclude",
    "user": "chugid chugid_and_umask get_default_group get_gid get_gid_list get_group_dict get_group_list "
    "get_specific_user get_uid get_user",
    "versions": "compare kwargs_warn_until version_cmp warn_until",
}
"""Where what was here by a flat name is now."""
OTHER_NAMES = {
    "compare_versions": "versions.compare",
    "is_bin_str": "stringutils.is_binary",
    "memoize": "decorators.memoize",
}


def __getattr__(name: str) -> Any:
    where = OTHER_NAMES.get(name) or next(
        (f"{module}.{name}" for module, names in MOVED.items() if name in names.split()), ""
    )
    if where:
        module, _, attribute = where.partition(".")
        return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
    full = f"{__name__}.{name}"
    if not name.startswith("__"):
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
    raise AttributeError(
        f"salt.utils.{name} isn't here: of Salt's own code Saltern has only what docs/salt-compatibility.md names"
    )
