"""Nonsense is refused in words or answered truly: a few of each kind here, all of them in benchmarks/mutations.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def mutations(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("mutations")


def sound(found: dict) -> None:
    assert (found["tracebacks"], found["exit_3"], found["wrong_successes"]) == (0, 0, 0), found["faults"]


@pytest.mark.untraced
def test_a_few_of_each_kind(mutations: ModuleType) -> None:
    counts = [
        "--scenarios",
        "60",
        "--solved",
        "2",
        "--manifests",
        "25",
        "--arguments",
        "20",
        "--uploads",
        "25",
    ]
    found = mutations.tried(mutations.arguments_of([*counts, "--damaged", "0", "--seed", "7"]))
    sound(found)
    assert (
        found["scenarios"]["answered"] > 5
        and found["scenarios"]["refused"] > 20
        and found["solved"]["tried"] == 2
    )


@pytest.mark.slow
def test_many_of_each_kind_and_damaged_runs(mutations: ModuleType) -> None:
    counts = [
        "--scenarios",
        "400",
        "--solved",
        "10",
        "--manifests",
        "100",
        "--arguments",
        "60",
        "--uploads",
        "50",
    ]
    sound(mutations.tried(mutations.arguments_of([*counts, "--damaged", "1", "--seed", "8"])))


def test_faults_are_seen(mutations: ModuleType) -> None:
    faults = mutations.Faults()
    assert faults.attempt("x", "1", lambda: 1 / 0) is None and len(faults.tracebacks) == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations.cli, "main", lambda: (_ for _ in ()).throw(SystemExit(3)))
        assert mutations.called(["runs"], Path.cwd())[0] == 3
