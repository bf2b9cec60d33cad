"""The answer of a plan: its sentences and small tables say what the plan's tables say."""

from __future__ import annotations

import pandas as pd
import pytest

from planner.facts.numbers import number
from planner.intake.scenario_file import example_path, load_scenario, with_overrides
from planner.report.answer import answer, capacity_by_place, limit_name, places, service_over_time
from planner.report.built import dearer_than, sooner_than
from planner.report.charts import answer as charts
from planner.scenario.schema import Scenario

LABELS = ["2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4", "2028-Q1"]
KPIS = pd.DataFrame(
    {
        "kpi": ["cost_npv_musd", "control_score", "national_control"],
        "value": [128.4, 61.0, 55.5],
        "unit": ["MUSD", "points", "points"],
    }
)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(example_path("two-hosts"))


def fleet(rows: list[tuple[str, str, int, float]]) -> pd.DataFrame:
    """host, site, period, accelerators; 2 kW each."""
    table = pd.DataFrame(rows, columns=["h", "p", "t", "accelerators"])
    return table.assign(label=[LABELS[t] for t in table["t"]], it_mw=table["accelerators"] * 0.002)


def demand(served: dict[str, list[float]], asked: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        (w, t, LABELS[t], 3.0, asked[w][t], done, 1.0 - done / asked[w][t] if asked[w][t] else 0.0)
        for w, all_done in served.items()
        for t, done in enumerate(all_done)
    ]
    columns = ["w", "t", "label", "months", "demand_kref", "served_kref", "unserved_share"]
    return pd.DataFrame(rows, columns=columns)


def prices(rows: list[tuple[str, str, float, str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["rule", "index", "dual", "unit", "meaning"])
    return table.assign(t=-1, label="")


HALLS = pd.DataFrame(columns=["h", "it_mw"])
OPENINGS = pd.DataFrame(columns=["h", "service_date", "p50_date", "on_time_share"])
LEDGER = pd.DataFrame(columns=["kind", "account", "payer", "year", "musd"])


def plan(
    fleet: pd.DataFrame, demand: pd.DataFrame, prices: pd.DataFrame, **more: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Tables of a plan that buys no halls and pays nothing, but for what is given."""
    told = {"halls": HALLS, "openings": OPENINGS, "ledger": LEDGER}
    return {"fleet": fleet, "demand": demand, "prices": prices, **told, **more}


STANDING = fleet([
    ("cloud", "seoul", 1, 300.0), ("cloud", "seoul", 2, 100.0),
    ("champion", "haenam", 3, 0.2), ("champion", "haenam", 4, 64.0),
])  # fmt: skip
GROWING = demand({"chat": [0, 2.0, 2.0, 2.0, 4.0]}, {"chat": [2.0, 2.0, 2.5, 4.0, 4.0]})
FREE = prices([])


def test_what_is_built_and_rented_is_counted_at_its_most_and_from_its_first_use(scenario: Scenario) -> None:
    held = places(STANDING, scenario).set_index("h")
    assert held.loc["cloud", ["from", "accelerators"]].tolist() == ["2027-Q2", 300.0]
    assert held.loc["champion", ["from", "accelerators"]].tolist() == ["2028-Q1", 64.0]
    told = answer(plan(STANDING, GROWING, FREE), KPIS, scenario).built
    assert told.startswith(
        "Builds at Haenam (Solaseado) (128 kW of IT, 64 accelerators) and rents up to 300 accelerators"
    )
    hosts = [
        host.model_copy(update={"id": f"cloud-{n}"})
        for host in scenario.hosts
        if host.id == "cloud"
        for n in (1, 2)
    ]
    two = scenario.model_copy(update={"hosts": (*scenario.hosts, *hosts)})
    turns = fleet(
        [("cloud-1", "seoul", 1, 300.0), ("cloud-2", "seoul", 2, 200.0), ("cloud-1", "seoul", 2, 150.0)]
    )
    assert "up to 350 accelerators" in answer(plan(turns, GROWING, FREE), KPIS, two).built, (
        "at once, not one after another"
    )
    nothing = answer(plan(STANDING.iloc[:0], GROWING, FREE), KPIS, scenario)
    assert nothing.built == "Nothing is built or rented."


def test_halls_that_are_bought_stand_beside_what_is_used_of_them(scenario: Scenario) -> None:
    def told(hall_mw: float) -> str:
        halls = pd.DataFrame({"h": ["champion"], "it_mw": [hall_mw]})
        return answer(plan(STANDING, GROWING, FREE, halls=halls), KPIS, scenario).built

    assert told(2.5).startswith(
        "Builds at Haenam (Solaseado) (halls for 2.5 MW of IT, of which no more than 128 kW, 5.1 %, is ever used; "
        "64 accelerators) and rents"
    )
    assert "(halls for 140 kW of IT, 128 kW used at most; 64 accelerators)" in told(0.14)


def test_what_is_paid_names_the_account_that_most_goes_to_and_the_year_of_most(scenario: Scenario) -> None:
    def told(halls_musd: float) -> str:
        rows = [
            ("capex", "halls", "partner", 2030, halls_musd), ("capex", "goods", "partner", 2031, 20.0),
            ("energy", "electricity", "partner", 2031, 30.0), ("opex", "staff", "partner", 2032, 25.0),
            ("capex", "halls", "owner", 2030, 900.0), ("residual", "halls", "partner", 2032, -30.0),
        ]  # fmt: skip
        ledger = pd.DataFrame(rows, columns=LEDGER.columns)
        return answer(plan(STANDING, GROWING, FREE, ledger=ledger), KPIS, scenario).paid

    assert told(75.0) == (
        "Within the horizon 150 MUSD are paid (not discounted), 95 MUSD of it capital; 50 % of all goes to halls "
        "(75 MUSD); the year of most payment is 2030 (75 MUSD)."
    )
    assert told(25.0) == (
        "Within the horizon 100 MUSD are paid (not discounted), 45 MUSD of it capital; the year of most payment is "
        "2031 (50 MUSD)."
    )
    assert answer(plan(STANDING, GROWING, FREE), KPIS, scenario).paid == ""


def test_a_date_that_is_more_likely_missed_than_kept_has_its_odds_beside_it(scenario: Scenario) -> None:
    def told(share: float, even: str = "2028-05-25") -> str:
        days = [pd.Timestamp("2028-01-01")], [pd.Timestamp(even)]
        openings = pd.DataFrame(
            {"h": ["champion"], "service_date": days[0], "p50_date": days[1], "on_time_share": [share]}
        )
        return answer(plan(STANDING, GROWING, FREE, openings=openings), KPIS, scenario).when

    assert told(0.151).endswith(
        " Haenam (Solaseado) opens as planned, January 2028, with odds of 15 % only: even odds by May 2028."
    )
    assert told(0.33, "2028-01-19").endswith(
        " opens as planned, 1 January 2028, with odds of 33 % only: even odds by 19 January 2028."
    )
    assert "odds" not in told(0.5)


def test_a_gap_is_told_with_the_waits_and_limits_among_which_it_holds() -> None:
    def told(objective: str = "cost", **bounds: object) -> str:
        return dearer_than({"gap": 0.0042, "objective": objective, "bounds": bounds})

    each = told(max_delay_months_by_workload={"chat": 12.0, "defence": 12.0})
    assert each == (
        "at most 0.4 % dearer than the cheapest plan that waits at most 12 months a workload and keeps the same limits"
    )
    assert "at most 3–9.5 months a workload" in told(
        max_delay_months_by_workload={"chat": 9.5, "defence": 3.0}
    )
    assert "waits at most 7 months (weighted)" in told(max_delay_months=7.0)
    assert told().endswith("than the cheapest plan that keeps the same limits")
    assert told("delay") == "" and dearer_than({"gap": None}) == ""


def test_a_delay_that_is_not_proven_is_told() -> None:
    assert sooner_than({}) == sooner_than({"delay_open_months": 0.0}) == ""
    assert "may be up to 33 weighted months shorter" in sooner_than({"delay_open_months": 33.0})


def test_cost_and_control_are_those_of_the_plan(scenario: Scenario) -> None:
    told = answer(plan(STANDING, GROWING, FREE), KPIS, scenario).cost
    assert "128 MUSD in present value (real 2026 USD" in told
    assert "keeps 61 of 100 points" in told and "(55.5 where what is not served counts as none)" in told


def test_what_was_asked_for_is_answered(scenario: Scenario) -> None:
    tables = plan(STANDING, GROWING, FREE)
    plain = answer(tables, KPIS, scenario)
    assert plain.dated == "" and plain.asked == (
        "All of it stands in the country. Foreign law reaches part of it, by place, owner or operator: United States."
    )
    asked = with_overrides(scenario, {
        "limits.max_cost_musd": 300, "limits.min_control": 60, "demand[assistant].must_serve_by": "2029-01-01",
        "country": "JPN",
    })  # fmt: skip
    assert answer(tables, KPIS, asked).asked == (
        "The budget of 300 MUSD is kept: 128 MUSD. The floor of 60 points of control is kept: 61. "
        "Part of it stands abroad: Haenam (Solaseado) and Seoul. "
        "Foreign law reaches part of it, by place, owner or operator: United States and South Korea."
    )
    top = pd.concat([KPIS, pd.DataFrame({"kpi": ["control_max"], "value": [61.0], "unit": ["points"]})])
    assert "61 points are the most" in answer(tables, top, scenario).step


def test_the_first_sentence_says_whether_the_dates_are_kept(scenario: Scenario) -> None:
    served = {"assistant": [0, 1.0, 2.0, 2.0, 2.0]}
    tables = plan(STANDING, demand(served, {"assistant": [2.0] * 5}), FREE)
    kept, missed = (
        answer(tables, KPIS, with_overrides(scenario, {"demand[assistant].must_serve_by": day}))
        for day in ("2027-07-01", "2027-04-01")
    )
    assert kept.lead.startswith(
        "Yes: 1 of 1 workloads had to be served in full by July 2027 at the latest, and are. Builds"
    )
    assert missed.lead.startswith("No: 1 of 1 workloads") and "(assistant)" in missed.lead


def test_a_home_owner_and_operator_are_under_home_law(scenario: Scenario) -> None:
    home = STANDING[STANDING["h"] == "champion"]
    told = answer(plan(home, GROWING, FREE), KPIS, scenario).asked
    assert "No foreign law reaches who owns or runs it" in told


def test_a_limit_is_worth_a_step_of_its_own_size_at_places_by_name(scenario: Scenario) -> None:
    table = prices(
        [("survival", "", -26.0, "1000 reference accelerators", "survival of chat without seoul (site)")]
    )
    small = answer(plan(STANDING, GROWING, table.assign(limit=0.4)), KPIS, scenario).limits
    assert (
        "survival of chat without Seoul (site): each 100 ref. accel. more would save up to 2.6 MUSD" in small
    )
    large = answer(plan(STANDING, GROWING, table.assign(limit=3.0)), KPIS, scenario)
    assert f"each {number(1000)} ref. accel. more would save up to 26 MUSD" in large.limits


def test_space_that_is_leased_is_told_at_its_most(scenario: Scenario) -> None:
    leased = scenario.model_copy(
        update={"hosts": tuple(h.model_copy(update={"mode": "colocation"}) for h in scenario.hosts)}
    )
    told = answer(plan(STANDING, GROWING, FREE), KPIS, leased).built
    assert told.startswith("Leases space at") and "(at most " in told


def test_a_cap_is_named_in_words(scenario: Scenario) -> None:
    assert limit_name("Capacity cap cloud-seoul-capacity", scenario) == "Capacity cap cloud seoul capacity"
    assert limit_name("waiting of chat", scenario) == "waiting of chat"


def test_what_stands_is_read_at_the_end_of_each_year(scenario: Scenario) -> None:
    table = capacity_by_place(STANDING, scenario)
    found = {(r.year, r.p): r.accelerators for r in table.itertuples()}
    assert found == {(2027, "haenam"): 0.2, (2028, "haenam"): 64.0}
    assert sum(len(trace.x) for trace in charts.capacity(table).data) == len(table)


def test_dates_are_those_from_which_on_service_holds(scenario: Scenario) -> None:
    told = answer(plan(STANDING, GROWING, FREE), KPIS, scenario).when
    assert told == (
        "First service (5 % of demand) in April 2027, half of all demand served from April 2027 on, "
        "95 % from January 2028 on."
    )
    slow = demand({"chat": [0.08, 0.1, 0.1, 0.1, 0.1]}, {"chat": [2.0] * 5})
    told = answer(plan(STANDING, slow, FREE), KPIS, scenario).when
    assert told.startswith("First service (5 % of demand) in April 2027,"), (
        "4 % in the first quarter is none yet"
    )
    slow = demand({"chat": [0.08] * 5}, {"chat": [2.0] * 5})
    told = answer(plan(STANDING, slow, FREE), KPIS, scenario).when
    assert told.startswith("First service (5 % of demand) not before the end of the horizon,")
    never = demand({"chat": [0, 2.0, 2.0, 0.5, 0.5]}, {"chat": [2.0] * 5})
    assert answer(plan(STANDING, never, FREE), KPIS, scenario).when.endswith(
        "half of all demand served not before the end of the horizon, 95 % not before the end of the horizon."
    )
    none = demand({"chat": [0.0] * 5}, {"chat": [2.0] * 5})
    assert answer(plan(STANDING, none, FREE), KPIS, scenario).when == (
        "Nothing is served within the horizon."
    )


def test_a_share_that_shrinks_as_demand_grows_is_no_fall_and_less_work_is(scenario: Scenario) -> None:
    assert not service_over_time(GROWING, scenario)["fell"].any()
    falls = demand({"chat": [0, 2.0, 1.0, 1.9, 2.0], "quiet": [1.0, 0.5, 0.5, 0.5, 0.5]},
                   {"chat": [2.0] * 5, "quiet": [1.0, 0.5, 0.5, 0.5, 0.5]})  # fmt: skip
    shares = service_over_time(falls, scenario)
    assert shares.loc[shares["fell"], ["w", "label"]].values.tolist() == [
        ["chat", "2027-Q3"],
        ["chat", "2027-Q4"],
    ]
    told = answer(plan(STANDING, falls, FREE), KPIS, scenario)
    assert told.falls == (
        "Service falls back for chat; at the worst to 50 % of the demand of chat in 2027-Q3."
    )
    assert answer(plan(STANDING, GROWING, FREE), KPIS, scenario).falls == ""


def test_every_workload_has_a_line_of_its_own_however_long_its_name(scenario: Scenario) -> None:
    names = [f"{'long-name-' * 6}{i}" for i in range(40)]
    table = demand({n: [0.0, 1.0, 1.0, 0.4, 1.0] for n in names}, {n: [1.0] * 5 for n in names})
    drawn = charts.service(service_over_time(table, scenario))
    assert {y for trace in drawn.data for y in trace.y} == set(names)
    assert len(drawn.layout.yaxis.tickvals) == 40 and drawn.layout.height > 40 * 20
    assert sum(len(trace.y) for trace in drawn.data) == len(table)
    red = next(trace for trace in drawn.data if trace.name == "falls back")
    assert len(red.y) == 40 and red.marker.pattern.shape


def test_the_next_step_is_the_sum_of_what_every_workloads_wait_costs(scenario: Scenario) -> None:
    table = prices([
        ("max_delay_by_workload", "chat", -3.0, "months", "waiting of chat"),
        ("max_delay_by_workload", "defence", -1.5, "months", "waiting of defence"),
        ("control_floor", "", 0.25, "points of what is served", "floor on control of what is served"),
    ])  # fmt: skip
    told = answer(plan(STANDING, GROWING, table), KPIS, scenario)
    assert told.step == (
        "One month less of waiting for every workload would cost at least 4.5 MUSD more. "
        "One point of control more would cost at least 0.25 MUSD more."
    )
    assert told.limits == ("What limits it most is waiting of chat: each month more would save up to 3 MUSD.")
    free = answer(plan(STANDING, GROWING, FREE), KPIS, scenario)
    assert free.limits == "No limit that could be loosened makes it cheaper."
    assert "No floor on control makes it dearer." in free.step
    floor = with_overrides(scenario, {"limits.min_control": 50})
    kept = answer(plan(STANDING, GROWING, FREE), KPIS, floor).step
    assert "what it costs shows beside a plan without it" in kept and "No floor on control" not in kept


def test_a_cost_below_zero_is_told_as_a_warning(scenario: Scenario) -> None:
    kpis = KPIS.assign(value=[-361.0, 61.0, 55.5])
    tables = plan(STANDING, GROWING, FREE)
    told = answer(tables, kpis, scenario).cost
    assert told.startswith("Warning: it has no cost but receives 361 MUSD more than it pays")
    assert "costs" not in told
