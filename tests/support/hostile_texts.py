"""Texts that a minion's host may say, and that a page or a terminal might obey."""

from __future__ import annotations

MARK = "xss-mark"
"""An element that is nowhere unless a text became one."""
ELEMENT = f"\"'><{MARK} onclick=alert(1)>a</{MARK}><img src=/no onerror=alert(1)><script>alert(1)</script>&lt;"
CONTROLS = "\x1b[31mred\x07\u202ereversed\u2066\u200b\r\n"
HOSTILE = f"{ELEMENT}{CONTROLS}{{{{7*7}}}}"
UNSEEN = "\x1b\x07\u202e\u2066\u200b"
"""Characters that no page may hold as they are."""

MODULE = f"""
\"\"\"What a host that means ill says.\"\"\"

HOSTILE = {HOSTILE!r}


def say():
    \"\"\"Return it as key, value, and deep below.\"\"\"
    return {{HOSTILE: HOSTILE, "deep": [[{{"x": HOSTILE}}]], "changes": {{HOSTILE: {{"old": HOSTILE, "new": ""}}}}}}


def text():
    \"\"\"Return it alone.\"\"\"
    return HOSTILE


def fail():
    \"\"\"Fail in its words.\"\"\"
    raise RuntimeError(HOSTILE)


def tell():
    \"\"\"Fire it as an event.\"\"\"
    return __salt__["event.send"]("hostile/tag", {{HOSTILE: HOSTILE}})


def documented(name=HOSTILE):
    \"\"\"{ELEMENT}\"\"\"
    return name
"""
