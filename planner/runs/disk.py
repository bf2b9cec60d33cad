"""Every write of a run or a batch goes through here: readable by its owner only, and an error names the file."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from planner.facts.errors import PlannerError

PART = ".part"
"""Ending of the hidden folder or file in which something is written before it gets its name."""
OWNER_FOLDER, OWNER_FILE = 0o700, 0o600


class RunError(PlannerError):
    """A run cannot be written or read; the message says why and what to do."""


class WriteError(RunError):
    """The system refuses a write: the disk is full, the folder is read-only. What comes next would fail as well."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says about a full disk or a forbidden folder into a ``WriteError`` that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise WriteError(f"cannot write to {path}: {reason[:1].lower()}{reason[1:]}") from error


def make_folder(path: Path, exist_ok: bool = False) -> None:
    """A folder that only its owner may open."""
    with writing(path):
        try:
            os.mkdir(path, OWNER_FOLDER)  # noqa: PTH102 - plain system calls, so that a test can fail each of them
        except FileExistsError:
            if not exist_ok or not path.is_dir():
                raise


def write_bytes(path: Path, content: bytes, append: bool = False) -> None:
    """A file that only its owner may read; a torn write is an error, never a shorter file that looks whole."""
    how = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    with writing(path):
        handle = os.open(path, how, OWNER_FILE)
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)


def parts_of(directory: Path) -> list[Path]:
    """Hidden folders in which processes work, or worked, on the run of a directory; the oldest first."""
    found = directory.parent.glob(f".{glob.escape(directory.name)}.*{PART}")
    return sorted((path for path in found if path.is_dir()), key=lambda path: path.stat().st_mtime)


def folder_of(directory: Path) -> Path:
    """Where a run is: its directory, or while there is none the hidden folder that was last written in for it."""
    return directory if directory.is_dir() else next(reversed(parts_of(directory)), directory)


def write_text(path: Path, text: str, append: bool = False) -> None:
    """The same for text, in UTF-8 with line ends as given."""
    write_bytes(path, text.encode("utf-8"), append)


def replace_bytes(path: Path, content: bytes) -> None:
    """Writes beside the place, forces it to the disk, then renames: a reader sees the old file or the new one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        write_bytes(part, content)
        with writing(path):
            sync(part)
            os.replace(part, path)  # noqa: PTH105
            sync(path.parent)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def move(source: Path, target: Path) -> None:
    """Renames a file or folder, on the disk before it returns."""
    with writing(target):
        os.rename(source, target)  # noqa: PTH104
        sync(target.parent)
        if source.parent != target.parent:
            sync(source.parent)


def copy_folder(source: Path, target: Path) -> None:
    """Copies a folder; the copy has its name once all of it is on the disk."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        for folder, _, files in os.walk(source):
            into = part / Path(folder).relative_to(source)
            make_folder(into)
            for name in files:
                write_bytes(into / name, (Path(folder) / name).read_bytes())
        sync_tree(part)
        move(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def remove_file(path: Path) -> None:
    """Removes a file; one that is gone already is no error."""
    with writing(path), suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def sync_tree(directory: Path) -> None:
    """Forces every file and folder below ``directory`` to the disk, so that a rename cannot outrun them."""
    for folder, _, files in os.walk(directory):
        for name in [*files, "."]:
            sync(Path(folder) / name)


def sync(path: Path) -> None:
    """Forces one file or folder to the disk; a system that cannot do so for folders is passed over."""
    with writing(path):
        try:
            handle = os.open(path, os.O_RDONLY)
        except PermissionError:  # folders on Windows
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
