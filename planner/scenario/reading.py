"""YAML text to a tree of ``Item``: plain values that know where they stand.

Safe against hostile files: size, kind of file, number of nodes and expansion of aliases are limited before
anything is built, custom tags are refused, and nothing is ever constructed but text, numbers, lists and
mappings. Dates stay text; the schema reads them.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from planner.facts.numbers import fixed
from planner.scenario.problems import InputError, Place, Problem

MAX_BYTES = 5_000_000
MAX_NODES = 400_000
_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + kind: kind for kind in ("null", "bool", "int", "float", "str", "timestamp")}


@dataclass
class Item:
    """A value of the file: a dict or list of items, or a plain value; and where it (and its key) stands."""

    value: Any
    place: Place
    key: Place | None = None

    @property
    def shown(self) -> Place:
        """Where to point a reader to: the key of a field, the start of a list's entry."""
        return self.key or self.place

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def get(self, name: str) -> Item | None:
        """A field of a mapping; None if there is none or this is no mapping."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def text(self, name: str) -> str | None:
        """A field that is text; None otherwise."""
        child = self.get(name)
        return child.value if child is not None and isinstance(child.value, str) else None


def from_plain(value: Any, place: Place) -> Item:
    """Items for values that were never in a file; all get the same place."""
    if isinstance(value, dict):
        return Item({str(k): from_plain(v, place) for k, v in value.items()}, place)
    if isinstance(value, list | tuple):
        return Item([from_plain(v, place) for v in value], place)
    return Item(value, place)


def read_text(path: Path | str) -> str:
    """Text of a file of at most 5 MB of UTF-8; ``InputError`` with one clear reason otherwise."""
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError.single(str(path), f"is a folder, not a file{_yaml_files(path)}")
        if not stat.S_ISREG(status.st_mode):
            raise InputError.single(str(path), "is not an ordinary file")
        if status.st_size > MAX_BYTES:
            raise InputError.single(str(path), f"is {status.st_size / 1e6:.1f} MB; the limit is 5 MB")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError.single(str(path), f"no such file{_neighbour(path)}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError.single(str(path), f"cannot be read: {reason}") from error
    if len(raw) > MAX_BYTES:
        raise InputError.single(str(path), "is larger than the limit of 5 MB")
    return decode(raw, str(path))


def decode(raw: bytes, file: str) -> str:
    """UTF-8 text of a file's bytes; ``InputError`` where it is binary or in another encoding."""
    if b"\x00" in raw:
        raise InputError.single(file, "is not a text file in UTF-8 (it holds zero bytes: binary or UTF-16)")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        col = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"is not UTF-8 text (byte {raw[error.start]:#04x}); save it as UTF-8"
        raise InputError.single(file, message, line, col) from error


def parse_yaml(text: str, file: str) -> tuple[Item, list[Problem]]:
    """The tree of one YAML document, and its duplicate keys, custom tags and unreadable numbers.

    ``InputError`` with a single problem for a text that is not YAML, is nested too deeply, or is too large
    once its aliases are written out.
    """
    if len(text) > MAX_BYTES:
        raise InputError.single(file, f"is {len(text) / 1e6:.1f} MB; the limit is 5 MB")
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _CountingComposer
    try:
        node = yaml.compose(text)
        if node is None:
            raise InputError.single(file, "is empty")
        builder = _Builder(file, yaml.constructor)
        item = builder.item(node, "")
    except RecursionError as error:
        raise InputError.single(file, "is nested too deeply") from error
    except _TooLarge as error:
        raise InputError.single(file, error.message, error.line, error.col) from error
    except ReaderError as error:
        before = text[: error.position]
        line, col = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
        raise InputError.single(file, f"not valid YAML: {error.reason}", line, col) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError.single(file, f"not valid YAML: {said}", line, col) from error
    except YAMLError as error:
        raise InputError.single(file, f"not valid YAML: {error}") from error
    return item, builder.problems


class _TooLarge(Exception):
    def __init__(self, message: str, node: Any):
        self.message = message
        mark: Any = getattr(node, "start_mark", None)
        self.line: int = mark.line + 1 if mark else 1
        self.col: int = mark.column + 1 if mark else 1


class _CountingComposer(Composer):
    """Stops at a number of nodes, so that a huge file costs seconds and not minutes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.count += 1
        if self.count > MAX_NODES:
            message = (
                f"holds more than {fixed(MAX_NODES)} values; split it, or keep bulk tables in the catalog"
            )
            raise _TooLarge(message, parent)
        return super().compose_node(parent, index)


@dataclass
class _Builder:
    """Nodes to items; an alias is written out at each use, within a limit."""

    file: str
    constructor: Any
    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    open: set[int] = field(default_factory=set)

    def place(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def fault(self, node: Node, path: str, message: str) -> None:
        self.problems.append(Problem.at(self.place(node), path, message))

    def item(self, node: Node, path: str, key: Place | None = None) -> Item:
        self.count += 1
        if self.count > MAX_NODES:
            raise _TooLarge(f"aliases expand to more than {fixed(MAX_NODES)} values", node)
        if id(node) in self.open:
            raise _TooLarge("an anchor contains an alias of itself", node)
        if isinstance(node, ScalarNode):
            return Item(self.scalar(node, path), self.place(node), key)
        self.open.add(id(node))
        expected = _TAG + ("map" if isinstance(node, MappingNode) else "seq")
        if node.tag != expected:
            self.fault(node, path, _tag_message(node.tag))
        value: Any
        if isinstance(node, SequenceNode):
            value = [self.item(child, f"{path}[{i}]") for i, child in enumerate(node.value)]
        else:
            assert isinstance(node, MappingNode)
            value = self.mapping(node, path)
        self.open.discard(id(node))
        return Item(value, self.place(node), key)

    def mapping(self, node: MappingNode, path: str) -> dict[str, Item]:
        own: dict[str, Item] = {}
        merged: dict[str, Item] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.fault(key_node, path, "a key must be plain text")
                continue
            name, place = str(key_node.value), self.place(key_node)
            below = f"{path}.{name}" if path else name
            if name == "<<" and not key_node.style:
                for base in value_node.value if isinstance(value_node, SequenceNode) else [value_node]:
                    content = self.item(base, path).value
                    if isinstance(content, dict):
                        merged = content | merged
                    else:
                        self.fault(base, below, "'<<' takes a mapping")
            elif name in own:
                first = own[name].shown.line
                self.fault(key_node, below, f"duplicate key {name!r} (first on line {first})")
            else:
                own[name] = self.item(value_node, below, place)
        return merged | own

    def scalar(self, node: ScalarNode, path: str) -> Any:
        kind = _SCALARS.get(str(node.tag))
        if kind is None:
            self.fault(node, path, _tag_message(node.tag))
            return None
        if kind in ("str", "timestamp"):
            if any(0xD800 <= ord(char) <= 0xDFFF for char in node.value):
                self.fault(node, path, "holds half of a character (a lone surrogate)")
                return None
            return str(node.value)
        try:
            return getattr(self.constructor, f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, YAMLError):
            self.fault(node, path, f"cannot be read as {kind}: {str(node.value)[:40]!r}")
            return None


def _tag_message(tag: str | None) -> str:
    shown = str(tag).replace(_TAG, "!!")
    return f"tag {shown!r} is not allowed; write plain text, numbers, lists and mappings"


def _yaml_files(folder: Path) -> str:
    try:
        names = sorted(p.name for p in folder.iterdir() if p.suffix in (".yaml", ".yml"))
    except OSError:
        return ""
    return f"; it holds {', '.join(names[:5])}" if names else ""


def _neighbour(path: Path) -> str:
    try:
        names = [p.name for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml")]
    except OSError:
        return f"; the folder {path.parent} does not exist" if not path.parent.exists() else ""
    close = get_close_matches(path.name, names, n=1)
    return f"; did you mean {str(path.parent / close[0])!r}?" if close else ""
