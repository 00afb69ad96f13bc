"""The HTML of a plugin's template, made anew of what may be in a page: whole, balanced, without scripts and forms.

The values in it are escaped already. But a template that leaves the quotes of an attribute out lets a minion write
attributes, htmx heeds some of those, and an end tag too many would end the page's own parts.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from saltern_web.plugins.names import PluginFault

ELEMENTS = frozenset(
    (
        *("a", "abbr", "article", "b", "bdi", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "data"),
        *("dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "h2", "h3", "h4", "h5", "h6"),
        *("hr", "i", "img", "ins", "kbd", "li", "mark", "meter", "ol", "p", "pre", "progress", "q", "s", "samp"),
        *("section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th"),
        *("thead", "time", "tr", "u", "ul", "var", "wbr"),
    )
)
VOID = frozenset(("br", "col", "hr", "img", "wbr"))
DROPPED = frozenset(("script", "style", "template", "iframe", "object", "svg", "math", "noscript", "title", "textarea"))
"""Left out with all that is in them; other elements that aren't known lose their tags alone."""
ATTRIBUTES = frozenset(
    (
        *("alt", "class", "cite", "colspan", "data-at", "datetime", "headers", "height", "high", "lang", "low", "max"),
        *("min", "open", "optimum", "reversed", "role", "rowspan", "scope", "span", "start", "title", "type", "value"),
        "width",
    )
)
LINKS = {"a": "href", "img": "src"}
MAX_CHARS = 256 * 1024
MAX_DEPTH = 100
_LINK = {
    "a": re.compile(r"(?:https?://|/(?![/\\])|[?#])[^\x00-\x20\\]*", re.IGNORECASE),
    "img": re.compile(r"/(?![/\\])[^\x00-\x20\\]*|data:image/(?:png|gif|jpeg|webp);base64,[A-Za-z0-9+/=]*"),
}
_AT = re.compile(r"-?[0-9]{1,11}(?:\.[0-9]{1,9})?")
"""Epoch seconds: scripts make a date of them."""
_CLASS = re.compile(r"[\w\- ]{0,200}")


def clean_markup(text: str) -> str:
    """Return *text* with what may be in a page. Raises ``PluginFault`` when it is too much."""
    if len(text) > MAX_CHARS:
        raise PluginFault(f"it makes over {MAX_CHARS:,} characters: show less")
    maker = _Maker()
    maker.feed(text)
    maker.close()
    return maker.made()


class _Maker(HTMLParser):
    """Takes HTML and writes it anew."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._within: list[str] = []
        """Elements that are left out, from the outermost on."""

    def made(self) -> str:
        """Return what was written, with every element closed."""
        return "".join([*self._out, *(f"</{name}>" for name in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an element's begin."""
        if self._within or tag in DROPPED:
            if tag in DROPPED:
                self._within.append(tag)
            return
        if tag not in ELEMENTS:
            return
        if len(self._open) >= MAX_DEPTH:
            raise PluginFault(f"its elements are nested over {MAX_DEPTH} deep")
        kept = {name: value or "" for name, value in reversed(attrs) if self._is_kept(tag, name, value or "")}
        if tag == "a":
            kept["rel"] = "noopener noreferrer"
        elif tag == "pre":
            kept["tabindex"] = "0"  # it scrolls, by keys too
        words = "".join(f' {name}="{escape(value)}"' for name, value in reversed(kept.items()))
        self._out.append(f"<{tag}{words}>")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """``<br/>``: for HTML a begin, whatever its end looks like."""
        if tag not in DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Write an element's end, and that of all which are open within it; one that isn't open has none."""
        if self._within:
            if tag == self._within[-1]:
                self._within.pop()
            return
        if tag in self._open:
            while True:
                last = self._open.pop()
                self._out.append(f"</{last}>")
                if last == tag:
                    return

    def handle_data(self, data: str) -> None:
        """Write text."""
        if not self._within:
            self._out.append(escape(data, quote=False))

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Take ``<![`` for what it is to browsers, a comment up to the next ``>``: the library raises over some."""
        return self.parse_bogus_comment(i, False)

    @staticmethod
    def _is_kept(tag: str, name: str, value: str) -> bool:
        if LINKS.get(tag) == name:
            return _LINK[tag].fullmatch(value) is not None
        if name == "data-at":
            return _AT.fullmatch(value) is not None
        if name == "class":
            return _CLASS.fullmatch(value) is not None
        return name in ATTRIBUTES or re.fullmatch(r"aria-[a-z]{1,20}", name) is not None
