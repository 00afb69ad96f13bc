"""Digests of files: ``file.get_hash``, ``check_hash``, ``extract_hash``, ``get_source_sum``."""

from __future__ import annotations

from scenario import Scenario, kw

A = "{dir}/a.txt"
MD5 = "5bbf5a52328e7439ae6e719dfe712200"
SHA1 = "5a44a0df1b1a9e4c4bc0c8e4b7b5bcd6f7e02e2a"
SHA256 = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806"
LISTS = {
    "SHA256SUMS": f"{'a' * 64}  other.txt\n{SHA256} *a.txt\n{'b' * 64}  dir/b.txt\n",
    "MIXED": f"# sums\n{'c' * 32}  a.txt\n{'d' * 40}  a.txt\n{'e' * 64}  a.txt\n{'F' * 128}  z.txt\n",
    "NAMED": f"MD5 (a.txt) = {MD5}\na.txt {'1' * 40}\nhttp://x/b.tgz {'2' * 40}\n",
    "NONE": "nothing here\n",
    "BARE": f"{MD5.upper()}\n",
    "LONG": f"{'a' * 50}\n{'g' * 32}\n",
}

SCENARIOS = {
    "digests": Scenario(
        files={"a.txt": "one\n", "empty": "", "dir/": ""},
        calls=(
            *(
                ("file.get_hash", A, form)
                for form in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256")
            ),
            ("file.get_hash", A),
            ("file.get_hash", A, kw(form="md5", chunk_size=2)),
            ("file.get_hash", "{dir}/empty"),
            ("file.get_hash", A, "crc99"),
            ("file.get_hash", "{dir}/missing"),
            ("file.get_hash", "{dir}/dir"),
            ("file.get_sum", A),
            ("file.get_sum", A, "md5"),
            ("file.get_sum", "{dir}/missing"),
            ("file.get_sum", "{dir}/dir", "sha512"),
            ("file.get_sum", A, "nope"),
            ("file.check_hash", A, f"md5={MD5}"),
            ("file.check_hash", A, f"md5:{MD5}"),
            ("file.check_hash", A, MD5),
            ("file.check_hash", A, SHA256),
            ("file.check_hash", A, f"sha256={SHA256}"),
            ("file.check_hash", A, f"sha1={SHA1}"),
            ("file.check_hash", A, "md5=x"),
            ("file.check_hash", A, "abc"),
            ("file.check_hash", A, ""),
            ("file.check_hash", A, 5),
            ("file.check_hash", A, f"nope={MD5}"),
            ("file.check_hash", "{dir}/missing", MD5),
        ),
    ),
    "lists of digests": Scenario(
        files=LISTS,
        calls=(
            *(("file.extract_hash", f"{{dir}}/{name}") for name in LISTS),
            *(("file.extract_hash", f"{{dir}}/{name}", "") for name in LISTS),
            *(("file.extract_hash", f"{{dir}}/{name}", "md5", "/x/a.txt") for name in LISTS),
            ("file.extract_hash", "{dir}/SHA256SUMS", "sha256", "a.txt"),
            ("file.extract_hash", "{dir}/SHA256SUMS", "sha256", "/etc/b.txt"),
            ("file.extract_hash", "{dir}/SHA256SUMS", kw(file_name="nope")),
            ("file.extract_hash", "{dir}/SHA256SUMS", kw(source="http://x/y/b.txt")),
            ("file.extract_hash", "{dir}/SHA256SUMS", kw(source="salt://a.txt", file_name="b.txt")),
            ("file.extract_hash", "{dir}/SHA256SUMS", kw(source_hash_name="other.txt", file_name="b.txt")),
            ("file.extract_hash", "{dir}/SHA256SUMS", kw(source_hash_name="nope", file_name="b.txt")),
            ("file.extract_hash", "{dir}/MIXED", "sha1", "a.txt"),
            ("file.extract_hash", "{dir}/MIXED", "sha999", "a.txt"),
            ("file.extract_hash", "{dir}/MIXED", "", "z.txt"),
            ("file.extract_hash", "{dir}/NAMED", "sha1", "a.txt"),
            ("file.extract_hash", "{dir}/NAMED", "sha1", kw(source="http://x/b.tgz")),
            ("file.extract_hash", "{dir}/NAMED", "sha1", kw(source_hash_name="a.txt")),
            ("file.extract_hash", "{dir}/missing"),
        ),
    ),
    "sources": Scenario(
        files=LISTS,
        calls=(
            ("file.get_source_sum", kw(source_hash=MD5)),
            ("file.get_source_sum", kw(source_hash=MD5.upper())),
            ("file.get_source_sum", kw(source_hash=f"md5={MD5}")),
            ("file.get_source_sum", kw(source_hash=f"md5 = {MD5} ")),
            ("file.get_source_sum", kw(source_hash=f"sha1={MD5}")),
            ("file.get_source_sum", kw(source_hash=f"sha9={MD5}")),
            ("file.get_source_sum", kw(source_hash="md5=abc")),
            ("file.get_source_sum", kw(source_hash="abc")),
            ("file.get_source_sum", kw(source_hash="g" * 32)),
            ("file.get_source_sum", kw(source_hash="")),
            ("file.get_source_sum", kw(source_hash="xyz://a/b")),
            ("file.get_source_sum", "a.txt", kw(source_hash="{dir}/SHA256SUMS")),
            ("file.get_source_sum", "/x/b.txt", "http://x/a.txt", "{dir}/SHA256SUMS"),
            ("file.get_source_sum", "zzz", "http://x/a.txt", "{dir}/SHA256SUMS"),
            ("file.get_source_sum", "zzz", "http://x/a.txt", "file://{dir}/SHA256SUMS"),
            ("file.get_source_sum", "zzz", "", "{dir}/BARE"),
            ("file.get_source_sum", "zzz", "", "{dir}/NONE"),
            ("file.get_source_sum", "zzz", "", "{dir}/missing"),
            ("file.get_source_sum", kw(source_hash="{dir}/SHA256SUMS", source_hash_name="other.txt")),
        ),
    ),
}

DIFFERENT: dict[str, str] = {}
