"""What a command line asks for: a target, one function or several, their arguments."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from saltern.arguments import parse_arguments, parse_value
from saltern.cli.command import OptionParser
from saltern.cli.secret_args import add_secret_arguments
from saltern.errors import UsageError
from saltern.order import Order

EX_INCOMPLETE = 42
"""A target or a function, or arguments for one of several, are missing; Salt's number for it."""

SEVERAL = ","
DOC = "sys.doc"
KWARG_MARK = "__kwarg__"
"""A map with this key, last in a list of arguments, holds keyword arguments, as everywhere in Salt."""


def wanted(parser: OptionParser, options: argparse.Namespace) -> Order:
    """Return what *options* ask for; ends the program when a part of it is missing."""
    words: list[str] = options.words
    if options.preview_target:
        words = words[:1]
    elif options.doc:
        words = _doc_words(parser, words)
    elif len(words) < 2:
        parser.print_help()
    if not words and not options.preview_target:
        _end(parser, "\nCannot execute command without defining a target.\n\n")
    if len(words) < (1 if options.preview_target else 2):
        _end(parser, "\nIncomplete options passed.\n\n")
    function, args, kwargs = _function(parser, options, words) if len(words) > 1 else ("", [], {})
    if options.secret_arg_file:
        add_secret_arguments(options.secret_arg_file, function, args, kwargs)
    return Order(
        target_of(words[0], options.kind),
        options.kind or "glob",
        function,
        args,
        kwargs,
        isolate=options.isolate,
        quiet_s=options.timeout if options.timeout and options.timeout > 0 else None,
        more=_more(options),
    )


def target_of(word: str, kind: str | None) -> str | list[str]:
    """Return the target that *word* is: a list is parted by commas, or by blanks when it has none."""
    if kind != "list":
        return word
    return word.replace(" ", "").split(",") if "," in word else word.split()


def _doc_words(parser: OptionParser, words: list[str]) -> list[str]:
    """Return the words of the call of ``sys.doc`` that ``-d`` makes of *words*."""
    target, *rest = words or ["*"]
    words = [target, *(rest if rest[:1] == [DOC] else [DOC, *rest])]
    if len(words) > 3:
        parser.error("You can only get documentation for one method at one time.")
    return words


def _more(options: argparse.Namespace) -> dict[str, Any]:
    """Return what else goes with the job, where it was given."""
    more = {
        "delimiter": options.delimiter if options.delimiter != ":" else None,
        "ret": options.return_,
        "ret_config": options.return_config,
        "ret_kwargs": _value("--return_kwargs", options.return_kwargs),
        "metadata": _value("--metadata", options.metadata),
    }
    return {name: value for name, value in more.items() if value not in (None, "")}


def _value(flag: str, word: str) -> Any:
    """Return what an option's word means. Raises ``UsageError`` for ``--return_kwargs`` that are no map."""
    value = parse_value(word) if word else None
    if flag == "--return_kwargs" and word and not isinstance(value, dict):
        raise UsageError(f"{flag} {word}: must be a map, as in '{{host: db1}}'")
    return value


def _function(
    parser: OptionParser, options: argparse.Namespace, words: list[str]
) -> tuple[str | list[str], list[Any], dict[str, Any]]:
    """Return functions and arguments; ``a,b`` are several functions, whose arguments the separator parts."""
    name, rest = words[1], words[2:]
    if SEVERAL not in name:
        return name, *parse_arguments(rest, options.no_parse)
    names = name.split(SEVERAL)
    several = []
    for group in _groups(parser, rest, options.args_separator, len(names)):
        args, kwargs = parse_arguments(group, options.no_parse)
        several.append([*args, {**kwargs, KWARG_MARK: True}] if kwargs else args)
    return names, several, {}


def _groups(parser: OptionParser, words: list[str], separator: str, count: int) -> list[list[str]]:
    """Return the words of each of *count* functions; ends the program when there are more or fewer."""
    groups: list[list[str]] = [[]]
    alone = words.count(separator) == count - 1  # else it may stand inside words, as it did in old days
    for word in words:
        if alone and word != separator:
            groups[-1].append(word)
            continue
        first, *others = word.split(separator)
        groups[-1] += [first] if first else []
        groups += [[part] if part else [] for part in others]
    if count > len(groups):
        _end(parser, "Cannot execute compound command without defining all arguments.\n")
    if count < len(groups):
        _end(parser, "Cannot execute compound command with more arguments than commands.\n")
    return groups


def _end(parser: OptionParser, why: str) -> NoReturn:
    parser.exit(EX_INCOMPLETE, why)
