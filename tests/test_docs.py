"""What protects the pages: every file, module and page they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NAMED = re.compile(
    r"(?<![\w/.])(?:planner|models|app|data|tests|benchmarks|docs)/[\w/.-]+\.(?:py|md|json|ya?ml|csv|cff|js)\b"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def pages(root: Path) -> list[Path]:
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def lost(page: Path, text: str, root: Path) -> list[str]:
    """Files and pages that a page names or links to and that do not exist, nor does a worked example make them."""
    examples = "".join(path.read_text("utf-8") for path in (root / "tests" / "contributing").glob("*.patch"))
    linked = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    named = [name for name in NAMED.findall(text) if f"+++ b/{name}\n" not in examples]
    return [name for name in named if not (root / name).exists()] + linked


def test_every_file_a_page_names_exists(root: Path) -> None:
    missing = {
        page.name: names for page in pages(root) if (names := lost(page, page.read_text("utf-8"), root))
    }
    assert not missing


@pytest.mark.parametrize("text", ["see `planner/gone.py`", "[it](gone.md)"])
def test_a_lost_file_is_seen(root: Path, text: str) -> None:
    assert lost(root / "README.md", text, root)
