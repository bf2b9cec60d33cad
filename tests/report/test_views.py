"""Tables for readers, made from those of a plan."""

from typing import Any

import pandas as pd

from planner.facts.catalog import load_catalog
from planner.facts.numbers import signed
from planner.intake.scenario_file import example_path, load_scenario
from planner.report import views
from planner.report.charts import sankey
from planner.report.front import out_of_reach
from planner.report.kpis import differences_in_cost, differences_in_service
from planner.report.names import catalogued, spoken, spoken_ids
from planner.report.steps import waits
from planner.report.strings import t
from planner.report.terms import readable
from planner.scenario.schema import Limits


def test_of_each_loss_the_member_and_quarter_that_leave_least_are_shown() -> None:
    rows = pd.DataFrame({
        "i": ["site", "site", "operator"], "f": ["busan", "haenam", "us"], "w": "work", "t": [1, 2, 1],
        "label": ["2030-Q1", "2030-Q2", "2030-Q1"], "share": 0.5, "left_share": [0.9, 0.5, 0.7],
    })  # fmt: skip
    shown = views.least_left(rows)
    assert shown[["i", "f", "left_share"]].values.tolist() == [
        ["operator", "us", 0.7],
        ["site", "haenam", 0.5],
    ]
    assert list(views.least_left(None).columns) == list(shown.columns)


def test_the_critical_path_is_in_words() -> None:
    table = pd.DataFrame(
        {
            "h": ["old"],
            "chain": ["plant permit fc > bridge fc > licence export licence for k > first service x"],
        }
    )
    words = "Permits of plant > Plant, to be sold again: fc > Export licence: k > Opens"
    assert views.openings(table)["chain"].tolist() == [words]
    assert waits("grid application north, mine") == "grid connection, application, mine"
    assert views.openings(None).empty


def test_a_difference_in_cost_is_told_with_what_the_gaps_leave_open_of_it() -> None:
    """Least costs of 987 to 1000 and of 998.47 to 1008.55: their difference may be anything from less than nothing."""

    def plan(cost: float, bound: float | None, **other: Any) -> dict[str, Any]:
        return {"kpis": {"cost_npv_musd": {"value": cost, "unit": "MUSD"}}, "bound": bound, **other}

    base, near = plan(1000.0, 987.0), plan(1008.55, 998.47)
    told = f"The difference in cost of near, {signed(8.55)} MUSD, is within"
    line, far = differences_in_cost({"base": base, "near": near, "far": plan(1020.0, 1008.0)})
    assert far == (
        f"The difference in cost of far, {signed(20.0)} MUSD, is between {signed(8.0)} and {signed(33.0)} MUSD by what is "
        "proven of the two plans."
    )
    assert line.startswith(told) and line.endswith(f"{signed(-1.53)} to {signed(21.5)} MUSD."), line
    assert not differences_in_cost({"base": base, "same": plan(1000.0, 990.0)}), "there is none"
    assert not differences_in_cost({"base": base, "other goal": plan(1008.55, 998.47, objective="delay")})
    assert not differences_in_cost({"base": plan(1000.0, None), "near": near}), "no gap is known"
    assert not differences_in_cost({"none": {"status": "infeasible"}, "near": near})


def test_plans_of_other_service_are_told_with_what_a_unit_of_work_costs_in_each() -> None:
    def plan(share: float, months: float, cost: float | None) -> dict[str, Any]:
        values = {
            "served_share": (share, "share"),
            "delay_months": (months, "months"),
            "levelised_cost_usd_per_million_tokens": (cost, "USD/Mtoken"),
        }
        return {"kpis": {kpi: {"value": value, "unit": unit} for kpi, (value, unit) in values.items()}}

    base = plan(0.9, 6.0, 0.25)
    less, later, same = plan(0.8, 6.0, 0.27), plan(0.9, 9.0, None), plan(0.9004, 6.04, 0.3)
    told = differences_in_service({"base": base, "less": less, "later": later, "same": same})
    assert [line.split(": ", 1)[1] for line in told] == [
        "less serves 80 % of demand after a wait of 6 months, at 0.27 USD/Mtoken; base serves 90 % after 6 months, "
        "at 0.25 USD/Mtoken.",
        "later serves 90 % of demand after a wait of 9 months, at –; base serves 90 % after 6 months, at 0.25 USD/Mtoken.",
    ]
    assert not differences_in_service({"none": {"status": "infeasible"}, "less": less})


def test_limits_that_none_meets_are_told_with_the_caps_on_money_beside_them() -> None:
    def told(**limits: Any) -> str:
        return out_of_reach(free.model_copy(update={"limits": Limits(**limits)}))

    free = load_scenario(example_path("two-hosts"))

    assert told() == t("tradeoff.infeasible")
    assert told(max_cost_musd=500.0).endswith(
        " The scenario also caps cost (500 MUSD): raising that may help."
    )
    both = told(max_cost_musd=500.0, capital_musd_total=300, money=[{"what": "outlay", "musd": 9.0}])
    assert both.endswith("caps cost (500 MUSD), capital (300 MUSD) and payments: raising that may help."), (
        both
    )


def test_ids_that_the_catalog_names_are_read_as_their_names() -> None:
    table = pd.DataFrame({
        "k": ["hgx-b300"], "a": ["us-cloud"], "c": ["rear-door"], "b": ["modular"], "origin_iso3": ["USA"],
        "item": ["2.5 MW modular"], "name": ["us-cloud · hgx-b300"], "chain": ["Permit > Grid connection, works: grid-firm"],
        "payer": ["us-operator"], "account": ["owner-premium"], "content_from": ["USA, KOR"],
    })  # fmt: skip
    catalog = load_catalog()
    assert readable(catalogued(table, catalog)).iloc[0].tolist() == [
        "HGX B300, 8 accelerators, air", "US cloud", "Rear-door heat exchangers", "Modular hall", "United States",
        "2.5 MW Modular hall", "US cloud · HGX B300, 8 accelerators, air",
        "Permit > Grid connection, works: Firm grid connection", "us operator", "Owner's premium",
        "United States, South Korea",
    ]  # fmt: skip
    assert catalogued(pd.DataFrame({"stack": ["us-cloud"], "system": ["hgx-b300"]}), catalog).iloc[0].tolist() == [
        "US cloud", "HGX B300, 8 accelerators, air",
    ]  # fmt: skip
    own = (
        catalogued(pd.DataFrame({"k": ["our-own-server"], "name": ["of-ours · hgx-b300"]}), catalog)
        .iloc[0]
        .tolist()
    )
    assert own == ["our-own-server", "of-ours · HGX B300, 8 accelerators, air"], "a user's own id stays"


def test_a_page_that_is_only_read_has_one_column_of_names() -> None:
    scenario = load_scenario(example_path("korea"))
    table = pd.DataFrame({"h": [scenario.hosts[0].id, ""], "h_title": ["x", ""], "musd": [1.0, 2.0]})
    shown = spoken_ids(table, scenario)
    assert list(shown) == ["h", "musd"] and shown["h"].tolist() == [
        spoken(scenario, "h")[scenario.hosts[0].id],
        "",
    ]


def test_flows_are_told_in_words() -> None:
    links = pd.DataFrame({
        "source": ["partner", "owner-premium"], "target": ["owner-premium", "USA"], "musd": [2.0, 2.0],
        "stage": ["source", "use"],
    })  # fmt: skip
    told = sankey.told(links, {"USA": "United States"})
    assert told.to_numpy().tolist() == [
        ["The country", "Owner's premium", 2.0],
        ["Owner's premium", "United States", 2.0],
    ]
    drawn = sankey.sources_and_uses(links, {"USA": "United States"}).data[0].node.label
    assert [label.partition(" · ")[0] for label in drawn] == [
        "The country",
        "Owner's premium",
        "United States",
    ]
