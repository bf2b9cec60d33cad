"""What protects CONTRIBUTING.md: its four worked examples apply, touch few files, and pass the tests of the registry.

`tests/contributing/` holds each example as a patch. Where the code moves away under one, make the change again by hand
and store `git diff`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MOST_FILES = {"account": 2, "purchase": 8, "field": 3, "page": 4}
"""How many files a new one may touch; what `make docs` writes is not counted."""
NEEDED = ("planner", "models", "data", "app", "docs", "tests", "pyproject.toml", "README.md")
REGISTRY = ("tests/test_registry.py", "tests/intake/test_scenario_file.py", "tests/intake/test_schema.py")
PARTS = "registry and not declare or documented_reference"
"""All but the tables of every example, which take a minute."""


def patch(root: Path, name: str) -> Path:
    return root / "tests" / "contributing" / f"{name}.patch"


def touched(root: Path, name: str) -> list[str]:
    return re.findall(r"^diff --git a/\S+ b/(\S+)$", patch(root, name).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", MOST_FILES)
def test_an_example_touches_few_files_and_the_page_names_them(root: Path, name: str) -> None:
    files = touched(root, name)
    assert 0 < len(files) <= MOST_FILES[name], files
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition(f"\n### {name.capitalize()}")[2].partition("\n##")[0]
    assert not [file for file in files if f"`{file}`" not in section]
    assert f"{len(files)} files" in section.splitlines()[0]


def test_the_examples_apply_and_pass_the_tests_of_the_registry(root: Path, tmp_path: Path) -> None:
    for name in NEEDED:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.png")
            )
        else:
            shutil.copy(root / name, tmp_path / name)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE_", "PYTEST_"))}

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"

    for name in MOST_FILES:
        run("git", "apply", str(patch(root, name)))
    run(sys.executable, "-m", "planner.report.reference", "docs")
    run(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *REGISTRY,
        "-k",
        PARTS,
    )
