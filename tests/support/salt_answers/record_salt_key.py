"""Record what ``salt-key`` prints.

By hand, with the Python of an environment that has Salt 3008 in it::

    python tests/support/salt_answers/record_salt_key.py

writes ``salt_key.json`` beside it: ``[[words, stdin, stdout, exit code, keys by state afterwards], …]``. Each begins
with the keys of ``KEYS``, which are all the same one; its fingerprint is ``FINGER``, itself ``KEY``.
"""

# ruff: noqa: E501

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import salt.crypt

KEYS = {
    "minions": ["web1", "web2", "DB1", "api1"],
    "minions_pre": ["web3", "app1"],
    "minions_rejected": ["bad1", "web9"],
    "minions_denied": ["web1"],
}
WORDS: list[tuple[str, str]] = [
    *((words, "") for words in ("", "-L", "--list-all", "-l all", "-l acc", "-l accepted", "-l pre", "-l un")),
    *((words, "") for words in ("-l unaccepted", "-l rej", "-l rejected", "-l den", "-l denied", "--list=un", "-q")),
    *((words, "") for words in ("-l xyz", "-l ''", "-1", "-a", "--oops", "--keysize 1024", "--list-al", "--acc web3 -y")),
    *((f"-L --out {out}", "") for out in ("json", "yaml", "nested", "raw", "txt", "pprint", "json --out-indent -1")),
    ("-L --force-color", ""),
    ("-l un --out json", ""),
    *((f"-a {glob} -y", "") for glob in ("web3", "'web*'", "'*'", "web3,app1", "nobody", "'app?'", "web1", "bad1")),
    *((f"-a 'web*' -y {more}", "") for more in ("--include-rejected", "--include-all", "--include-accepted")),
    ("-a 'nobody' -y --include-all --include-denied", ""),
    ("-a bad1 -y --include-denied --include-rejected", ""),
    *(("-a web3", answer) for answer in ("\n", "y\n", "Y\n", "yes\n", "n\n", "no\n", "x\n")),
    *(("-d web3", answer) for answer in ("\n", "y\n", "yes\n", "n\n", "x\n")),
    *(("-r web3", answer) for answer in ("\n", "n\n")),
    ("-A", "n\n"),
    ("-A -y", ""),
    ("-A --yes --include-all", ""),
    ("-R -y", ""),
    ("-R -y --include-accepted", ""),
    *((f"-r {glob} -y", "") for glob in ("web3", "'web*'", "nobody", "web1")),
    ("-r 'web*' -y --include-accepted", ""),
    ("-r nobody -y --include-accepted --include-denied", ""),
    *((f"-d {glob} -y", "") for glob in ("web3", "'web*'", "bad1", "nobody", "'web2,app1'", "DB1")),
    ("-D -y", ""),
    ("-D", "\n"),
    *((words, "") for words in ("-f web1", "-f 'web*'", "-f nobody", "-f web3 --out json", "-P", "-p web3", "-p nobody")),
    ("-p app1 --out json", ""),
]  # fmt: skip
FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}")


def main() -> None:
    root = Path(tempfile.mkdtemp())
    pki = root / "pki"
    (root / "var/cache/salt/master").mkdir(parents=True)
    salt.crypt.write_keys(str(root), "some", 2048)
    key = (root / "some.pub").read_text()
    (root / "master").write_text(f"root_dir: {root}\npki_dir: {pki}\n")
    recorded = []
    for words, stdin in WORDS:
        shutil.rmtree(pki, ignore_errors=True)
        for state, ids in KEYS.items():
            (pki / state).mkdir(parents=True)
            for minion_id in ids:
                (pki / state / minion_id).write_text(key)
        program = Path(sys.executable).parent / "salt-key"
        done = subprocess.run(
            f"{program} -c {root} {words}", shell=True, input=stdin, capture_output=True, text=True, check=False
        )
        out = FINGERPRINT.sub("FINGER", done.stdout)
        out = out.replace(f"{key}\n", "KEY\n").replace(json.dumps(key)[1:-1], "KEY").replace(key.rstrip(), "KEY")
        after = {state: sorted(path.name for path in (pki / state).iterdir()) for state in KEYS}
        recorded.append([words, stdin, out, done.returncode, after if after != before() else None])
        print(words, file=sys.stderr)
    path = Path(__file__).parent / "salt_key.json"
    lines = ",\n".join(json.dumps(line) for line in recorded)
    path.write_text(f"[\n{lines}\n]\n")
    print(len(recorded), "command lines,", path.stat().st_size, "bytes")


def before() -> dict[str, list[str]]:
    return {state: sorted(ids) for state, ids in KEYS.items()}


if __name__ == "__main__":
    main()
