"""``salt.utils.args``: functions' arguments."""

from __future__ import annotations

import copy
import fnmatch
import inspect
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from saltern_compat.exceptions import SaltInvocationError
from saltern_compat.utils.data import is_true


class ArgSpec(NamedTuple):
    """What a function takes, in the words of Python 2."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def clean_kwargs(**kwargs: Any) -> dict[str, Any]:
    """Return the keywords without those that begin with two underscores, which whoever calls a function adds."""
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


def invalid_kwargs(invalid_kwargs: Any, raise_exc: bool = True) -> str:
    """Raise ``SaltInvocationError`` that names keywords, or return its text."""
    named = [f"{name}={value}" for name, value in invalid_kwargs.items()] if isinstance(invalid_kwargs, dict) else None
    text = f"The following keyword arguments are not valid: {', '.join(invalid_kwargs if named is None else named)}"
    if raise_exc:
        raise SaltInvocationError(text)
    return text


def split_input(val: Any, mapper: Callable[[Any], Any] | None = None) -> list[Any]:
    """Return a list as it is, a text split at commas; *mapper* changes each member."""
    parts = val if isinstance(val, list) else [part.strip() for part in str(val).split(",")]
    return list(parts) if mapper is None else [mapper(part) for part in parts]


def test_mode(**kwargs: Any) -> bool:
    """Return whether ``test``, in any case, is among the keywords and true."""
    return any(name.lower() == "test" and is_true(value) for name, value in kwargs.items())


def get_function_argspec(func: Any, is_class_method: bool | None = None) -> ArgSpec:
    """Return what *func* takes; of a wrapper, what it wraps takes. Raises ``TypeError`` for what can't be called."""
    if not callable(func):
        raise TypeError(f"{func} is not a callable")
    found = inspect.signature(inspect.unwrap(func)).parameters.values()
    named = [one for one in found if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    kinds = {one.kind: one.name for one in found}
    defaults = tuple(one.default for one in named if one.default is not one.empty)
    return ArgSpec(
        [one.name for one in named][1 if is_class_method else 0 :],
        kinds.get(inspect.Parameter.VAR_POSITIONAL),
        kinds.get(inspect.Parameter.VAR_KEYWORD),
        defaults or None,
    )


def arg_lookup(fun: Any, aspec: ArgSpec | None = None) -> dict[str, Any]:
    """Return ``args``, the names without a default, and ``kwargs``, the others with theirs."""
    spec = get_function_argspec(fun) if aspec is None else aspec
    kwargs = dict(zip(spec.args[::-1], (spec.defaults or ())[::-1], strict=False))
    return {"kwargs": kwargs, "args": [name for name in spec.args if name not in kwargs]}


def argspec_report(functions: Mapping[str, Any], module: str = "") -> dict[str, dict[str, Any]]:
    """Return what each function of *module*, a name or glob, takes."""
    glob = module if "*" in module or "." in module else f"{module}.*"
    made = {}
    for name in fnmatch.filter(functions, glob):
        try:
            spec = get_function_argspec(functions[name])
        except TypeError:
            continue
        made[name] = {
            "args": spec.args or None,
            "defaults": spec.defaults,
            "varargs": True if spec.varargs else None,
            "kwargs": True if spec.keywords else None,
        }
    return made


def shlex_split(s: Any, **kwargs: Any) -> Any:
    """Return a text split as a shell does; anything else as it is."""
    return shlex.split(s, **kwargs) if isinstance(s, str) else s


def condition_input(args: Iterable[Any], kwargs: Mapping[str, Any] | None) -> list[Any]:
    """Return arguments and keywords as one list, keywords as the mapping that a job has of them."""
    return [*args, {**kwargs, "__kwarg__": True}] if kwargs else list(args)


def parse_kwarg(string_: str) -> tuple[str | None, str | None]:
    """Return name and value of ``name=value``; both ``None`` for another text."""
    found = re.match(r"([^\d\W][\w.-]*)=(?!=)(.*)$", string_, re.UNICODE | re.DOTALL)
    return (found[1], found[2]) if found else (None, None)


def yamlify_arg(arg: Any) -> Any:
    """Return what YAML makes of a text from a command line."""
    from saltern.arguments import parse_value

    return parse_value(arg) if isinstance(arg, str) else arg


def parse_input(args: Iterable[Any], condition: bool = True, no_parse: Any = None, **kwargs: Any) -> Any:
    """Return the words of a command line as arguments and keywords, values as YAML has them."""
    plain, named = [], {}
    for arg in args:
        name, value = parse_kwarg(arg) if isinstance(arg, str) else (None, None)
        if name is not None:
            named[name] = value if name in (no_parse or ()) else yamlify_arg(value)
        elif isinstance(arg, dict) and arg.get("__kwarg__"):
            named.update({key: inner for key, inner in arg.items() if key != "__kwarg__"})
        else:
            plain.append(yamlify_arg(arg))
    return condition_input(plain, named) if condition else (plain, named)


def format_call(
    fun: Any,
    data: Mapping[str, Any],
    initial_ret: dict[str, Any] | None = None,
    expected_extra_kws: Iterable[str] = (),
    is_class_method: bool | None = None,
) -> dict[str, Any]:
    """Return ``args`` and ``kwargs`` for *fun* out of *data*. Raises ``SaltInvocationError`` for what doesn't fit."""
    spec = get_function_argspec(fun, is_class_method)
    found = arg_lookup(fun, spec)
    rest = dict(data)
    made: dict[str, Any] = {**(initial_ret or {}), "args": [], "kwargs": {}}
    made["kwargs"] = {name: rest.pop(name, default) for name, default in found["kwargs"].items()}
    missing = [name for name in found["args"] if name not in rest]
    if missing:
        given = len(found["args"]) - len(missing)
        many = "s" if len(found["args"]) > 1 else ""
        raise SaltInvocationError(f"{fun.__name__} takes at least {len(found['args'])} argument{many} ({given} given)")
    made["args"] = [rest.pop(name) for name in found["args"]]
    extra = {name: value for name, value in rest.items() if name not in tuple(expected_extra_kws)}
    if spec.keywords:
        made["kwargs"].update(extra)
    elif extra:
        *others, last = extra
        full = made.get("full", f"{fun.__module__}.{fun.__name__}")
        quoted = ", ".join(f"'{name}'" for name in others)
        said = (
            f"{quoted} and '{last}' are invalid keyword arguments"
            if others
            else f"'{last}' is an invalid keyword argument"
        )
        raise SaltInvocationError(f"{said} for '{full}'")
    return copy.copy(made)


def parse_function(s: str) -> tuple[str | None, list[str] | None, dict[str, str] | None]:
    """Return name, arguments and keywords of ``name(a, b=c)``, all as texts; three times ``None`` for another text."""
    lexer = shlex.shlex(s, posix=True)
    lexer.escapedquotes = "\"'"
    tokens = list(lexer)
    if "(" not in tokens or tokens.index("(") == 0:
        return None, None, None
    begin = tokens.index("(")
    args: list[str] = []
    kwargs: dict[str, str] = {}
    closing: list[str] = []
    key, word = None, ""
    for token in tokens[begin + 1 :]:
        if not closing and token in (",", ")"):
            if key is not None:
                kwargs[key] = word
            elif word:
                args.append(word)
            if token == ")":  # noqa: S105  # a sign
                return "".join(tokens[:begin]), args, kwargs
            key, word = None, ""
        elif not closing and token == "=":  # noqa: S105  # a sign
            key, word = word, ""
        elif token in ("]", "}", ")"):
            if not closing or closing.pop() != token:
                break
            word += token
        else:
            closing += {"[": "]", "{": "}", "(": ")"}.get(token, "")
            word += token
    return None, None, None


def prepare_kwargs(
    all_kwargs: Mapping[str, Any], class_init_kwargs: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keywords in *class_init_kwargs*, and the others."""
    wanted = set(class_init_kwargs)
    return (
        {name: value for name, value in all_kwargs.items() if name in wanted},
        {name: value for name, value in all_kwargs.items() if name not in wanted},
    )
