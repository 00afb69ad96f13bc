"""One use of the Python API, and its answer in a form that two systems can be compared in.

A case is some lines of Python; the last is an expression, whose value is the answer. It is run with the names that
``record_python_api.py`` and the test that compares give it: ``local``, ``runner``, ``wheel``, ``caller``, ``event``.
This file imports nothing of either system: it is run with both of their Pythons.
"""

import json
import re
import time

JID = re.compile(r"[0-9]{20}")
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+]+")
TOOLS = {}


def tool(function):
    """Give a function to the cases."""
    TOOLS[function.__name__] = function
    return function


@tool
def rows(iterator):
    """Return what an iterator yields, in the order of names."""
    return sorted(iterator, key=repr)


@tool
def sets_of(rows_, *keys):
    """Return only some *keys* of the data of each row."""
    return [{name: {key: data.get(key) for key in keys} for name, data in row.items()} for row in rows_]


@tool
def kinds(value):
    """Return the names of the types in a value."""
    if isinstance(value, dict):
        return {key: kinds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [kinds(member) for member in value]
    return type(value).__name__


@tool
def until(call, seconds=15.0):
    """Return the first true value of *call*."""
    end = time.monotonic() + seconds
    while not (value := call()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


@tool
def first(iterator, count=1):
    """Return the first so many members of an iterator, which is closed then."""
    found = []
    for member in iterator:
        found.append(member)
        if len(found) == count:
            break
    return found


def kind_of(error):
    """Return the name of an error's class."""
    return type(error).__name__


def answer(case, names, replaced=(), kind=kind_of):
    """Return a case's value as JSON has it, or ``{"raises": class, "text": …}``.

    *replaced*: pairs of texts. *kind* returns the name of an error's class.
    """
    *lines, last = [line for line in case.splitlines() if line.strip()]
    scope = {**TOOLS, **names}
    try:
        exec("\n".join(lines), scope)
        value = eval(last, scope)
    except Exception as error:
        value = {"raises": kind(error), "text": str(error)}
    return json.loads(json.dumps(settled(value, replaced), default=repr))


def settled(value, replaced):
    """Return *value* with what is different each time named instead."""
    if isinstance(value, dict):
        return {str(settled(key, replaced)): settled(member, replaced) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [settled(member, replaced) for member in value]
    if isinstance(value, (set, frozenset)):
        return sorted(settled(member, replaced) for member in value)
    if isinstance(value, str):
        for text, name in replaced:
            value = value.replace(text, name)
        return STAMP.sub("STAMP", JID.sub("JID", value))
    return value
