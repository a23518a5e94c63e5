"""The YAML files that a configuration comes from, and where in them each key stands."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from meshbench.util.errors import ConfigError, Problem

COMMAND_LINE = "--config"
Place = tuple[str | int, ...]
_NOTHING = object()
_TRUTH = {"True": True, "False": False, "": None}


@dataclass(frozen=True)
class Source:
    """A YAML file and where each of its keys stands."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Place, int | None]
    texts: Mapping[Place, str] = field(default_factory=dict)
    """What stands there without quotes, letter by letter."""

    @classmethod
    def read(cls, path: Path) -> "Source":
        """Read a YAML mapping. Raises ConfigError when it is missing or is not one."""
        try:
            text = path.read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            nodes = dict(_nodes(node, ()))
            data = yaml.safe_load(text)
        except FileNotFoundError:
            raise ConfigError([Problem(str(path), "", "no such file")]) from None
        except OSError as error:
            raise ConfigError(
                [Problem(str(path), "", f"cannot be read: {error.strerror}")]
            ) from None
        except UnicodeDecodeError as error:
            raise ConfigError([Problem(str(path), "", f"not UTF-8 text: {error}")]) from None
        except yaml.reader.ReaderError as error:
            raise ConfigError([Problem(str(path), "", f"not YAML: {error.reason}")]) from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise ConfigError(
                [Problem(str(path), "", f"not YAML: {error.problem}", line)]
            ) from None
        except (ValueError, RecursionError) as error:
            # Such as a date that does not exist.
            raise ConfigError([Problem(str(path), "", f"not YAML: {error}")]) from None
        if data is None:
            return cls(path, {}, {})
        if not isinstance(data, dict):
            raise ConfigError([Problem(str(path), "", "must be a mapping of keys to values", 1)])
        lines = {at: key.start_mark.line + 1 for at, (key, _) in nodes.items()}
        texts = {
            at: value.value
            for at, (_, value) in nodes.items()
            if isinstance(value, yaml.ScalarNode) and value.style is None
        }
        return cls(path, data, lines, texts)


def _nodes(
    node: Any, at: Place, above: tuple[Any, ...] = ()
) -> Iterable[tuple[Place, tuple[Any, Any]]]:
    """By place, the node of the key and that of the value; outside of mappings both are the same.

    Raises MarkedYAMLError where an alias contains itself.
    """
    if node in above:
        raise yaml.MarkedYAMLError(problem="an alias contains itself", problem_mark=node.start_mark)
    yield at, (node, node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield from _nodes(value, (*at, key.value), (*above, node))
                yield (*at, key.value), (key, value)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _nodes(value, (*at, index), (*above, node))


def sources_of(
    config: Mapping[str, Any], files: Iterable[Path], words: Iterable[str] = ()
) -> list[Source]:
    """The config files, and last the command line: whatever of `config` the files do not say.

    `words` are those of the command line.
    """
    read = [Source.read(path) for path in files]
    merged: dict[str, Any] = {}
    for source in read:
        merge(merged, source.data)
    added = dict.fromkeys(_not_said(config, merged, ()))
    data = {key: config[key] for key in config if (key,) in added}
    settings: dict[Place, str] = {
        (key,): unquoted(text) for key, _, text in (word.partition("=") for word in words)
    }
    texts = {at: text for at, text in settings.items() if at in added}
    return [*read, Source(Path(COMMAND_LINE), data, added, texts)]


def unquoted(text: str) -> str:
    """A value of ``--config`` as Snakemake looks at it: without quotes, even those meant for YAML."""
    return text.strip("'\"")


def read_setting(word: str) -> tuple[str, Any]:
    """A key and its value as Snakemake's ``--config`` reads them: a number, a truth value, or YAML
    in which all is text. Raises ConfigError when it is none.
    """
    key, equals, written = word.partition("=")
    if not equals:
        raise ConfigError([Problem(COMMAND_LINE, key, "write KEY=VALUE")])
    text = unquoted(written)
    if text in _TRUTH:
        return key, _TRUTH[text]
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return key, number(text)
    try:
        return key, yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        raise ConfigError([Problem(COMMAND_LINE, key, f"not YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(COMMAND_LINE, key, f"not YAML: {error}")]) from None


def setting(key: str, value: Any) -> str:
    """A key and its value as ``--config`` reads them back."""
    if value is None or isinstance(value, bool):
        return f"{key}={'' if value is None else value}"
    if not isinstance(value, str):
        return f"{key}={json.dumps(value)}"
    plain = f"{key}={value}"
    with contextlib.suppress(ConfigError):
        if read_setting(plain) == (key, value):
            return plain
    # The blank at the end keeps Snakemake from taking the quotes away.
    return f"{key}=!!str {json.dumps(value)} "


def merge(config: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Lay one configuration over another as Snakemake does: mappings key by key."""
    for key, value in over.items():
        if isinstance(value, Mapping):
            below = config.get(key)
            config[key] = dict(below) if isinstance(below, Mapping) else {}
            merge(config[key], value)
        else:
            config[key] = value


def _not_said(value: Any, merged: Any, at: Place) -> Iterable[Place]:
    if value == merged:
        return
    yield at
    if isinstance(value, Mapping):
        below = merged if isinstance(merged, Mapping) else {}
        for key in value:
            yield from _not_said(value[key], below.get(key, _NOTHING), (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_said(item, _NOTHING, (*at, index))


def locate(sources: list[Source], at: Place, item: str | None = None) -> tuple[str, int | None]:
    """The file and line of a key (or of an item of the list at it), the last file first.

    What no file says came from the command line, the last of the sources; a missing key is looked
    for at its nearest parent.
    """
    for source in reversed(sources):
        value: Any = source.data.get(str(at[0])) if len(at) == 1 else None
        if item is not None and isinstance(value, list) and item in value:
            return str(source.path), source.lines[(at[0], value.index(item))]
        if at in source.lines:
            return str(source.path), source.lines[at]
    for length in range(len(at) - 1, 0, -1):
        for source in reversed(sources):
            if at[:length] in source.lines:
                return str(source.path), source.lines[at[:length]]
    files = [str(source.path) for source in sources if str(source.path) != COMMAND_LINE]
    return (files or [COMMAND_LINE])[-1], None
