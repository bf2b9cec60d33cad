"""What law and licences cost: copies kept at home, the security and monitoring a licence asks, investment abroad.

serve   home copy: storage at home for work done abroad on data that must also be kept at home
order   licence security, once; licence monitoring, over the life of the system
order   reciprocal investment: share of the hardware price, paid at the order and worth its return at the
        horizon's end, so that the capital need shows in full and the cost is the return forgone
"""

from __future__ import annotations

import pandas as pd

from planner.case.case import Case
from planner.models.ledger import Booked, book, yearly

LICENSOR = "USA"


def entries(case: Case) -> list[Booked]:
    """Entries on work abroad and on orders of licensed systems."""
    return [*_home_copies(case), *_licences(case), *_reciprocal(case)]


def _home_copies(case: Case) -> list[Booked]:
    abroad = case.serve[case.serve["home_copy_musd_per_k_year"].astype(float) > 0]
    if not len(abroad):
        return []
    musd = abroad["home_copy_musd_per_k_year"].to_numpy(float) * abroad["t"].map(
        case.periods["years"]
    ).to_numpy(float)
    return [
        book("serve", list(abroad.index), abroad["t"], musd, account="home-copy", w=abroad["w"],
             h=abroad["h"], a=abroad["a"], supplier="storage at home")
    ]  # fmt: skip


def _licensed_orders(case: Case, column: str) -> pd.DataFrame:
    """Orders with a positive value of a licence column of their offer, as column ``each``."""
    if not (case.offers[column] > 0).any():
        return case.orders[:0].assign(each=0.0)
    key = pd.MultiIndex.from_frame(case.orders[["h", "a", "k"]])
    orders = case.orders.assign(each=case.offers[column].reindex(key).to_numpy(float))
    return orders[orders["each"] > 0]


def _licences(case: Case) -> list[Booked]:
    out = []
    once = _licensed_orders(case, "security_musd_per_k")
    if len(once):
        out.append(book("order", list(once.index), once["t"], once["each"], account="licence-security",
                        h=once["h"], a=once["a"], supplier="licence conditions"))  # fmt: skip
    held = _licensed_orders(case, "monitoring_musd_per_k_year")
    if len(held):
        musd = held["each"].to_numpy(float) * case.calendar.step_years
        out += yearly(case, "order", held, musd, held["life"].to_numpy(int), account="licence-monitoring",
                      h=held["h"], a=held["a"], supplier="licence conditions")  # fmt: skip
    return out


def _reciprocal(case: Case) -> list[Booked]:
    return reciprocal(case, "order", _licensed_orders(case, "reciprocal_share"))


def reciprocal(
    case: Case, family: str, asked: pd.DataFrame, partners: pd.Series | None = None
) -> list[Booked]:
    """Investment of a share (column ``each``) of the price of orders, in the licensor or the partner of an agreement."""
    if not len(asked):
        return []
    invested = asked["each"].to_numpy(float) * asked["musd_per_k"].to_numpy(float)
    calendar, ordered = case.calendar, asked["order_t"].to_numpy(int)
    middle = (calendar.steps_of(ordered) + calendar.steps_of(ordered + 1)) / 2.0
    years = (calendar.n_steps - middle) * calendar.step_years
    worth = invested * (1.0 + case.rate - case.physics["reciprocal_spread_per_year"]) ** years
    fields = {"h": asked["h"], "a": asked["a"], "supplier": "licence conditions", "origin_iso3": LICENSOR}
    if partners is not None:
        fields |= {
            "supplier": asked["e"].astype(object),
            "origin_iso3": asked["e"].map(partners).astype(object),
        }
    account = "reciprocal-investment"
    return [
        book(family, list(asked.index), asked["order_t"], invested, account=account, **fields),
        book(family, list(asked.index), case.calendar.n, -worth, kind="residual", account=account, **fields),
    ]
