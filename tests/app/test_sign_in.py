"""Sign-in against those who guess, copy cookies and forge addresses; what viewers and members of folders may do."""

from __future__ import annotations

import base64
import json
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

import argon2
import pytest
import sqlalchemy as sa

from planner.app import create_app
from planner.app.access import FoldersFileError, add_grant, read_grants
from planner.app.auth import MAX_PASSWORD, UsersFileError, add_user
from planner.app.services import Refused, Services, Settings, User
from planner.intake.scenario_file import example_path
from planner.jobs import access_log, drafts
from planner.jobs.askers import note_asker
from planner.jobs.sign_ins import TRIES
from planner.jobs.store import QueueFull
from planner.jobs.tables import drafts as draft_table
from planner.jobs.tables import jobs as job_table
from planner.runs.files import write_json

pytestmark = pytest.mark.untraced

PASSWORD = "correct horse battery"
Made = tuple[Any, Services]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of a hundredth of the work: what is tested is how many are made."""
    cheap = partial(argon2.PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(argon2, "PasswordHasher", cheap)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    for name, role in (("ann", "planner"), ("bob", "planner"), ("vera", "viewer")):
        add_user(tmp_path / "users", name, role, PASSWORD)  # type: ignore[arg-type]
    return tmp_path / "users"


@pytest.fixture
def made(tmp_path: Path, users: Path) -> Made:
    app = create_app(Settings(runs_root=tmp_path / "runs", auth="local", users_file=users))
    return app, app.server.extensions["planner"]


def sign_in(server: Any, name: str, password: str = PASSWORD, after: str | None = None, browser: Any = None,
            **more: Any) -> tuple[Any, Any]:  # fmt: skip
    browser = browser or server.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/login", **more).text)[1]
    form = {"name": name, "password": password, "csrf_token": token}
    return browser, browser.post("/login", data=form, query_string={"next": after} if after else None, **more)


def inside(server: Any, browser: Any) -> bool:
    return browser.get("/_dash-layout").status_code == 200


def copied(server: Any, browser: Any) -> Any:
    """Another browser with the same session cookie."""
    thief = server.test_client()
    thief.set_cookie("planner_session", browser.get_cookie("planner_session").value)
    return thief


def test_a_copied_cookie_is_dead_after_log_out(made: Made) -> None:
    server = made[0].server
    browser, _ = sign_in(server, "ann")
    other, _ = sign_in(server, "ann")
    thief = copied(server, browser)
    assert inside(server, thief)
    browser.get("/logout")
    assert not inside(server, thief)
    assert inside(server, other), "another session of the same user goes on"


def test_a_cookie_is_dead_after_a_change_of_role(made: Made, users: Path) -> None:
    server = made[0].server
    browser, _ = sign_in(server, "ann")
    assert inside(server, browser)
    users.write_text(users.read_text().replace("ann:planner:", "ann:viewer:"))
    assert not inside(server, browser)
    assert inside(server, sign_in(server, "ann")[0])


def test_two_hundred_parallel_wrong_tries(made: Made) -> None:
    app, services = made
    answers: list[int] = []

    def guess() -> None:
        answers.extend(sign_in(app.server, "ann", f"wrong {i}")[1].status_code for i in range(10))

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * TRIES + [429] * (200 - TRIES)
    rows = [row for row in access_log.trail(services.store) if row["action"] == "refused"]
    assert [(row["user"], row["count"]) for row in rows] == [("ann", 200)], "one row a name, address and hour"


def test_the_right_person_gets_in_beside_a_guesser(made: Made) -> None:
    """From the same proxy: others are not locked out, nor is the victim in a browser they have signed in with."""
    server = made[0].server
    known, _ = sign_in(server, "ann")
    known.get("/logout")
    answers = [sign_in(server, "ann", "wrong password")[1].status_code for _ in range(TRIES + 2)]
    assert answers[-1] == 429
    assert sign_in(server, "bob")[1].status_code == 302
    assert sign_in(server, "ann", browser=known)[1].status_code == 302
    stolen = server.test_client()
    stolen.set_cookie(
        "planner_device", known.get_cookie("planner_device", path="/login").value, path="/login"
    )
    assert sign_in(server, "bob", "wrong password", browser=stolen)[1].status_code == 401, (
        "a mark is for one name"
    )


def test_fifty_users_behind_one_address(made: Made, users: Path) -> None:
    """Each mistypes once; none is locked out."""
    server = made[0].server
    line = users.read_text().splitlines()[0]
    names = [f"user-{i}" for i in range(50)]
    users.write_text("\n".join([line.replace("ann", name, 1) for name in names]) + "\n")
    for name in names:
        assert sign_in(server, name, "wrong")[1].status_code == 401
        assert sign_in(server, name)[1].status_code == 302


def test_addresses_are_taken_from_a_listed_peer_only(tmp_path: Path, users: Path) -> None:
    app = create_app(Settings(runs_root=tmp_path / "runs", auth="local", users_file=users, forwarded=True,
                              proxy_peers=("10.0.0.5",)))  # fmt: skip
    services = app.server.extensions["planner"]
    for peer, seen in (("10.0.0.5", "203.0.113.7"), ("10.0.0.6", "10.0.0.6")):
        environ = {"REMOTE_ADDR": peer}
        headers = {"X-Forwarded-For": "1.2.3.4, 203.0.113.7"}
        sign_in(app.server, "ann", "wrong", environ_base=environ, headers=headers)
        assert access_log.trail(services.store)[0]["address"] == seen


@pytest.mark.parametrize(
    "target",
    ["/a\r\nSet-Cookie: x=1", "/a\nb", "//host", "///host", "\\\\host", "/\\host", "/\thost", "/a b", "http://host/", "host",
     "/\x00", "/a\\b"],
)  # fmt: skip
def test_next_leads_to_a_path_of_this_server_or_to_the_start(made: Made, target: str) -> None:
    _, answer = sign_in(made[0].server, "ann", after=target)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert "x=1" not in str(answer.headers)


def test_the_address_asked_for_survives_the_sign_in(made: Made) -> None:
    server = made[0].server
    asked = "/compare?runs=a,b&base=b"
    there = server.test_client().get(asked, headers={"Accept": "text/html"}).headers["Location"]
    browser = server.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(there).text)[1]
    answer = browser.post(there, data={"name": "ann", "password": PASSWORD, "csrf_token": token})
    assert answer.headers["Location"] == asked


def test_long_fields_are_refused_without_a_look_at_the_password(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, services = made
    for name, password in (
        ("a" * 62, PASSWORD),
        ("ann", "x" * (MAX_PASSWORD + 1)),
        ("a:b", PASSWORD),
        ("", ""),
    ):
        assert sign_in(app.server, name, password)[1].status_code == 401
    (row,) = [row for row in access_log.trail(services.store) if row["action"] == "refused"]
    assert row["count"] == 4 and len(row["what"]) < 100
    with pytest.raises(UsersFileError, match=str(MAX_PASSWORD)):
        add_user(Path("unused"), "ann", "viewer", "x" * (MAX_PASSWORD + 1))


# ---- folders and roles


class As:
    """A request of a user."""

    def __init__(self, app: Any, name: str, role: str = "planner"):
        self.context = app.server.test_request_context("/")
        self.user = User(name, role)  # type: ignore[arg-type]

    def __enter__(self) -> None:
        import flask

        self.context.push()
        flask.g.user = self.user

    def __exit__(self, *_: object) -> None:
        self.context.pop()


def test_a_folder_gives_each_member_their_role(made: Made) -> None:
    app, services = made
    folders = services.runs_root / ".folders"
    add_grant(folders, "ministry:bob:viewer")
    add_grant(folders, "ministry:vera:planner")
    add_grant(folders, "open:*:viewer")
    draft = drafts.create(services.store, "case", "name: case\n", "ann")
    with As(app, "bob"):
        assert services.role_on(drafts.get(services.store, draft.id)) is None
    drafts.move(services.store, draft.id, "ministry")
    draft = drafts.get(services.store, draft.id)
    roles = {}
    for name, role in (("ann", "planner"), ("bob", "planner"), ("vera", "viewer"), ("eve", "planner")):
        with As(app, name, role):
            roles[name] = (
                services.role_on(draft),
                [d.name for d in drafts.find(services.store, name, folders=services.folders())],
            )
    assert roles == {"ann": ("planner", ["case"]), "bob": ("viewer", ["case"]), "vera": ("planner", ["case"]),
                     "eve": (None, [])}  # fmt: skip
    with As(app, "vera", "viewer"):
        assert services.folders("planner") == ["ministry"] and set(services.folders()) == {"ministry", "open"}
        job, _ = services.submit("case", "x: 1", {}, title=None, draft=draft.id, folder="ministry")
        with pytest.raises(Refused, match="role viewer"):
            services.submit("case", "x: 2", {}, title=None, draft=None, folder=None)
    with As(app, "bob"):
        assert services.check_run(job.id) == job.id and job.id in {row["id"] for row in services.runs()}
        with pytest.raises(Refused, match="not yours"):
            services.require_change(job, "run", "not yours")
    with As(app, "eve"), pytest.raises(Refused):
        services.check_run(job.id)
    with As(app, "bob"):  # who may only look at a folder, and is a planner elsewhere, runs outside it
        own, _ = services.submit("case", "x: 3", {}, title=None, draft=draft.id, folder="ministry")
    assert (own.owner, own.folder) == ("bob", None)


def test_a_run_is_still_its_owners_where_the_store_was_replaced(made: Made) -> None:
    app, services = made
    add_grant(services.runs_root / ".folders", "ministry:vera:viewer")
    for name, owner, folder in (("hers", "ann", None), ("theirs", "ann", "ministry"), ("torn", "ann", None)):
        (services.runs_root / name).mkdir()
        (services.runs_root / name / "manifest.json").write_text("{}")
        note_asker(services.runs_root / name, owner, folder)
    (services.runs_root / "torn" / "asked_by.json").write_text("{")
    seen = {}
    for user in ("ann", "bob", "vera"):
        with As(app, user):
            seen[user] = {row["id"] for row in services.runs()}
            for name in {"hers", "theirs", "torn"} - seen[user]:
                with pytest.raises(Refused):
                    services.check_run(name)
    assert seen == {"ann": {"hers", "theirs"}, "bob": set(), "vera": {"theirs"}}


def test_a_slip_in_the_files_of_users_and_folders_locks_nobody_out(
    made: Made, users: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, services = made
    add_grant(services.runs_root / ".folders", "ministry:ann:planner")
    assert services.grants()
    browser, _ = sign_in(app.server, "ann")
    for path in (users, services.runs_root / ".folders"):
        with path.open("a") as file:
            file.write("garbage\n")
    assert browser.get("/").status_code == 200
    assert sign_in(app.server, "bob")[1].status_code == 302
    assert services.grants() == {"ministry": {"ann": "planner"}}
    told = [record.message for record in caplog.records if "still hold" in record.message]
    assert len(told) == 2 and "users:" in "".join(told) and ".folders:" in "".join(told)


def test_runs_of_the_command_line_can_be_kept_to_some(made: Made) -> None:
    app, services = made
    (services.runs_root / "mine").mkdir()
    (services.runs_root / "mine" / "manifest.json").write_text("{}")
    with As(app, "bob"):
        assert services.check_run("mine") and [row["id"] for row in services.runs()] == ["mine"]
    add_grant(services.runs_root / ".folders", "command-line:ann:viewer")
    with As(app, "ann"):
        assert services.check_run("mine") and [row["id"] for row in services.runs()] == ["mine"]
    with As(app, "bob"):
        assert services.runs() == []
        with pytest.raises(Refused):
            services.check_run("mine")


def test_faults_of_the_folders_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / ".folders"
    with pytest.raises(FoldersFileError, match="--grant"):
        add_grant(path, "ministry:ann")
    path.write_text("ministry:ann:viewer\n\n# comment\nMinistry:ann:viewer\n")
    with pytest.raises(FoldersFileError, match=":4: not folder:user:role"):
        read_grants(path)
    with pytest.raises(FoldersFileError):
        create_app(Settings(runs_root=tmp_path))


def test_a_user_has_a_share_of_the_queue(made: Made) -> None:
    app, services = made
    with As(app, "ann"):
        for i in range(services.settings.queue_limit):
            services.submit("case", f"x: {i}", {}, title=None, draft=None, folder=None)
        with pytest.raises(Refused, match=f"{services.settings.queue_limit} runs"):
            services.submit("case", "x: more", {}, title=None, draft=None, folder=None)
        _, reused = services.submit("case", "x: 1", {}, title=None, draft=None, folder=None)
        assert reused, "what waits already may be asked for again"
    with As(app, "bob"):
        services.submit("case", "x: 1", {}, title=None, draft=None, folder=None)
    owners = [services.store.claim(4).owner for _ in range(4)]
    assert owners == ["ann", "bob", "ann", "ann"], "who has the fewest at work comes next"
    with pytest.raises(QueueFull):
        services.store.submit("case", "x", owner="ann", runs_root=services.runs_root, hash="h", most=3)


# ---- every callback


READS = {
    "refresh", "search", "look", "show", "export", "tick", "below", "solve", "price", "show_pick", "send", "change",
    "detail", "save", "estimate_terms", "estimate", "update", "choose", "screen", "watch", "forms", "tell",
    "look_around", "drawn", "tell_tariff", "tell_terms",
}  # fmt: skip
"""Callbacks that change nothing but the access log."""


def posted(
    app: Any, browser: Any, function: str, module: str, values: dict[str, Any], clicked: dict[str, Any] | None
) -> Any:
    """Sends what a browser sends for a callback: ``values`` by ``id.property``, a pattern's entry in ``clicked``."""
    key, spec = next(
        (key, spec) for key, spec in app.callback_map.items()
        if getattr(spec.get("callback"), "__name__", "") == function
        and spec["callback"].__module__.endswith(module)
    )  # fmt: skip
    changed: list[str] = []

    def part(place: dict[str, Any]) -> Any:
        id_, prop = place["id"], place["property"]
        if not id_.startswith("{"):
            value = values.get(f"{id_}.{prop}")
            if value is not None and f"{id_}.{prop}" in values:
                changed.append(f"{id_}.{prop}")
            return {"id": id_, "property": prop, "value": value}
        if clicked is None or f'"{clicked["id"]["type"]}"' not in id_ or prop != clicked["property"]:
            return []
        name = json.dumps(dict(sorted(clicked["id"].items())), separators=(",", ":"))
        changed.insert(0, f"{name}.{prop}")
        return [{"id": clicked["id"], "property": prop, "value": clicked["value"]}]

    inputs = [part(place) for place in spec["inputs"]]
    first = list(changed)
    state = [part(place) for place in spec["state"]]
    outputs = [
        [] if out.startswith("{") else {"id": out, "property": prop}
        for out, _, prop in (name.rpartition(".") for name in key.strip(".").split("..."))
    ]
    body = {"output": key, "outputs": outputs if key.startswith("..") else outputs[0], "inputs": inputs,
            "changedPropIds": first, "state": state}  # fmt: skip
    browser.get("/")
    token = browser.get_cookie("_csrf_token").value
    return browser.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token})


def rows_of(services: Services) -> list[Any]:
    with services.store.reading() as connection:
        return [
            list(connection.execute(sa.select(table).order_by(table.c.id)))
            for table in (job_table, draft_table)
        ]


def test_a_viewer_tries_every_write(made: Made) -> None:
    app, services = made
    app.server.test_client().get("/")
    text = example_path("two-hosts").read_text("utf-8")
    draft = drafts.create(services.store, "case", text, "ann")
    drafts.share(services.store, draft.id, True)
    job, _ = services.store.submit(
        "case", text, owner="ann", runs_root=services.runs_root, hash="h", draft=draft.id
    )
    services.store.share(job.id, True)
    planned = services.runs_root / "planned"
    planned.mkdir()
    (planned / "scenario.yaml").write_text(text, "utf-8")
    write_json(planned / "manifest.json", {"scenario": "case", "kind": "plan"})
    write_json(planned / "outcome.json", {"status": "optimal", "kpis": {}})
    held = {"ed-draft.data": {"id": draft.id, "revision": 0}}
    seen = {"run-seen.data": {"id": job.id, "state": ["queued", False, False], "events": 0}}
    upload = "data:text/yaml;base64," + base64.b64encode(text.encode()).decode()

    def click(type_: str, property_: str = "n_clicks", value: Any = 1, **more: str) -> dict[str, Any]:
        return {"id": {"type": type_, **more}, "property": property_, "value": value}

    change = json.dumps({"limits.min_control": 5})
    answer = {"max_delay_months": 9.0, "min_control": 10.0, "caps": {"assistant": 9.0}}
    writes: list[tuple[str, str, dict[str, Any], dict[str, Any] | None]] = [
        ("act", "scenarios", {}, click("sc-action", do="example", id="two-hosts")),
        ("act", "scenarios", {}, click("sc-action", do="duplicate", id=draft.id)),
        ("make", "new_country", {"nc-country.value": "GHA", "nc-sites.value": "", "nc-title.value": ""},
         click("nc-make", id="make")),
        ("upload", "scenarios", {"sc-upload.contents": upload, "sc-upload.filename": "a.yaml"}, None),
        ("edit", "editor", held, click("scenario-field", "value", 55, path="limits.min_control")),
        ("add_date", "pages.editor", held, click("scenario-new-date", "value", "2029-07-01", table="demand-size-points")),
        ("put", "editor_sheets", {**held, "sheet-paste.n_clicks": 1, "sheet-pasted.value": "id,Title\nassistant,Chat",
                                  "ed-section.data": "demand", "sheet-whole.checked": False}, None),
        ("save_text", "editor", {"ed-draft.data": {"id": draft.id, "revision": 3}, "ed-yaml-of.data": 3,
                                 "ed-yaml-save.n_clicks": 1, "ed-yaml.value": "name: x\n"}, None),
        ("undo", "editor", {**held, "ed-undo.n_clicks": 1}, None),
        ("share", "editor", {**held, "ed-share.checked": False}, None),
        ("move", "editor", {**held, "ed-folder.value": "ministry"}, None),
        ("run", "editor_check", {**held, "ed-run.n_clicks": 1, "ed-quality.value": "quick", "ed-objective.value": "cost"},
         None),
        ("cure", "editor_check", {"ed-draft.data": {"id": draft.id, "revision": 5}}, click("scenario-cure", change=change)),
        ("cure", "pages.run", seen, click("run-cure", change=json.dumps({"limits.min_control": 6}))),
        ("ask_front", "tradeoff_make", {"tradeoff-ask.n_clicks": 1, "tradeoff-points-asked.value": "3",
                                        "tradeoff-quality.value": "quick", "tradeoff-ref.data": "planned"}, None),
        ("make_plan", "tradeoff_make", {"tradeoff-ref.data": "planned", "tradeoff-quality.value": "quick",
                                        "tradeoff-live.data": answer}, click("tradeoff-make", what="limits")),
        ("ask", "run", seen, click("run-ask", do="cancel")),
        ("again", "run", seen, click("run-again", do="again")),
        ("share", "run", {**seen, "run-share.checked": False}, None),
        ("act", "scenarios", {}, click("sc-action", do="archive", id=draft.id)),
        ("work_out", "what_if", {"whatif-ref.data": "planned"}, click("wi-ask", study="valuations")),
        ("replan", "capital_downsides", {"capital-replan.n_clicks": 1, "capital-ref.data": "planned"}, None),
    ]  # fmt: skip
    served = {
        spec["callback"].__name__
        for spec in app.callback_map.values()
        if hasattr(spec.get("callback"), "__name__")
    }
    assert served - READS == {name for name, *_ in writes}, "a callback is neither read nor tried here"
    add_grant(services.runs_root / ".folders", "ministry:ann:planner")
    viewer, planner = sign_in(app.server, "vera")[0], sign_in(app.server, "ann")[0]
    for name, module, values, clicked in writes:
        before = rows_of(services)
        answer = posted(app, viewer, name, module, values, clicked)
        assert answer.status_code in (200, 204, 403), (name, answer.text[:300])
        assert rows_of(services) == before, f"a viewer changed something by {module}.{name}"
        answer = posted(app, planner, name, module, values, clicked)
        assert rows_of(services) != before, (
            f"{module}.{name} is not sent as a browser does: {answer.text[:300]}"
        )
    refused = [
        row
        for row in access_log.trail(services.store)
        if row["user"] == "vera" and row["action"] == "refused"
    ]
    assert sum(row["count"] for row in refused) == len(writes)
