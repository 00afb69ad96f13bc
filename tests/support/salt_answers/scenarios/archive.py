"""What ``archive``'s functions come to, and what they leave."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from typing import Any

from scenario import Scenario, kw, label


def made(folder: str) -> None:
    """Make archives to look into; their times are fixed."""
    with zipfile.ZipFile(os.path.join(folder, "a.zip"), "w") as archive:
        for name, text in (("top.txt", "1"), ("d/", ""), ("d/one", "2"), ("d/e/two", "3")):
            archive.writestr(zipfile.ZipInfo(name), text)
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "top.txt")
        script = zipfile.ZipInfo("run.sh")
        script.external_attr = 0o100755 << 16
        archive.writestr(script, "#!/bin/sh\n")
    for name, mode in (("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tar.xz", "w:xz"), ("a.tbz2", "w:bz2")):
        with tarfile.open(os.path.join(folder, name), mode) as archive:
            for member, kind in (("t", tarfile.DIRTYPE), ("t/one", tarfile.REGTYPE), ("t/l", tarfile.SYMTYPE)):
                info = tarfile.TarInfo(member)
                info.type, info.linkname = kind, "one" if kind == tarfile.SYMTYPE else ""
                archive.addfile(info, io.BytesIO(b""))


def kept(fun: str, value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


STRIP_TEXT = ("archive.list", "{dir}/a.zip", kw(strip_components="1"))
NOWHERE = ("archive.zip", "{dir}/no/such/x.zip", "{dir}/in")
TAR_TEMPLATE = ("archive.tar", "cf", "{dir}/{{ 'r' }}.tar", "in", kw(cwd="{dir}", template="jinja"))
UNZIP_DEFAULTS = ("archive.unzip", "{dir}/a.zip", "{dir}/out2")

SCENARIOS = {
    "listing": Scenario(
        files={"plain.txt": "x", "no.zip": "x", "no.tar": "x"},
        setup=made,
        calls=(
            ("archive.list", "{dir}/a.zip"),
            ("archive.list", "{dir}/a.zip", kw(verbose=True)),
            ("archive.list", "{dir}/a.tar"),
            ("archive.list", "{dir}/a.tar", kw(verbose=True)),
            ("archive.list", "{dir}/a.tar.gz"),
            ("archive.list", "{dir}/a.tar.xz"),
            ("archive.list", "{dir}/a.tbz2"),
            ("archive.list", "{dir}/a.tar", "tar"),
            ("archive.list", "{dir}/a.tar", kw(strip_components=1)),
            ("archive.list", "{dir}/a.zip", kw(strip_components=1, verbose=True)),
            STRIP_TEXT,
            ("archive.is_encrypted", "{dir}/a.zip"),
        ),
        tree=False,
    ),
    "zipping": Scenario(
        files={"in/a.txt": "1", "in/b.txt": "2", "in/sub/c.txt": "3", "other": "4"},
        setup=made,
        calls=(
            ("archive.zip", "{dir}/new2.zip", "in,other", kw(cwd="{dir}")),
            ("archive.zip", "{dir}/new3.zip", ["in/a.txt", "nope"], kw(cwd="{dir}")),
            ("archive.zip", "{dir}/new4.zip", "{dir}/in/*.txt", kw(cwd="{dir}")),
            ("archive.zip", "{dir}/new5.zip", "relative"),
            ("archive.zip", "{dir}/new5.zip", "x", kw(cwd="relative")),
            ("archive.zip", "{dir}/{{ grains.town }}.zip", "other", kw(cwd="{dir}", template="jinja")),
            NOWHERE,
            ("archive.unzip", "{dir}/new2.zip", "{dir}/out"),
            ("archive.unzip", "{dir}/new2.zip", "{dir}/out", kw(excludes="other,in/a.txt")),
            UNZIP_DEFAULTS,
            ("archive.unzip", "{dir}/a.zip", "{dir}/out3", kw(excludes=["link", "d/one"], extract_perms=False)),
            ("archive.unzip", "{dir}/a.zip", "{dir}/out4", kw(trim_output=2, excludes="link")),
            ("archive.unzip", "{dir}/other", "{dir}/out5"),
            ("archive.unzip", "{dir}/missing.zip", "{dir}/out5"),
        ),
        grains={"town": "ulm"},
        tree=False,
    ),
    "programs": Scenario(
        files={"in/a.txt": "1", "in/b.txt": "2", "z": "zipped", "y": "y"},
        setup=made,
        calls=(
            ("archive.tar", "cf", "{dir}/x.tar", "in", kw(cwd="{dir}")),
            ("archive.tar", "tf", "{dir}/x.tar"),
            ("archive.tar", "-cvf", "{dir}/x2.tar", ["in/a.txt", "in/b.txt"], kw(cwd="{dir}")),
            ("archive.tar", "xf", "{dir}/x.tar", kw(dest="{dir}/in")),
            ("archive.tar", "xf", "{dir}/x.tar", "in/a.txt", "{dir}/in"),
            ("archive.tar", "", "{dir}/x.tar"),
            TAR_TEMPLATE,
            ("archive.gzip", "{dir}/z"),
            ("archive.gunzip", "{dir}/z.gz"),
            ("archive.gzip", "{dir}/y", kw(options="-9")),
            ("archive.gunzip", "{dir}/y.gz", kw(options="-k")),
        ),
        tree=False,
    ),
}

DIFFERENT = {
    label(STRIP_TEXT): "a number as text is one",
    label(NOWHERE): "an error; Salt's is lost, and looks like nothing to do",
    label(TAR_TEMPLATE): "words are rendered; Salt can't render a list",
}
