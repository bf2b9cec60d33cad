"""A capacity plan of fixed structure and growing size, for measurements only: its numbers are made up and
smooth.

Sites, systems, workloads, quarters and hours; orders and fleet by vintage, halls, hourly power balance with
storage, quotas, budget, a control row and a scalar cost. `data` gives the numbers, `pyomo_model` the
mathematics, and `plain_arrays` the same model written straight into numpy: the least a hand-over can cost.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pe
from scipy.sparse import coo_array

from planner.models.rules import Goal, Rule, new_model

# (sites, quarters, hours) by rough number of non-zeros.
SIZES = {"15k": (4, 8, 12), "160k": (8, 24, 24), "800k": (20, 40, 30), "2.5M": (40, 60, 33)}
SYSTEMS, WORKLOADS = 6, 4
STORAGE_EFFICIENCY, SPARE = 0.95, 0.01
HALL_MW, STORAGE_HOURS = 10.0, 4.0


@dataclass(frozen=True)
class Data:
    """Numbers of the model; axes are s(ite), k (system), w(orkload), t (quarter), h(our)."""

    sites: int
    quarters: int
    hours: int
    rate_wk: Any
    demand_wt: Any
    mw_k: Any
    usage_h: Any
    pue_sh: Any
    carbon_sh: Any
    weight_h: Any
    price_kt: Any
    quota_kt: Any
    control_sk: Any
    energy_price_sh: Any
    discount_t: Any
    crew: float
    flexible_t: Any
    carbon_cap_t: Any
    budget_t: Any


def data(size: str) -> Data:
    """Deterministic data of one of SIZES."""
    sites, quarters, hours = SIZES[size]
    rng = np.random.default_rng(7)
    w, t, h = (np.arange(n) for n in (WORKLOADS, quarters, hours))
    growth = 1 / (1 + np.exp(-8 * (t / quarters - 0.5)))
    day = np.cos(2 * np.pi * h / hours)
    return Data(
        sites,
        quarters,
        hours,
        rate_wk=np.round(rng.uniform(0.4, 3.0, (WORKLOADS, SYSTEMS)), 3),
        demand_wt=np.round(np.outer(1 + w, growth) * sites, 3),
        mw_k=np.round(rng.uniform(0.8, 4.0, SYSTEMS), 3),
        usage_h=np.round(0.7 + 0.2 * day, 4),
        pue_sh=np.round(1.15 + 0.1 * rng.random((sites, 1)) + 0.05 * day, 4),
        carbon_sh=np.round(0.3 + 0.2 * rng.random((sites, 1)) + 0.1 * day, 4),
        weight_h=np.full(hours, 2.19 / hours),
        price_kt=np.round(np.outer(rng.uniform(30, 60, SYSTEMS), 0.98**t), 4),
        quota_kt=np.outer(np.full(SYSTEMS, 2.0), 1 + t) * sites,
        control_sk=np.round(rng.uniform(20, 90, (sites, SYSTEMS)), 2),
        energy_price_sh=np.round(0.06 + 0.04 * rng.random((sites, 1)) + 0.02 * day, 5),
        discount_t=np.round(0.985**t, 6),
        crew=8.0,
        flexible_t=0.05 * growth * sites,
        carbon_cap_t=np.full(quarters, 25.0 * sites),
        budget_t=np.full(quarters, 900.0 * sites),
    )


def _table(values: np.ndarray) -> dict[Any, float]:
    if values.ndim == 1:
        return dict(enumerate(values.tolist()))
    return {index: float(value) for index, value in np.ndenumerate(values)}


def pyomo_model(d: Data, lazy: bool) -> pe.ConcreteModel:
    """The model in Pyomo; with `lazy`, rules are recorded only."""
    m = new_model("frozen", lazy)
    m.S = pe.Set(initialize=range(d.sites))
    m.K = pe.Set(initialize=range(SYSTEMS))
    m.W = pe.Set(initialize=range(WORKLOADS))
    m.T = pe.Set(initialize=range(d.quarters))
    m.later = pe.Set(initialize=range(1, d.quarters))
    m.H = pe.Set(initialize=range(d.hours))
    m.until = pe.Set(m.T, initialize={t: range(t + 1) for t in range(d.quarters)}, dimen=1)
    for name, index in _PARAMS.items():
        sets = [getattr(m, letter.upper()) for letter in index]
        setattr(m, name, pe.Param(*sets, initialize=_table(getattr(d, f"{name}_{index}"))))
    m.before = pe.Param(m.H, initialize={h: (h - 1) % d.hours for h in range(d.hours)})

    def free(*sets: Any) -> pe.Var:
        return pe.Var(*sets, domain=pe.NonNegativeReals, dense=False)

    m.order, m.fleet = free(m.S, m.K, m.T), free(m.S, m.K, m.T)
    m.serve, m.short = free(m.W, m.S, m.K, m.T), free(m.W, m.T)
    m.halls = pe.Var(m.S, m.T, domain=pe.NonNegativeIntegers, bounds=(0, 10), dense=False)
    m.peak, m.storage = free(m.S, m.T), free(m.S, m.T)
    m.bought, m.generated, m.run = free(m.S, m.T, m.H), free(m.S, m.T, m.H), free(m.S, m.T, m.H)
    m.charge, m.discharge, m.level = free(m.S, m.T, m.H), free(m.S, m.T, m.H), free(m.S, m.T, m.H)
    m.total = pe.Var()

    m.meet = Rule(
        m.W,
        m.T,
        rule=lambda m, w, t: (
            sum(m.rate[w, k] * m.serve[w, s, k, t] for s in m.S for k in m.K) + m.short[w, t]
            == m.demand[w, t]
        ),
    )
    m.start = Rule(m.S, m.K, rule=lambda m, s, k: m.fleet[s, k, 0] == m.order[s, k, 0])
    m.stock = Rule(
        m.S,
        m.K,
        m.later,
        rule=lambda m, s, k, t: m.fleet[s, k, t] == (1 - SPARE) * m.fleet[s, k, t - 1] + m.order[s, k, t],
    )
    m.capacity = Rule(
        m.S, m.K, m.T, rule=lambda m, s, k, t: sum(m.serve[w, s, k, t] for w in m.W) <= m.fleet[s, k, t]
    )
    m.space = Rule(
        m.S,
        m.T,
        rule=lambda m, s, t: (
            sum(m.mw[k] * m.fleet[s, k, t] for k in m.K) <= HALL_MW * sum(m.halls[s, u] for u in m.until[t])
        ),
    )
    m.balance = Rule(
        m.S,
        m.T,
        m.H,
        rule=lambda m, s, t, h: (
            m.bought[s, t, h] + m.generated[s, t, h] + m.discharge[s, t, h] - m.charge[s, t, h]
            == m.pue[s, h] * (sum(m.mw[k] * m.usage[h] * m.fleet[s, k, t] for k in m.K) + m.run[s, t, h])
        ),
    )
    m.feed = Rule(m.S, m.T, m.H, rule=lambda m, s, t, h: m.bought[s, t, h] <= m.peak[s, t])
    m.cycle = Rule(
        m.S,
        m.T,
        m.H,
        rule=lambda m, s, t, h: (
            m.level[s, t, h]
            == m.level[s, t, m.before[h]]
            + STORAGE_EFFICIENCY * m.charge[s, t, h]
            - m.discharge[s, t, h] / STORAGE_EFFICIENCY
        ),
    )
    m.tank = Rule(m.S, m.T, m.H, rule=lambda m, s, t, h: m.level[s, t, h] <= STORAGE_HOURS * m.storage[s, t])
    m.spare_load = Rule(
        m.S, m.T, m.H, rule=lambda m, s, t, h: m.run[s, t, h] <= sum(m.mw[k] * m.fleet[s, k, t] for k in m.K)
    )
    m.work = Rule(
        m.T, rule=lambda m, t: sum(m.weight[h] * m.run[s, t, h] for s in m.S for h in m.H) >= m.flexible[t]
    )
    m.carbon_limit = Rule(
        m.T,
        rule=lambda m, t: (
            sum(m.carbon[s, h] * m.weight[h] * m.bought[s, t, h] for s in m.S for h in m.H) <= m.carbon_cap[t]
        ),
    )
    m.commissioning = Rule(m.S, m.T, rule=lambda m, s, t: sum(m.order[s, k, t] for k in m.K) <= d.crew)
    m.allocation = Rule(
        m.K, m.T, rule=lambda m, k, t: sum(m.order[s, k, u] for s in m.S for u in m.until[t]) <= m.quota[k, t]
    )
    m.spending = Rule(
        m.T,
        rule=lambda m, t: (
            sum(m.price[k, t] * m.order[s, k, t] for s in m.S for k in m.K)
            + sum(HALL_COST * m.halls[s, t] for s in m.S)
            <= m.budget[t]
        ),
    )
    m.control_floor = Rule(
        rule=lambda m: (
            sum(
                m.rate[w, k] * (m.control[s, k] - CONTROL) * m.serve[w, s, k, t]
                for w in m.W
                for s in m.S
                for k in m.K
                for t in m.T
            )
            >= -1e3
        )
    )
    m.cost = Rule(
        rule=lambda m: (
            m.total
            == sum(
                m.discount[t]
                * (
                    sum(m.price[k, t] * m.order[s, k, t] for s in m.S for k in m.K)
                    + sum(
                        HALL_COST * m.halls[s, t] + PEAK_COST * m.peak[s, t] + STORAGE_COST * m.storage[s, t]
                        for s in m.S
                    )
                    + sum(
                        m.energy_price[s, h] * m.weight[h] * m.bought[s, t, h]
                        + GENERATION_COST * m.weight[h] * m.generated[s, t, h]
                        for s in m.S
                        for h in m.H
                    )
                    + SHORTAGE_COST * sum(m.short[w, t] for w in m.W)
                )
                for t in m.T
            )
        )
    )
    m.objective = Goal(expr=m.total)
    return m


HALL_COST, PEAK_COST, STORAGE_COST, GENERATION_COST, SHORTAGE_COST, CONTROL = (
    100.0,
    0.3,
    0.2,
    0.4,
    2000.0,
    45.0,
)
_PARAMS = {
    "rate": "wk",
    "demand": "wt",
    "mw": "k",
    "usage": "h",
    "pue": "sh",
    "carbon": "sh",
    "weight": "h",
    "price": "kt",
    "quota": "kt",
    "control": "sk",
    "energy_price": "sh",
    "discount": "t",
    "flexible": "t",
    "carbon_cap": "t",
    "budget": "t",
}


def plain_arrays(d: Data) -> tuple[Any, ...]:
    """(matrix, cost, column bounds, integrality, row bounds) of the same model, by hand."""
    sizes = {"s": d.sites, "k": SYSTEMS, "w": WORKLOADS, "t": d.quarters, "h": d.hours}
    variables = {
        "order": "skt",
        "fleet": "skt",
        "serve": "wskt",
        "short": "wt",
        "halls": "st",
        "peak": "st",
        "storage": "st",
        "bought": "sth",
        "generated": "sth",
        "run": "sth",
        "charge": "sth",
        "discharge": "sth",
        "level": "sth",
        "total": "",
    }
    x, width = {}, 0
    for name, index in variables.items():
        shape = tuple(sizes[i] for i in index)
        count = int(np.prod(shape))
        x[name] = np.arange(width, width + count, dtype=np.int32).reshape(shape)
        width += count
    s_, k_, t_, h_ = d.sites, SYSTEMS, d.quarters, d.hours
    rows, cols, values, low, high = [], [], [], [], []

    def family(shape: tuple[int, ...], lower: Any, upper: Any, *terms: tuple[Any, Any]) -> None:
        """Rows of `shape`; each term is columns and coefficients, broadcast, with extra axes summed at the
        end.
        """
        count, begin = int(np.prod(shape)), sum(len(b) for b in low)
        number = np.arange(begin, begin + count, dtype=np.int32).reshape(shape)
        low.append(np.broadcast_to(lower, shape).ravel())
        high.append(np.broadcast_to(upper, shape).ravel())
        for column, value in terms:
            full = np.broadcast_shapes(shape + (1,) * (np.ndim(column) - len(shape)), np.shape(column))
            rows.append(
                np.broadcast_to(number.reshape(shape + (1,) * (len(full) - len(shape))), full).ravel()
            )
            cols.append(np.broadcast_to(column, full).ravel())
            values.append(np.broadcast_to(value, full).ravel())

    inf = np.inf
    triangle = np.tril_indices(t_)
    family(
        (WORKLOADS, t_),
        d.demand_wt,
        d.demand_wt,
        (x["short"], 1.0),
        (x["serve"].transpose(0, 3, 1, 2), d.rate_wk[:, None, None, :]),
    )
    family((s_, k_), 0, 0, (x["fleet"][:, :, 0], 1.0), (x["order"][:, :, 0], -1.0))
    family(
        (s_, k_, t_ - 1),
        0,
        0,
        (x["fleet"][:, :, 1:], 1.0),
        (x["fleet"][:, :, :-1], SPARE - 1),
        (x["order"][:, :, 1:], -1.0),
    )
    family((s_, k_, t_), -inf, 0, (x["serve"].transpose(1, 2, 3, 0), 1.0), (x["fleet"], -1.0))
    begin = sum(len(b) for b in low)
    family((s_, t_), -inf, 0, (x["fleet"].transpose(0, 2, 1), d.mw_k))
    number = np.arange(begin, begin + s_ * t_, dtype=np.int32).reshape(s_, t_)
    rows.append(number[:, triangle[0]].ravel())
    cols.append(x["halls"][:, triangle[1]].ravel())
    values.append(np.full(len(triangle[0]) * s_, -HALL_MW))
    fleet = x["fleet"].transpose(0, 2, 1)[:, :, None, :]
    family(
        (s_, t_, h_),
        0,
        0,
        (x["bought"], 1.0),
        (x["generated"], 1.0),
        (x["discharge"], 1.0),
        (x["charge"], -1.0),
        (fleet, -d.pue_sh[:, None, :, None] * d.usage_h[:, None] * d.mw_k),
        (x["run"], -d.pue_sh[:, None, :]),
    )
    family((s_, t_, h_), -inf, 0, (x["bought"], 1.0), (x["peak"][:, :, None], -1.0))
    family(
        (s_, t_, h_),
        0,
        0,
        (x["level"], 1.0),
        (np.roll(x["level"], 1, axis=2), -1.0),
        (x["charge"], -STORAGE_EFFICIENCY),
        (x["discharge"], 1 / STORAGE_EFFICIENCY),
    )
    family((s_, t_, h_), -inf, 0, (x["level"], 1.0), (x["storage"][:, :, None], -STORAGE_HOURS))
    family((s_, t_, h_), -inf, 0, (x["run"], 1.0), (fleet, -d.mw_k))
    family((t_,), d.flexible_t, inf, (x["run"].transpose(1, 0, 2), d.weight_h))
    family((t_,), -inf, d.carbon_cap_t, (x["bought"].transpose(1, 0, 2), d.carbon_sh * d.weight_h))
    family((s_, t_), -inf, d.crew, (x["order"].transpose(0, 2, 1), 1.0))
    begin = sum(len(b) for b in low)
    family((k_, t_), -inf, d.quota_kt)
    number = np.arange(begin, begin + k_ * t_, dtype=np.int32).reshape(k_, t_)
    by_row = x["order"].transpose(1, 2, 0)[:, triangle[1], :]
    rows.append(np.broadcast_to(number[:, triangle[0], None], by_row.shape).ravel())
    cols.append(by_row.ravel())
    values.append(np.ones(by_row.size))
    family(
        (t_,),
        -inf,
        d.budget_t,
        (x["order"].transpose(2, 0, 1), d.price_kt.T[:, None, :]),
        (x["halls"].T, HALL_COST),
    )
    family((1,), -1e3, inf, (x["serve"][None], (d.rate_wk[:, None, :] * (d.control_sk - CONTROL))[..., None]))
    discount = d.discount_t
    energy = d.energy_price_sh * d.weight_h
    family(
        (1,),
        0,
        0,
        (x["total"].reshape(1), 1.0),
        (x["order"][None], -discount * d.price_kt),
        (x["halls"][None], -HALL_COST * discount),
        (x["peak"][None], -PEAK_COST * discount),
        (x["storage"][None], -STORAGE_COST * discount),
        (x["bought"][None], -discount[:, None] * energy[:, None, :]),
        (x["generated"][None], -GENERATION_COST * discount[:, None] * d.weight_h),
        (x["short"][None], -SHORTAGE_COST * discount),
    )
    lower, upper, cost, integer = (
        np.zeros(width),
        np.full(width, inf),
        np.zeros(width),
        np.zeros(width, np.int32),
    )
    integer[x["halls"]], upper[x["halls"]] = 1, 10
    lower[x["total"]], cost[x["total"]] = -inf, 1
    row_low, row_high = np.concatenate(low), np.concatenate(high)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(cols)))
    matrix = coo_array(entries, shape=(len(row_low), width)).tocsr()
    return matrix, cost, lower, upper, integer, row_low.astype(float), row_high.astype(float)
