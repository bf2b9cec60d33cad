"""What protects the queue: one taker per job, nothing lost, ends that are true whatever dies."""

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planner.facts.errors import NoPlan
from planner.intake.scenario_file import example_path
from planner.jobs import drafts
from planner.jobs.askers import Asker, asked_by
from planner.jobs.store import Job, Store, default_url, input_hash, new_id
from planner.jobs.supervisor import Supervisor, log_path
from planner.jobs.tables import StoreError
from planner.jobs.worker import Pulse, _finish, work
from planner.planning.events import Event
from planner.runs.alive import identity, started


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def store(runs: Path) -> Store:
    return Store(default_url(runs))


def ask(
    store: Store, runs: Path, name: str = "case", text: str = "x: 1", owner: str = "ann", **more: Any
) -> Job:
    options: dict[str, object] = {"quality": "quick"}
    job, _ = store.submit(
        name,
        text,
        owner=owner,
        runs_root=runs,
        hash=input_hash(text, options, "facts", "1"),
        options=options,
        **more,
    )
    return job


def two_hosts() -> str:
    return example_path("two-hosts").read_text("utf-8")


def state(store: Store, job: Job) -> str:
    found = store.job(job.id)
    assert found is not None
    return found.state


def test_same_inputs_of_one_owner_are_one_run_and_of_two_owners_two(store: Store, runs: Path) -> None:
    first = ask(store, runs)
    assert ask(store, runs).id == first.id
    assert ask(store, runs, text="x: 2").id != first.id
    assert ask(store, runs, owner="bob").id != first.id
    store.want_cancel(first.id)
    assert ask(store, runs).id != first.id, "a cancelled run is no answer"


def test_a_finished_run_whose_directory_is_gone_is_run_again(store: Store, runs: Path) -> None:
    first = ask(store, runs)
    store.claim(1)
    store.finish(first.id, "done")
    assert ask(store, runs).id != first.id
    Path(first.directory).mkdir(parents=True)
    again = ask(store, runs, text="x: 9")
    store.finish(again.id, "done")
    Path(again.directory).mkdir()
    assert ask(store, runs, text="x: 9").id == again.id


def test_many_takers_get_each_job_once_and_never_more_than_the_limit(store: Store, runs: Path) -> None:
    asked = {ask(store, runs, text=f"x: {n}").id for n in range(12)}
    taken: list[str] = []
    gate = threading.Barrier(6)

    def take() -> None:
        other = Store(store.url)  # its own connections, as another process has
        gate.wait()
        while (job := other.claim(12)) is not None:
            taken.append(job.id)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(asked)
    ask(store, runs, text="x: more")
    assert store.claim(12) is None
    store.finish(taken[0], "done")
    assert store.claim(12) is not None


def test_the_queue_is_served_in_order_and_knows_its_places(store: Store, runs: Path) -> None:
    first, second = ask(store, runs, text="a: 1"), ask(store, runs, text="b: 1")
    assert (store.position(first.id), store.position(second.id)) == (1, 2)
    claimed = store.claim(1)
    assert claimed is not None and claimed.id == first.id
    assert (store.position(first.id), store.position(second.id)) == (None, 1)
    assert store.claim(1) is None


def test_a_waiting_job_is_cancelled_at_once(store: Store, runs: Path) -> None:
    job = ask(store, runs)
    store.want_cancel(job.id)
    assert state(store, job) == "cancelled"
    assert store.claim(1) is None


def test_an_end_is_written_once(store: Store, runs: Path) -> None:
    job = ask(store, runs)
    store.claim(1)
    assert store.finish(job.id, "done")
    assert not store.finish(job.id, "lost", "too late")
    assert state(store, job) == "done"


def test_a_new_stage_begins_without_the_values_of_the_last(store: Store, runs: Path) -> None:
    job = ask(store, runs)
    store.claim(1)
    store.report(job.id, Event("least delay", incumbent=3.0, bound=2.0, gap=0.3, seconds=1))
    store.report(job.id, Event("least delay", bound=2.5, seconds=2))
    now = store.job(job.id)
    assert now is not None and (now.incumbent, now.bound) == (3.0, 2.5)
    store.report(job.id, Event("halls", "whole halls", seconds=3, bound=float("inf")))
    now = store.job(job.id)
    assert now is not None and (now.incumbent, now.bound, now.gap) == (None, None, None)
    assert [e["stage"] for e in store.events(job.id)] == ["least delay", "least delay", "halls"]


def test_a_worker_that_died_is_found_and_a_reused_process_id_is_not_taken_for_it(
    store: Store, runs: Path
) -> None:
    job = ask(store, runs)
    store.claim(1)
    own = identity()
    store.set_process(job.id, own)
    supervisor = Supervisor(store)
    supervisor.tick()
    assert state(store, job) == "running", "its process lives"
    store.set_process(job.id, own | {"start": own["start"] - 1})
    log_path(job).parent.mkdir(exist_ok=True)
    log_path(job).write_text("last words of the solver")
    supervisor.tick()
    found = store.job(job.id)
    assert found is not None and found.state == "lost" and "last words" in (found.error or "")


def test_a_job_taken_but_never_started_goes_back_to_the_queue(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(store, runs)
    store.claim(1)
    supervisor = Supervisor(store, running_limit=0)
    supervisor.tick()
    assert state(store, job) == "running"
    monkeypatch.setattr("planner.jobs.supervisor.START_S", -1.0)
    supervisor.tick()
    assert state(store, job) == "queued"


def test_a_worker_on_a_silent_machine_is_lost(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(store, runs)
    store.claim(1)
    store._update(job.id, host="another-machine", pid=1)
    Supervisor(store).tick()
    assert state(store, job) == "running"
    monkeypatch.setattr("planner.jobs.supervisor.STALE_S", -1.0)
    Supervisor(store).tick()
    assert state(store, job) == "lost"


def test_cancel_ends_the_whole_process_group(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    grandchild = int(process.stdout.readline())
    job = ask(store, runs)
    store.claim(1)
    store.set_process(job.id, identity(process.pid))
    store.want_cancel(job.id)
    monkeypatch.setattr("planner.jobs.supervisor.KILL_AFTER_S", -1.0)
    supervisor = Supervisor(store)
    supervisor.tick()
    assert process.wait(timeout=10) == -signal.SIGKILL
    deadline = time.time() + 5
    while started(grandchild) is not None and time.time() < deadline:
        time.sleep(0.05)
    assert started(grandchild) is None
    left = Path(job.directory).parent / f".{Path(job.directory).name}.{process.pid}-0a0b0c.part"
    left.mkdir(parents=True)
    supervisor.tick()
    assert state(store, job) == "cancelled" and not left.exists(), "it was ended before it could clear up"


@pytest.mark.untraced
def test_a_run_goes_from_queue_to_plan_in_a_process_of_its_own_and_outlives_its_server(
    store: Store, runs: Path
) -> None:
    job = ask(store, runs, name="two-hosts", text=two_hosts())
    Supervisor(store).tick()  # this supervisor is never asked again: its server has gone
    found = store.job(job.id)
    assert (
        found is not None and found.state == "running" and found.pid is not None and found.pid != os.getpid()
    )
    later, supervisor = Store(store.url), Supervisor(Store(store.url))
    deadline = time.time() + 60
    while (found := later.job(job.id)) is not None and found.live and time.time() < deadline:
        supervisor.tick()
        time.sleep(0.2)
    assert found is not None and (found.state, found.error) == ("done", None)
    from planner.runs.run import Run

    run = Run(found.directory)
    assert (
        found.audit == "clean"
        and run.has_plan
        and found.gap is not None
        and Path(found.directory).name == job.id
    )
    assert asked_by(run.path) == Asker(job.owner, job.folder)
    stages = [event["stage"] for event in later.events(job.id)]
    assert stages[0] == "read" and "hosts and stacks" in stages


@pytest.mark.untraced
def test_a_worker_that_is_killed_leaves_a_lost_job_and_no_half_run(store: Store, runs: Path) -> None:
    job = ask(store, runs, name="korea", text=example_path("korea").read_text("utf-8"))
    supervisor = Supervisor(store)
    supervisor.tick()
    deadline = time.time() + 60
    while not store.events(job.id) and time.time() < deadline:
        time.sleep(0.1)
    found = store.job(job.id)
    assert found is not None and found.pid is not None
    os.kill(found.pid, signal.SIGKILL)
    while state(store, job) == "running" and time.time() < deadline:
        supervisor.tick()
        time.sleep(0.1)
    assert state(store, job) == "lost"
    assert not Path(job.directory).exists()


def test_bad_inputs_fail_with_their_reason(store: Store, runs: Path) -> None:
    job = ask(store, runs, text=two_hosts().replace("years: 4", "years: 400"))
    store.claim(1)
    assert work(store, job.id) == 1
    found = store.job(job.id)
    assert found is not None and found.state == "failed" and "horizon.years" in (found.error or "")


def test_a_cancelled_worker_keeps_nothing(store: Store, runs: Path) -> None:
    job = ask(store, runs, text=two_hosts())
    store.claim(1)
    store.want_cancel(job.id)
    assert work(store, job.id) == 1
    assert state(store, job) == "cancelled"
    assert not [p for p in runs.iterdir() if job.id in p.name]


def test_stop_lets_each_step_find_something_and_cancel_does_not(store: Store, runs: Path) -> None:
    pulse = Pulse(store, ask(store, runs).id)
    pulse.heard(Event("hosts and stacks", incumbent=5.0))
    assert not pulse.should_stop(), "nobody asked"
    pulse.stop.set()
    assert pulse.should_stop()
    pulse.heard(Event("halls", "whole halls", incumbent=None))
    assert not pulse.should_stop(), "the next step has nothing to keep yet"
    pulse.heard(Event("halls", incumbent=6.0))
    assert pulse.should_stop()
    pulse.heard(Event("units"))
    pulse.cancel.set()
    assert pulse.should_stop()


def test_names_of_runs_are_safe_as_directories() -> None:
    assert new_id("../../etc/passwd").startswith("etc-passwd-")
    assert new_id("").startswith("run-")
    assert new_id("a") != new_id("a")


def test_drafts_keep_every_text_and_refuse_a_stale_writer(store: Store) -> None:
    draft = drafts.create(store, "case", "a: 1\n", "ann")
    changed = drafts.save(store, draft.id, "a: 2\n", 0, "a")
    with pytest.raises(drafts.Conflict):
        drafts.save(store, draft.id, "a: 3\n", 0, "a")
    changed = drafts.save(store, draft.id, "a: 3\n", changed.revision, "a again")
    assert [row["what"] for row in drafts.history(store, draft.id)] == ["a again", "a"]
    assert drafts.undo(store, draft.id) == "a again"
    assert drafts.undo(store, draft.id) == "a"
    assert drafts.undo(store, draft.id) is None
    now = drafts.get(store, draft.id)
    assert now is not None and now.text == "a: 1\n" and now.revision > changed.revision


def test_drafts_are_seen_by_their_owner_and_shared_with_all(store: Store) -> None:
    mine = drafts.create(store, "mine", "a: 1", "ann")
    drafts.create(store, "theirs", "a: 1", "bob")
    assert [d.name for d in drafts.find(store, "ann")] == ["mine"]
    drafts.share(store, mine.id, True)
    assert {d.name for d in drafts.find(store, "bob")} == {"mine", "theirs"}
    drafts.archive(store, mine.id)
    assert [d.name for d in drafts.find(store, "ann")] == []
    assert [d.name for d in drafts.find(store, "ann", archived=True)] == ["mine"]


@pytest.mark.untraced
def test_a_worker_takes_the_facts_of_the_server(store: Store, runs: Path, tmp_path: Path) -> None:
    from planner.facts.catalog import load_catalog
    from planner.runs.run import Run

    folder = tmp_path / "facts"
    folder.mkdir()
    (folder / "parameters.csv").write_text("parameter,value_mid\nstaff_usd_per_accelerator_year,900\n")
    job = ask(store, runs, "two-hosts", two_hosts())
    supervisor = Supervisor(store, catalog=folder)
    supervisor.tick()
    deadline = time.time() + 120
    while state(store, job) == "running" and time.time() < deadline:
        time.sleep(0.2)
    found = store.job(job.id)
    assert found is not None and found.state == "done", found
    assert Run(found.directory).catalog == load_catalog(folder) != load_catalog()


def test_a_trade_off_goes_on_from_what_a_stopped_one_left_and_stops_with_the_plans_made(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {"turns": 0}

    def made(_scenario: Any, _options: Any, _place: str, report: Any, should_stop: Any, **more: Any) -> Any:
        store.want_stop(seen["job"])
        report(Event("plans", "2 plans in 1 processes"))
        deadline = time.time() + 20
        while not should_stop() and time.time() < deadline:
            seen["turns"] += 1
            if seen["turns"] == 20:
                report(Event("plans", "1 of 2: 30 MUSD"))
            time.sleep(0.1)
        seen.update(in_time=time.time() < deadline, **more)
        raise NoPlan("enough")

    monkeypatch.setattr("planner.runs.frontier.run_frontier", made)
    first = ask(store, runs, "two-hosts", two_hosts())
    store.claim(1)
    store.finish(first.id, "lost")
    left = runs / f".{first.id}.1-a.part" / "points"
    left.mkdir(parents=True)
    options = {"study": "frontier", "points": 2, "quality": "quick", "resume": first.id}
    job, _ = store.submit("two-hosts", two_hosts(), owner="ann", runs_root=runs, hash="h2", options=options)
    seen["job"] = job.id
    store.claim(1)
    assert work(store, job.id) == 1
    assert seen["earlier"] == [left] and seen["in_time"] and seen["turns"] >= 20


# ---- a store that is locked, broken or away


@contextlib.contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another process holds the write lock of the store."""
    other = sqlite3.connect(store.engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def test_a_locked_store_costs_neither_reports_nor_the_result(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.jobs.worker.FIRST_PAUSE_S", 0.01)
    store = Store(default_url(runs), wait_s=0.01)
    job = ask(store, runs)
    store.claim(1)
    with Pulse(store, job.id) as pulse:
        with locked(store):
            began = time.monotonic()
            for n in range(50):
                pulse.say(Event("halls", f"report {n}"))
            assert time.monotonic() - began < 0.5, "the solver does not wait for the store"
            finisher = threading.Thread(target=lambda: _finish(store, pulse, "done"))
            finisher.start()
            time.sleep(0.2)
            assert state(store, job) == "running" and finisher.is_alive()
        finisher.join(timeout=20)
    assert state(store, job) == "done"


def test_the_last_that_a_stage_said_is_heard_however_quick_it_was(store: Store, runs: Path) -> None:
    job = ask(store, runs)
    store.claim(1)
    pulse = Pulse(store, job.id)
    pulse.say(Event("halls", "begins"))
    for best in (30.0, 20.0, 10.0):
        pulse.say(Event("halls", incumbent=best))
    pulse.say(Event("units", "begins"))
    pulse._send()
    assert [(e["stage"], e["incumbent"]) for e in store.events(job.id)] == [
        ("halls", None), ("halls", 10.0), ("units", None),
    ]  # fmt: skip


def test_reports_that_could_not_be_kept_go_with_the_next(store: Store, runs: Path) -> None:
    job = ask(store, runs)
    store.claim(1)
    quick = Store(store.url, wait_s=0.01)
    pulse = Pulse(quick, job.id)
    with locked(store):
        for n in range(3):
            pulse.say(Event("halls", f"report {n}"))
        pulse._send()
        assert not store.events(job.id)
    pulse._send()
    assert [e["message"] for e in store.events(job.id)] == ["report 0", "report 1", "report 2"]


def test_a_worker_that_died_after_its_result_has_a_result(store: Store, runs: Path) -> None:
    from planner.facts.catalog import load_catalog
    from planner.intake.scenario_file import load_scenario
    from planner.runs.writer import start_run

    job = ask(store, runs)
    store.claim(1)
    scenario = load_scenario(example_path("two-hosts"))
    with start_run(job.directory, scenario, load_catalog(), {}) as writer:
        writer.finish({"status": "optimal", "gap": 0.01, "kpis": {}})
    store.set_process(job.id, identity() | {"boot": "the one before"})
    Supervisor(store, running_limit=0).tick()
    found = store.job(job.id)
    assert found is not None and (found.state, found.gap, found.stage) == ("done", 0.01, "done")


def test_no_step_of_the_clock_loses_a_run(store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one on this machine, nor one just taken, nor one of another machine that reports."""
    real = time.time
    here, taken, there = (ask(store, runs, text=f"x: {n}") for n in range(3))
    for _ in range(3):
        store.claim(3)
    store.set_process(here.id, identity())
    store._update(there.id, host="another-machine", pid=1)
    supervisor = Supervisor(store, running_limit=0)
    for step in (0, 3600, -3600):
        monkeypatch.setattr("time.time", lambda step=step: real() + step)
        supervisor.tick()
        assert [state(store, job) for job in (here, taken, there)] == ["running"] * 3


def test_a_started_worker_whose_number_the_store_would_not_take_is_not_started_twice(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(store, runs)
    store.claim(1)
    supervisor = Supervisor(store, running_limit=0)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        supervisor._children[job.id] = child
        monkeypatch.setattr("planner.jobs.supervisor.START_S", -1.0)
        supervisor.tick()
        found = store.job(job.id)
        assert found is not None and (found.state, found.pid) == ("running", child.pid)
    finally:
        child.kill()
        child.wait()


def test_a_store_that_cannot_be_used_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "bad.sqlite").write_bytes(b"this is no database, and long enough to be looked at" * 99)
    for url, words in (
        (f"sqlite:///{tmp_path}/bad.sqlite", "cannot be used: file is not a database"),
        (f"sqlite:///{tmp_path}/no/such/folder.sqlite", "cannot be used: .*No such file"),
        ("postgresql+psycopg://ann:secret@localhost/x", r"needs a driver .*psycopg"),
        ("nosuch://localhost/x", "kind that is not known"),
        ("what is this", "is not the address of a database"),
    ):
        with pytest.raises(StoreError, match=words) as caught:
            Store(url)
        assert "secret" not in str(caught.value)


def test_the_store_is_readable_by_its_owner_only(store: Store, runs: Path) -> None:
    ask(store, runs)
    files = list(runs.glob(".planner.sqlite*"))
    assert len(files) >= 1 and {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    assert stat.S_IMODE(runs.stat().st_mode) == 0o700


def test_the_log_of_a_worker_is_readable_by_its_owner_only(
    store: Store, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no process to be had")

    job = ask(store, runs)
    monkeypatch.setattr("planner.jobs.supervisor.subprocess.Popen", refuse)
    Supervisor(store).tick()
    assert state(store, job) == "failed" and stat.S_IMODE(log_path(job).stat().st_mode) == 0o600


def test_what_was_accepted_is_on_the_disk(store: Store) -> None:
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


@pytest.mark.slow
def test_ten_queued_runs_survive_the_death_of_their_server(store: Store, runs: Path) -> None:
    """The server is killed twice while they run; the next one goes on where it stood, and all ten have their plan."""
    jobs = [ask(store, runs, f"case-{i}", two_hosts() + f"# {i}\n") for i in range(10)]
    command = [sys.executable, "-m", "planner", "app", "--runs", str(runs), "--port", "0", "--jobs", "2"]

    def until(done: int, seconds: float) -> None:
        end = time.time() + seconds
        while sum(state(store, job) == "done" for job in jobs) < done:
            assert time.time() < end, [state(store, job) for job in jobs]
            time.sleep(0.2)

    for done in (2, 5, 10):
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            until(done, 300)
        finally:
            server.kill()
            server.wait()
    assert {state(store, job) for job in jobs} == {"done"}
    assert len({store.job(job.id).directory for job in jobs}) == 10
    assert sorted(p.name for p in runs.iterdir() if not p.name.startswith(".")) == sorted(
        job.id for job in jobs
    )


def test_a_page_goes_on_from_its_own_changes_and_not_from_anothers(store: Store) -> None:
    first = drafts.create(store, "case", "a: 1\n", "ann")
    mine = drafts.save(store, first.id, "a: 2\n", 0, "a", page="p")
    assert not drafts.changed_elsewhere(store, mine, 0, "p"), "its own change, not yet answered"
    assert drafts.changed_elsewhere(store, mine, 0, "q")
    assert not drafts.changed_elsewhere(store, mine, 1, "q")
    theirs = drafts.save(store, first.id, "a: 3\n", 1, "a", page="q")
    assert drafts.changed_elsewhere(store, theirs, 0, "p") and drafts.changed_elsewhere(store, theirs, 1, "p")
    drafts.undo(store, first.id)
    now = drafts.get(store, first.id)
    assert now is not None and drafts.changed_elsewhere(store, now, 2, "q"), "taken back elsewhere"
