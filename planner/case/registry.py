"""What can be bought and what it is booked on: one list of purchases, one of accounts.

Everything that merely lists what there is reads these two: the ledger, the plan's tables, the bill of materials,
milestones and their chart, the workbook, supplier loss, problem size, the solver's families, decisions, words for
readers and docs/reference.md. What a purchase does stands in its topic: ``case/<topic>.py``, ``models/<topic>.py``,
``audit/<topic>.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from planner.case.periods import Calendar

SETTLED = ("residual", "commitment")
"""Kinds settled on the horizon's end: what assets are worth, what contracts still cost. They are no payments. What is sold
again is worth its price on the day of its sale: money that comes in, but meets no need."""
FINANCE = "finance"
NO_OUTLAY = (*SETTLED, FINANCE)
"""Kinds that are no payment for what is bought and used: those, and debt drawn and served by choice of the plan."""
Domain = Literal["binary", "integer", "units", "continuous"]


@dataclass(frozen=True)
class Charge:
    """A yearly account of a purchase at a place: a column of its case table, paid in every period it stands."""

    purchase: str
    musd_per_step: str
    """Column of the purchase's case table: MUSD per unit of the variable and period."""


@dataclass(frozen=True)
class Account:
    """A heading of the ledger: its kind of payment, words for readers, and what is booked on it."""

    name: str
    words: str
    kind: Literal["capex", "opex", "energy", "rent", "fee", "grant", "finance", "physical"]
    meaning: str
    asset_class: str = ""
    """Row of the catalog's ``asset_classes``, for what is paid over a lead and keeps a residual value."""
    unit: str = ""
    """Unit of the quantity booked; empty where only money is."""
    charge: Charge | None = None
    """Where given, models and audit book the account from it; else the topic that incurs it does."""


@dataclass(frozen=True)
class Purchase:
    """A thing that can be bought, rented or opened: its variables, tables, dates, money and words."""

    name: str
    """Name of its table of the plan, and in file names."""
    words: str
    topic: str
    """Module of ``models`` that declares its variables."""
    families: tuple[str, ...]
    """Variables of the model; several where they differ in their domain only."""
    domain: Domain
    """Binary, integer (halls: by order date), whole units of a continuous amount, or any amount."""
    table: str
    """Table of the case with a row for every variable."""
    index: tuple[str, ...]
    named_by: tuple[str, ...] = ()
    """Parts of the index that name a line of a bill, the thing itself last; none where there is one kind only."""
    amount: str = ""
    """Column of the plan's table with the amount; empty where a row is one opening."""
    per: float = 1.0
    """Units of ``amount`` in a unit of the variable."""
    unit: str = ""
    """Unit of ``billed``, for bills and decisions."""
    billed: str = ""
    """Column that bills count, where it is not ``amount``: megawatts of halls."""
    price: str = ""
    """Column of the case table: MUSD per unit of the variable; empty for contracts."""
    rent: str = ""
    """Column of the case table of a contract: MUSD per unit of the variable and period, paid as it runs."""
    money: str = "musd"
    """Column of the plan's table that adds up to what is paid within the horizon, undiscounted."""
    life: str = "life"
    """Column of the case table: steps it stands; empty: to the horizon's end."""
    decided_date: str = "order_date"
    live_date: str = "live_date"
    end_date: str = ""
    """Columns of the plan's table with dates; a contract is decided and live on its first day."""
    account: str = ""
    """Where its price or rent is booked."""
    milestone: str = ""
    done_date: str = ""
    """Column of the plan's table with the day the milestone is reached, where that is not the live date."""
    decision: str = ""
    """What a scenario's decision calls it; empty where decisions cannot speak of it."""
    once: str = ""
    """The rule by which each thing of a binary purchase is had at most once."""

    @property
    def item(self) -> str:
        """Part of the index that says what is bought; empty where there is one kind only."""
        return self.named_by[-1] if self.named_by else ""

    @property
    def counted(self) -> str:
        return self.billed or self.amount

    def decided_step(self, table: pd.DataFrame, calendar: Calendar) -> np.ndarray:
        """Step of the decision of each row of the case table: its lead before it goes live."""
        live = calendar.steps_of(table["t"])
        return live - table["lead"].to_numpy(int) if "lead" in table else live

    def parts(self, table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        """Each family with its rows of the case table."""
        if len(self.families) == 1:
            yield self.families[0], table
            return
        whole = table["integer"].astype(bool)
        yield from zip(self.families, (table[whole], table[~whole]), strict=True)


PURCHASES: tuple[Purchase, ...] = (
    Purchase(
        "opens", "Hosts opened", "sites", ("open",), "binary", "opens", ("h", "t"), price="musd", life="",
        decided_date="decide_date", account="site", milestone="permit", done_date="permit_date",
        decision="open", once="open_once",
    ),
    Purchase(
        "agreements", "Agreements signed", "agreements", ("sign",), "binary", "agreements", ("e", "t"), price="musd",
        life="", decided_date="decide_date", account="agreement", milestone="agreement", decision="agreement",
        once="sign_once",
    ),
    Purchase(
        "adoptions", "Stacks adopted later", "exits", ("adopt",), "binary", "adoptions", ("a", "t"), money="", life="",
        decided_date="decide_date", account="stack-adoption", milestone="adoption", once="adopt_once",
    ),
    Purchase(
        "exits", "Stacks left", "exits", ("leave",), "binary", "exits", ("a", "t"), price="musd", life="",
        decided_date="decide_date", account="stack-exit", milestone="exit", once="leave_once",
    ),
    Purchase(
        "orders", "Accelerators bought", "fleet", ("order",), "units", "orders", ("h", "a", "k", "t"),
        named_by=("a", "k"), amount="accelerators", per=1000.0, unit="accelerators", price="musd_per_k",
        end_date="retire_date", account="goods", milestone="hardware", decision="orders",
    ),
    Purchase(
        "rents", "Accelerators rented", "fleet", ("rent",), "continuous", "rents", ("h", "a", "k", "r", "t"),
        named_by=("a", "k"), amount="accelerators", per=1000.0, unit="accelerators", rent="musd_per_k_step",
        money="musd_total", life="periods", decided_date="start_date", live_date="start_date",
        end_date="end_date", account="cloud-rent", milestone="rent", decision="rent",
    ),
    Purchase(
        "halls", "Halls", "halls", ("halls", "halls_late"), "integer", "halls", ("h", "b", "t"), named_by=("b",),
        amount="halls", billed="it_mw", unit="MW IT", price="musd", account="halls", milestone="hall",
        decision="halls",
    ),
    Purchase(
        "leases", "Colocation leases", "halls", ("lease",), "continuous", "leases", ("h", "t"), amount="it_mw",
        unit="MW IT", rent="musd_per_mw_step", money="musd_total", life="periods", decided_date="start_date",
        live_date="start_date", end_date="end_date", account="colocation-rent", milestone="lease", decision="lease",
    ),
    Purchase(
        "cooling", "Cooling", "cooling", ("cool",), "continuous", "cooling", ("h", "c", "t"), named_by=("c",),
        amount="added_mw", unit="MW heat", price="musd_per_mw", account="cooling", milestone="cooling",
    ),
    Purchase(
        "refits", "Halls refitted", "refits", ("refit",), "continuous", "refits", ("h", "c", "t"), named_by=("c",),
        amount="added_mw", unit="MW IT", price="musd_per_mw", account="refit", milestone="refit",
    ),
    Purchase(
        "connections", "Grid connection", "power", ("connect",), "continuous", "connections", ("h", "n", "t"),
        named_by=("n",), amount="added_mw", unit="MW grid", price="musd_per_mw", account="grid", milestone="grid",
    ),
    Purchase(
        "backups", "Backup power", "power", ("backup",), "continuous", "backups", ("h", "g", "t"), named_by=("g",),
        amount="added_mw", unit="MW backup", price="musd_per_mw", account="backup", milestone="backup",
    ),
    Purchase(
        "plants", "Plant of a site's own", "plant", ("plant",), "continuous", "plants", ("h", "g", "t"), named_by=("g",),
        amount="added_mw", unit="MW plant", price="musd_per_mw", account="plant", milestone="plant",
    ),
    Purchase(
        "bridges", "Plant bought and sold again", "plant", ("bridge",), "continuous", "bridges", ("h", "g", "u", "t"),
        named_by=("g",), amount="added_mw", unit="MW plant", price="musd_per_mw", life="stands", end_date="sale_date",
        account="bridge", milestone="bridge",
    ),
    Purchase(
        "hires", "Rented plant", "plant", ("hire",), "continuous", "hires", ("h", "g", "t"), named_by=("g",),
        amount="added_mw", unit="MW plant", rent="musd_per_mw_step", money="musd_total", life="periods",
        decided_date="sign_date", live_date="start_date", end_date="end_date", account="plant-rent", milestone="hire",
    ),
    Purchase(
        "ppas", "Power purchase agreements", "ppa", ("ppa",), "continuous", "ppas", ("h", "g", "t"), named_by=("g",),
        amount="added_mw", unit="MW contract", rent="musd_per_mw_step", money="musd_total", life="periods",
        decided_date="sign_date", live_date="start_date", end_date="end_date", account="ppa", milestone="ppa",
    ),
)  # fmt: skip
PURCHASE = {p.name: p for p in PURCHASES}
CONTRACTS = tuple(p for p in PURCHASES if p.rent)
COUNTED = ("plant_units", "bridge_units", "hire_units", "several", "placed")
"""Integers beside halls: whole units of plant, whether more than one unit stands, and the place of a training run."""
ADOPTION = "use"
"""The binary variable of a stack: adopted or not, for the whole horizon; decisions call it ``stack``."""
LEVEL = "hold"
"""The binary variable of a level of efficiency or energy that a host is held to, for the whole horizon."""
DECIDED = {p.decision: p for p in PURCHASES if p.decision}


def families(domain: Domain) -> tuple[str, ...]:
    """Variables of a domain, in the order of the list; adoption is not among them."""
    return tuple(f for p in PURCHASES if p.domain == domain for f in p.families)


ONCE = {p.families[0]: p.once for p in PURCHASES if p.once}
"""Binary family -> the rule by which each of its things is had at most once."""


PLANT, BATTERIES = "plant", "batteries"
"""Asset classes of plant of a site's own, whatever its account: what stores energy wears sooner than what generates it."""

ACCOUNTS: dict[str, Account] = {account.name: account for account in (
    Account("goods", "Systems", "capex", "servers and racks with their accelerators, freight apart",
            "servers", "accelerators"),
    Account("shipping", "Shipping", "capex", "freight and insurance within the price of a system", "servers"),
    Account("network", "Network", "capex", "network between systems", "servers"),
    Account("storage", "Data storage", "capex", "storage of data and management", "servers"),
    Account("spares", "Spares", "capex", "first stock of spare parts; no residual value at the market", "servers"),
    Account("installation", "Installation", "capex",
            "racking, cabling, commissioning; no residual value at the market", "servers"),
    Account("import-duty", "Import duty", "capex", "duty on systems; no residual value at the market", "servers"),
    Account("owner-premium", "Owner's premium", "capex",
            "what an owner pays above the market; no residual value at the market", "servers"),
    Account("hardware-upkeep", "Hardware upkeep", "opex", "share of the price, every period a system lives"),
    Account("operator-fee", "Operator's fee", "fee", "share of the price, every period, where a host charges it"),
    Account("licence-security", "Security asked by licences", "fee", "once, when licensed systems go live"),
    Account("licence-monitoring", "Monitoring asked by licences", "opex", "every period a licensed system lives"),
    Account("reciprocal-investment", "Investment abroad asked by licences", "fee",
            "share of the price paid at the order; its worth comes back on the horizon's end"),
    Account("cloud-rent", "Cloud rent", "rent", "contracts, every period of their term; those already signed too"),
    Account("provider-hardware", "Provider's hardware", "capex",
            "what the provider invests for a contract; paid by the provider", "servers"),
    Account("platform-licence", "Platform by accelerator", "opex",
            "licences, support and operation of every layer, per accelerator alive, by stack"),
    Account("user-support", "Support of users", "opex", "help desk and accounts, per user served, by stack"),
    Account("staff", "Staff", "opex", "per accelerator alive in own and leased places"),
    Account("cloud-energy", "Cloud energy", "energy", "quantity only: the rent contains its price", unit="MWh"),
    Account("cloud-emissions", "Cloud emissions", "physical", "emissions of cloud energy", unit="tCO2"),
    Account("home-copy", "Copies kept at home", "opex", "storage at home for work done abroad on data that must stay"),
    Account("stack-adoption", "Adopting a stack", "fee",
            "fixed part, layer by layer, spread over the lead from the first period"),
    Account("stack-exit", "Leaving a stack", "fee", "data and work moved to another stack, once"),
    Account("moving", "Moving work", "fee", "work that leaves a stack runs twice for some months"),
    Account("agreement", "Signing agreements", "fee", "negotiation and what signing costs, once"),
    Account("agreement-upkeep", "Agreements in force", "fee", "yearly cost of agreements, every period they are in force"),
    Account("platform", "Platform", "fee", "fixed yearly part of every layer, from the stack's earliest period"),
    Account("site", "Site opening", "capex", "permits, design and mobilisation of a host; no residual value", "site"),
    Account("order-risk", "Orders at own risk", "capex",
            "what ordering halls before the permit costs on top; no residual value", "site"),
    Account("team", "Host's team", "opex", "what an open host needs whatever its size, every period; existing hosts too"),
    Account("halls", "Halls", "capex", "halls built, with land and site works", "halls", "MW IT"),
    Account("hall-upkeep", "Hall upkeep", "opex", "share of the hall's price, every period it stands",
            charge=Charge("halls", "upkeep_musd_per_step")),
    Account("colocation-rent", "Colocation rent", "rent", "leased halls, every period of the term",
            charge=Charge("leases", PURCHASE["leases"].rent)),
    Account("cooling", "Cooling", "capex", "cooling on top of what halls include", "cooling", "MW heat"),
    Account("refit", "Refits of halls", "capex", "cooling fitted into halls that stand", "cooling", "MW IT"),
    Account("grid", "Grid connection", "capex", "connections built", "grid", "MW grid"),
    Account("capacity-charge", "Capacity charge", "energy", "of grid connections, every period",
            charge=Charge("connections", "charge_musd_per_mw_step")),
    Account("backup", "Backup power", "capex", "backup plant built", "backup", "MW backup"),
    Account("backup-upkeep", "Backup upkeep", "opex", "share of the plant's price, every period it stands",
            charge=Charge("backups", "upkeep_musd_per_mw_step")),
    Account("plant", "Plant of a site's own", "capex", "engines, turbines, fuel cells, sun, wind and the like, bought",
            PLANT, "MW plant"),
    Account("plant-upkeep", "Plant upkeep", "opex", "fixed cost of plant bought, every period it stands",
            charge=Charge("plants", "upkeep_musd_per_mw_step")),
    Account("bridge", "Plant sold again", "capex", "plant bought until a line comes; its sale is its residual value",
            PLANT, "MW plant"),
    Account("bridge-upkeep", "Upkeep of plant sold again", "opex", "fixed cost of such plant, every period until its sale",
            charge=Charge("bridges", "upkeep_musd_per_mw_step")),
    Account("plant-rent", "Plant rent", "rent", "rented plant, every period of the term, maintenance included",
            charge=Charge("hires", PURCHASE["hires"].rent)),
    Account("ppa", "Power purchase agreements", "rent", "all energy that contracts deliver, every period of the term",
            charge=Charge("ppas", PURCHASE["ppas"].rent)),
    Account("ppa-matched", "Energy of agreements used", "energy",
            "what is not bought at the tariff, since a contract delivers it", unit="MWh"),
    Account("ppa-surplus", "Energy of agreements sold", "energy", "what is delivered and not used, at its own price",
            unit="MWh"),
    Account("heat-sold", "Heat sold", "energy", "heat given to takers near a site, a receipt", unit="MWh"),
    Account("generation", "Own generation", "energy", "what plant generates, at its variable cost without fuel",
            unit="MWh"),
    Account("fuel", "Fuel", "energy", "what plant burns, at the price of fuel at the site", unit="MMBtu"),
    Account("plant-emissions", "Plant emissions", "physical", "direct emissions of own generation", unit="tCO2"),
    Account("electricity", "Electricity", "energy", "grid import at the tariff of the hour", unit="MWh"),
    Account("network-fee", "Network fee", "energy", "what the grid charges to carry what is imported"),
    Account("peak-charge", "Peak charge", "energy", "on the highest import of the calendar year so far, every period"),
    Account("flexible-discount", "Discount of flexible connections", "energy",
            "off the price of energy drawn through a flexible connection"),
    Account("emissions", "Emissions", "physical", "grid import at the zone's carbon", unit="tCO2"),
    Account("carbon", "Carbon", "fee", "emissions at the price of a tonne, where the scenario gives one"),
    Account("water", "Water", "physical", "evaporated by cooling", unit="m3"),
    Account("grant", "Grants", "grant", "money others give, a receipt of the partner"),
    Account("grant-drawn", "Grants drawn", "grant", "of optional sources, as capital falls due; a receipt"),
    Account("draw", "Debt drawn", "finance", "of optional sources, as capital falls due; a receipt"),
    Account("debt-cost", "Cost of debt drawn", "finance", "interest, fees and premiums of optional sources"),
    Account("debt-repaid", "Debt repaid", "finance", "principal of optional sources; at the latest on the horizon's end"),
)}  # fmt: skip


CLASSES = {account.asset_class for account in ACCOUNTS.values()} - {""} | {BATTERIES}
"""Asset classes of capital: that of an account, of plant that stores energy its own."""
HARDWARE = (
    "goods",
    "shipping",
    "network",
    "storage",
    "spares",
    "installation",
    "import-duty",
    "owner-premium",
)
"""Accounts that the price of an ordered system is made of."""
MARKETED = ("goods", "shipping", "network", "storage")
"""What a buyer of used systems pays for."""


def account_of(name: str) -> Account:
    """The account of a name; ``KeyError`` with the known ones for a name that is none."""
    if name not in ACCOUNTS:
        raise KeyError(f"no account {name!r}: the registry has {', '.join(ACCOUNTS)}")
    return ACCOUNTS[name]
