"""Fetching the source of a managed file, and rendering it, as ``file.get_managed`` does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple
from saltern_modules import _file_sources, _keywords
from saltern_modules._file_hashes import hash_of, redacted

Fetched = tuple[str, dict[str, str], str]


class Request(NamedTuple):
    """What ``file.get_managed`` is given; *context* is all that a template is given of it."""

    name: str
    template: str | None
    source: str | None
    source_hash: str | None
    source_hash_name: str | None
    saltenv: str
    context: Mapping[str, Any]
    skip_verify: bool
    verify_ssl: bool
    use_etag: bool
    source_hash_sig: Any
    sig_backend: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Request:
        """Return what the arguments of ``file.get_managed`` say; ``kwargs`` are those beside its own."""
        about = _keywords.fitting(("name", "source", "user", "group", "mode", "attrs"), given)
        more = (_keywords.own(given["kwargs"]), given["defaults"] or {}, given["context"] or {})
        context = {name: value for some in (about, *more) for name, value in some.items()}
        return cls(**{**_keywords.fitting(cls._fields, given), "context": context})


def fetched(request: Request, **dunders: Any) -> Fetched:
    """Return where the source is, its digest, and what is wrong. *dunders*: salt, grains, pillar, opts."""
    source = request.source
    if not source:
        return "", {}, ""
    salt = dunders["salt"]
    scheme = _file_sources.scheme_of(source)
    sfn = ""
    if scheme in _file_sources.LOCAL:
        sfn = _file_sources.local_path(source)
        if not os.path.exists(sfn):
            return "", {}, f"Local file source {sfn} does not exist"
    source_sum, wrong = _sum_of(request, scheme, sfn, salt)
    if wrong:
        return "", {}, wrong
    if not request.template and scheme not in _file_sources.REMOTE:
        return sfn, source_sum, ""
    try:
        place = _file_sources.cached(
            source,
            request.saltenv,
            salt=salt,
            source_hash=source_sum.get("hsum"),
            verify_ssl=request.verify_ssl,
            use_etag=request.use_etag,
        )
    except CommandError as error:
        return "", {}, f"Failed to cache {redacted(source)}: {error}"
    if not isinstance(place, str) or not os.path.exists(place):
        return place or "", {}, f"Source file '{redacted(source)}' not found"  # type: ignore[return-value]  # "" or a path
    if place == request.name:
        raise ArgumentError("Source file cannot be the same as destination")
    if request.skip_verify and not source_sum:
        source_sum = {"hsum": hash_of(place, "sha256"), "hash_type": "sha256"}
    return _rendered(request, place, dunders) if request.template else (place, source_sum, "")


def _sum_of(request: Request, scheme: str, sfn: str, salt: Any) -> tuple[dict[str, str], str]:
    """Return the digest that the source should have, and what is wrong."""
    source = request.source or ""
    if scheme == "salt":
        known = salt["cp.hash_file"](source, request.saltenv)
        if not known:
            return {}, f"Source file {source} not found in saltenv '{request.saltenv}'"
        return {"hsum": known["hsum"], "hash_type": known["hash_type"]}, ""
    if not request.source_hash and scheme in _file_sources.LOCAL:
        return {"hsum": hash_of(sfn, "sha256"), "hash_type": "sha256"}, ""
    if request.skip_verify:
        return {}, ""
    if request.source_hash:
        try:
            told = salt["file.get_source_sum"](
                request.name,
                source,
                request.source_hash,
                request.source_hash_name,
                request.saltenv,
                verify_ssl=request.verify_ssl,
                source_hash_sig=request.source_hash_sig,
                sig_backend=request.sig_backend,
            )
        except CommandError as error:
            return {}, f"Unable to manage file: {error}"
        return dict(told), ""
    if request.use_etag:
        return {}, ""
    return {}, (
        f"Unable to verify upstream hash of source file {redacted(source)}, please set source_hash or set skip_verify "
        "to True"
    )


def _rendered(request: Request, place: str, dunders: Mapping[str, Any]) -> Fetched:
    from saltern_modules._file_manage import TEMPLATES, rendered_file

    if request.template not in TEMPLATES:
        return place, {}, f"Specified template format {request.template} is not supported"
    try:
        sfn = rendered_file(
            place, request.template, request.context, source=request.source, saltenv=request.saltenv, **dunders
        )
    except CommandError as error:
        return place, {}, str(error)
    return sfn, {"hash_type": "sha256", "hsum": hash_of(sfn, "sha256")}, ""
