"""What does nonsense do? Scenarios, manifests, arguments and uploads with something wrong in them.

    python benchmarks/mutations.py --json [--scenarios 2000] [--solved 200] [--manifests 500] [--arguments 300]
                                          [--uploads 50] [--seed 1]

Each must be refused in words or give a true answer. Prints one object: how many were tried, refused and answered, and
``tracebacks`` (an exception that is no ``PlannerError``), ``exit_3`` and ``wrong_successes`` (an answer to what cannot
be meant, or a plan whose audit is not clean), with the seed of each so that one can be looked at again.
"""

import argparse
import base64
import contextlib
import copy
import io
import json
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from planner import cli
from planner.app.pages.scenarios import read_upload
from planner.app.state import editing
from planner.facts.catalog import load_catalog
from planner.facts.errors import InternalError, PlannerError
from planner.intake.scenario_file import example_path, load_scenario, parse_scenario
from planner.runs.batch_file import load_batch
from planner.runs.solve import run_solve
from planner.scenario.reading import parse_yaml

EXAMPLE = "two-hosts"
SOLVE_S = 20.0
ODD = (
    None, "", "x", "0", "-1", "ö" * 300, "9999-12-31", "2027-02-30", "0001-01-01", 0, -1, 1, 0.5, 1e308, -1e-308, 2**70,
    True, [], {}, [[]], [{}], {"a": 1}, "../../etc/passwd", "=1+1", "\u0000", "2027-01-01",
)  # fmt: skip
FACTORS = (-1, 0, 0.1, 0.5, 0.9, 1.1, 2, 3, 10, 1000)
RECORDS = ("demand", "sites", "hosts", "stacks", "systems")
COMMANDS = ("validate", "size", "runs", "compare", "catalog", "export", "report", "explain", "batch", "new", "schema",
            "finance", "stress", "solve", "frontier", "stacks", "sever", "nonsense")  # fmt: skip
ARGUMENTS = ("--json", "--help", "-o", "--set", "limits.min_control=abc", "--set=x", "--quality", "quick", "plan", "-1",
             "0", "latest", "nothing.yaml", "bad.yaml", "sweep.yaml", "--resume", "--dry-run", "--points", "--workers",
             "--catalog", "folder", "--country", "KOR", "XXX", "--format", "csv", "pdf", "--runs", "file", "--check",
             "a\u00e9\u2028b", "", "--scheduler", "tcp://127.0.0.1:1", "--seed", "99999999999999999999")  # fmt: skip


class Faults:
    """What was tried and what went wrong."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.tracebacks: list[str] = []
        self.exit_3: list[str] = []
        self.wrong: list[str] = []

    def count(self, kind: str, what: str) -> None:
        counts = self.counts.setdefault(kind, {"tried": 0, "refused": 0, "answered": 0})
        counts[what] += 1

    def attempt(self, kind: str, label: str, call: Callable[[], Any]) -> Any:
        """The answer, or None where it was refused; anything but a refusal in words is a fault."""
        self.count(kind, "tried")
        try:
            answer = call()
        except InternalError as error:
            self.exit_3.append(f"{kind} {label}: {error}")
        except PlannerError as error:
            self.count(kind, "refused")
            if not str(error).strip():
                self.wrong.append(f"{kind} {label}: refused without a word")
        except Exception:
            self.tracebacks.append(f"{kind} {label}: {''.join(traceback.format_exc().splitlines(True)[-3:])}")
        else:
            self.count(kind, "answered")
            return answer
        return None


# ---- changes


def nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a tree."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [pair for key in keys for pair in [(tree, key), *nodes(tree[key])]]


def mutated(tree: Any, dice: random.Random) -> str:
    """A copy of the tree as text with one to three things changed."""
    out = copy.deepcopy(tree)
    for _ in range(dice.choice((1, 1, 1, 1, 2, 3))):
        found = nodes(out)
        if not found:
            break
        kind = dice.random()
        figures = [(b, k) for b, k in found if isinstance(b[k], int | float) and not isinstance(b[k], bool)]
        box, key = dice.choice(figures if kind < 0.5 and figures else found)
        if kind < 0.5 and figures:
            box[key] = box[key] * dice.choice(FACTORS)
        elif kind < 0.6:
            box[key] = copy.deepcopy(dice.choice(ODD))
        elif kind < 0.7:
            del box[key]
        elif kind < 0.8 and isinstance(box, list):
            box.append(copy.deepcopy(box[key]))
        elif kind < 0.9 and isinstance(box, dict):
            box[f"{key}_zz"] = box.pop(key)
        else:
            other, place = dice.choice(found)
            with contextlib.suppress(IndexError, KeyError, TypeError):
                box[key] = copy.deepcopy(other[place])
    return torn(json.dumps(out), dice) if dice.random() < 0.1 else json.dumps(out)


def torn(text: str, dice: random.Random) -> str:
    """Text with characters lost, doubled or strange, or cut off."""
    at = dice.randrange(max(len(text), 1))
    return dice.choice(
        (
            text[:at],
            text[:at] + text[at + 1 :],
            text[:at] + dice.choice("\t\0\ufeff{}[]:#&*!\u2028'\"") + text[at:],
        )
    )


def meant_by_nobody(tree: Any, dice: random.Random) -> str:
    """One unknown field in a record: whoever takes it has not read it."""
    out = copy.deepcopy(tree)
    record = dice.choice([out, *(entry for name in RECORDS for entry in out[name])])
    key = dice.choice([key for key in record if key not in ("planner",)])
    record[f"{key}_zz"] = record[key]
    return json.dumps(out)


# ---- kinds


def scenarios(faults: Faults, n: int, solved: int, seed: int, folder: Path) -> None:
    item, _ = parse_yaml(example_path(EXAMPLE).read_text("utf-8"), EXAMPLE)
    tree, catalog, left = item.plain(), load_catalog(), solved
    parse_scenario(json.dumps(tree), file=f"{EXAMPLE}.yaml", catalog=catalog)
    for i in range(n):
        dice = random.Random(f"scenario {seed} {i}")
        nobody = i % 10 == 0
        text = meant_by_nobody(tree, dice) if nobody else mutated(tree, dice)
        read = faults.attempt(
            "scenarios", str(i), lambda text=text: parse_scenario(text, file="m.yaml", catalog=catalog)
        )
        if read is None:
            continue
        if nobody:
            faults.wrong.append(f"scenario {i}: a field that is not known was taken")
        elif left > 0:
            left -= 1
            solve(faults, read, catalog, folder / f"run-{i}", i)


def solve(faults: Faults, scenario: Any, catalog: Any, place: Path, i: int) -> None:
    end = time.monotonic() + SOLVE_S

    def work() -> Any:
        options = {"quality": "quick"}
        return run_solve(
            scenario, options, place, catalog=catalog, should_stop=lambda: time.monotonic() > end
        )

    run = faults.attempt("solved", str(i), work)
    if run is not None and run.audit_fault:
        faults.wrong.append(f"solved {i}: {run.status}, {run.audit_fault}")
    elif (
        run is not None
        and not run.has_plan
        and run.status == "infeasible"
        and not run.outcome.get("troubles")
    ):
        faults.wrong.append(f"solved {i}: infeasible without a reason")


LOOKS = (["runs", "--json"], ["compare", "whole", "whole"], ["report", "whole", "-o", "x.html", "--force"])
MANIFEST: dict[str, Any] = {
    "batch": 1, "scenario": EXAMPLE, "quality": "quick", "case_limit_s": 60, "set": {"solve.time_limit_s": 60},
    "grid": {"limits.min_control": {"from": 20, "to": 40, "step": 10}, "money.level": ["low", "mid"]},
    "sample": {"count": 3, "seed": 1, "ranges": {"money.discount_rate_real": {"from": 0.03, "to": 0.1}}},
    "table": "cases.csv", "cases": [{"id": "one", "set": {"limits.min_control": 30}}, {"id": "two", "objective": "delay"}],
}  # fmt: skip
TABLE = "id,objective,limits.min_control\na,,30\nb,delay,\n"


def manifests(faults: Faults, n: int, seed: int, folder: Path) -> None:
    catalog, path = load_catalog(), folder / "m.yaml"
    for i in range(n):
        dice = random.Random(f"manifest {seed} {i}")
        path.write_text(mutated(MANIFEST, dice), "utf-8", errors="surrogatepass")
        (folder / "cases.csv").write_text(torn(TABLE, dice) if i % 3 == 0 else TABLE)
        cases = faults.attempt("manifests", str(i), lambda: load_batch(path, catalog))
        if cases is not None and len({case.name.lower() for case in cases}) != len(cases):
            faults.wrong.append(f"manifest {i}: two cases share a name")


def arguments(faults: Faults, n: int, seed: int, folder: Path) -> None:
    (folder / "bad.yaml").write_text("planner: 1\nname: [")
    (folder / "sweep.yaml").write_text(json.dumps(MANIFEST))
    (folder / "cases.csv").write_text(TABLE)
    (folder / "file").write_text("x")
    (folder / "folder").mkdir()
    for i in range(n):
        dice = random.Random(f"arguments {seed} {i}")
        given = [dice.choice(COMMANDS), *dice.choices(ARGUMENTS, k=dice.randint(0, 4))]
        code, said = called(given, folder)
        faults.count("arguments", "tried")
        faults.count("arguments", "answered" if code == 0 else "refused")
        if code == 3:
            faults.exit_3.append(f"{given}: {said[-300:]}")
        elif code not in (0, 1, 2, 4) or "Traceback" in said:
            faults.tracebacks.append(f"{given}: exit {code}: {said[-300:]}")
        elif code and not said.strip():
            faults.wrong.append(f"{given}: exit {code} without a word")


def called(given: list[str], folder: Path) -> tuple[int, str]:
    """Exit code and everything said by the command line, in this process."""
    said, here = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with (
            mock.patch.object(sys, "argv", ["planner", *given]),
            mock.patch.dict(os.environ, {"CI": "1"}),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            cli.main()
    except SystemExit as end:
        code = end.code
        return (code if isinstance(code, int) else 0 if code is None else 1), said.getvalue()
    except BaseException:
        return -1, said.getvalue() + traceback.format_exc()
    finally:
        os.chdir(here)
    return 0, said.getvalue()


def uploads(faults: Faults, n: int, seed: int) -> None:
    text = example_path(EXAMPLE).read_text("utf-8")
    for i in range(n):
        dice = random.Random(f"upload {seed} {i}")
        raw = dice.choice(
            (torn(text, dice).encode("utf-8", "replace"), dice.randbytes(200), text.encode("utf-16"), b"")
        )
        body = base64.b64encode(raw).decode()
        body = dice.choice((body, body, body, body[:-1], "no base64 \u00e9"))
        name = dice.choice(("a.yaml", "a.yml", "a.exe", "", "../../a.yaml", "\u202ea.yaml"))
        faults.attempt(
            "uploads",
            str(i),
            lambda body=body, name=name: editing.document(
                read_upload(f"data:x;base64,{body}", name, 2_000_000)
            ),
        )


def damaged(faults: Faults, folder: Path) -> None:
    """A finished run whose files were changed in every part is listed, shown and reported on without a traceback."""
    (folder / "runs").mkdir()
    run = run_solve(load_scenario(example_path(EXAMPLE)), {"quality": "quick"}, folder / "runs" / "whole")
    for name in ("outcome.json", "manifest.json"):
        whole = (run.path / name).read_text("utf-8")
        for odd in ("[]", "{}", "", "null", '{"status": 1}', '{"status": "optimal", "kpis": 3}', whole[: len(whole) // 2],
                    whole.replace("2026-", "9999-").replace("2027-", "9999-")):  # fmt: skip
            (run.path / name).write_text(odd)
            for command in (
                ["runs", "--json"],
                ["compare", "whole", "whole"],
                ["report", "whole", "-o", "x.html", "--force"],
            ):
                code, said = called(command, folder)
                faults.count("damaged", "tried")
                faults.count("damaged", "answered" if code == 0 else "refused")
                if code == 3 or "Traceback" in said:
                    faults.exit_3.append(f"{name} = {odd[:40]!r}: {command}: {said[-300:]}")
        (run.path / name).write_text(whole)


def tried(given: argparse.Namespace) -> dict[str, Any]:
    """All kinds, as many of each as given."""
    faults, began = Faults(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("runs-of-mutants", "manifests", "arguments", "damaged"):
            (place / name).mkdir()
        scenarios(faults, given.scenarios, given.solved, given.seed, place / "runs-of-mutants")
        manifests(faults, given.manifests, given.seed, place / "manifests")
        arguments(faults, given.arguments, given.seed, place / "arguments")
        uploads(faults, given.uploads, given.seed)
        if given.damaged:
            damaged(faults, place / "damaged")
    return {
        **faults.counts,
        "tracebacks": len(faults.tracebacks),
        "exit_3": len(faults.exit_3),
        "wrong_successes": len(faults.wrong),
        "faults": [*faults.tracebacks, *faults.exit_3, *faults.wrong][:40],
        "seconds": round(time.perf_counter() - began, 1),
    }


def arguments_of(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one object (there is no other form)")
    counts = {
        "scenarios": 2000,
        "solved": 200,
        "manifests": 500,
        "arguments": 300,
        "uploads": 50,
        "damaged": 1,
    }
    for name, n in counts.items():
        parser.add_argument(f"--{name}", type=int, default=n)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(given)


if __name__ == "__main__":
    found = tried(arguments_of())
    print(json.dumps(found, indent=2, ensure_ascii=False))
    sys.exit(bool(found["tracebacks"] or found["exit_3"] or found["wrong_successes"]))
