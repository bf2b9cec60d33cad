"""A batch on a real Dask scheduler with two worker processes, one of which is killed, and then the scheduler."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.runs.batch import BatchStopped, batch, look_ahead
from planner.runs.run import Run

MANIFEST = """
batch: 1
scenario: two-hosts
quality: quick
grid:
  limits.min_control: {from: 10, to: 35, step: 5}
"""
WORKER = [
    sys.executable,
    "-m",
    "distributed.cli.dask_worker",
    "--no-nanny",
    "--nthreads",
    "1",
    "--no-dashboard",
]


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path):
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
        ]
        self.folder = folder
        self.scheduler = subprocess.Popen(
            [*command, "--no-dashboard"], stderr=subprocess.PIPE, text=True, cwd=folder
        )
        assert self.scheduler.stderr is not None
        for line in self.scheduler.stderr:
            if found := re.search(r"Scheduler at:\s+(tcp://\S+)", line):
                self.address = found[1]
                break
        threading.Thread(target=self.scheduler.stderr.read, daemon=True).start()
        self.workers = [
            subprocess.Popen([*WORKER, self.address], stderr=subprocess.DEVNULL, cwd=folder) for _ in range(2)
        ]

    def end(self) -> None:
        everyone: list[subprocess.Popen] = [*self.workers, self.scheduler]
        for process in everyone:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    found = Cluster(tmp_path)
    yield found
    found.end()


@pytest.mark.slow
def test_a_killed_worker_costs_no_case_and_a_killed_scheduler_none_that_was_reported(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "sweep.yaml").write_text(MANIFEST)
    told: list[str] = []

    def killer(name: str, status: str, done: int, total: int) -> None:
        told.append(name)
        if len(told) == 1:
            cluster.workers[0].kill()
        if len(told) == 3:
            cluster.scheduler.kill()

    with pytest.raises(BatchStopped, match="the scheduler is gone"):
        batch(tmp_path / "sweep.yaml", tmp_path / "out", scheduler=cluster.address, on_case=killer)
    assert len(set(told)) == len(told) >= 3
    before = {name: Run(tmp_path / "out" / "cases" / name).manifest["started"] for name in told}
    assert len(look_ahead(tmp_path / "sweep.yaml", tmp_path / "out", resume=True).to_solve) == 6 - len(told)
    cluster.end()
    another = Cluster(tmp_path)
    try:
        result = batch(tmp_path / "sweep.yaml", tmp_path / "out", scheduler=another.address, resume=True)
    finally:
        another.end()
    assert result.table["status"].tolist() == ["optimal"] * 6 and not result.failed
    assert {name: Run(tmp_path / "out" / "cases" / name).manifest["started"] for name in told} == before
