"""What a user may write: one page to read to know every input of a scenario file.

Units stand in names: ``_mw``, ``_musd`` (million USD, real money of ``money.price_year``), ``_months``,
``accelerators`` (single accelerators; the model itself counts in thousands). Dates are ISO dates.
Every record may carry ``source``, ``assumed`` and ``note``; they travel with the scenario into the run.
Everything left out has a sourced default in the catalog.
"""

# ruff: noqa: RUF012 (pydantic copies the defaults of fields)

from __future__ import annotations

import itertools
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from planner.scenario.agreements import Agreement, Attributes, DataClass
from planner.scenario.finance import Finance
from planner.scenario.horizon import Horizon
from planner.scenario.power import SitePower, Tariff
from planner.scenario.record import Id, Iso3, ModelId, Months, NonNegative, Positive, Record, Share, Title

if TYPE_CHECKING:  # a scenario is read before pandas is needed
    from planner.facts.catalog import Catalog

SCHEMA_VERSION = 1

Kind = Literal["inference", "training", "fine-tuning", "batch"]
LatencyClass = Literal["interactive", "standard", "batch"]
Mode = Literal["build", "colocation", "cloud"]
Objective = Literal["cost", "delay", "control"]
Measure = Literal["work", "priority"]
Quality = Literal["quick", "plan", "proof"]
Weighting = Literal["calculator", "v1.2.1", "equal"]
Level = Literal["low", "mid", "high"]
Pace = Literal["fast", "usual", "slow"]
Where = Literal["in-country", "trusted-region", "anywhere"]
SupplierClass = Literal[
    "vendor", "operator", "owner-class", "host", "site", "stack", "system", "country", "chip-origin", "parent"
]


class CarbonPrice(Record):
    """What a tonne of CO2 costs from a day on, until the next."""

    from_: Annotated[date, Field(alias="from")]
    usd_per_t: NonNegative


class Money(Record):
    currency: Literal["USD"] = "USD"
    price_year: Annotated[int, Field(ge=2020, le=2050)] = 2026
    discount_rate_real: Annotated[float, Field(ge=0, le=0.5)] | None = None
    level: Level = "mid"
    carbon: list[CarbonPrice] = []
    carbon_covers: Literal["all", "plant"] = "all"


class Point(Record):
    """A value from a date on; between two points of a demand path the value is interpolated."""

    at: date
    value: NonNegative


class Path(Record):
    """Piecewise linear (or stepwise) path: zero before the first point, constant after the last."""

    points: Annotated[list[Point], Field(min_length=1)]
    shape: Literal["linear", "step"] = "linear"

    @model_validator(mode="after")
    def _dates_rise(self) -> Path:
        dates = [point.at for point in self.points]
        if any(b <= a for a, b in itertools.pairwise(dates)):
            raise ValueError("dates of a path must rise")
        return self


class Requests(Path):
    """What one request is: its lengths set the rate of a chip. Left out, those of the workload's profile, else
    those of the benchmark of its model."""

    input_tokens_per_request: Positive | None = None
    output_tokens_per_request: Positive | None = None
    cached_share: Share | None = None


class Accelerators(Requests):
    """Demand in accelerators of one kind working at peak: how national plans are quoted."""

    by: Literal["accelerators"]
    reference: Id = "b300"


class TokensPerSecond(Requests):
    """Demand in tokens per second at the peak hour: those put out, those read, or both together."""

    by: Literal["tokens-per-s"]
    counts: Literal["output", "input", "total"] = "output"


class RequestsPerSecond(Requests):
    """Demand in requests per second at the peak hour."""

    by: Literal["requests-per-s"]


class Users(Requests):
    """Demand in active users; peak tokens/s = users x requests/day x tokens / 86400 x peak factor.

    Preemptible work is asked for on average: without the peak factor.
    """

    by: Literal["users"]
    requests_per_user_day: Positive | None = None
    peak_factor: Annotated[float, Field(ge=1, le=24)] | None = None


class TrainingRun(Record):
    """One run; ``params_total_b`` above the active ones says that the model is a mixture of experts."""

    id: Id
    params_active_b: Positive
    params_total_b: Positive | None = None
    tokens_b: Positive
    start: date
    deadline: date

    @model_validator(mode="after")
    def _order(self) -> TrainingRun:
        if self.deadline <= self.start:
            raise ValueError("deadline must come after start")
        if self.params_total_b is not None and self.params_total_b < self.params_active_b:
            raise ValueError("params_total_b must not be below params_active_b")
        return self


class TrainingRuns(Record):
    """Demand in training runs: 6 N D floating-point operations each, done from start to deadline as the fleet allows.

    ``one_place``: all of a run is done at one host, experiments included; ``false`` lets hosts share it.
    """

    by: Literal["training"]
    runs: Annotated[list[TrainingRun], Field(min_length=1)]
    experiments_factor: Annotated[float, Field(ge=1, le=10)] = 1.0
    one_place: bool = True


Size = Annotated[
    Accelerators | TokensPerSecond | RequestsPerSecond | Users | TrainingRuns, Field(discriminator="by")
]


class Locality(Record):
    """Overrides the catalog's rule for one workload: where compute may run, what protection in use it needs,
    and whether a copy of the data must be stored at home."""

    where: Where
    protection: Literal["none", "confidential-computing"] = "none"
    home_copy: bool = False


class Workload(Record):
    id: Id
    title: Title | None = None
    country: Iso3 | None = None
    kind: Kind
    sector: str
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] | None = None
    body: Literal["public", "private"] = "public"
    data_class: DataClass
    latency_class: LatencyClass
    model_class: Id
    model: ModelId | None = None
    profile: Id | None = None
    tokens_per_s_per_user: Positive | None = None
    ttft_s: Positive | None = None
    load_by_hour: Annotated[list[NonNegative], Field(min_length=24, max_length=24)] | None = None
    size: Size
    priority: Positive = 1.0
    preemptible: bool | None = None
    own_servers: bool | None = None
    accelerator_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    survival_share: Share = 0.0
    survive_from: date | None = None
    must_serve_by: date | None = None
    optional: bool = False
    may_lapse: bool = False
    locality: Locality | None = None


class OwnModel(Record):
    """A model that the catalog does not know. Layers and cache left out follow the Llama family for its size."""

    id: ModelId
    params_total_b: Positive
    params_active_b: Positive | None = None
    layers: Annotated[int, Field(ge=1, le=1000)] | None = None
    cache_bytes_per_token: Positive | None = None
    bytes_per_param: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    context_tokens: Positive | None = None

    @model_validator(mode="after")
    def _active_is_a_part(self) -> OwnModel:
        if self.params_active_b is not None and self.params_active_b > self.params_total_b:
            raise ValueError("params_active_b must be at most params_total_b")
        return self


class OwnRate(Record):
    """A rate measured by oneself: output tokens per second of one accelerator, under conditions it holds for."""

    id: Id
    model: ModelId
    accelerator: Id
    tokens_per_s_per_accelerator: Positive
    input_tokens_per_request: Positive
    output_tokens_per_request: Positive
    cached_share: Share = 0.0
    tokens_per_s_per_user: Positive | None = None
    ttft_s: Positive | None = None
    measured_on: date


class Step(Record):
    from_: Annotated[date, Field(alias="from")]
    mw: NonNegative


class HeatTaker(Record):
    """Who takes heat near a site: how much, when and for how much.

    ``months``: those of the year in which heat is taken. ``least_share`` of the energy drawn takes the place of the law.
    """

    max_mw: Positive
    usd_per_mwh: NonNegative | None = None
    musd_per_mw: NonNegative | None = None
    lead_months: Months | None = None
    months: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1)] | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    least_share: Share | None = None


class Site(Record):
    """A place with a grid: a metro of the catalog, or coordinates of one's own."""

    id: Id
    title: Title | None = None
    metro: str | None = None
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    country: Iso3 | None = None
    elevation_m: Annotated[float, Field(ge=-430, le=5500)] | None = None
    grid_mw: Annotated[list[Step], Field(min_length=1)]
    grid_lead_months: Months | None = None
    grid_applied: date | None = None
    max_it_mw: Positive | None = None
    shell_it_mw: Positive | None = None
    max_water_m3_per_year: NonNegative | None = None
    elec_price_usd_per_mwh: Positive | None = None
    construction_musd_per_mw_it: Positive | None = None
    tariff: Tariff | None = None
    power: SitePower | None = None
    heat: HeatTaker | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Site:
        given = (self.latitude, self.longitude, self.country, self.elevation_m)
        if self.metro is None and None in given[:2]:
            raise ValueError("a site needs a metro of the catalog, or latitude and longitude")
        if self.metro is not None and any(v is not None for v in given):
            raise ValueError("latitude, longitude, country and elevation_m are for a site without a metro")
        return self

    @model_validator(mode="after")
    def _one_price(self) -> Site:
        by_hour = self.tariff and self.tariff.energy_usd_per_mwh_by_hour
        if by_hour and self.elec_price_usd_per_mwh is not None:
            raise ValueError(
                "elec_price_usd_per_mwh and tariff.energy_usd_per_mwh_by_hour both price energy: give one"
            )
        return self


class Refit(Record):
    """What refitting the cooling of halls that stand takes at a host; what is left out is the catalog's."""

    musd_per_mw: NonNegative | None = None
    lead_months: Months | None = None
    outage_months: Months | None = None


class Host(Record):
    """A way to get capacity at a site: who owns and operates, under which handicaps.

    ``owner_parent`` and ``operator_parent`` are the countries of the ultimate parents: they decide on the export
    licence and on the law that reaches the data; left out, those of the owner class count.
    """

    id: Id
    title: Title | None = None
    site: Id
    mode: Mode
    owner_class: Id
    operator: Id
    owner_parent: Iso3 | None = None
    operator_parent: Iso3 | None = None
    attributes: Attributes = {}
    stacks: Annotated[list[Id], Field(min_length=1)]
    systems: Annotated[list[Id], Field(min_length=1)] | None = None
    hall_types: list[Id] | None = None
    building_pace: Pace = "usual"
    cooling: list[Id] | None = None
    room_air: Literal["with-hall", "as-needed"] = "with-hall"
    standing_halls: Literal["as-needed", "as-built", "refit"] = "as-needed"
    refit: Refit | None = None
    max_it_mw: Positive | None = None
    open_lead_months: Months = 0
    permit_applied: date | None = None
    open_from: date | None = None
    open_cost_musd: NonNegative | None = None
    team_musd_per_year: NonNegative | None = None
    hardware_price_factor: Positive | None = None
    effectiveness: Annotated[float, Field(gt=0, le=1)] | None = None
    operator_fee_share_per_year: Share | None = None
    rent_factor: Positive | None = None
    colocation_usd_per_kw_month: Positive | None = None
    lease_months: Annotated[int, Field(ge=3, le=240)] = 60
    rent_terms: list[Id] | None = None


class StackExit(Record):
    """That a stack may be left within the horizon, from when and at what cost."""

    from_: Annotated[date | None, Field(alias="from")] = None
    musd: NonNegative | None = None
    overlap_months: Months | None = None
    moving_months: Months | None = None


class StackChoice(Record):
    id: Id
    adoption_musd: NonNegative | None = None
    platform_musd_per_year: NonNegative | None = None
    licence_usd_per_accelerator_year: NonNegative | None = None
    support_usd_per_user_year: NonNegative | None = None
    platform_share: Share = 1.0
    lead_months: Months | None = None
    adopt_until: date | None = None
    exit: StackExit | None = None
    attributes: Attributes = {}


class SystemChoice(Record):
    id: Id
    price_usd: Positive | None = None
    rent_usd_per_accelerator_hour: Positive | None = None
    available_from: date | None = None
    end_of_sale: date | None = None
    delivery_months: Months | None = None


class Selection(Record):
    """Which offers a rule speaks of; a field left out means all."""

    hosts: list[Id] | None = None
    owner_classes: list[Id] | None = None
    stacks: list[Id] | None = None
    systems: list[Id] | None = None
    vendors: list[Id] | None = None


class QuotaStep(Record):
    from_: Annotated[date, Field(alias="from")]
    accelerators: NonNegative


class Quota(Selection):
    """Cap on what may be shipped per quarter or calendar year (``orders``) or held (``capacity``).

    ``unit: equivalents`` counts in reference accelerators by total processing performance.
    ``cumulative: true`` lets an unused allocation be used later; ``per: year`` lets it be used
    within the year, ``per: total`` caps all shipments since the start.
    """

    id: Id
    unit: Literal["accelerators", "equivalents"] = "equivalents"
    basis: Literal["orders", "capacity"] = "orders"
    per: Literal["quarter", "year", "total"] = "quarter"
    cumulative: bool = False
    path: Annotated[list[QuotaStep], Field(min_length=1)]


class Crew(Selection):
    """Racks that can be installed and commissioned per quarter."""

    id: Id
    racks_per_quarter: NonNegative


class Operators(Selection):
    """People who run own and leased places, trained and hired: no more accelerators are held than they can run.

    Beside them stand those who run the fleet that exists. Hires of a period are ready ``training_months`` after its end.
    """

    id: Id
    people: NonNegative = 0.0
    hires_per_quarter: NonNegative
    training_months: Months | None = None
    accelerators_per_person: Positive | None = None


class Licence(Record):
    """Export licences of US chips: the rules in force, or a stress case of them.

    ``case`` picks the lead time (left out: by ``money.level``); ``regime: draft-tiers`` applies the withdrawn
    worldwide draft of 2026; ``fast_path`` gives packages of the American AI Exports Program the fast lead where no
    agreement of that kind is listed; ``quotas`` are those of the catalog (agreed yearly ceilings, or only what has been
    granted so far);
    ``exceptions``: whether listed parties are excepted as published, with every end extended, or not at all;
    ``route``: chips that pass through the United States pay its duty on re-exports;
    ``rival_excludes``: which US chips a rival stack rules out nationally.
    """

    mode: Literal["auto", "required", "not-required"] = "auto"
    lead_months: Months | None = None
    case: Literal["fast", "base", "stress"] | None = None
    regime: Literal["in-force", "draft-tiers"] = "in-force"
    fast_path: bool = True
    quotas: Literal["none", "framework", "grant"] = "framework"
    conditions: bool = True
    exceptions: Literal["as-published", "extended", "none"] = "as-published"
    route: Literal["direct", "via-us"] = "direct"
    rival_excludes: Literal["none", "licensed", "us-chips"] = "licensed"
    content: Literal["presumption", "stages"] = "presumption"


class Supply(Record):
    reference: Id = "b300"
    owner_allocations: bool = True
    quotas: list[Quota] = []
    crews: list[Crew] = []
    operators: list[Operators] = []
    licence: Licence = Licence()


class YearCap(Record):
    year: int
    musd: NonNegative


class MoneyCap(Record):
    """At most this much money of a kind, by one payer, in a calendar year or (without a year) in total.

    ``capex``: what is built and bought. ``outlay``: every payment, less grants; in total also what contracts still owe
    when the horizon ends; a grant counts from its day on. ``commitments``: the whole sums of contracts signed in the year.
    ``payer``: partner, a payer of ``finance.payers``, an operator, or all.
    """

    what: Literal["capex", "outlay", "commitments"]
    musd: NonNegative
    year: int | None = None
    payer: Id = "partner"


class CarbonCap(Record):
    """At most so many tonnes of CO2 in a calendar year or (without a year) over the horizon: grid, plant and clouds."""

    tonnes: NonNegative
    year: int | None = None


class RenewableShare(Record):
    """At least this share of the energy drawn in each calendar year from own plant and contracts that are renewable.

    ``match``: by ``year`` what contracts deliver counts whenever it comes; by ``hour`` only what is used as it comes.
    """

    share: Share
    match: Literal["year", "hour"] = "year"
    from_: Annotated[date | None, Field(alias="from")] = None


class EfficiencyCap(Record):
    """At most this PUE, or so many litres of water per kWh of IT (``wue``), as the mean of each year at a place that builds.

    It takes the place of the law for its measure and sites; without ``most`` there is no cap from its day on.
    """

    measure: Literal["pue", "wue"]
    most: Annotated[float, Field(ge=0, le=10)] | None = None
    sites: list[Id] | None = None
    from_: Annotated[date | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _possible(self) -> EfficiencyCap:
        if self.measure == "pue" and self.most is not None and self.most < 1.0:
            raise ValueError("a PUE is at least 1: a place draws what its machines do, and more")
        return self


class ShareCap(Record):
    """At most this share of served demand (in reference-accelerator equivalents) by one vendor, operator, ...

    ``id`` is an ISO3 code for ``country`` (where compute stands), ``chip-origin`` and ``parent`` (of the operator).
    """

    by: SupplierClass
    id: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]*|[A-Z]{3})$", max_length=60)]
    max_share: Share
    from_: Annotated[date | None, Field(alias="from")] = None


class ControlFloor(Record):
    """A floor on control of one workload, or of every workload of a class of data, in each calendar year."""

    data_class: DataClass | None = None
    workload: Id | None = None
    min: Annotated[float, Field(ge=0, le=100)]
    from_: Annotated[date | None, Field(alias="from")] = None

    @model_validator(mode="after")
    def _class_or_workload(self) -> ControlFloor:
        if (self.data_class is None) == (self.workload is None):
            raise ValueError("a control floor names either a data_class or a workload")
        return self


class Survival(Record):
    """What must be left when any one member of a class is lost: of each workload's service, the least share.

    ``by``: the class; a member of ``country`` (where compute stands), ``parent`` (whose law reaches the operator) and
    ``chip-origin`` is a foreign country. ``service``: all that the member runs stops. ``supply``: nothing more can be had
    of it, what was ordered before runs on, and the share must be left for ``months``.
    """

    by: SupplierClass
    share: Share
    from_: Annotated[date | None, Field(alias="from")] = None
    what: Literal["service", "supply"] = "service"
    months: Annotated[int, Field(ge=1, le=240)] = 12
    workloads: list[Id] | None = None


class Limits(Record):
    max_cost_musd: NonNegative | None = None
    max_delay_months: NonNegative | dict[Id, NonNegative] | None = None
    delay_tolerance_months: NonNegative | None = None
    min_control: Annotated[float, Field(ge=0, le=100)] | None = None
    min_control_by: Measure = "work"
    control_floors: list[ControlFloor] = []
    capital_musd_total: NonNegative | None = None
    capital_musd_by_year: list[YearCap] = []
    money: list[MoneyCap] = []
    carbon_t: list[CarbonCap] = []
    renewable: list[RenewableShare] = []
    efficiency: list[EfficiencyCap] = []
    shares: list[ShareCap] = []
    survival: list[Survival] = []


class ExistingFleet(Record):
    id: Id
    host: Id
    stack: Id
    system: Id
    accelerators: Positive
    since: date
    retire: date


class ExistingHall(Record):
    id: Id
    host: Id
    it_mw: Positive
    grid_mw: NonNegative
    backup_mw: NonNegative = 0.0
    cooling: dict[Id, NonNegative] = {}
    usd_per_kw_month: Positive | None = None
    until: date | None = None


class ExistingContract(Record):
    id: Id
    host: Id
    stack: Id
    system: Id
    accelerators: Positive
    until: date
    usd_per_accelerator_hour: Positive


class Existing(Record):
    fleets: list[ExistingFleet] = []
    halls: list[ExistingHall] = []
    contracts: list[ExistingContract] = []


class Decision(Selection):
    """Require, forbid or fix a decision: how a stack is forced, a plan frozen, a what-if asked.

    ``what`` and the unit of ``value``: ``open`` (hosts), ``stack`` (adoptions), ``agreement`` (signatures), ``orders``
    and ``rent`` (accelerators), ``halls`` and ``lease`` (MW of IT). ``require`` means at least ``value`` (default 1): of
    hosts, stacks and agreements in total between the dates, of what lasts alive in every period between them, from the
    first in which any can be. ``forbid`` means none, ``fix`` means exactly ``value`` in total going live between the dates.
    """

    id: Id
    do: Literal["require", "forbid", "fix"]
    what: Literal["open", "stack", "agreement", "orders", "rent", "halls", "lease"]
    agreements: list[Id] | None = None
    value: NonNegative | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None


class Cut(Selection):
    """A supplier, licence, law or site lost from a date on; the fields narrow the choice, at least one is needed.

    ``service``: what it runs stops and nothing more can be had; ``supply``: nothing more can be had, what
    stands keeps running (as when a licence ends).
    """

    id: Id
    from_: Annotated[date, Field(alias="from")]
    what: Literal["service", "supply"] = "service"
    operators: list[Id] | None = None
    sites: list[Id] | None = None
    countries: list[Iso3] | None = None
    chip_origins: list[Iso3] | None = None
    parents: list[Iso3] | None = None

    @model_validator(mode="after")
    def _something(self) -> Cut:
        own = (self.operators, self.sites, self.countries, self.chip_origins, self.parents)
        shared = (self.hosts, self.owner_classes, self.stacks, self.systems, self.vendors)
        if all(part is None for part in own + shared):
            raise ValueError("a cut must say what is lost: operators, sites, vendors, ...")
        return self


class AnswerOverride(Record):
    """Another answer to one criterion of the control framework, for chosen offers."""

    host: Id | None = None
    stack: Id | None = None
    criterion: Annotated[str, Field(pattern=r"^[1-8]\.[1-8]$")]
    level: Annotated[int, Field(ge=1, le=5)]


class Control(Record):
    weighting: Weighting = "calculator"
    trusted_region: list[Iso3] = []
    trusted_by_country: dict[Iso3, list[Iso3]] = {}
    floors: dict[DataClass, Annotated[int, Field(ge=0, le=4)]] = {
        "public": 0,
        "official": 1,
        "sensitive": 1,
        "secret": 2,
    }
    exclude: list[Annotated[str, Field(pattern=r"^[1-8]\.[1-8]$")]] = ["2.4", "5.2"]
    overrides: list[AnswerOverride] = []
    layers_gate: bool = False
    levels: bool = False


class Solve(Record):
    quality: Quality = "plan"
    gap: Annotated[float, Field(gt=0, le=0.5)] | None = None
    time_limit_s: Positive = 600.0
    slices: Annotated[int, Field(ge=1, le=24)] = 2
    open_every_periods: Annotated[int, Field(ge=1, le=12)] = 2
    integer_window_periods: Annotated[int, Field(ge=0, le=120)] = 8
    integers: Literal["window", "all", "none"] = "window"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1


class Scenario(Record):
    """One planning case: a partner country, its demand, its options, its limits."""

    planner: Literal[1]
    name: Id
    title: str | None = None
    country: Iso3
    horizon: Horizon
    money: Money = Money()
    demand: Annotated[list[Workload], Field(min_length=1)]
    sites: Annotated[list[Site], Field(min_length=1)]
    hosts: Annotated[list[Host], Field(min_length=1)]
    stacks: Annotated[list[StackChoice], Field(min_length=1)]
    systems: Annotated[list[SystemChoice], Field(min_length=1)]
    models: list[OwnModel] = []
    rates: list[OwnRate] = []
    supply: Supply = Supply()
    limits: Limits = Limits()
    existing: Existing = Existing()
    decisions: list[Decision] = []
    control: Control = Control()
    agreements: list[Agreement] = []
    cuts: list[Cut] = []
    finance: Finance = Finance()
    solve: Solve = Solve()

    _catalog: Catalog | None = PrivateAttr(default=None)

    @property
    def catalog(self) -> Catalog:
        """The facts it was checked against when it was read; the packaged ones for a scenario made in code."""
        from planner.facts.catalog import load_catalog

        return self._catalog or load_catalog()

    def with_catalog(self, catalog: Catalog) -> Scenario:
        """A copy that carries these facts to whatever is made of it."""
        copy = self.model_copy()
        copy._catalog = catalog
        return copy

    def __eq__(self, other: object) -> bool:
        """Equal inputs; the facts beside them do not count."""
        return isinstance(other, Scenario) and dict(self) == dict(other)

    __hash__ = None  # type: ignore[assignment]
