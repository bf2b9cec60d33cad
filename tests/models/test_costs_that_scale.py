"""Team, platform, adoption and applications: a fixed part, a part by place, by accelerator and by user."""

from __future__ import annotations

import pytest

from planner.case.build import build_case
from planner.facts.catalog import Catalog, load_catalog
from planner.models.build import build_model

pytestmark = pytest.mark.untraced

USERS = 1_000_000
BY_USERS = {"by": "users", "requests_per_user_day": 1, "output_tokens_per_request": 100,
            "points": [{"at": "2027-01-01", "value": USERS}]}  # fmt: skip


def test_each_part_by_hand(tiny, plain_catalog, optimise):
    """A million users at 2 USD a year, a platform of which a quarter is ours, 250 USD an accelerator and year."""
    stack = {"platform_share": 0.25, "licence_usd_per_accelerator_year": 250, "support_usd_per_user_year": 2}
    answer = optimise(tiny(demand={"size": BY_USERS}, stacks=stack), plain_catalog())
    rows = answer.entries[answer.entries["family"] != "constant"]
    values = {f: answer.values(f).to_dict() for f in rows["family"].unique()}
    paid: dict[tuple[str, int], float] = {}
    for row in rows.itertuples():
        key = (row.account, row.t)
        paid[key] = paid.get(key, 0.0) + row.musd * values[row.family][row.index]
    held = sum(answer.values("order"))  # thousands of accelerators
    for t in range(4, 12):  # all that is asked for is served from the duty on
        assert paid["user-support", t] == pytest.approx(USERS * 2 / 1e6 / 4)
        assert paid["platform-licence", t] == pytest.approx(held * 250 / 1e3 / 4)
        assert paid["team", t] == pytest.approx(4 / 4)
        assert paid["platform", t] == pytest.approx(0.25 * 8 / 4)
    assert sum(paid["stack-adoption", t] for t in range(2)) == pytest.approx(0.25 * 12)
    assert paid.get(("user-support", 3), 0.0) == 0.0  # nothing is served before


def test_no_part_is_escaped_by_splitting_work_or_by_leaving_accelerators_idle(tiny, plain_catalog):
    """What an accelerator costs follows what is held, not what works; what a user costs is one rate per unit of work."""
    hosts = [{**tiny().hosts[0].model_dump(exclude_none=True), "id": name} for name in ("one", "two")]
    case = build_case(tiny(demand={"size": BY_USERS}, hosts=hosts), plain_catalog())
    _, entries = build_model(case)
    by = {account: set(rows["family"]) for account, rows in entries.groupby("account")}
    assert by["platform-licence"] == by["staff"] == {"fleet"}
    support = entries[entries["account"] == "user-support"].set_index("index")["musd"]
    per_work = support / case.serve["rate"].reindex(support.index)
    assert {i[1] for i in support.index} == {"one", "two"} and per_work.nunique() == 1
    team = entries[entries["account"] == "team"]
    last = case.calendar.n - 1  # a host once open pays its team to the end: no place is opened for a period
    assert all((rows["t"].max() == last) for _, rows in team.groupby("index"))


def parts(catalog: Catalog, stack: str, owner: str) -> dict[str, float]:
    """Sums of the catalog's mid values: MUSD, MUSD a year, USD an accelerator and year."""
    own = catalog.table("layers").loc[str(catalog.value("stacks", stack, "layers")).split(";")]
    return {
        "adoption": float(own["adoption_musd_mid"].sum()),
        "fixed": float(own["musd_per_year_mid"].sum()),
        "each": float(own["usd_per_accelerator_year_mid"].sum()),
        "team": float(catalog.value("owner_classes", owner, "team_musd_per_year_mid")),
    }


def test_the_catalogs_parts_add_up_to_what_small_programmes_report():
    """Operation, services and floor of a champion's programme of 0, 300, 1,000 and 4,000 accelerators, by hand."""
    catalog = load_catalog()
    found, known = parts(catalog, "champion-us-chips", "national-champion"), catalog.table("small_programmes")
    adders = sum(catalog.param(f"{x}_cost_share") for x in ("network", "storage", "spares", "installation"))
    system_usd = (
        float(catalog.value("systems", "hgx-b300", "price_usd_mid"))
        / float(catalog.value("systems", "hgx-b300", "n_accelerators"))
        * (1 + adders)
        * float(catalog.value("owner_classes", "national-champion", "hardware_price_factor_mid"))
    )

    def services_musd(n: float) -> float:
        return found["adoption"] + 5 * (found["fixed"] + found["each"] * n / 1e6)

    def operation_share(n: float) -> float:
        by_size = catalog.param("staff_usd_per_accelerator_year") + found["team"] * 1e6 / n
        return catalog.param("hardware_opex_share_per_year") + by_size / system_usd

    figures = {
        "operation": operation_share(1000),
        "services-small": services_musd(300) / (300 * system_usd / 1e6),
        "services-large": services_musd(4000) / (4000 * system_usd / 1e6),
        "floor": found["team"] + services_musd(0) / 5,
        # Energy and cooling cost a little more than operation again.
        "programme": 1
        + 5 * (operation_share(1000) + float(known.at["operation", "value_mid"]))
        + services_musd(1000) / (1000 * system_usd / 1e6),
    }
    assert set(figures) == set(known.index)
    for item, value in figures.items():
        assert known.at[item, "value_low"] <= value <= known.at[item, "value_high"], (item, value)
