"""What a case of a batch costs, and what a second process brings.

    python benchmarks/batch.py --json [--cases 200] [--workers 1 2]

Prints one object: seconds by the clock for the whole batch with each number of processes, processor seconds a case
(all processes, without the start of the command), and how many times quicker the last number is than the first.
Only on a machine with nothing else to do are these figures of the planner.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

from planner.runs.batch import batch

SCENARIO = "extends: two-hosts\nname: small\nhorizon: {start: 2027-01-01, years: 4, step: year}\n"


def seconds(manifest: Path, out: Path, workers: int) -> tuple[float, float]:
    """Clock seconds and processor seconds of a batch, of this process and its children."""
    began, before = time.perf_counter(), cpu()
    result = batch(manifest, out, workers=workers)
    assert not result.failed, result.failed
    return time.perf_counter() - began, cpu() - before


def cpu() -> float:
    """Processor seconds of this process and of all its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object (there is no other form)")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    facts: dict[str, object] = {"cases": given.cases, "load": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "small.yaml").write_text(SCENARIO)
        values = [round(20 + 0.05 * n, 3) for n in range(given.cases)]
        text = f"batch: 1\nscenario: small.yaml\nquality: quick\ngrid: {{limits.min_control: {json.dumps(values)}}}\n"
        (place / "sweep.yaml").write_text(text)
        took = {n: seconds(place / "sweep.yaml", place / f"out-{n}", n) for n in given.workers}
    facts["seconds"] = {str(n): round(clock, 1) for n, (clock, _) in took.items()}
    facts["processor_seconds_a_case"] = {
        str(n): round(used / given.cases, 3) for n, (_, used) in took.items()
    }
    facts["times_quicker"] = round(took[given.workers[0]][0] / took[given.workers[-1]][0], 2)
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
