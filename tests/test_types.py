"""What protects the public names for editors: each has its full type, not Any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import planner


@pytest.mark.slow
def test_public_names_have_types(root: Path, tmp_path: Path) -> None:
    package = tmp_path / "planner"
    package.mkdir()
    for place in (*(root / "planner").iterdir(), root / "models", root / "data", root / "app"):
        (package / place.name).symlink_to(place)
    names = "\n".join(f"reveal_type(planner.{name})" for name in planner.__all__)
    (tmp_path / "asked.py").write_text(f"import planner\n{names}\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml")]
    cache = ["--cache-dir", str(root / ".mypy_cache"), "asked.py"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([*command, *cache], cwd=tmp_path, env=environment, capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert done.returncode == 0 and len(told) == len(planner.__all__), done.stdout + done.stderr
    for line in told:
        assert 'type is "Any"' not in line and "-> Any" not in line and "def (" in line, line
    solve = told[planner.__all__.index("solve")]
    assert "planner.case.case.Case" in solve and "planner.planning.solve_run.Outcome" in solve
