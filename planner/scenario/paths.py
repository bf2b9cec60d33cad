"""Dotted paths into a scenario: ``demand[government].size.points[0].value``.

An entry of a list is named by its ``id`` or by its number from 0, a key of a mapping by its name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from planner.facts.errors import PlannerError
from planner.facts.suggest import hint
from planner.scenario.reading import Item

_TOKEN = re.compile(r"(?:^|\.)([^.\[\]]+)|\[([^\[\]]+)\]")


class PathError(PlannerError):
    """A path that leads nowhere; ``path`` is as much of it as was understood."""

    def __init__(self, path: str, message: str):
        self.path, self.message = path, message
        super().__init__(f"{path}: {message}")


def split(path: str) -> list[str]:
    """Parts of a dotted path.

    >>> split("demand[government].size.points[0].value")
    ['demand', '[government]', 'size', 'points', '[0]', 'value']
    """
    parts, at = [], 0
    for match in _TOKEN.finditer(path):
        if match.start() != at:
            break
        parts.append(match[1].strip() if match[1] else f"[{match[2].strip()}]")
        at = match.end()
    if at != len(path) or not parts:
        raise PathError(path, "not a path such as limits.min_control or demand[government].priority")
    return parts


def joined(parts: Sequence[str]) -> str:
    """The path of parts as ``split`` gives them."""
    return "".join(p if p.startswith("[") or i == 0 else f".{p}" for i, p in enumerate(parts))


def ids_of(entries: Sequence[Item]) -> list[str | None]:
    """Ids of a list's entries; None where an entry has none or shares it with another."""
    ids = [entry.text("id") for entry in entries]
    count = Counter(ids)
    return [i if i is not None and count[i] == 1 else None for i in ids]


def entry_names(entries: Sequence[Item]) -> list[str]:
    """How to name each entry of a list in a path: by id where that is clear, else by number."""
    return [i if i is not None else str(n) for n, i in enumerate(ids_of(entries))]


def position(entries: Sequence[Item], name: str) -> int | None:
    """Index of the entry with this id, or with this number."""
    ids = [entry.text("id") for entry in entries]
    if name in ids:
        return ids.index(name)
    return int(name) if name.isdigit() and int(name) < len(entries) else None


def find(root: Item, pattern: str) -> Iterator[tuple[str, Item]]:
    """Every item a pattern speaks of, with its path; ``[]`` is every entry of a list, ``{}`` of a mapping.

    ``hosts[].stacks[]`` finds each stack of each host. Parts that are missing or of another kind are skipped.
    """
    parts = pattern.replace("[]", ".[]").replace("{}", ".{}").strip(".").split(".")
    yield from _find(root, parts, "")


def _find(item: Item, parts: list[str], path: str) -> Iterator[tuple[str, Item]]:
    if not parts:
        yield path, item
    elif parts[0] == "[]" and isinstance(item.value, list):
        for name, child in zip(entry_names(item.value), item.value, strict=True):
            yield from _find(child, parts[1:], f"{path}[{name}]")
    elif parts[0] == "{}" and isinstance(item.value, dict):
        for name, child in item.value.items():
            yield from _find(child, parts[1:], f"{path}.{name}")
    elif parts[0] not in ("[]", "{}"):
        child = item.get(parts[0])
        if child is not None:
            yield from _find(child, parts[1:], f"{path}.{parts[0]}" if path else parts[0])


def put(root: Item, path: str, new: Item) -> None:
    """Set the value at a path; ``null`` takes an entry out of a list, an unknown id adds one.

    Missing mappings on the way are made; a missing entry of a list on the way is a ``PathError``.
    """
    parts = split(path)
    item = root
    for i, part in enumerate(parts[:-1]):
        here = joined(parts[: i + 1])
        child = _child(item, part, here)
        if child is None or (child.value is None and not part.startswith("[")):
            if part.startswith("["):
                raise PathError(here, _no_entry(item, part))
            child = Item([] if parts[i + 1].startswith("[") else {}, new.place, new.key)
            item.value[part] = child
        item = child
    last = parts[-1]
    child = _child(item, last, path)
    if not last.startswith("["):
        item.value[last] = new
        return
    name = last[1:-1]
    if child is not None:
        at = position(item.value, name) or 0
        item.value[at : at + 1] = [] if new.value is None else [new]
    elif isinstance(new.value, dict) and not name.isdigit():
        item.value.append(Item({"id": Item(name, new.shown)} | new.value, new.place, new.key))
    else:
        raise PathError(path, _no_entry(item, last))


def nearest(root: Item, path: str) -> Item:
    """The item at a path, or the last one on the way to it that is there."""
    item = root
    for part in split(path):
        try:
            child = _child(item, part, path)
        except PathError:
            return item
        if child is None:
            return item
        item = child
    return item


def _child(item: Item, part: str, path: str) -> Item | None:
    if part.startswith("["):
        if not isinstance(item.value, list):
            raise PathError(path, "there is no list here")
        at = position(item.value, part[1:-1])
        return None if at is None else item.value[at]
    if not isinstance(item.value, dict):
        kind = "a list: name an entry as [id]" if isinstance(item.value, list) else f"{item.value!r}"
        raise PathError(path, f"there are no fields here, but {kind}")
    return item.value.get(part)


def _no_entry(item: Item, part: str) -> str:
    return f"no entry {part[1:-1]!r}{hint(part[1:-1], entry_names(item.value))}"


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a document with its path, entries of lists by id where they have one."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from flatten(child, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        ids = [v.get("id") if isinstance(v, dict) else None for v in value]
        if all(not isinstance(v, dict | list) for v in value):
            yield path, value
            return
        clear = all(isinstance(i, str) for i in ids) and len(set(ids)) == len(ids)
        for n, child in enumerate(value):
            yield from flatten(child, f"{path}[{ids[n] if clear else n}]")
    else:
        yield path, value
