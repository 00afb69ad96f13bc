"""Reading option files: YAML in, checked options out, every fault with its file and line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import yaml

from saltern.config.includes import INCLUDE, MAIN, option_files, ranked_files, together
from saltern.config.own import near
from saltern.config.schema import Schema, fault
from saltern.errors import ConfigError, about, os_errors
from saltern.secret import Secret

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_NODES = 1_000_000
"""Texts, lists and maps in a file, each as often as an alias repeats it."""
MARK = "!secret"


class Setting(NamedTuple):
    """One key of a file, with where it stands."""

    key: str
    value: Any
    file: str
    line: int


class Loader(yaml.SafeLoader):
    """YAML's plain types, and texts marked ``!secret``."""

    def secret(self, node: yaml.Node) -> Secret:
        """Return the text of *node*, whatever else it could be read as."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem=f"{MARK} marks a text", problem_mark=node.start_mark)
        try:
            return Secret(node.value)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None


Loader.add_constructor(MARK, Loader.secret)


def load_options(schema: Schema, path: str, *, readable_alone: bool = False, own: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options of *schema* from the file or folder *path* over the defaults, and a user's own keys.

    ``config_dir`` and ``conf_file`` are set to where they came from. *readable_alone*: leave out files that this user
    may not read; *own*: globs of files that win over all others. A user's own key keeps its secrets marked. Raises
    ``ConfigError``.
    """
    main = os.path.join(path, schema.name) if os.path.isdir(path) else path
    options: dict[str, Any] = {key: _copy(value) for key, value in schema.defaults.items()}
    options["conf_file"] = os.path.abspath(main)
    options["config_dir"] = os.path.dirname(options["conf_file"])
    types = schema.types()
    ranks: dict[str, int] = {}
    for file, rank in ranked_files(main, own):
        if readable_alone and not os.access(file, os.R_OK, effective_ids=True):
            continue
        with about(path=file):
            for setting in read_settings(file):
                key, value = _checked(schema, types, setting)
                beside = rank != MAIN and ranks.get(key) == rank  # files of one kind add to each other, as in Salt
                options[key] = together(options[key], value) if beside else value
                ranks[key] = rank
    with about(path=options["conf_file"]):
        try:
            schema.finish(options)
        except ConfigError as error:
            from saltern.config.located import located  # only a fault needs it, and it reads as we do

            raise ConfigError(located(error, options["conf_file"])) from None
    return options


def read_settings(file: str) -> Iterator[Setting]:
    """Yield the top-level keys of a YAML file with their lines. Raises ``ConfigError``."""
    with os_errors(ConfigError, file, "can't be read"), open(file, "rb") as stream:
        text = stream.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise ConfigError(f"{file}: is over {MAX_FILE_BYTES:,} bytes: a configuration file is smaller")
    loader = None
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return
        if _unfolded(node, {}) > MAX_NODES:
            raise ConfigError(f"{file}: its aliases (*name) repeat so much that it has over {MAX_NODES:,} entries")
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{file}: line {node.start_mark.line + 1}: must be 'key: value' lines")
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                raise ConfigError(f"{file}: line {line}: a key is a text, as in 'key: value', and none is merged (<<)")
            key = str(key_node.value)
            if key in seen:
                raise ConfigError(f"{file}: line {line}: {key} is set twice, first on line {seen[key]}: keep one")
            seen[key] = line
            try:
                value = loader.construct_object(value_node, deep=True)
            except ValueError as error:  # no such day, a number of very many digits
                raise ConfigError(
                    f"{file}: line {line}: {key}: {str(error).partition(':')[0]}: write it in quotes"
                ) from None
            yield Setting(key, value, file, line)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        from saltern.config.yaml_faults import yaml_fault  # only a fault needs it

        raise ConfigError(yaml_fault(file, text, error)) from None
    finally:
        if loader is not None:
            loader.dispose()


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many nodes there are in *node* when each alias is what it stands for; *known*: of those seen."""
    count = known.get(id(node))
    if count is None:
        known[id(node)] = count = 1  # one that is in itself is refused later
        if isinstance(node, yaml.MappingNode):
            count += sum(_unfolded(key, known) + _unfolded(value, known) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            count += sum(_unfolded(member, known) for member in node.value)
        known[id(node)] = count
    return count


def config_stamp(main: str) -> tuple[tuple[str, int, int], ...]:
    """Return a value that changes with any of the files behind the configuration file *main*."""
    stamp: list[tuple[str, int, int]] = []
    try:
        files = list(option_files(main))
    except ConfigError:  # told by who reads them
        return ()
    for path in files:
        try:
            status = os.stat(path)
        except OSError:
            continue
        stamp.append((path, status.st_mtime_ns, status.st_size))
    return tuple(stamp)


def _checked(schema: Schema, types: dict[str, Any], setting: Setting) -> tuple[str, Any]:
    """Return a key and its value for the options. Raises ``ConfigError`` for what is wrong with either."""
    key, value = setting.key, setting.value
    where = f"{setting.file}: line {setting.line}: {key}"
    if key not in schema.defaults:
        if refusal := wrong_key(schema, key):
            raise ConfigError(f"{where} {refusal}")
        return key, value
    if key == INCLUDE and isinstance(value, str):
        value = [value]
    if key == "id" and type(value) is int:  # as Salt has it
        value = str(value)
    problem = fault(schema, key, types[key], value)
    if problem:
        raise ConfigError(f"{where} {problem}")
    return key, value.reveal() if isinstance(value, Secret) else value


def wrong_key(schema: Schema, key: str) -> str:
    """Return why *key*, which is no option, can't be a user's own, or nothing."""
    from saltern.config.of_salt import instead_of, refused  # only a key that is no option needs it

    if key in schema.types() or key.startswith("__"):
        return "is set by the program itself: take it out"
    if instead := refused(schema.name, key):
        return f"is not an option here as it is in Salt: instead, {instead}"
    meant = "" if instead_of(schema.name, key) else near(key, schema.defaults)
    return f"is not an option: did you mean {meant!r}?" if meant else ""


def nearest(word: str, known: list[str]) -> str:
    """Return ``": did you mean 'x'?"`` for the known word nearest to *word*, or nothing."""
    import difflib  # only a fault needs it

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_copy(member) for member in value]
    return value
