"""Options of Salt's that do nothing here, by what to say of them; ``of_salt`` has those with more to say."""

from __future__ import annotations

from collections.abc import Mapping

_BY_REASON: Mapping[str, str] = {
    "--summary says it": "cli_summary",
    "Saltern has no states: it measures and runs commands": (
        "default_top disabled_requisites global_state_conditions "
        "sls_list snapper_states snapper_states_config startup_states state_aggregate state_auto_order "
        "state_compress_ids state_events state_max_parallel state_output_diff state_output_pct state_output_profile "
        "state_queue state_top_saltenv states_dirs test thorium_interval thorium_roots thorium_top thoriumenv "
        "top_file top_file_merging_strategy whitelist_state_modules winrepo_branch winrepo_cache_expire_max "
        "winrepo_cache_expire_min winrepo_cachefile winrepo_depth winrepo_dir winrepo_dir_ng winrepo_fallback "
        "winrepo_insecure_auth winrepo_installer_cache_expire winrepo_passphrase winrepo_password winrepo_privkey "
        "winrepo_proxy winrepo_pubkey winrepo_refspecs winrepo_remotes winrepo_remotes_ng winrepo_source_dir "
        "winrepo_ssl_verify winrepo_user"
    ),
    "a function's power says who may call it": "client_acl_verify cmd_safe",
    "a jid is unique by itself": "unique_jid",
    "a minion has one master, and a master one process": (
        "master_alive_interval master_async_mworker master_failback master_failback_interval "
        "master_mworker_max_inflight master_port master_roots master_shuffle master_stats master_stats_event_iter "
        "master_tops master_tops_first master_type master_uri_format"
    ),
    "a device's connection stays, and what its proxymodule tells of it counts": (
        "add_proxymodule_to_opts proxy_always_alive proxy_merge_grains_in_module"
    ),
    "a module that the master no longer has goes": "clean_dynamic_modules",
    "ask the minions: saltern '*' --static --out json": "mine_enabled mine_return_job",
    "a value marked !secret is shown to nobody; what gpg and pass encrypt isn't read": (
        "decrypt_pillar decrypt_pillar_default decrypt_pillar_delimiter decrypt_pillar_renderers gpg_cache_backend "
        "gpg_cache_ttl gpg_decrypt_must_succeed pass_dir pass_gnupghome pass_strict_fetch pass_variable_prefix"
    ),
    "each connection has a key of its own, which CurveZMQ signs and encrypts with": (
        "always_verify_signature disable_aes_with_tls drop_messages_signature_fail dummy_pub encryption_algorithm "
        "fips_mode key_pass master_pubkey_signature master_sign_key_name master_sign_pubkey "
        "master_use_pubkey_signature minimum_auth_version minion_sign_messages publish_signing_algorithm "
        "request_channel_timeout request_channel_tries request_server_aes_session request_server_ttl "
        "require_minion_sign_messages sign_pub_messages signing_algorithm signing_key_pass"
    ),
    "event_queue_length bounds what waits": "minion_jid_queue_hwm pub_hwm pub_server_write_queue_size",
    "events wake it: nothing is looked for at intervals": "loop_interval maintenance_interval",
    "files come from folders and from git": (
        "hgfs_base hgfs_branch_method hgfs_mountpoint hgfs_remotes hgfs_root hgfs_saltenv_blacklist "
        "hgfs_saltenv_whitelist hgfs_update_interval minionfs_blacklist minionfs_env minionfs_mountpoint "
        "minionfs_update_interval minionfs_whitelist s3fs_update_interval svnfs_branches svnfs_mountpoint "
        "svnfs_remotes svnfs_root svnfs_saltenv_blacklist svnfs_saltenv_whitelist svnfs_tags svnfs_trunk "
        "svnfs_update_interval"
    ),
    "files have the modes that they need": "permissive_acl permissive_pki_access verify_env",
    "fileserver_update_interval and file_ignore_glob say what is served": (
        "fileserver_followsymlinks fileserver_ignoresymlinks fileserver_interval fileserver_update_niceness "
        "fileserver_verify_config"
    ),
    "fileserver_update_interval is for all backends": "roots_update_interval",
    "follow events by a program (saltern-run state.event, saltern.event), or alerts with a script": (
        "beacons_before_connect reactor_refresh_interval reactor_worker_hwm reactor_worker_threads"
    ),
    "grains are collected at start, and on saltutil.refresh_grains": "grains_cache_expiration",
    "grains are kept in cachedir": "minion_data_cache_events",
    "grains are those of docs/salt-compatibility.md": ("enable_fqdns_grains enable_gpu_grains start_event_grains"),
    "heartbeat_interval and heartbeat_timeout find dead connections": "ping_interval",
    "it is said with each request for events": "event_match_type",
    "jobs are kept in job_db for keep_jobs_hours": "archive_jobs job_cache_store_endtime",
    "jobs are looked for with saltern-run jobs.list_jobs": "search",
    "jobs go down one channel, and are answered at once by who is away": (
        "publish_drain_timeout publish_session publish_timeout"
    ),
    "jobs wait in memory, and are bounded for each user": "queue_dirs sqlite_queue_dir",
    "lines have one form": (
        "log_datefmt_logfile log_fmt_jid log_fmt_minion_id log_rotate_backup_count log_rotate_max_bytes"
    ),
    "log_file has it all": "key_logfile",
    "master: names it": "discovery",
    "max_message_bytes bounds what goes over the wire": "file_buffer_size max_event_size salt_cp_chunk_size",
    "max_pending_keys bounds who waits; accepted keys aren't bounded": "max_minions",
    "messages are msgpack": "serial",
    "modules are those of the environment base, files those of the one that is asked for": "lock_saltenv",
    "modules are Python files and packages": "enable_zip_modules",
    "modules are compiled as Python does": "optimization_order",
    "modules go into _modules of file_roots, or module_dirs of a minion": (
        "grains_dirs outputter_dirs returner_dirs runner_dirs utils_dirs"
    ),
    "modules import what the agent's Python has": (
        "saltpip_allow_find_links saltpip_disable_pip_version_check saltpip_no_deps saltpip_no_index "
        "saltpip_use_pythonpath"
    ),
    "minions ask others by HTTP: it goes into their configuration": (
        "http_max_body http_request_timeout no_proxy proxy_host proxy_password proxy_port proxy_username"
    ),
    "one bound is for a whole request (http_request_timeout), and Python's certificates count": (
        "http_connect_timeout use_os_truststore"
    ),
    "one process serves all: there is nothing to set": "sock_pool_size worker_pools worker_pools_enabled",
    "only the master removes keys (saltern-key -d)": "allow_minion_key_revoke",
    "pending_retry_interval and reconnect_interval": "rejected_retry",
    "pillar has the renderers jinja, yaml and json": "render_dirs renderer_blacklist renderer_whitelist",
    "pillar is kept by the master, and compiled anew when what it is made of has changed": (
        "pass_to_ext_pillars pillar.cache_driver pillar_cache pillar_cache_backend pillar_mask_output pillar_opts "
        "pillar_version "
        "proxy_deep_merge_pillar_in_opts proxy_merge_pillar_in_opts proxy_merge_pillar_in_opts_strategy "
        "proxy_mines_pillar resource_pillar_key"
    ),
    "points go to carbon_host, jobs to job_db; other events are followed by a program": (
        "event_return event_return_blacklist event_return_queue event_return_queue_max_seconds event_return_whitelist"
    ),
    "publisher_acl grants functions to users of this host": "django_auth_path django_auth_settings",
    "reconnect_interval and pending_retry_interval say when a minion tries again": (
        "auth_events auth_events_autosign_grains auth_events_pend_autosign_grains auth_mode auth_retries "
        "auth_safemode auth_timeout auth_tries"
    ),
    "reconnect_interval and reconnect_interval_max": (
        "master_tries recon_default recon_max recon_randomize resolve_dns_fallback retry_dns retry_dns_count"
    ),
    "reconnect_interval spreads by itself": "random_master random_reauth_delay random_startup_delay",
    "returns are kept on disk and sent until they are acknowledged": (
        "pub_ret return_retry_timer_max return_retry_tries"
    ),
    "runs of runners are events of their own": "runner_returns",
    "salt/minion/<id>/start tells of it": "enable_legacy_startup_events",
    "saltern's metrics of itself tell how long things take": "metrics tracing",
    "saltern-call --local works without a master": "local use_master_when_local",
    "saltutil.sync_all takes what is in file_roots": "extmod_blacklist extmod_whitelist",
    "say it of a remote of git, in ext_pillar; git and ssh use what their own configuration says": (
        "git_pillar_base git_pillar_branch git_pillar_depth git_pillar_disable_saltenv_mapping git_pillar_env "
        "git_pillar_fallback git_pillar_global_lock git_pillar_includes git_pillar_insecure_auth "
        "git_pillar_passphrase git_pillar_password git_pillar_privkey git_pillar_proxy git_pillar_pubkey "
        "git_pillar_ref_types git_pillar_refspecs git_pillar_root git_pillar_ssl_verify "
        "git_pillar_user git_pillar_verify_config"
    ),
    "say it of a remote, in gitfs_remotes": (
        "gitfs_base gitfs_depth gitfs_disable_saltenv_mapping gitfs_fallback gitfs_global_lock gitfs_insecure_auth "
        "gitfs_mountpoint gitfs_passphrase gitfs_password gitfs_privkey gitfs_proxy gitfs_pubkey gitfs_ref_types "
        "gitfs_refspecs gitfs_root gitfs_saltenv gitfs_saltenv_blacklist gitfs_saltenv_whitelist gitfs_ssl_verify "
        "gitfs_update_interval gitfs_user"
    ),
    "schedule saltutil.refresh_grains": "grains_refresh_pre_exec",
    "set id: to what it would be": "id_function minion_id_remove_domain",
    "several functions are answered by name": "multifunc_ordered",
    "sock_dir holds the one socket": "ipc_mode ipc_write_buffer",
    "the channel is always encrypted ZeroMQ": (
        "ssl tcp_authentication_retries tcp_keepalive_cnt tcp_master_pub_port tcp_master_publish_pull "
        "tcp_master_pull_port tcp_master_workers tcp_pub_port tcp_pull_port tcp_reconnect_backoff zmq_backlog "
        "zmq_filtering zmq_monitor"
    ),
    "the command line's options say it": "show_jid show_timeout",
    "the id is kept beside the key": "append_minionid_config_dirs minion_id_caching",
    "the schedule is kept on the minion and runs without its master": "scheduler_before_connect",
    "the service manager knows the process": "pidfile",
    "the service's unit says it: MemoryMax=": "modules_max_memory",
    "the service's unit says it: Nice=": (
        "event_publisher_niceness event_return_niceness maintenance_niceness mworker_niceness mworker_queue_niceness "
        "pub_server_niceness reactor_niceness req_server_niceness"
    ),
    "the service's unit says it: Restart=": (
        "minion_restart_command restart_on_error update_restart_services update_url"
    ),
    "the system's routes say where connections start": (
        "source_address source_interface_name source_publish_port source_ret_port"
    ),
    "there are no features to switch": "features",
    "there are no range servers: -C, -L and -N say the same": "range_server",
    "there are no syndics": (
        "syndic_event_forward_timeout syndic_failover syndic_finger syndic_forward_all_events "
        "syndic_jid_forward_cache_hwm syndic_log_file syndic_master syndic_pidfile syndic_retries syndic_wait"
    ),
    "tokens are in one store, and what they are good for is looked up at each call": (
        "eauth_acl_module eauth_tokens eauth_tokens.cache_driver eauth_tokens.cluster_id keep_acl_in_token"
    ),
    "there is no salt-ssh: the HTTP API has no raw shell": "netapi_allow_raw_shell",
    "requests to the HTTP API say who asks": "password rest_timeout username",
    "there is no salt-ssh: an agent runs on each host": (
        "enable_ssh_minions min_extra_mods regen_thin ssh_config_file ssh_identities_only ssh_keepalive "
        "ssh_keepalive_count_max ssh_keepalive_interval ssh_list_nodegroups ssh_log_file ssh_merge_pillar ssh_passwd "
        "ssh_port ssh_priv_passwd ssh_run_pre_flight ssh_scan_ports ssh_scan_timeout ssh_sudo ssh_sudo_user "
        "ssh_timeout ssh_use_home_key ssh_user thin_exclude_saltexts thin_extra_mods thin_saltext_allowlist "
        "thin_saltext_blocklist"
    ),
    "there is one master": (
        "cluster_auto_replace_voters cluster_demote_cooldown cluster_encryption_algorithm cluster_id "
        "cluster_isolated_filesystem cluster_key_pass cluster_max_log_size cluster_max_voters cluster_min_voters "
        "cluster_mode cluster_peers cluster_pki_dir cluster_pool_port cluster_pub_fingerprint cluster_secret "
        "cluster_voter_health_check_interval cluster_voter_timeout"
    ),
    "what is kept is in cachedir, in files of the master's own": (
        "cache cache_jobs cache_sreqs con_cache enforce_mine_cache gpg_cache grains_cache key_cache keys.cache_driver "
        "memcache_debug memcache_expire_seconds memcache_full_cleanup memcache_max_items minion_data_cache "
        "preserve_minion_cache"
    ),
    "who is connected is known at any time (saltern-run manage.up)": "detect_remote_minions remote_minions_port",
}

IDLE: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
