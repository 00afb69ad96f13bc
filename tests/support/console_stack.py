"""A real stack with its console, and who may log in there: an administrator, a watcher, one who watches web1 alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from saltern_master.auth.password_file import PasswordFile
from support.hostile_texts import HOSTILE, MODULE
from support.stacks import Parts

IDS = ["db1", "web1"]
ADMIN, WATCHER, LIMITED = "admin", "will", "lena"
INTERVAL_S = 1
MASTER = f"""
schedule:
  stats: {{function: stats.collect, seconds: {INTERVAL_S}, target: "*", metrics: true}}
self_metrics_interval: 1
alerts_interval: 1
sync_on_change: true
fileserver_update_interval: 1
nodegroups: {{databases: "db1", web: "web*"}}
alerts:
  long_up: {{metric: saltern.web1.stats.uptime.seconds, crit: "> 0", message: web1 is up for long enough}}
"""
MINION = json.dumps(
    {
        "heartbeat_interval": 1,
        "reconnect_interval_max": 1,
        "pending_retry_interval": 0.3,
        "grains": {"hostile": HOSTILE, "deep": {HOSTILE: [HOSTILE]}},
    }
)
SCHEMAS = f"[all]\npattern = .*\nretentions = {INTERVAL_S}s:1h,15s:2d\n"


class ConsoleStack(Parts):
    """Everything that ``saltern-up`` starts, with two minions that are sampled each second; ``web1`` has an alert."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, master=MASTER, minion=MINION, ids=IDS, console=True)
        conf = root / "graphite" / "conf"
        conf.mkdir(parents=True)
        (conf / "storage-schemas.conf").write_text(SCHEMAS)
        (root / "srv" / "_modules" / "hostile.py").write_text(MODULE)
        broken = root / "plugins" / "broken"
        broken.mkdir(parents=True)
        (broken / "meta.yaml").write_text("{title: Broken on purpose, description: It has a fault.}")
        (broken / "forms.py").write_text("raise RuntimeError('on purpose')")
        (root / "etc" / "web").write_text(f"plugin_dirs: [{root}/plugins]")
        admin = json.loads(Path(self.stack.access.admin_file).read_text())
        self.passwords = {ADMIN: str(admin["password"]), WATCHER: "to watch only", LIMITED: "web1 only"}
        users = PasswordFile(f"{self.stack.config_dir}/users")
        for name in (WATCHER, LIMITED):
            users.set(name, self.passwords[name])
        grants: dict[str, Any] = {
            "groups": {"web": ["web*"]},
            "roles": {
                "watcher": {"members": [f"file:{WATCHER}"]},
                "web": {"members": [f"file:{LIMITED}"], "on": ["web"], "grants": ["role:watcher"]},
            },
        }
        (root / "etc" / "master.d" / "watchers.conf").write_text(json.dumps(grants))

    @property
    def url(self) -> str:
        """Where the console is."""
        return self.stack.web_url
