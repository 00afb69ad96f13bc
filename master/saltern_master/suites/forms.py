"""A report as text for a terminal, as plain data, as JUnit's XML, and as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from saltern.visible import visible, visible_lines
from saltern_master.suites.report import Report
from saltern_master.suites.run import BAD, ERROR, FAILED, OUTCOMES, PASSED, SKIPPED

WORDS = {PASSED: "ok", FAILED: "FAILED", ERROR: "ERROR", SKIPPED: "skipped"}
NONE = "-"
MAX_COLUMNS = 12
"""Minions side by side in a text; of more only those that failed are named beside a test."""
MAX_MESSAGE_LINES = 12

STYLE = """
:root { color-scheme: light dark; --line: #8884; --ok: #1a7f37; --bad: #cf222e; --skip: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ok: #3fb950; --bad: #ff7b72; --skip: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; }
main { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.passed { color: var(--ok); } .failed, .error { color: var(--bad); font-weight: 600; } .skipped { color: var(--skip); }
pre { white-space: pre-wrap; margin: 0; font-size: 13px; }
@media (max-width: 600px) { body { margin: 1rem; } th, td { padding: .25rem .4rem; overflow-wrap: anywhere; } }
"""


def as_data(report: Report) -> dict[str, Any]:
    """Return it as maps, lists, texts and numbers."""
    return asdict(report)


def as_text(report: Report, *, every: bool = False) -> str:
    """Return it for a terminal; *every* test is listed, or those that failed or differ."""
    head = f"suite {report.suite or '(none)'}, job {report.jid}: {_count(len(report.tests), 'test')}"
    lines = [f"{head} on {_count(len(report.minions), 'minion')}", ""]
    columns = ["minion", *OUTCOMES, "seconds"]
    lines += _table(columns, [[minion, *_cells(numbers)] for minion, numbers in report.minions.items()])
    lines += [f"{minion}: no answer" for minion in report.silent]
    shown = list(report.tests) if every else sorted({*report.failures, *report.differs})
    if shown:
        title = "every test" if every else "failed, or not the same everywhere"
        lines += ["", f"{title}:", *_matrix(report, shown)]
    elif report.tests:
        lines += ["", "all tests passed, or were skipped, on every minion"]
    lines += _messages(report)
    for title, tests in (("failing since this run", report.new), ("mended since the run before", report.fixed)):
        if tests:
            lines += ["", f"{title}:", *(f"  {test}: {', '.join(minions)}" for test, minions in tests.items())]
    if report.flaky:
        lines += ["", "comes and goes:"]
        lines += [f"  {one.test}: {one.minion}: {one.changes} changes in {one.runs} runs" for one in report.flaky]
    if report.slowest:
        lines += ["", "slowest:", *(f"  {one.seconds:8.3f} s  {one.test}: {one.minion}" for one in report.slowest)]
    return "\n".join(visible(line) for line in lines)


def as_junit(report: Report) -> str:
    """Return it as JUnit's XML: a suite for each minion."""
    from xml.sax.saxutils import quoteattr  # for who asks for this form

    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<testsuites name={quoteattr(_xml(report.suite))}>"]
    for minion, numbers in report.minions.items():
        counts = {"tests": sum(numbers[name] for name in OUTCOMES), "failures": numbers[FAILED]}
        counts |= {"errors": numbers[ERROR], "skipped": numbers[SKIPPED], "time": numbers["seconds"]}
        attributes = " ".join(f"{name}={quoteattr(f'{value:g}')}" for name, value in counts.items())
        lines.append(f"  <testsuite name={quoteattr(_xml(minion))} hostname={quoteattr(_xml(minion))} {attributes}>")
        for test, by_minion in report.tests.items():
            if minion in by_minion:
                lines += _case(report, test, minion, by_minion[minion], quoteattr)
        lines.append("  </testsuite>")
    for minion in report.silent:
        lines.append(f'  <testsuite name={quoteattr(_xml(minion))} tests="1" errors="1">')
        lines.append('    <testcase name="(suite)"><error message="no answer"/></testcase></testsuite>')
    return "\n".join([*lines, "</testsuites>", ""])


def as_page(report: Report) -> str:
    """Return it as one HTML page that needs nothing else; what went wrong comes before the list of all tests."""
    minions = list(report.minions)
    title = escape(f"{report.suite or '(none)'}, job {report.jid}")
    parts = ["<!doctype html>", '<html lang="en"><meta charset="utf-8">', f"<title>{title}</title>"]
    parts += ['<meta name="viewport" content="width=device-width, initial-scale=1">', f"<style>{STYLE}</style>"]
    parts += [f"<main><h1>{title}</h1>", _html_table(["minion", *OUTCOMES, "seconds"], _minion_rows(report))]
    if report.failures:
        rows = [
            [_html(test), _html(minion), f"<td><pre>{escape(_shown_lines(message))}</pre></td>"]
            for test, by_minion in report.failures.items()
            for minion, message in by_minion.items()
        ]
        parts += ["<h2>Failures</h2>", _html_table(["test", "minion", "what it said"], rows)]
    for name, tests in (("Failing since this run", report.new), ("Mended since the run before", report.fixed)):
        if tests:
            rows = [[_html(test), _html(", ".join(who))] for test, who in tests.items()]
            parts += [f"<h2>{name}</h2>", _html_table(["test", "minions"], rows)]
    if report.flaky:
        rows = [[_html(one.test), _html(one.minion), _html(one.changes), _html(one.runs)] for one in report.flaky]
        parts += ["<h2>Comes and goes</h2>", _html_table(["test", "minion", "changes", "runs"], rows)]
    if report.slowest:
        rows = [[_html(one.test), _html(one.minion), _html(f"{one.seconds:.3f}")] for one in report.slowest]
        parts += ["<h2>Slowest</h2>", _html_table(["test", "minion", "seconds"], rows)]
    rows = [
        [_html(test), *(_html_cell(by_minion.get(one)) for one in minions)] for test, by_minion in report.tests.items()
    ]
    parts += ["<h2>Tests</h2>", _html_table(["test", *minions], rows)]
    return "\n".join([*parts, "</main></html>", ""])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cells(numbers: Mapping[str, float]) -> list[str]:
    return [*(f"{numbers[name]:g}" for name in OUTCOMES), f"{numbers['seconds']:.3f}"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = []
    for first, *others in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join((first.ljust(widths[0]), *cells)).rstrip())
    return lines


def _matrix(report: Report, shown: Sequence[str]) -> list[str]:
    minions = list(report.minions)
    if len(minions) <= MAX_COLUMNS:
        words = [[test, *(WORDS.get(report.tests[test].get(one, ""), NONE) for one in minions)] for test in shown]
        return _table(["test", *minions], words)
    lines = []
    for test in shown:
        by_outcome: dict[str, list[str]] = {}
        for minion in minions:
            by_outcome.setdefault(report.tests[test].get(minion, ""), []).append(minion)
        told = [
            f"{WORDS.get(outcome, NONE)} {', '.join(who) if outcome in BAD else f'on {len(who)}'}"
            for outcome, who in by_outcome.items()
        ]
        lines.append(f"  {test}: {'; '.join(told)}")
    return lines


def _messages(report: Report) -> Iterator[str]:
    """Yield what failures say, the same of several minions once."""
    for test, by_minion in report.failures.items():
        said: dict[str, list[str]] = {}
        for minion, message in by_minion.items():
            said.setdefault(message, []).append(minion)
        for message, minions in said.items():
            yield ""
            yield f"{test}: {', '.join(minions)}"
            yield from (f"    {line}" for line in message.splitlines()[-MAX_MESSAGE_LINES:])


def _case(report: Report, test: str, minion: str, outcome: str, quoteattr: Callable[[str], str]) -> list[str]:
    classname, _, name = test.rpartition("::")
    took = report.seconds.get(test, {}).get(minion)
    time = "" if took is None else f' time="{took:g}"'
    head = f"    <testcase classname={quoteattr(_xml(classname))} name={quoteattr(_xml(name))}{time}"
    if outcome == PASSED:
        return [f"{head}/>"]
    if outcome == SKIPPED:
        return [f"{head}><skipped/></testcase>"]
    message = _xml(report.failures.get(test, {}).get(minion, ""))
    tag = "failure" if outcome == FAILED else "error"
    first = message.splitlines()[-1] if message else ""
    return [f"{head}><{tag} message={quoteattr(first)}>{escape(message, quote=False)}</{tag}></testcase>"]


def _xml(text: str) -> str:
    """Return *text* without what XML can't have."""
    return _shown_lines(text)


def _shown_lines(text: str) -> str:
    return "\n".join(visible_lines(text))


def _minion_rows(report: Report) -> list[list[str]]:
    rows = [[_html(one), *(f'<td class="n">{cell}</td>' for cell in _cells(n))] for one, n in report.minions.items()]
    return rows + [
        [_html(one), f'<td class="error" colspan="{len(OUTCOMES) + 1}">no answer</td>'] for one in report.silent
    ]


def _html(text: object) -> str:
    return f"<td>{escape(visible(str(text)))}</td>"


def _html_cell(outcome: str | None) -> str:
    return f'<td class="{outcome}">{WORDS[outcome]}</td>' if outcome in WORDS else f"<td>{NONE}</td>"


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(visible(name))}</th>" for name in head)
    return f"<table><tr>{top}</tr>\n" + "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows) + "</table>"
