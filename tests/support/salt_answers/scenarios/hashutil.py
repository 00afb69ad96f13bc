"""What ``hashutil``'s functions come to."""

from __future__ import annotations

from scenario import Scenario, kw

TEXT = "get salted"

SCENARIOS = {
    "hashes": Scenario(
        files={"a": TEXT, "bin": bytes(range(256))},
        calls=(
            ("hashutil.digest", TEXT),
            ("hashutil.digest", TEXT, "sha256"),
            ("hashutil.digest", TEXT, kw(checksum="sha512")),
            ("hashutil.digest", TEXT, "sha1"),
            ("hashutil.digest", "ü"),
            ("hashutil.digest", 5),
            ("hashutil.digest_file", "{dir}/a"),
            ("hashutil.digest_file", "{dir}/bin", "sha256"),
            ("hashutil.digest_file", "{dir}/a", "sha512"),
            ("hashutil.digest_file", "{dir}/nope"),
            ("hashutil.digest_file", "{dir}"),
            ("hashutil.digest_file", "{dir}/a", "crc"),
            ("hashutil.base64_b64encode", TEXT),
            ("hashutil.base64_b64encode", "ü" * 60),
            ("hashutil.base64_b64encode", ""),
            ("hashutil.base64_b64decode", "Z2V0IHNhbHRlZA=="),
            ("hashutil.base64_b64decode", "/w=="),
            ("hashutil.base64_encodestring", TEXT),
            ("hashutil.base64_encodestring", "x" * 100),
            ("hashutil.base64_decodestring", "Z2V0IHNhbHRlZA==\n"),
            ("hashutil.base64_encodefile", "{dir}/a"),
            ("hashutil.base64_encodefile", "{dir}/bin"),
            ("hashutil.base64_decodefile", "Z2V0IHNhbHRlZA==\n", "{dir}/out"),
            ("hashutil.base64_decodefile", "eA==", "{dir}/out"),
            ("hashutil.md5_digest", TEXT),
            ("hashutil.sha256_digest", TEXT),
            ("hashutil.sha512_digest", TEXT),
            ("hashutil.sha256_digest", b"bytes"),
            ("hashutil.hmac_signature", TEXT, "shared secret", "eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ="),
            ("hashutil.hmac_signature", TEXT, "shared secret", "no"),
            ("hashutil.hmac_compute", TEXT, "shared secret"),
            (
                "hashutil.github_signature",
                '{"ref":....} ',
                "shared secret",
                "sha1=bc6550fc290acf5b42283fa8deaf55cea0f8c206",
            ),
            ("hashutil.github_signature", "x", "y", "sha256=00"),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
