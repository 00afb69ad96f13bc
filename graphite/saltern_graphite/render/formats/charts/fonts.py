"""Which installed fonts a chart takes its glyphs from."""

from __future__ import annotations

from functools import lru_cache

from matplotlib.font_manager import fontManager

_GENERIC = {"sans": "DejaVu Sans", "serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono"}
_FALLBACKS = ("DejaVu Sans", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback")
"""Where glyphs come from that the wanted font lacks, as far as installed; the first comes with matplotlib."""
_REMEMBERED = 256


@lru_cache(maxsize=_REMEMBERED)
def families(wanted: str) -> tuple[str, ...]:
    """Names of installed fonts: *wanted* if it is one, in whatever case, then the fallbacks."""
    installed = {entry.name.lower(): entry.name for entry in fontManager.ttflist}
    names = (_GENERIC.get(wanted.lower(), wanted), *_FALLBACKS)
    return tuple(dict.fromkeys(installed[name.lower()] for name in names if name.lower() in installed))
