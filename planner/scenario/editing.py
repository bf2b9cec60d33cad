"""Changes a user's YAML in place: comments, order and layout stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from planner.facts.suggest import hint
from planner.scenario.paths import PathError, joined, split
from planner.scenario.problems import InputError
from planner.scenario.reading import parse_yaml

CRLF = "\r\n"


def set_in_file(text: str, changes: Mapping[str, Any]) -> str:
    """The text with values set at dotted paths; None removes a field or an entry of a list.

    Lines that no change touches stay as they are written, with their blanks, quotes and breaks. In a file that
    ``extends`` another, a path its own text does not hold goes to ``overrides``. An unknown id with a mapping as value
    adds an entry. Lines end as those of the text do. ``InputError`` if the text is not YAML, ``PathError`` if a path leads
    nowhere.
    """
    if CRLF in text and text.count(CRLF) == text.count("\n"):
        return set_in_file(text.replace(CRLF, "\n"), changes).replace("\n", CRLF)
    parse_yaml(text, "<text>")  # refuses what is hostile or broken before anything is built
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.brace_single_entry_mapping_in_flow_sequence = True  # [{id: a}], not [id: a]
    yaml.indent(mapping=2, **_list_indent(text))
    document = yaml.load(text)
    before = _dumped(yaml, document)
    for path, value in changes.items():
        _set(document, path, _value(value))
    after = _dumped(yaml, document)
    merged = (_as_written(text, before, after, lone) for lone in (True, False))
    return next((each for each in merged if _plain(each) == _plain(after)), after)


def _dumped(yaml: YAML, document: Any) -> str:
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _plain(text: str) -> Any:
    """What a text says; None where it is broken."""
    try:
        return parse_yaml(text, "<text>")[0].plain()
    except InputError:
        return None


def _as_written(text: str, before: str, after: str, lone: bool) -> str:
    """``after`` with what it shares with ``before``, which is ``text`` in the writer's layout, as ``text`` has it.

    Both differences are taken from ``before``; where they meet, what was changed holds. ``lone``: lines that differ in
    blanks only are taken over one by one, which does not fit where a change stands among lines set in otherwise.
    """
    if before == text:
        return after
    lines, written, changed = (each.splitlines(keepends=True) for each in (before, text, after))
    made = _differences(lines, changed, False)
    kept = [
        (start, end, new)
        for start, end, new in _differences(lines, written, lone)
        if not any(start < stop and begin < end for begin, stop, _ in made)
    ]
    out: list[str] = []
    at = 0
    for start, end, new in sorted([*kept, *made], key=lambda each: each[:2]):
        out += [*lines[at:start], *new]
        at = end
    return "".join([*out, *lines[at:]])


def _differences(old: Sequence[str], new: Sequence[str], lone: bool) -> list[tuple[int, int, Sequence[str]]]:
    """Stretches of old lines that differ, each with the new lines in its place; ``lone``: alike but for blanks, one each."""
    was, now = (["".join(line.split()) if lone else line for line in lines] for lines in (old, new))
    found: list[tuple[int, int, Sequence[str]]] = []
    for tag, i, j, k, m in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag != "equal":
            found.append((i, j, new[k:m]))
        else:
            found += [
                (i + n, i + n + 1, new[k + n : k + n + 1]) for n in range(j - i) if old[i + n] != new[k + n]
            ]
    return found


def _list_indent(text: str) -> dict[str, int]:
    """Whether the file writes the dash of a list under its key or two columns in."""
    dash = re.search(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n(?:\s*#[^\n]*\n)*( *)- ", text, re.MULTILINE)
    inset = bool(dash) and len(dash[2]) > len(dash[1]) if dash else True
    return {"sequence": 4, "offset": 2} if inset else {"sequence": 2, "offset": 0}


def _value(value: Any) -> Any:
    """ISO dates given as text are written as dates, without quotes."""
    if isinstance(value, dict):
        return {k: _value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_value(v) for v in value]
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _set(document: Any, path: str, value: Any) -> None:
    if not isinstance(document, CommentedMap):
        raise PathError(path, "the file is not a mapping of fields")
    parts = split(path)
    if "extends" in document and (path in document.get("overrides", {}) or not _holds(document, parts)):
        overrides = document.setdefault("overrides", CommentedMap())
        overrides[path] = value
        return
    here: Any = document
    for i, part in enumerate(parts[:-1]):
        child = _child(here, part, joined(parts[: i + 1]))
        if child is None:
            if part.startswith("["):
                raise PathError(joined(parts[: i + 1]), _missing(here, part))
            child = CommentedSeq() if parts[i + 1].startswith("[") else CommentedMap()
            here[part] = child
        here = child
    _put(here, parts[-1], value, path)


def _put(here: Any, last: str, value: Any, path: str) -> None:
    found = _child(here, last, path)
    if not last.startswith("["):
        if value is None:
            here.pop(last, None)
        elif isinstance(found, CommentedSeq) and isinstance(value, list) and value:
            _refill(found, value)
        else:
            here[last] = value
        return
    name = last[1:-1]
    at = _position(here, name)
    if found is not None and at is not None:
        if value is None:
            del here[at]
        else:
            here[at] = value
    elif isinstance(value, dict) and not name.isdigit():
        here.append(_like(here, {"id": name} | value))
    else:
        raise PathError(path, _missing(here, last))


def _refill(entries: CommentedSeq, wanted: list[Any]) -> None:
    """Makes a list hold other entries; those at its two ends that stay are left as they are written."""
    shorter = min(len(entries), len(wanted))
    head = next((n for n in range(shorter) if entries[n] != wanted[n]), shorter)
    tail = next((n for n in range(shorter - head) if entries[-1 - n] != wanted[-1 - n]), shorter - head)
    for at in reversed(range(head, len(entries) - tail)):
        del entries[at]
    for at in range(head, len(wanted) - tail):
        entries.insert(at, _like(entries, wanted[at]))


def _like(entries: Any, value: Any) -> Any:
    """A new entry of a list: on one line in braces, where the other entries stand so."""
    others = [entry.fa.flow_style() for entry in entries if isinstance(entry, CommentedMap)]
    if not isinstance(value, dict) or not others or not all(others):
        return value
    entry = CommentedMap(value)
    entry.fa.set_flow_style()
    return entry


def _holds(document: CommentedMap, parts: list[str]) -> bool:
    """Whether the file itself has the place where the last part would go."""
    here: Any = document
    for part in parts[:-1]:
        try:
            here = _child(here, part, "")
        except PathError:
            return False
        if here is None:
            return False
    return len(parts) == 1 or isinstance(here, dict | list)


def _child(here: Any, part: str, path: str) -> Any:
    if part.startswith("["):
        if not isinstance(here, list):
            raise PathError(path, "there is no list here")
        at = _position(here, part[1:-1])
        return None if at is None else here[at]
    if not isinstance(here, dict):
        raise PathError(path, "there are no fields here")
    return here.get(part)


def _position(entries: list[Any], name: str) -> int | None:
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in entries]
    if name in ids:
        return ids.index(name)
    return int(name) if name.isdigit() and int(name) < len(entries) else None


def _missing(here: Any, part: str) -> str:
    ids = [str(e["id"]) for e in here if isinstance(e, dict) and "id" in e]
    return f"no entry {part[1:-1]!r}{hint(part[1:-1], ids)}"
