"""What ``ssh``'s functions come to, and what they leave in files. The keys are nobody's."""

from __future__ import annotations

from typing import Any

from scenario import Scenario, kw

ONE = "AAAAC3NzaC1lZDI1NTE5AAAAIODoeVMEmEOxfUSf3/MFejWiOi1QkSZbr4Y7+nrypOgj"
TWO = "AAAAC3NzaC1lZDI1NTE5AAAAIOpU2fp+UcZvuCPda4EzaahYHZNgL1QTJGNFA584manF"
RSA = (
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQCyxbcozg7EJ1pD+KmlAmiK3BEfC4rFvmb1BiJOJLalbf8/Q6uNRnzzP1R1vVdj/zoeCl2o"
    "A7vRod74JCOXc77qw3kacC/u8cr5OHWOPLzFLgXtlyI1Dl/UOeT1Py9u928KSrifInTI5V3ZpPeweS6N1+llUxzWHxtIqMeQdLf2"
    "3Q=="
)
AUTHORIZED = f"""# a comment
ssh-ed25519 {ONE} one@host

no-pty,command="/bin/true" ssh-rsa {RSA} three words here
nonsense line
ssh-ed25519 not*base64 x
"""
KNOWN = (
    f"a.example ssh-ed25519 {ONE}\nb.example,10.0.0.1 ssh-rsa {RSA}\n# comment\n[c.example]:2222 ssh-ed25519 {TWO}\n"
)
KEYS = kw(config="{dir}/keys")
HOSTS = kw(config="{dir}/known")


def kept(fun: str, value: Any) -> Any:
    if fun in ("ssh.rm_known_host", "ssh.hash_known_hosts") and isinstance(value, dict) and "comment" in value:
        return {**value, "comment": type(value["comment"]).__name__}
    return value


SCENARIOS = {
    "reading": Scenario(
        files={
            "keys": AUTHORIZED,
            "none": "",
            "known": KNOWN,
            "etc/ssh_host_rsa_key": "PRIVATE\nKEY\n",
            "etc/ssh_host_rsa_key.pub": f"ssh-rsa {RSA} root@host\n",
            "etc/ssh_host_ed25519_key.pub": f"ssh-ed25519 {ONE} root@host\n",
            "etc/ssh_host_rsa_key-cert.pub": "cert\n",
            "etc/other": "x",
            "plain": "-----BEGIN RSA PRIVATE KEY-----\nabc\n",
            "locked": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nabc\n",
            "roots/keyfile": f"ssh-ed25519 {ONE} one@host\nssh-ed25519 {TWO} two@host\nssh-rsa {RSA} other words\n",
            "roots/empty": "# nothing\n",
        },
        calls=(
            ("ssh.host_keys", "{dir}/etc"),
            ("ssh.host_keys", "{dir}/etc", False),
            ("ssh.host_keys", "{dir}/etc", kw(private=False, certs=False)),
            ("ssh.auth_keys", "root", "{dir}/keys"),
            ("ssh.auth_keys", "root", KEYS),
            ("ssh.auth_keys", ["root", "nobody-here"], KEYS),
            ("ssh.auth_keys", "root", "{dir}/missing"),
            ("ssh.auth_keys", "root", "{dir}/none"),
            ("ssh.auth_keys", "nobody-here", "{dir}/keys"),
            ("ssh.auth_keys", "root", "{dir}/keys", "md5"),
            ("ssh.auth_keys", "root", kw(config="{dir}/keys", fingerprint_hash_type="nonesuch")),
            ("ssh.auth_keys", "root", kw(config="{dir}/%%keys")),
            ("ssh.check_key", "root", ONE, "ssh-ed25519", "one@host", [], KEYS),
            ("ssh.check_key", "root", ONE, "ed25519", "one@host", None, KEYS),
            ("ssh.check_key", "root", ONE, "ssh-ed25519", "other", [], KEYS),
            ("ssh.check_key", "root", ONE, "ssh-ed25519", "one@host", ["no-pty"], KEYS),
            ("ssh.check_key", "root", TWO, "ssh-ed25519", "two@host", [], KEYS),
            ("ssh.check_key", "root", TWO, "nonesuch", "two@host", [], KEYS),
            ("ssh.check_key", "root", RSA, "rsa", "three words here", ["no-pty", 'command="/bin/true"'], KEYS),
            ("ssh.check_key_file", "root", "salt://keyfile", KEYS),
            ("ssh.check_key_file", "root", "salt://empty", KEYS),
            ("ssh.check_key_file", "root", "salt://missing", KEYS),
            ("ssh.key_is_encrypted", "{dir}/plain"),
            ("ssh.key_is_encrypted", "{dir}/locked"),
            ("ssh.key_is_encrypted", "{dir}/known"),
            ("ssh.user_keys", "nobody-here"),
            ("ssh.get_known_host_entries", None, "a.example", HOSTS),
            ("ssh.get_known_host_entries", None, "10.0.0.1", HOSTS),
            ("ssh.get_known_host_entries", None, "c.example", kw(config="{dir}/known", port=2222)),
            ("ssh.get_known_host_entries", None, "c.example", HOSTS),
            ("ssh.get_known_host_entries", None, "nope", HOSTS),
            ("ssh.get_known_host_entries", None, "a.example", kw(config="{dir}/known", fingerprint_hash_type="md5")),
            ("ssh.get_known_host_entries", None, "a.example", kw(config="relative")),
            ("ssh.get_known_host_entries", "nobody-here", "a.example", kw(config="relative")),
            ("ssh.check_known_host", None, "a.example", HOSTS),
            ("ssh.check_known_host", None, "a.example", kw(config="{dir}/known", key=ONE)),
            ("ssh.check_known_host", None, "a.example", kw(config="{dir}/known", key=TWO)),
            ("ssh.check_known_host", None, "nope", HOSTS),
            ("ssh.check_known_host", None, "a.example", kw(config="{dir}/known", fingerprint="aa:bb")),
            ("ssh.check_known_host",),
        ),
        tree=False,
    ),
    "changing": Scenario(
        files={
            "keys": AUTHORIZED,
            "roots/keyfile": f"ssh-ed25519 {ONE} one@host\nssh-ed25519 {TWO} two@host\n",
            "roots/empty": "# nothing\n",
            "open": "ssh-rsa AAAA unended",
        },
        root=True,
        calls=(
            ("ssh.set_auth_key", "root", TWO, kw(enc="ed25519", comment="two", config="{dir}/keys")),
            ("ssh.set_auth_key", "root", TWO, kw(enc="ed25519", comment="two", config="{dir}/keys")),
            ("ssh.set_auth_key", "root", TWO, kw(enc="ed25519", comment="new", config="{dir}/keys")),
            ("ssh.set_auth_key", "root", ONE, kw(enc="ed25519", options=["no-pty"], config="{dir}/fresh/keys")),
            ("ssh.set_auth_key", "root", ONE, kw(enc="ed25519", comment="c", config="{dir}/open")),
            ("ssh.set_auth_key", "root", "two words", KEYS),
            ("ssh.set_auth_key", "root", "not*base64", KEYS),
            ("ssh.set_auth_key", "root", ONE, kw(enc="nonesuch", config="{dir}/keys")),
            ("ssh.set_auth_key", "nobody-here", ONE, KEYS),
            ("ssh.set_auth_key_from_file", "root", "salt://keyfile", KEYS),
            ("ssh.set_auth_key_from_file", "root", "salt://keyfile", kw(config="{dir}/from", options=["no-pty"])),
            ("ssh.set_auth_key_from_file", "root", "salt://empty", KEYS),
            ("ssh.rm_auth_key", "root", TWO, KEYS),
            ("ssh.rm_auth_key", "root", TWO, KEYS),
            ("ssh.rm_auth_key", "root", ONE, kw(config="{dir}/missing")),
            ("ssh.rm_auth_key", "nobody-here", ONE, KEYS),
            ("ssh.rm_auth_key_from_file", "root", "salt://keyfile", kw(config="{dir}/from")),
            ("ssh.rm_auth_key_from_file", "root", "salt://keyfile", kw(config="{dir}/from")),
            ("ssh.rm_auth_key_from_file", "root", "salt://empty", KEYS),
        ),
    ),
    "hosts": Scenario(
        files={"known": KNOWN, "other": KNOWN, "hashed": KNOWN},
        root=True,
        calls=(
            ("ssh.set_known_host", None, "a.example", kw(config="{dir}/known", key=ONE, hash_known_hosts=False)),
            (
                "ssh.set_known_host",
                None,
                "a.example",
                kw(config="{dir}/known", key=TWO, enc="ssh-ed25519", hash_known_hosts=False),
            ),
            (
                "ssh.set_known_host",
                None,
                "new.example",
                kw(config="{dir}/known", key=TWO, enc="ssh-ed25519", port=2222, hash_known_hosts=False),
            ),
            (
                "ssh.set_known_host",
                None,
                "new.example",
                kw(config="{dir}/fresh/known", key=TWO, enc="ssh-ed25519", hash_known_hosts=False),
            ),
            ("ssh.set_known_host", None, "x", kw(port=2222)),
            ("ssh.set_known_host",),
            ("ssh.rm_known_host", None, "b.example", kw(config="{dir}/other")),
            ("ssh.rm_known_host", None, "b.example", kw(config="{dir}/missing")),
            ("ssh.rm_known_host",),
            ("ssh.hash_known_hosts", kw(config="{dir}/missing")),
            ("ssh.get_known_host_entries", None, "new.example", kw(config="{dir}/fresh/known")),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
