"""What protects the application: who may ask, what is refused and recorded, pages that stand on an empty server."""

import base64
import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pandas as pd
import pytest

from planner.app import create_app
from planner.app.auth import UsersFileError, add_user, read_users
from planner.app.components import download
from planner.app.components import format as fmt
from planner.app.pages.scenarios import read_upload
from planner.app.server import listener_of
from planner.app.services import NotFound, Refused, Services, Settings
from planner.app.state import editing, url, wide
from planner.app.state.sections import SECTIONS, TABLES, place_of
from planner.facts.catalog import load_catalog
from planner.intake import fields as schema
from planner.intake.scenario_file import example_path
from planner.jobs import access_log, drafts
from planner.jobs.store import Job
from planner.report.strings import known, t, texts
from planner.scenario.problems import InputError

pytestmark = pytest.mark.untraced

PASSWORD = "correct horse battery"


def make(path: Path, **settings: Any) -> tuple[Any, Services]:
    app = create_app(Settings(runs_root=path / "runs", **settings))
    return app.server, app.server.extensions["planner"]


@pytest.fixture(scope="module")
def open_app(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Services]:
    return make(tmp_path_factory.mktemp("open"))


@pytest.fixture(scope="module")
def local_app(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Services]:
    path = tmp_path_factory.mktemp("local")
    users = path / "users"
    add_user(users, "ann", "planner", PASSWORD)
    add_user(users, "bob", "planner", PASSWORD)
    add_user(users, "vera", "viewer", PASSWORD)
    return make(path, auth="local", users_file=users)


@pytest.fixture
def client(open_app: tuple[Any, Services]) -> Iterator[Any]:
    with open_app[0].test_client() as browser:
        yield browser


def token(browser: Any, path: str = "/") -> str:
    browser.get(path)
    cookie = browser.get_cookie("_csrf_token")
    assert cookie is not None
    return str(cookie.value)


def sign_in(server: Any, name: str, password: str = PASSWORD, after: str | None = None) -> tuple[Any, Any]:
    browser = server.test_client()
    page = browser.get("/login").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    form = {"name": name, "password": password, "csrf_token": found[1]}
    return browser, browser.post("/login", data=form, query_string={"next": after} if after else None)


def last_refusal(services: Services) -> str:
    """What was refused last; refusals of one name and address are lines of one row, the last first."""
    row = next(row for row in access_log.trail(services.store) if row["action"] == "refused")
    return str(row["what"]).splitlines()[0]


def owned(services: Services, owner: str, shared: bool = False) -> Job:
    job, _ = services.store.submit(
        "case", "x: 1", owner=owner, runs_root=services.runs_root, hash=owner + str(shared)
    )
    services.store.share(job.id, shared)
    return job


def test_a_page_comes_with_a_strict_policy_and_its_language(client: Any) -> None:
    page = client.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert page.status_code == 200 and '<html lang="en"' in page.text
    assert policy["default-src"] == "'none'" and "unsafe" not in policy["script-src"]
    assert policy["connect-src"] == "'self'" and policy["frame-ancestors"] == "'none'"
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page.text, re.DOTALL)
    inline = [s for s in scripts if s.strip() and not s.strip().startswith("{")]
    assert len(inline) <= policy["script-src"].count("sha256-"), "an inline script has no hash in the policy"
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text), (
        "something would be loaded from elsewhere"
    )
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused_and_recorded(
    open_app: tuple[Any, Services], client: Any, host: str
) -> None:
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 400 and "--allow-host" in answer.text
    assert last_refusal(open_app[1]) == f"host {host!r}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8050", "[::1]:8050", "LOCALHOST:80"])
def test_local_names_are_served(client: Any, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).json["status"] == "ok"


def test_a_request_without_the_token_of_the_page_is_refused(
    open_app: tuple[Any, Services], client: Any
) -> None:
    body = {"output": "x.y", "inputs": [], "changedPropIds": []}
    assert client.post("/_dash-update-component", json=body).status_code == 400
    assert "no valid token" in last_refusal(open_app[1])
    good = token(client)
    with open_app[0].test_client() as other:
        other.get("/")
        assert (
            other.post("/_dash-update-component", json=body, headers={"X-CSRFToken": good}).status_code == 400
        )
    accepted = client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": good})
    assert accepted.status_code != 400 or "token" not in accepted.text.lower()


def test_a_huge_request_is_refused(open_app: tuple[Any, Services], client: Any) -> None:
    answer = client.post(
        "/_dash-update-component", data=b"x" * 2_100_000, headers={"X-CSRFToken": token(client)}
    )
    assert answer.status_code == 413 and "MB" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/scenarios", "/runs", "/data", "/estimate", "/plan", "/capital", "/compare", "/x"]
)
def test_every_page_stands_on_an_empty_server(open_app: tuple[Any, Services], client: Any, path: str) -> None:
    body = {
        "output": "..._pages_content.children..._pages_store.data...",
        "outputs": [
            {"id": "_pages_content", "property": "children"},
            {"id": "_pages_store", "property": "data"},
        ],
        "inputs": [
            {"id": "_pages_location", "property": "pathname", "value": path},
            {"id": "_pages_location", "property": "search", "value": ""},
        ],
        "changedPropIds": ["_pages_location.pathname"],
        "state": [],
    }
    body["output"] = ".._pages_content.children..._pages_store.data.."
    answer = client.post("/_dash-update-component", json=body, headers={"X-CSRFToken": token(client)})
    assert answer.status_code == 200, answer.text[:400]
    assert t("app.error.title") not in answer.text
    assert (t("app.missing.title") in answer.text) == (path == "/x")


@pytest.mark.parametrize(
    "run_id", ["../../etc/passwd", "..", ".secret-key", "a/b", "a\0b", "", "x" * 300, "~root", "%2e%2e"]
)
def test_an_id_that_is_no_run_leads_nowhere(open_app: tuple[Any, Services], run_id: str) -> None:
    server, services = open_app
    with server.test_request_context("/"), pytest.raises(NotFound):
        services.run_path(run_id)


def test_health_needs_no_sign_in_and_a_page_does(local_app: tuple[Any, Services]) -> None:
    browser = local_app[0].test_client()
    assert browser.get("/health").status_code == 200
    page = browser.get("/plan/x?tab=map", headers={"Accept": "text/html"})
    assert page.status_code == 302 and page.headers["Location"].startswith("/login?next=/plan/x")
    assert browser.get("/_dash-layout").status_code == 401


def test_sign_in_and_out(local_app: tuple[Any, Services]) -> None:
    browser, answer = sign_in(local_app[0], "ann", after="/compare?runs=a")
    assert answer.status_code == 302 and answer.headers["Location"] == "/compare?runs=a"
    cookie = browser.get_cookie("planner_session")
    assert cookie is not None and cookie.http_only and cookie.same_site == "Lax"
    assert browser.get("/").status_code == 200
    assert "Signed in as ann" in browser.get("/_dash-layout").text
    browser.get("/logout")
    assert browser.get("/_dash-layout").status_code == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1"]
)
def test_sign_in_leads_to_no_other_site(local_app: tuple[Any, Services], target: str) -> None:
    _, answer = sign_in(local_app[0], "ann", after=target)
    assert answer.headers["Location"] == "/"


def test_wrong_passwords_are_refused_recorded_and_slowed_down(local_app: tuple[Any, Services]) -> None:
    server, services = local_app
    _, answer = sign_in(server, "nobody", "wrong password")
    assert answer.status_code == 401 and t("login.wrong") in answer.text
    assert last_refusal(services) == "sign-in with a wrong password"
    answers = [sign_in(server, "mallory", "wrong password")[1].status_code for _ in range(9)]
    assert answers[0] == 401 and answers[-1] == 429


def test_a_new_password_ends_old_sessions(tmp_path: Path) -> None:
    users = tmp_path / "users"
    add_user(users, "ann", "planner", PASSWORD)
    server, _ = make(tmp_path, auth="local", users_file=users)
    browser, _answer = sign_in(server, "ann")
    assert browser.get("/_dash-layout").status_code == 200
    add_user(users, "ann", "viewer", PASSWORD + "!")
    assert browser.get("/_dash-layout").status_code == 401


def test_the_users_file_is_private_and_its_faults_are_named(tmp_path: Path) -> None:
    users = tmp_path / "users"
    add_user(users, "ann", "viewer", PASSWORD)
    assert users.stat().st_mode & 0o077 == 0
    assert PASSWORD not in users.read_text() and read_users(users)["ann"].role == "viewer"
    with pytest.raises(UsersFileError, match="10 characters"):
        add_user(users, "bob", "viewer", "short")
    with pytest.raises(UsersFileError, match="user name"):
        add_user(users, "b:b", "viewer", PASSWORD)
    users.write_text("ann:boss:hash\n")
    with pytest.raises(UsersFileError, match=r":1: .*viewer or planner"):
        read_users(users)
    with pytest.raises(UsersFileError, match="--add-user"):
        make(tmp_path, auth="local", users_file=tmp_path / "none")


def as_user(server: Any, name: str, role: str) -> Any:
    import flask

    from planner.app.services import User

    context = server.test_request_context("/")
    context.push()
    flask.g.user = User(name, role)  # type: ignore[arg-type]
    return context


def test_another_users_run_is_refused_until_it_is_shared(local_app: tuple[Any, Services]) -> None:
    server, services = local_app
    mine, theirs, shared = owned(services, "ann"), owned(services, "bob"), owned(services, "bob", shared=True)
    context = as_user(server, "ann", "planner")
    try:
        assert services.check_run(mine.id) == mine.id
        assert services.check_run(shared.id) == shared.id
        with pytest.raises(Refused, match="belongs to bob"):
            services.check_run(theirs.id)
        assert theirs.id in last_refusal(services)
        assert {row["id"] for row in services.runs()} == {mine.id, shared.id}
        (services.runs_root / theirs.id).mkdir()
        (services.runs_root / theirs.id / "manifest.json").write_text("{}")
        assert theirs.id not in {row["id"] for row in services.runs()}, "seen through its directory"
    finally:
        context.pop()


def test_a_viewer_looks_and_changes_nothing(local_app: tuple[Any, Services]) -> None:
    server, services = local_app
    from planner.app.pages.editor_parts import save

    draft = drafts.create(services.store, "case", "name: case\n", "vera")
    context = as_user(server, "vera", "viewer")
    try:
        with pytest.raises(Refused, match="role viewer"):
            save(services, draft, "name: other\n", "name", 0)
    finally:
        context.pop()
    context = as_user(server, "bob", "planner")
    try:
        with pytest.raises(Refused, match="vera"):
            save(services, draft, "name: other\n", "name", 0)
    finally:
        context.pop()


def test_a_proxy_is_believed_only_from_its_address(tmp_path: Path) -> None:
    server, services = make(tmp_path, auth="proxy", proxy_peers=("10.0.0.5",))
    browser = server.test_client()
    named = {"X-Remote-User": "ann", "X-Remote-Role": "planner"}
    assert browser.get("/", headers=named).status_code == 403, "the header comes from anybody"
    assert last_refusal(services) == "not through the proxy"
    through = {"REMOTE_ADDR": "10.0.0.5"}
    assert browser.get("/", environ_base=through).status_code == 401
    page = browser.get("/_dash-layout", headers=named, environ_base=through)
    assert page.status_code == 200 and "Signed in as ann (planner)" in page.text
    viewer = browser.get("/_dash-layout", headers={"X-Remote-User": "ann"}, environ_base=through)
    assert "(viewer)" in viewer.text
    assert browser.get("/health").status_code == 200


@pytest.mark.parametrize("auth", ["none", "local", "proxy"])
def test_a_server_is_warm_before_its_first_visitor_whoever_may_enter(tmp_path: Path, auth: Any) -> None:
    """Dash registers its bundles at the first page, and not thread-safely: without that page the first visitors
    of a guarded server met errors, and its audit began with a refusal of its own."""
    users = tmp_path / "users"
    add_user(users, "ann", "planner", PASSWORD)
    app = create_app(
        Settings(runs_root=tmp_path, auth=auth, users_file=users, hosts=("planner.example.org",))
    )
    assert "dash_mantine_components" in app.registered_paths
    assert access_log.trail(app.server.extensions["planner"].store) == []


def test_the_key_of_sessions_is_whole_or_said_to_be_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLANNER_SECRET_KEY", raising=False)
    users = tmp_path / "users"
    add_user(users, "ann", "planner", PASSWORD)
    create_app(Settings(runs_root=tmp_path, auth="local", users_file=users))
    key = tmp_path / ".secret-key"
    assert len(key.read_text()) == 64 and key.stat().st_mode & 0o77 == 0
    assert [path.name for path in tmp_path.glob(".secret-key*")] == [".secret-key"]
    key.write_text("")
    with pytest.raises(UsersFileError, match="secret-key is empty: remove it"):
        create_app(Settings(runs_root=tmp_path, auth="local", users_file=users))


def test_two_applications_in_one_process_do_not_mix(tmp_path: Path) -> None:
    (first, one), (second, two) = make(tmp_path / "a"), make(tmp_path / "b", prefix="/planner/")
    drafts.create(one.store, "case", "name: case\n", "local")
    assert drafts.find(two.store) == []
    assert first.test_client().get("/").status_code == 200
    assert second.test_client().get("/planner/").status_code == 200
    assert second.test_client().get("/planner/health").status_code == 200


def test_twenty_viewers_at_once(open_app: tuple[Any, Services]) -> None:
    server, _ = open_app
    answers: list[int] = []

    def look() -> None:
        with server.test_client() as browser:
            answers.extend(
                browser.get(path).status_code for path in ("/", "/_dash-layout", "/_dash-dependencies")
            )

    threads = [threading.Thread(target=look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 60


# ---- what is handed in and taken home


def data_url(raw: bytes) -> str:
    return "data:text/yaml;base64," + base64.b64encode(raw).decode()


BOMB = (
    b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    + b"".join(
        f"{n}: &{n} [{','.join('*' + p for _ in range(9))}]\n".encode()
        for p, n in (("c", "d"), ("d", "e"), ("e", "f"))
    )
)


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.exe", b"name: x", "only .yaml and .yml"),
        ("a.yaml", b"\x00\x01\x02", "not a text file"),
        ("a.yaml", "naïve".encode("latin-1"), "not UTF-8"),
        ("a.yaml", b"x" * 3_000_000, "larger than 2 MB"),
        ("a.yaml", BOMB, "aliases expand"),
        ("a.yaml", b"a: !!python/object/apply:os.system [ls]", ""),
        ("a.yaml", b"- 1\n- 2", "must be a mapping"),
        ("a.yaml", b"{", "not valid YAML"),
    ],
)
def test_bad_uploads_are_refused_with_their_reason(name: str, raw: bytes, reason: str) -> None:
    if not reason:  # read as plain text, never executed; the check names the tag
        checked = editing.check(read_upload(data_url(raw), name, 2_000_000), load_catalog())
        assert checked.scenario is None and any("not allowed" in p.message for p in checked.problems)
        return
    with pytest.raises(InputError, match=reason):
        editing.document(read_upload(data_url(raw), name, 2_000_000))


def test_an_upload_cannot_read_files_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("name: secret\n")
    checked = editing.check(f"extends: {tmp_path / 'secret.yaml'}\nname: x\n", load_catalog())
    assert checked.scenario is None and "only packaged examples" in checked.problems[0].message


def test_cells_never_become_formulas() -> None:
    import io

    import openpyxl

    frame = pd.DataFrame(
        {"=name": ["=1+1", "+cmd|' /C calc'!A0", "@x", "-2", "plain"], "n": [-1.0, 2, 3, 4, 5]}
    )
    lines = download.csv_text(frame).splitlines()
    assert lines[0] == "'=name,n" and lines[1] == "'=1+1,-1.0" and lines[5] == "plain,5.0"
    sheet = openpyxl.load_workbook(io.BytesIO(download.xlsx_bytes({"t": frame})))["t"]
    assert [sheet.cell(row, 1).data_type for row in range(2, 7)] == ["s"] * 5


# ---- pure functions behind the pages


def test_a_view_state_survives_its_address() -> None:
    defaults: dict[str, Any] = {"tab": "map", "months": 6.0, "runs": [], "flag": False, "n": 3}
    state = {"tab": "a&b=c", "months": 4.5, "runs": ["x", "y"], "flag": True, "n": 3}
    assert url.parse(url.query(state, defaults), defaults) == state
    assert url.query(dict(defaults), defaults) == ""
    assert url.parse("?months=abc&n=inf&stranger=1", defaults) == defaults


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (fmt.duration(3725), "1 h 02 min"),
        (fmt.duration(59.6), "1 min 00 s"),
    ],
)
def test_durations_read_as_people_write_them(text: str, shown: str) -> None:
    assert text == shown


@pytest.mark.parametrize("column", ["at_once", "in_all"])
def test_a_bill_of_accelerators_and_megawatts_rounds_neither_away(column: str) -> None:
    quantity = pd.Series([1492.0, 0.65, 3.5], name=column)
    places = fmt.digits(quantity)
    assert [fmt.cell(value, places) for value in quantity] == ["1\u202f492", "0.65", "3.5"]


def test_amounts_of_any_size_are_told_and_years_have_the_same_decimals() -> None:
    amount = pd.Series([270.0, 0.257], name="Amount")
    assert [fmt.cell(value, fmt.digits(amount)) for value in amount] == ["270", "0.257"]
    statement = pd.DataFrame({"line": ["a", "b"], "2027": [149.3, 5.2], "2028": [1120.4, 4.1]})
    assert fmt.places(statement) == [None, 0, 0]


def test_every_text_a_page_asks_for_is_there(root: Path) -> None:
    asked = re.compile(r"""\bt\(\s*"([a-z0-9_.-]+)"[,)]""")
    missing = {
        f"{path.name}: {key}"
        for path in (root / "app").rglob("*.py")
        for key in asked.findall(path.read_text("utf-8"))
        if not known(key)
    }
    assert not missing
    for section in SECTIONS:
        assert known(f"scenario.section.{section.key}") and known(f"scenario.section-lead.{section.key}")
    assert all(known(f"scenario.table.{key}") for key in TABLES)
    assert all(
        known(f"app.nav.{page}") for page in ("home", "scenarios", "tradeoff", "plan", "capital", "compare")
    )
    assert all(text.strip() for text in texts("en").values())


def test_forms_and_tables_cover_the_schema() -> None:
    for section in SECTIONS:
        for spec in section.tables:
            assert {name for name in spec.first if name != "of"} <= {
                f.name for f in schema.fields(spec.pattern)
            }
    years = schema.field("horizon.years")
    assert (years.kind, years.minimum, years.maximum, years.unit) == ("integer", 1, 30, "years")
    assert schema.field("money.level").choices == ("low", "mid", "high")


def test_edits_keep_comments_and_change_only_what_was_asked() -> None:
    text = example_path("korea").read_text("utf-8")
    same = editing.apply(text, {"demand[government].priority": 2, "horizon.years": 6})
    assert same == text
    changed = editing.apply(
        text, {"demand[government].priority": 3, "sites[haenam].grid_mw[1].from": "2028-10-01"}
    )
    assert changed.splitlines()[0] == text.splitlines()[0], "the comment is gone"
    frame = editing.changes(changed, text)
    assert list(frame["path"]) == ["demand[government].priority", "sites[haenam].grid_mw[1].from"]
    assert list(frame["now"]) == ["3", "2028-10-01"]
    assert editing.check(changed, load_catalog()).scenario is not None


def test_a_problem_stands_at_its_cell() -> None:
    text = editing.apply(
        example_path("korea").read_text("utf-8"), {"demand[health].size.points[1].at": "2026-01-01"}
    )
    checked = editing.check(text, load_catalog())
    assert checked.scenario is None
    bad = editing.apply(text, {"demand[health].priority": -1})
    checked = editing.check(bad, load_catalog())
    rows = editing.rows(editing.document(bad), TABLES["demand"], checked)
    marked = {row["id"]: row["_problems"] for row in rows if row["_problems"]}
    assert set(marked) == {"health"} and "priority" in marked["health"]


def test_rows_are_copied_and_removed() -> None:
    text = example_path("korea").read_text("utf-8")
    more = editing.duplicate(text, TABLES["demand"], "demand[health]")
    assert editing.value_at(editing.document(more), "demand[health-2].priority") == 2
    assert editing.value_at(editing.document(more), "demand[health-2].note") == "Copy of health"
    path = "demand[health].size.points[2]"
    fewer = editing.remove(text, [path, "demand[health].size.points[1]"])
    assert len(editing.value_at(editing.document(fewer), "demand[health].size.points")) == 1


def test_a_new_row_is_blank() -> None:
    text = example_path("korea").read_text("utf-8")
    entries = editing.value_at(editing.document(text), "demand")
    once = editing.add(text, TABLES["demand"])
    twice = editing.add(once, TABLES["demand"])
    assert editing.value_at(editing.document(twice), "demand")[len(entries) :] == [
        {"id": "new"},
        {"id": "new-2"},
    ]
    first = editing.add(text, TABLES["cuts"])
    assert editing.value_at(editing.document(first), "cuts") == [{"id": "new"}]
    run = editing.add(text, TABLES["sites-power-options"], "haenam")
    assert editing.value_at(editing.document(run), "sites[haenam].power.options") == [{"id": "new"}]
    with pytest.raises(editing.PathError, match="to which entry"):
        editing.add(text, TABLES["sites-power-options"])


def test_a_record_that_an_entry_does_without_can_be_filled_in() -> None:
    text = example_path("two-hosts").read_text("utf-8")
    rows = editing.rows(editing.document(text), TABLES["sites-tariff"])
    assert [row["of"] for row in rows] == ["haenam", "seoul"]
    filled = editing.apply(text, {f"{rows[0]['_path']}.network_usd_per_mwh": 12})
    assert editing.value_at(editing.document(filled), "sites[haenam].tariff.network_usd_per_mwh") == 12
    line = editing.rows(editing.document(text), TABLES["sites-power-flexible"])[1]
    filled = editing.apply(text, {f"{line['_path']}.max_mw": 5})
    assert editing.value_at(editing.document(filled), "sites[seoul].power.flexible.max_mw") == 5
    assert not editing.rows(editing.document(text), TABLES["sites-power-options"])


def test_paths_are_a_column_a_date() -> None:
    text, spec = example_path("two-hosts").read_text("utf-8"), TABLES["demand-size-points"]
    doc = editing.document(text)
    assert [day.isoformat() for day in wide.dates(doc, spec)][-2:] == ["2030-01-01", "2030-12-31"]
    row = editing.rows(doc, spec)[0]
    assert (row["of"], row["by"], row["2027-01-01"], row["2030-12-31"]) == (
        "assistant",
        "accelerators",
        500,
        2000,
    )

    def edit(day: str, value: Any) -> dict[str, Any]:
        return {"data": row, "colId": day, "value": value}

    made = wide.changed(doc, spec, [edit("2028-01-01", "900"), edit("2030-12-31", None), edit("title", "x")])
    assert made == {row["_path"]: [{"at": "2027-01-01", "value": 500}, {"at": "2028-01-01", "value": 900}]}
    middle = wide.with_date(doc, spec, date(2028, 12, 31))[row["_path"]][1]
    assert 1200 < middle["value"] < 1300, "between two points of a path, what holds there already"
    assert not wide.with_date(doc, spec, date(2026, 1, 1))
    steps = wide.with_date(doc, TABLES["sites-grid_mw"], date(2029, 7, 1))
    assert all(
        points[-1]["from"] == "2029-07-01" and points[-1]["mw"] == points[-2]["mw"]
        for points in steps.values()
    )
    bad = editing.apply(text, {row["_path"]: [{"at": "2027-01-01", "value": -5}]})
    told = editing.rows(editing.document(bad), spec, editing.check(bad, load_catalog()))
    assert "2027-01-01" in told[0]["_problems"]


def test_a_problem_leads_to_its_place() -> None:
    places = {
        "demand[health].priority": ("demand", "demand"),
        "demand[health].size.points[1].value": ("demand", "demand-size-points"),
        "demand[0].size.by": ("demand", "demand-size"), "sites[x].grid_mw": ("sites", "sites-grid_mw"),
        "limits.min_control": ("limits", None), "limits.shares[nvidia].by": ("limits", "limits-shares"),
        "horizon.years": ("basics", None), "control.floors.secret": ("control", None), "nowhere": ("yaml", None),
    }  # fmt: skip
    assert {path: place_of(path) for path in places} == places


SHOWN_ELSEWHERE = {"", "demand[].locality", "existing"}
"""Records whose fields stand in another form or table, or that only hold records; the top is in Basics."""


def test_every_record_of_a_scenario_can_be_edited() -> None:
    shown = {form for section in SECTIONS for form in section.forms} | {
        spec.pattern for spec in TABLES.values()
    }
    assert schema.records() - shown == SHOWN_ELSEWHERE
    named = {name for section in SECTIONS for name in section.forms if "." not in name}
    top = {field.name for field in schema.fields("")} - {"planner", "source", "assumed"}
    assert top <= named, "fields of the scenario itself"


def test_what_a_proxy_says_reaches_the_application() -> None:
    def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [environ.get("HTTP_X_FORWARDED_FOR", "nobody").encode()]

    listener = listener_of(echo, "127.0.0.1", 0)
    threading.Thread(target=listener.run, daemon=True).start()
    asked = Request(f"http://127.0.0.1:{listener.effective_port}", headers={"X-Forwarded-For": "192.0.2.7"})
    try:
        assert urlopen(asked, timeout=10).read() == b"192.0.2.7"
    finally:
        listener.close()
