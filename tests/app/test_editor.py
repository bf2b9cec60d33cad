"""Changes made in the editor: in the order they were made, none lost, none made up."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
import pytest
from dash import dcc

from planner.app import create_app
from planner.app.components import forms
from planner.app.pages import editor_demand, editor_grid, editor_parts, editor_sheets, editor_views
from planner.app.pages.editor import _changed
from planner.app.pages.editor_parts import STATUS, change, seen
from planner.app.services import Refused, Services, Settings
from planner.app.state import editing
from planner.app.state.sections import BY_KEY, SECTIONS, TABLES
from planner.app.state.taken import taken
from planner.case.build import build_case
from planner.facts.catalog import load_catalog
from planner.intake import fields as schema
from planner.intake.scenario_file import example_path
from planner.intake.sheet_rows import SheetError
from planner.jobs import drafts
from planner.report.charts.estimate import by_workload
from planner.report.strings import t
from tests.app.forty import NAMES, forty

TEXT = example_path("two-hosts").read_text("utf-8").replace("title:", "title: |\n  Two hosts\n\n#", 1)


@pytest.fixture
def opened(tmp_path: Path) -> tuple[Any, Services, drafts.Draft]:
    app = create_app(Settings(runs_root=tmp_path))
    services: Services = app.server.extensions["planner"]
    return app, services, drafts.create(services.store, "two-hosts", TEXT, "local")


def setting(path: str, value: Any) -> Any:
    return lambda text: (editing.apply(text, {path: value}), path)


def test_a_later_change_never_waits_for_or_overtakes_an_earlier_one_of_its_page(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, draft = opened
    held, started, go_on = seen(draft), threading.Event(), threading.Event()

    def slow(text: str) -> tuple[str, str]:
        started.set()
        assert go_on.wait(20)
        return setting("limits.min_control", 61)(text)

    def edit(how: Any) -> None:
        with app.server.test_request_context("/"):
            change(services, held, "page", how)

    first = threading.Thread(target=edit, args=(slow,))
    first.start()
    assert started.wait(20)
    second = threading.Thread(target=edit, args=(setting("limits.min_control", 62),))
    second.start()
    go_on.set()
    first.join(20)
    second.join(20)
    now = drafts.get(services.store, draft.id)
    assert now is not None and now.revision == 2
    assert editing.value_at(editing.document(now.text), "limits.min_control") == 62
    with app.server.test_request_context("/"), pytest.raises(Refused, match="another window"):
        change(services, held, "another page", setting("limits.min_control", 63))


def test_fields_that_come_into_the_page_change_nothing() -> None:
    """Dash reports every field of a section that is drawn anew, with each of its properties."""
    doc = editing.document(TEXT)
    paths = [
        "name",
        "title",
        "limits.min_control",
        "horizon.years",
        "horizon.step",
        "money.discount_rate_real",
    ]
    triggered = []
    for path in paths:
        shown: Any = editing.value_at(doc, path)
        for prop, value in (("value", "" if shown is None else shown), ("checked", None)):
            key = json.dumps({"path": path, "type": forms.FIELD})
            triggered.append({"prop_id": f"{key}.{prop}", "value": value})
    assert all(schema.field(path) for path in paths)
    assert _changed(TEXT, triggered, {})[0] == TEXT
    triggered[4]["value"] = 71
    assert editing.value_at(editing.document(_changed(TEXT, triggered, {})[0]), "limits.min_control") == 71


def test_forty_workloads_are_uploaded_with_three_mistakes_and_mended(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, draft = opened
    held = seen(draft)

    def upload(mistakes: dict[str, Any]) -> Any:
        rows = editor_sheets._uploaded(
            "data:application/xlsx;base64," + base64.b64encode(forty(mistakes)).decode(),
            "demand.xlsx",
            "demand",
        )
        with app.server.test_request_context("/"):
            return editor_sheets._put(services, held, "page", "demand", rows, True)

    with pytest.raises(SheetError) as found:
        upload({"D5": "inferense", "J9": "=J8*2", "K12": "many"})
    assert [fault.cell for fault in found.value.faults] == ["D5", "J9", "K12"]
    assert "3 cells to fix" in str(editor_sheets.refused(found.value))
    assert drafts.get(services.store, draft.id).text == TEXT
    taken = upload({})
    assert len(taken.added) == 40 and taken.removed == ["assistant"]
    assert "40 added: w0, w1" in editor_sheets.told(taken) and "1 removed: assistant." in editor_sheets.told(
        taken
    )
    assert "40 added" in drafts.history(services.store, draft.id)[0]["what"]  # stays among the changes
    lasting = {"ed-taken.children" in name for name in app.callback_map if "sheet-told" in name}
    assert lasting == {True}  # outside what the upload draws anew
    scenario = editing.check(drafts.get(services.store, draft.id).text, services.catalog).scenario
    assert scenario is not None and len({w.title for w in scenario.demand}) == 40
    assert all(len(w.title) >= 60 for w in scenario.demand)


def test_while_it_checks_nothing_is_said_to_be_in_order(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, draft = opened
    checked = editing.check(draft.text, services.catalog)
    for section, words, other in (
        ("check", "scenario.checking-short", "scenario.sound"),
        ("basics", "scenario.sound", "scenario.checking-short"),
    ):
        with app.server.test_request_context("/"):
            page = editor_views.page(services, draft, section, checked, seen(draft))
        (told,) = [part for part in page._traverse() if getattr(part, "id", None) == STATUS]
        badges = [part.children for part in told._traverse() if isinstance(part, dmc.Badge)]
        assert badges == [t(words)] != [t(other)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hosts[champion].standing_halls": "as-built", "hosts[champion].refit": {"musd_per_mw": 1}},
         "1 thing to look at"),
        ({"finance.life_years": {"battery": 12}}, "1 problem to fix"),
        ({"finance.life_years": {"batteries": "twelve", "plant": 0}}, "2 problems to fix"),
    ],
)  # fmt: skip
def test_the_chip_counts_what_there_is_to_mend_or_to_look_at(
    opened: tuple[Any, Services, drafts.Draft], changes: dict[str, Any], words: str
) -> None:
    app, services, draft = opened
    checked = editing.check(editing.apply(TEXT, changes), services.catalog)
    with app.server.test_request_context("/"):
        told = editor_parts.status(checked, draft)
    assert [part.children for part in told._traverse() if isinstance(part, dmc.Badge)] == [words]
    assert any(isinstance(part, dcc.Link) for part in told._traverse()), "it leads to the place"


@pytest.mark.parametrize(
    ("lives", "message"), [({"battery": 12}, "battery"), ({"batteries": "twelve"}, "must be a number")]
)
def test_a_problem_within_a_mapping_is_told_under_its_field(
    opened: tuple[Any, Services, drafts.Draft], lives: dict[str, Any], message: str
) -> None:
    _, services, _ = opened
    checked = editing.check(editing.apply(TEXT, {"finance.life_years": lives}), services.catalog)
    assert message in (checked.of("finance.life_years") or "")


@pytest.mark.parametrize("key", [section.key for section in SECTIONS])
@pytest.mark.parametrize("example", ["two-hosts", "korea"])
def test_every_section_is_drawn_with_words_for_all_of_its_tables(
    opened: tuple[Any, Services, drafts.Draft], key: str, example: str
) -> None:
    """Of a scenario with few fields written and of one with many; a table that no field is written for too."""
    app, services, _ = opened
    text = example_path(example).read_text("utf-8")
    draft = drafts.create(services.store, example, text, "local")
    checked = editing.check(text, services.catalog)
    with app.server.test_request_context("/"):
        drawn = editor_views.body(services, draft, key, checked)
    titles = {str(part.children) for part in drawn._traverse() if isinstance(part, dmc.Title)}
    assert "" not in titles and not any(title.startswith("scenario.") for title in titles)
    for table in BY_KEY[key].tables:
        headers = [
            c["headerName"] for c in editor_grid._columns(services, table, editing.document(text), True)
        ]
        assert headers and all(headers) and not any(h.startswith("scenario.") for h in headers)


def test_columns_of_plant_and_tariffs_have_their_units() -> None:
    units = {
        field.leaf: field.unit
        for table in ("sites-power-options", "sites-power-ppas", "sites-power-flexible", "sites-tariff")
        for field in schema.fields(TABLES[table].pattern)
        if field.kind == "number" and ("usd_" in field.leaf or "_pct" in field.leaf)
    }
    assert units["capex_usd_per_kw"] == "USD/kW" and units["fade_pct_per_cycle"] == "%/cycle"
    assert all(units.values()), units


def test_rates_and_shares_of_finance_have_their_units() -> None:
    records = ("finance", "finance.sources[]", "finance.tax", "finance.covenants", "finance.revenue[]")
    units = {
        field.leaf: field.unit
        for record in records
        for field in schema.fields(record)
        if field.kind == "number"
    }
    bare = {name for name, unit in units.items() if not unit}
    assert bare <= {"amount_m", "deduction"}, "the first says it in its name, the second is a pure number"
    assert units["base_rate_per_year"] == "share/year" and units["musd_per_year"] == "MUSD/year"


def pasted(text: str, table: str, edits: list[dict[str, Any]], outer: str | None = None) -> Any:
    """What a paste into a grid makes of the scenario."""
    sent = [{"prop_id": "ed-pasted.data", "value": {"table": table, "edits": edits, "at": 1}}]
    return editing.document(_changed(text, sent, {}, {table: outer})[0])


def test_cells_pasted_below_the_last_row_make_new_rows() -> None:
    def cells(place: dict[str, Any], **values: str) -> list[dict[str, Any]]:
        return [{"data": place, "colId": name, "value": value} for name, value in values.items()]

    edits = [
        *cells({"_path": "hosts[cloud]"}, title="The cloud"),
        *cells({"_new": 1}, id="second", site="seoul", mode="build", max_it_mw="4", stacks="us-cloud, rival"),
        *cells({"_new": 2}, site="seoul"),
    ]
    hosts = pasted(TEXT, "hosts", edits)["hosts"]
    assert [host["id"] for host in hosts][-3:] == ["cloud", "second", "new"]
    assert hosts[-3]["title"] == "The cloud"
    assert hosts[-2] == {
        "id": "second", "site": "seoul", "mode": "build", "max_it_mw": 4, "stacks": ["us-cloud", "rival"],
    }  # fmt: skip
    floors = pasted(TEXT, "limits-control_floors", cells({"_new": 0}, workload="assistant", min="40"))
    assert floors["limits"]["control_floors"] == [{"workload": "assistant", "min": 40}]
    path = pasted(TEXT, "demand-size-points", cells({"_new": 0}, **{"2027-01-01": "5"}))
    assert path == editing.document(TEXT), "a path belongs to an entry"


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("limits.max_delay_months", "assistant: 6.5", {"assistant": 6.5}),
        ("limits.max_delay_months", "7", 7),
        ("control.trusted_by_country", "KOR: USA JPN, IND: USA", {"KOR": ["USA", "JPN"], "IND": ["USA"]}),
        ("finance.life_years", "servers: 5; halls: 20", {"servers": 5, "halls": 20}),
    ],
)
def test_values_by_name_are_written_in_a_field(path: str, text: str, value: Any) -> None:
    field = schema.field(path)
    assert schema.typed(field, text) == value
    assert schema.typed(field, str(schema.text_of(value))) == value
    changed = editing.apply(TEXT, {path: value})
    assert editing.value_at(editing.document(changed), path) == value


def test_attributes_of_a_host_are_a_cell() -> None:
    edits = [{"data": {"_path": "hosts[cloud]"}, "colId": "attributes", "value": "keys: home, law: foreign"}]
    doc = pasted(TEXT, "hosts", edits)
    assert editing.value_at(doc, "hosts[cloud].attributes") == {"keys": "home", "law": "foreign"}
    row = next(row for row in editing.rows(doc, TABLES["hosts"]) if row["id"] == "cloud")
    assert row["attributes"] == "keys: home, law: foreign"


def test_a_problem_leads_to_its_cell() -> None:
    doc = editing.document(TEXT)

    def place(table: str, at: str) -> Any:
        return (
            editor_grid._seen_at(editing.rows(doc, TABLES[table]), TABLES[table], at)
            .get("scrollTo", {})
            .get("column")
        )

    assert place("hosts", "hosts[cloud].max_it_mw") == "max_it_mw"
    assert place("demand", "demand[assistant].locality.where") == "locality.where"
    first = editing.rows(doc, TABLES["demand-size-points"])[0]
    days = sorted(name for name in first if name[:2] == "20")
    assert place("demand-size-points", "demand[assistant].size.points[1].value") == days[1]
    assert place("hosts", "hosts[cloud]") is None and place("hosts", "sites[seoul]") is None


def test_blank_cells_show_what_the_catalog_says() -> None:
    catalog = load_catalog()
    doc = editing.document(TEXT)

    def of(table: str, entry: str) -> dict[str, Any]:
        shown = editing.rows(doc, TABLES[table], None, catalog)
        return next(row["_taken"] for row in shown if row["id"] == entry)

    system = doc["systems"][0]["id"]
    price = of("systems", system)["price_usd"]
    assert price["value"] == catalog.value("systems", system, "price_usd_mid") and system in price["why"]
    site = doc["sites"][0]
    found = of("sites", site["id"])
    case = build_case(editing.check(TEXT, catalog).scenario, catalog)
    assert {"latitude", "country"} <= found.keys()
    assert "grid_mw" not in found and all(site.get(name) is None for name in found)
    for host in doc["hosts"]:
        used, own = of("hosts", host["id"]), case.offers.reset_index(drop=True)
        mine = own[own["h"] == host["id"]]["effectiveness"].iloc[0]
        assert used.get("effectiveness", {"value": mine})["value"] == mine
    stack = doc["stacks"][0]["id"]
    adoption = doc["stacks"][0].get(
        "adoption_musd", of("stacks", stack).get("adoption_musd", {}).get("value")
    )
    assert adoption == pytest.approx(case.stacks.loc[stack, "adoption_musd"])
    odd = {
        "systems": [{"id": "no-such"}, {"id": 3}, "text"],
        "sites": 7,
        "hosts": [{"id": "x", "owner_class": "none"}],
    }
    assert [taken(odd, table, catalog) for table in ("systems", "sites", "hosts", "demand")] == [
        {"no-such": {}}, {}, {"x": {}}, {},
    ]  # fmt: skip


def test_the_chart_of_the_demand_has_a_series_a_workload_and_the_rest_in_one(
    opened: tuple[Any, Services, drafts.Draft],
) -> None:
    app, services, _ = opened
    scenario = editing.check(TEXT, services.catalog).scenario
    assert scenario is not None
    with app.server.test_request_context("/"):
        shown = json.dumps(editor_demand.chart(scenario, services.catalog).to_plotly_json(), default=str)
    assert "Accelerators by year, stacked by workload" in shown
    rows = pd.DataFrame(
        [
            {"w": f"w{n}", "year": year, "accelerators_mid": 100.0 - n}
            for n in range(40)
            for year in (2027, 2028)
        ]
    )
    drawn = by_workload(rows, {f"w{n}": f"{NAMES[n % 3]} {n}" for n in range(40)})
    assert [trace.meta for trace in drawn.data] == [*(f"w{n}" for n in range(7)), ""]
    assert len({trace.name for trace in drawn.data}) == 8 and "33 more" in drawn.data[-1].name
    total = sum(sum(trace.y) for trace in drawn.data)
    assert total == pytest.approx(rows["accelerators_mid"].sum())


def test_cells_of_a_row_whose_id_was_just_changed_are_still_of_it() -> None:
    """A page that types on knows the row by the path that it had: with the change of the id, and after it."""
    text = editing.add(TEXT, TABLES["limits-shares"])
    row = {"_path": "limits.shares[new]", "_row": "limits-shares-0", "id": "mine"}
    key = json.dumps({"table": "limits-shares", "type": editor_grid.GRID})

    def typed(text: str, *cells: tuple[str, Any]) -> str:
        edits = [{"data": row, "colId": name, "value": value} for name, value in cells]
        return _changed(text, [{"prop_id": f"{key}.cellValueChanged", "value": edits}], {})[0]

    named = typed(text, ("id", "mine"))
    wanted = [{"id": "mine", "max_share": 0.3}]
    assert editing.document(typed(named, ("max_share", 0.3)))["limits"]["shares"] == wanted
    assert editing.document(typed(text, ("id", "mine"), ("max_share", 0.3)))["limits"]["shares"] == wanted
    other = row | {"id": "another"}
    assert editing.path_now(editing.document(named), TABLES["limits-shares"], other) == row["_path"]


def test_changes_name_their_base_and_the_field_in_words(opened: tuple[Any, Services, drafts.Draft]) -> None:
    _, services, _ = opened
    text = example_path("korea").read_text("utf-8")
    changed = editing.apply(text, {"demand[government].priority": 3})
    draft = drafts.create(services.store, "korea", changed, "local", "Korea", "korea", text)
    (shown,) = [
        part
        for part in editor_views._changes(draft)._traverse()
        if "data-table" in part.to_plotly_json()["props"]
    ]
    told = json.loads(shown.to_plotly_json()["props"]["data-table"])
    assert told["head"] == ["What", "Field", "In korea", "Now"]
    assert told["rows"][0][0] == "Demand, government, priority"
