"""What protects completeness: whatever is named has its words, its audit, its place in docs/ and in the editor."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest

from planner import build_case, load_scenario, solve
from planner.app.state import sections, url
from planner.audit import COVERS, TOPICS
from planner.case.case import Case
from planner.case.registry import ACCOUNTS, ADOPTION, CLASSES, DECIDED, LEVEL, PURCHASES, families
from planner.case.schema import SCHEMA as CASE_TABLES
from planner.intake.fields import fields
from planner.models import agreements, exits, finance, levels
from planner.models.build import build_model
from planner.models.ledger import book
from planner.plans.milestones import KINDS
from planner.plans.plan import Plan
from planner.plans.schema import SCHEMA as PLAN_TABLES
from planner.report import reference
from planner.report.strings import known
from planner.report.terms import term
from planner.scenario.record import Record
from planner.scenario.reference import _records, meaning
from planner.scenario.schema import Decision, Scenario

pytestmark = pytest.mark.untraced

TERMS = json.loads(resources.files("planner.report").joinpath("terms.en.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def docs(root: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (root / "docs").glob("*.md")}


@pytest.fixture(scope="module")
def plan(root: Path) -> Plan:
    case = build_case(load_scenario(root / "data" / "scenarios" / "two-hosts.yaml"))
    outcome = solve(case, quality="quick")
    assert outcome.plan is not None
    return outcome.plan


@pytest.fixture(scope="module")
def audits(root: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in (root / "planner" / "audit").glob("*.py")}


def rules_of_the_model(root: Path) -> set[str]:
    """Every rule that stands in the code of the model, whether or not a case has rows of it."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (root / "models").glob("*.py"))
    named = set(re.findall(r"\bm\.(\w+) = Rule\(", text))
    summed = {
        *finance.ROWS,
        *agreements.ROWS,
        *exits.ROWS,
        *levels.ROWS,
        "money_cap",
        "carbon_cap",
        "efficiency_cap",
        "heat_reuse_floor",
        "energy_drawn",
        "renewable_floor",
    }  # by `bounded_sums`
    return (
        named - {"cap"} | summed | {f"decide_{what}" for what in ("stack", *DECIDED)}
    )  # `cap`: an example in a docstring


# ---- accounts


def test_docs_reference_says_what_the_code_declares(docs):
    assert docs["reference.md"] == reference.markdown(), "run `make docs`"


@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=list(ACCOUNTS))
def test_an_account_has_words_a_kind_and_an_audit(account, audits):
    assert account.words and account.meaning and account.kind in TERMS["kind"]
    assert account.charge or any(f'"{account.name}"' in text for text in audits.values()), "no audit books it"


def test_only_accounts_of_the_registry_can_be_booked():
    with pytest.raises(KeyError, match="no account 'sundry'"):
        book("open", [("h", 0)], 0, 1.0, account="sundry")
    entries = book("order", [("h", "a", "k", 0)], 0, 1.0, 2.0, account="goods")
    assert [entries.labels[name] for name in ("kind", "asset_class", "unit")] == [
        "capex",
        "servers",
        "accelerators",
    ]


def test_every_account_of_an_asset_is_a_class_of_the_catalog(plain_catalog):
    classes = set(plain_catalog().table("asset_classes").index)
    assert {a.asset_class for a in ACCOUNTS.values() if a.asset_class} < CLASSES <= classes


def test_a_charge_is_a_column_of_its_purchase():
    by_name = {p.name: p for p in PURCHASES}
    for account in ACCOUNTS.values():
        if account.charge:
            columns = CASE_TABLES[by_name[account.charge.purchase].table].columns
            assert account.charge.musd_per_step in columns, account.name


# ---- purchases


@pytest.mark.parametrize("purchase", PURCHASES, ids=[p.name for p in PURCHASES])
def test_a_purchase_names_what_exists(purchase, root):
    case_table, columns = CASE_TABLES[purchase.table], PLAN_TABLES[purchase.name]
    assert case_table.keys == purchase.index
    for name in (purchase.life, purchase.price):
        assert not name or name in case_table.columns
    dates = (purchase.decided_date, purchase.live_date, purchase.end_date)
    for name in (*purchase.index, purchase.amount, purchase.billed, purchase.money, *dates):
        assert not name or name in columns, name
    assert purchase.account in ACCOUNTS and (root / "models" / f"{purchase.topic}.py").is_file()
    assert purchase.words and purchase.milestone in KINDS


def test_the_families_of_the_registry_are_those_of_the_model(plan):
    model, _ = build_model(plan.case)
    for family in (ADOPTION, LEVEL, *(f for p in PURCHASES for f in p.families)):
        assert getattr(model, family, None) is not None, family
    domains = {f: d for d in ("binary", "integer", "units", "continuous") for f in families(d)}
    assert set(domains) == {f for p in PURCHASES for f in p.families}


def test_what_decisions_speak_of_is_what_a_scenario_may_say():
    said = Decision.model_fields["what"].annotation.__args__
    assert set(said) == {"stack", *DECIDED}


def test_every_kind_of_milestone_has_words():
    own = {p.milestone for p in PURCHASES}  # those of purchases are their words in the registry
    assert not [kind for kind in KINDS if kind not in own and kind not in TERMS["milestone"]]


# ---- rules and KPIs


def test_every_rule_has_words_an_audit_and_a_place_in_the_docs(root, docs, audits):
    rules = rules_of_the_model(root)
    assert len(rules) > 40
    assert set(COVERS) == rules, (
        "each rule of the model is recomputed by a rule of the audit that a topic names"
    )
    assert set(TERMS["rule"]) == rules
    assert not [rule for rule in rules if f"`{rule}`" not in docs["model.md"]]
    for topic in TOPICS:
        text = audits[topic.__name__.rsplit(".", 1)[-1]]
        for check in getattr(topic, "COVERS", {}).values():
            made = f'f"{check.split("-")[0]}-{{'
            assert text.count(f'"{check}"') > 1 or made in text, f"{check} is named and nowhere checked"


def test_every_kpi_has_words_and_a_place_in_the_docs(plan, docs):
    patterns = [p.replace("*", ".*") for p in re.findall(r"`([a-z0-9_*]+)`", docs["kpis.md"])]
    patterns.append(r"seal_[0-4]_share")
    assert "`seal_0_share` ... `seal_4_share`" in docs["kpis.md"]
    for kpi in plan.kpis["kpi"]:
        whole = kpi.partition(".")[0]
        assert whole in TERMS["kpi"], kpi
        assert any(re.fullmatch(pattern, whole) for pattern in patterns), kpi


# ---- tables


@pytest.mark.parametrize(
    "name", sorted(p.stem for p in Path(__file__).parents[1].glob("data/scenarios/*.yaml"))
)
def test_tables_of_a_case_have_the_columns_they_declare(name, root):
    assert_declared(build_case(load_scenario(root / "data" / "scenarios" / f"{name}.yaml")))


def test_tables_of_a_case_with_nothing_to_build_have_them_too(tiny, plain_catalog):
    assert_declared(build_case(tiny(), plain_catalog()))


def assert_declared(case: Case) -> None:
    tables = {name: value for name, value in vars(case).items() if isinstance(value, pd.DataFrame)}
    assert set(tables) == set(CASE_TABLES)
    for name, table in tables.items():
        assert tuple(table.columns) == CASE_TABLES[name].names, name


def test_tables_of_a_plan_have_the_columns_they_declare(plan):
    assert set(plan.tables) == set(PLAN_TABLES)
    for name, table in plan.tables.items():
        assert tuple(table.columns) == PLAN_TABLES[name], name


def test_every_column_and_table_of_a_plan_has_words():
    columns = {c for names in PLAN_TABLES.values() for c in names}
    assert not sorted(columns - set(TERMS["column"]))
    assert not [name for name in PLAN_TABLES if term("table", name) == name]


def test_every_column_of_a_case_table_says_what_it_means():
    for name, table in CASE_TABLES.items():
        assert all(table.columns.values()), name
        assert not [key for key in table.keys if key not in TERMS["column"]], name


# ---- fields of a scenario


def test_every_field_of_a_scenario_has_a_meaning():
    for record in _records(Scenario):
        own = set(record.model_fields) - (set(Record.model_fields) if record is not Record else set())
        missing = [n for n in own if not meaning(record, record.model_fields[n].alias or n)]
        assert not missing, (record.__name__, missing)


def test_every_record_of_a_scenario_stands_in_the_editor():
    """Plain fields of a shown record show by themselves; each record must be a form or a table of a section."""
    shown = {table.pattern for table in sections.TABLES.values()}
    shown |= {form for section in sections.SECTIONS for form in section.forms}
    places = {place for found in _records(Scenario).values() for place in found if place}
    inside = {
        place for place in places if place.rsplit(".", 1)[-1] in ("locality",)
    }  # shown as fields of its owner
    bare = {
        place
        for place in places
        if not any(f.leaf not in ("source", "assumed", "note") for f in fields(place))
    }
    assert not sorted(places - shown - inside - bare)


# ---- pages of the application


def test_every_page_has_a_module_words_and_an_icon(root):
    assert len({page.key for page in url.PAGES}) == len(url.PAGES)
    for page in url.PAGES:
        assert (root / "app" / "pages" / f"{page.module}.py").is_file()
        if page.group:
            assert known(f"app.nav.{page.key}") and known(f"app.nav.group-{page.group}")
            assert (root / "app" / "assets" / "icons" / f"{page.icon}.svg").is_file()
