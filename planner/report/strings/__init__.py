"""All text of the interface, by key: another language is another folder beside ``en``.

``home.title`` is key ``title`` of ``en/home.json``; nested keys are joined by dots. Values may hold
named fields, which ``t`` fills in. An unknown key is an error, not an empty label.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

LANGUAGE = "en"


class UnknownText(LookupError):
    """No language has a text of that key: a fault of the program, never of what is shown."""


def t(key: str, **fields: object) -> str:
    """The text of a key with its fields filled in; raises ``UnknownText`` for an unknown key."""
    text = texts(LANGUAGE).get(key)
    if text is None:
        raise UnknownText(f"no text {key!r}")
    return text.format(**fields) if fields else text


def known(key: str) -> bool:
    """Whether a key has a text: for labels of open lists, such as the fields of a scenario."""
    return key in texts(LANGUAGE)


@cache
def texts(language: str) -> dict[str, str]:
    """Every text of a language, flat: ``{"home.title": "Home", ...}``."""
    found: dict[str, str] = {}
    folder = resources.files(__name__) / language
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".json"):
            _flatten(file.name.removesuffix(".json"), json.loads(file.read_text(encoding="utf-8")), found)
    return found


def _flatten(prefix: str, value: object, into: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{prefix}.{key}", inner, into)
    else:
        into[prefix] = str(value)
