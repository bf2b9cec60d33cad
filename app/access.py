"""Folders: who may look at and who may change the scenarios and runs that lie in one.

The file holds one line a grant, ``folder:user:role``; the user ``*`` is everyone who is signed in.
``planner app --grant`` writes it. Runs of the command line lie in the folder ``command-line``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, TypeVar, get_args

from planner.facts.errors import PlannerError

log = logging.getLogger("planner.app")
Content = TypeVar("Content")
FOLDER = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
EVERYONE = "*"
Role = Literal["viewer", "planner"]
Grants = dict[str, dict[str, Role]]
"""Folder -> user -> role."""


class FoldersFileError(PlannerError):
    """The file of folders cannot be used; the message says where and why."""


def read_grants(path: Path) -> Grants:
    """Every grant of a file; none where there is no file. Raises ``FoldersFileError``."""
    if not path.exists():
        return {}
    grants: Grants = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FoldersFileError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            folder, user, role = parsed(line, f"{path}:{number}")
            grants.setdefault(folder, {})[user] = role
    return grants


class Watched(Generic[Content]):
    """What a file holds, read again only when it has changed.

    A file that cannot be read at first raises; one that cannot be read later is told once in the log, and what was read
    before holds.
    """

    def __init__(self, path: Path, read: Callable[[Path], Content]) -> None:
        self._path, self._read = path, read
        self._mark, self._content = self._now(), read(path)

    def __call__(self) -> Content:
        if self._mark != (mark := self._now()):
            self._mark = mark
            try:
                self._content = self._read(self._path)
            except PlannerError as error:
                log.error("%s: what was read before still holds", error)
        return self._content

    def _now(self) -> tuple[int, ...]:
        """What tells that the file has changed; empty where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino


def parsed(line: str, where: str) -> tuple[str, str, Role]:
    """Folder, user and role of ``folder:user:role``; ``FoldersFileError`` names the place."""
    folder, user, role = (*(part.strip() for part in line.split(":")), "", "", "")[:3]
    if line.count(":") != 2 or not FOLDER.fullmatch(folder) or not user or role not in get_args(Role):
        raise FoldersFileError(f"{where}: not folder:user:role with role {' or '.join(get_args(Role))}")
    return folder, user, "planner" if role == "planner" else "viewer"


def add_grant(path: Path, grant: str) -> None:
    """Adds a grant, or replaces the role of that user in that folder; raises ``FoldersFileError``."""
    folder, user, role = parsed(grant, "--grant")
    grants = read_grants(path)
    grants.setdefault(folder, {})[user] = role
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.writelines(f"{f}:{u}:{r}\n" for f, users in grants.items() for u, r in users.items())
    beside.replace(path)


def role_in(grants: Grants, folder: str | None, user: str) -> Role | None:
    """A user's role in a folder: their own grant, else everyone's."""
    users = grants.get(folder or "", {})
    return users.get(user, users.get(EVERYONE))
