"""Does a batch lose anything? Many tiny cases, killed, starved of disk, locked out and set against the clock.

    python benchmarks/soak.py --json [--cases 200] [--kills 5] [--lock 60]

Prints one object. ``lost``: cases without an answer at the end. ``doubled``: runs beyond one a case. ``solved_again``:
cases whose answer was made anew after it had been reported. ``untrue``: states that were not so. All are to be 0.
Disk full and read-only are real (a small tmpfs, which needs root) and left out with a word where they cannot be made.
"""

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from planner.jobs.store import Store, default_url, input_hash
from planner.jobs.supervisor import Supervisor
from planner.runs.batch import look_ahead
from planner.runs.run import Run, clean_runs, list_runs

SCENARIO = "extends: two-hosts\nname: soak\nhorizon: {start: 2027-01-01, years: 4, step: year}\n"
PLANNER = [sys.executable, "-m", "planner", "batch"]
REPORT = re.compile(r"^\s*\d+ of \d+  (\S+): (?!.*done before)")
COUNTS = ("lost", "doubled", "solved_again", "untrue")


class Soak:
    """One folder, what was reported in it, and what was found wrong."""

    def __init__(self, folder: Path):
        self.folder, self.out = folder, folder / "out"
        self.reported: dict[str, str] = {}
        self.found = dict.fromkeys(COUNTS, 0)
        self.notes: list[str] = []

    def wrong(self, what: str, note: str) -> None:
        self.found[what] += 1
        self.notes.append(f"{what}: {note}")

    def check(self, true: bool, note: str) -> None:
        if not true:
            self.wrong("untrue", note)

    def start(self, manifest: Path, *more: str, out: Path | None = None) -> subprocess.Popen[str]:
        place = out or self.out
        resume = ["--resume"] if (place / "batch.yaml").exists() else []
        command = [*PLANNER, str(manifest), "-o", str(place), "--workers", "2", *resume, *more]
        env = {**os.environ, "CI": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=env,
        )

    def follow(
        self,
        process: subprocess.Popen[str],
        out: Path | None = None,
        on_report: Callable[[int], None] = lambda n: None,
    ) -> str:
        """Reads reports to the end; each must be of a run that is whole, and of one never reported before."""
        said, n = [], 0
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if match := REPORT.match(line):
                n += 1
                self.report((out or self.out), match[1])
                on_report(n)
        process.wait()
        return "".join(said)

    def report(self, out: Path, name: str) -> None:
        key = f"{out.name}/{name}"
        if key in self.reported:
            self.wrong("solved_again", key)
        try:
            run = Run(out / "cases" / name)
            run.verify()
            self.reported[key] = str(run.manifest["started"])
        except Exception as error:
            self.wrong("untrue", f"{key} was reported and is not there: {error}")

    def closing(self, manifest: Path, out: Path | None = None) -> None:
        """What must hold at the end: an answer a case, no run beyond, nothing made anew, every state so."""
        place = out or self.out
        cases = look_ahead(manifest, place, resume=True)
        names = {step.case.name for step in cases.steps}
        for step in cases.steps:
            if step.run is None:
                self.wrong("lost", f"{step.case.name}: {step.why}")
        found = list_runs(place / "cases")
        for name in set(found["name"]) - names:
            self.wrong("doubled", f"{place.name}/{name}")
        for row in found.to_dict("records"):
            self.check(
                row["status"] == "optimal" and row["audit"] == "clean", f"{row['name']} is {row['status']}"
            )
        for key, started in self.reported.items():
            folder, name = key.split("/", 1)
            if (
                folder == place.name
                and name in names
                and Run(place / "cases" / name).manifest["started"] != started
            ):
                self.wrong("solved_again", key)
        self.check(Run(place).status == "done", f"the batch in {place.name} is {Run(place).status}")
        self.check(not (place / "lock.json").exists(), "the lock of a finished batch is there")


def manifest(folder: Path, name: str, first: int, last: int) -> Path:
    (folder / "soak.yaml").write_text(SCENARIO)
    path = folder / f"{name}.yaml"
    values = [round(20 + 0.05 * n, 3) for n in range(first, last)]
    path.write_text(
        f"batch: 1\nscenario: soak.yaml\nquality: quick\ngrid: {{limits.min_control: {json.dumps(values)}}}\n"
    )
    return path


def kills(soak: Soak, path: Path, cases: int, times: int, dice: random.Random) -> None:
    """Kills the batch, alone or with its workers, after some reports or some seconds."""
    for n in range(times):
        process = soak.start(path)
        target = process.pid if n % 2 else -process.pid
        reports, seconds = dice.randint(1, max(cases // (times + 1), 1)), dice.uniform(2, 10)

        def kill(target: int = target) -> None:
            try:
                os.kill(target, signal.SIGKILL)
            except ProcessLookupError:
                return

        timer = threading.Timer(seconds, kill) if n == 0 else None
        if timer is not None:
            timer.start()
        soak.follow(process, on_report=lambda k, r=reports, kill=kill: kill() if k == r else None)
        if timer is not None:
            timer.cancel()
        status = Run(soak.out).status if (soak.out / "manifest.json").exists() else "lost"
        soak.check(status in ("lost", "unfinished", "done"), f"a killed batch is {status}")


def two_at_once(soak: Soak, path: Path) -> None:
    both = [soak.start(path), soak.start(path)]
    said = ["", ""]

    def follow(i: int) -> None:
        said[i] = soak.follow(both[i])

    threads = [threading.Thread(target=follow, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(process.returncode for process in both)
    soak.check(codes == [0, 2], f"two at once ended with {codes}")
    soak.check("is worked on by process" in "".join(said), "who holds the batch was not said")


def changed_manifest(soak: Soak, path: Path, cases: int) -> None:
    """Another manifest in between: fewer of these cases and some new ones, then the first again."""
    other = manifest(soak.folder, "other", 5, cases + 3)
    process = soak.start(other)
    soak.follow(process)
    soak.check(process.returncode == 0, f"the changed manifest ended with {process.returncode}")
    aside = soak.out / "aside"
    soak.check(aside.is_dir() and len(list(aside.iterdir())) == 5, "five cases should be aside")
    process = soak.start(path)
    soak.follow(process)
    soak.check(process.returncode == 0, "the first manifest again")


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path | None]:
    place = folder / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(place)], capture_output=True
    )
    if made.returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True)


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True, capture_output=True)


def disk(soak: Soak) -> str:
    """A disk that is full, then one that turns read-only, in the midst of a small batch."""
    path = manifest(soak.folder, "disk", 0, 6)
    with small_disk(soak.folder, 900) as place:
        if place is None:
            return "left out: no tmpfs can be mounted here"
        out = place / "disk-batch"
        process = soak.start(path, out=out)
        said = soak.follow(process, out)
        soak.check(
            process.returncode == 2 and "no space left" in said, f"full disk: exit {process.returncode}"
        )
        soak.check("--resume" in said and "Traceback" not in said, "full disk: how to go on")
        remount(place, "size=50m")
        process = soak.start(path, out=out)
        said = soak.follow(process, out, lambda n: remount(place, "ro") if n == 1 else None)
        soak.check(process.returncode == 2 and "read-only" in said, f"read-only: exit {process.returncode}")
        remount(place, "rw")
        process = soak.start(path, out=out)
        soak.follow(process, out)
        soak.check(process.returncode == 0, f"after the disk: exit {process.returncode}")
        soak.closing(path, out)
    return "done"


class Cluster:
    """A Dask scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path):
        where = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.scheduler = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", *where],
            stderr=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        assert self.scheduler.stderr is not None
        line = next(x for x in self.scheduler.stderr if "Scheduler at:" in x)
        self.address = line.split()[-1]
        threading.Thread(target=self.scheduler.stderr.read, daemon=True).start()
        worker = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            self.address,
            "--no-nanny",
            "--no-dashboard",
        ]
        self.workers = [
            subprocess.Popen([*worker, "--nthreads", "1"], stderr=subprocess.DEVNULL, cwd=folder)
            for _ in range(2)
        ]

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def dask(soak: Soak) -> str:
    """One worker killed, then the scheduler; the batch goes on with another cluster."""
    path, out = manifest(soak.folder, "dask", 0, 8), soak.folder / "dask-batch"
    first = Cluster(soak.folder)
    deaths = {1: first.workers[0].kill, 3: first.scheduler.kill}
    process = soak.start(path, "--scheduler", first.address, out=out)
    said = soak.follow(process, out, lambda n: deaths.get(n, lambda: None)())
    first.end()
    soak.check(
        process.returncode == 2 and "the scheduler is gone" in said, f"lost cluster: {process.returncode}"
    )
    soak.check(not (out / "failures").exists(), "no case failed with the scheduler")
    second = Cluster(soak.folder)
    process = soak.start(path, "--scheduler", second.address, out=out)
    soak.follow(process, out)
    second.end()
    soak.check(process.returncode == 0, f"after the cluster: exit {process.returncode}")
    soak.closing(path, out)
    return "done"


def locked_store(soak: Soak, seconds: float) -> None:
    """The store of the queue is locked while a run is at work and beyond its end."""
    root = soak.folder / "runs"
    store = Store(default_url(root))
    job, _ = store.submit(
        "soak", SCENARIO, owner="soak", runs_root=root, hash=input_hash(SCENARIO, {}, "", "")
    )
    Supervisor(store).tick()
    deadline = time.monotonic() + 120
    while not store.events(job.id) and time.monotonic() < deadline:
        time.sleep(0.05)
    lock = sqlite3.connect(str(store.engine.url.database), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    time.sleep(seconds)
    lock.close()
    while (found := store.job(job.id)) is not None and found.live and time.monotonic() < deadline + seconds:
        Supervisor(store).tick()
        time.sleep(0.2)
    state = found.state if found is not None else "gone"
    soak.check(state == "done", f"a run whose store was locked for {seconds:.0f} s is {state}")
    soak.check(Path(job.directory).is_dir() and Run(job.directory).has_plan, "its run is not there")


def moved_clock(soak: Soak) -> None:
    """An hour forth and back: a batch and a job at work stay what they are, and nothing of theirs is removed."""
    path, out = manifest(soak.folder, "clock", 0, 4), soak.folder / "clock-batch"
    root = soak.folder / "clock-runs"
    store, real = Store(default_url(root)), time.time
    job, _ = store.submit(
        "soak", SCENARIO, owner="soak", runs_root=root, hash=input_hash(SCENARIO, {}, "", "")
    )
    supervisor = Supervisor(store)
    supervisor.tick()
    process = soak.start(path, out=out)
    follower = threading.Thread(target=soak.follow, args=(process, out))
    follower.start()
    while process.poll() is None:
        for step in (3600, -3600):
            with mock.patch("time.time", lambda step=step: real() + step):
                if (out / "manifest.json").exists() and (out / "lock.json").exists():
                    state = Run(out).status
                    soak.check(
                        state == "running" or process.poll() is not None, f"a batch at work is {state}"
                    )
                removed = clean_runs(out / "cases")
                soak.check(not removed, f"runs at work were removed: {removed}")
                supervisor.tick()
        time.sleep(0.2)
    follower.join()
    deadline = time.monotonic() + 120
    while (found := store.job(job.id)) is not None and found.live and time.monotonic() < deadline:
        supervisor.tick()
        time.sleep(0.2)
    soak.check(
        found is not None and found.state == "done", f"the job under a moved clock is {found and found.state}"
    )
    soak.closing(path, out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object (there is no other form)")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--lock", type=float, default=60.0, help="seconds for which the store is locked")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        path = manifest(soak.folder, "sweep", 0, given.cases)
        kills(soak, path, given.cases, given.kills, random.Random(given.seed))
        two_at_once(soak, path)
        changed_manifest(soak, path, given.cases)
        soak.closing(path)
        done: dict[str, Any] = {"disk": disk(soak), "dask": dask(soak)}
        moved_clock(soak)
        locked_store(soak, given.lock)
    facts = {"cases": given.cases, "kills": given.kills, **soak.found, **done, "notes": soak.notes[:20]}
    print(
        json.dumps(
            facts | {"reported": len(soak.reported), "seconds": round(time.perf_counter() - began)}, indent=2
        )
    )
    sys.exit(any(soak.found.values()))


if __name__ == "__main__":
    main()
