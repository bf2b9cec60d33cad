"""What protects the package: one import root, a wheel that holds every file, exact pins, a clean lock."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import planner
from planner.scenario.reading import parse_yaml

FOLDERS = ("planner", "models", "data", "app")
BESIDE_PLANNER = {"models", "data", "app"}
# In a checkout the __path__ shim makes every sibling of planner/ importable through it.
NOT_IN_THE_WHEEL = {"planner", "tests", "docs", "benchmarks", "dist"}


def files_under(root: Path, *patterns: str) -> list[str]:
    """Paths that are tracked, or would be by `git add`, and exist."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=root, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return sorted({name for name in listing.split("\0") if name and (root / name).is_file()})


@pytest.fixture(scope="session")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(out), str(root)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="session")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_wheel_holds_exactly_the_files_of_the_four_folders(root: Path, wheel: zipfile.ZipFile) -> None:
    expected = {
        name if name.startswith("planner/") else f"planner/{name}" for name in files_under(root, *FOLDERS)
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {"planner/py.typed", "planner/models/__init__.py", "planner/data/__init__.py"} <= packed
    assert packed == expected


def test_the_citation_is_of_this_version_and_licence(root: Path, project: dict) -> None:
    text = (root / "CITATION.cff").read_text(encoding="utf-8")
    cited, _ = parse_yaml(text, "CITATION.cff")
    said: dict = cited.plain()
    assert {"cff-version", "message", "title", "authors"} <= set(said) and said["cff-version"] == "1.2.0"
    assert all("name" in author for author in said["authors"])
    assert (said["version"], said["license"]) == (planner.__version__, project["license"])


def test_wheel_metadata_names_licence_command_and_pins(wheel: zipfile.ZipFile, project: dict) -> None:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Apache License" in wheel.read(f"{info}/licenses/LICENSE").decode()
    assert "planner = planner.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    core = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert core == set(project["dependencies"])


def pinned(project: dict, *extras: str) -> dict[str, str]:
    lines = [*project["dependencies"], *(x for e in extras for x in project["optional-dependencies"][e])]
    return dict(line.split("==") for line in lines)


def test_every_dependency_is_pinned_exactly(project: dict) -> None:
    pins = pinned(project, *project["optional-dependencies"])
    assert pins and all(re.fullmatch(r"\d+(\.\d+)+", version) for version in pins.values()), pins


def test_lock_agrees_with_pins_and_is_portable(root: Path, project: dict) -> None:
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text, re.M))
    assert pinned(project, "dev").items() <= locked.items()
    assert not re.search(r"^\s*-(?!-hash)|://|@ ", text, re.M), "an index, a path or an option of one machine"
    blocks = re.split(r"^(?=\S+==)", text, flags=re.M)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def imported_names(tree: ast.AST) -> list[tuple[int, str]]:
    """Every absolute dotted name an `import` or `from ... import` statement could bind to a module."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return names


def forbidden(name: str) -> bool:
    first, second = (*name.split("."), "")[:2]
    return first in BESIDE_PLANNER or (first == "planner" and second in NOT_IN_THE_WHEEL)


@pytest.mark.parametrize(
    "line", ["import models", "from data import catalog", "import app.pages", "import planner.tests.x",
             "from planner import planner"]
)  # fmt: skip
def test_import_rule_catches(line: str) -> None:
    assert any(forbidden(name) for _, name in imported_names(ast.parse(line)))


def test_no_module_is_imported_past_the_one_root(root: Path) -> None:
    wrong = [
        f"{file}:{line}: {name}"
        for file in files_under(root, "*.py")
        for line, name in imported_names(ast.parse((root / file).read_text(encoding="utf-8"), file))
        if forbidden(name)
    ]
    assert not wrong, "\n".join(wrong)
