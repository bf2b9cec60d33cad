"""Whose a run of the app is, kept in its directory: where the store was replaced, nobody else's runs stand open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planner.runs.disk import RunError, replace_bytes
from planner.runs.files import json_text, read_json

FILE = "asked_by.json"


@dataclass(frozen=True)
class Asker:
    """Owner and folder of a run of which the store knows nothing; nothing is shared by it."""

    owner: str
    folder: str | None
    shared: bool = False


def note_asker(run: Path, owner: str, folder: str | None) -> None:
    """Notes in a run directory who asked for it."""
    replace_bytes(run / FILE, json_text({"owner": owner, "folder": folder}).encode())


def asked_by(run: Path) -> Asker | None:
    """Who asked for a run; None for one of the command line. A note that cannot be read makes it nobody's."""
    if not (run / FILE).is_file():
        return None
    try:
        noted = read_json(run / FILE)
    except RunError:
        return Asker("", None)
    folder = noted.get("folder")
    return Asker(str(noted.get("owner", "")), folder if isinstance(folder, str) else None)
