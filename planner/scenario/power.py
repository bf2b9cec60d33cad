"""What a site may have for power beside a firm grid connection, and what the grid charges there."""

# ruff: noqa: RUF012 (pydantic copies the defaults of fields)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from planner.scenario.record import Id, Months, NonNegative, Positive, Record


class PowerOption(Record):
    """Plant of its own that a site may have: a row of the catalog, with figures of one's own over it."""

    id: Id
    ways: Annotated[list[Literal["buy", "rent"]], Field(min_length=1)] | None = None
    max_mw: Positive | None = None
    unit_mw: NonNegative | None = None
    lead_months: Months | None = None
    mobilisation_months: Months | None = None
    permit_months: Months | None = None
    capex_usd_per_kw: Positive | None = None
    resale_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    rent_usd_per_kw_month: Positive | None = None
    term_months: Annotated[int, Field(ge=1, le=240)] | None = None
    fuel_usd_per_mmbtu: NonNegative | None = None
    forced_outage_pct: Annotated[float, Field(ge=0, lt=100)] | None = None
    capacity_factor_pct: Annotated[float, Field(gt=0, le=100)] | None = None
    storage_hours: Annotated[float, Field(gt=0, le=200)] | None = None
    round_trip_pct: Annotated[float, Field(gt=0, le=100)] | None = None
    fade_pct_per_year: Annotated[float, Field(ge=0, le=20)] | None = None
    fade_pct_per_cycle: Annotated[float, Field(ge=0, le=1)] | None = None
    cycles_per_year: Annotated[float, Field(gt=0, le=9000)] | None = None
    end_of_life_pct: Annotated[float, Field(ge=0, lt=100)] | None = None

    @model_validator(mode="after")
    def _hours_have_their_price(self) -> PowerOption:
        if (
            self.storage_hours is not None
            and self.capex_usd_per_kw is None
            and self.rent_usd_per_kw_month is None
        ):
            raise ValueError(
                "storage_hours changes what a kW costs: give capex_usd_per_kw or rent_usd_per_kw_month"
            )
        return self


class Flexible(Record):
    """A grid connection that comes earlier and carries nothing in the stressed hours of a year."""

    id: Id = "grid-flexible"
    max_mw: Positive
    lead_months: Months | None = None
    curtailed_hours_per_year: Annotated[float, Field(gt=0, le=3000)] | None = None
    energy_discount_pct: Annotated[float, Field(ge=0, le=80)] | None = None


class PowerPurchase(Record):
    """A contract for energy from a plant elsewhere, drawn through the meter: all of it is paid, used or not."""

    id: Id
    profile: Literal["flat", "solar", "wind"] = "flat"
    max_mw: Positive
    usd_per_mwh: Positive
    term_months: Annotated[int, Field(ge=1, le=360)]
    lead_months: Months = 0
    capacity_factor_pct: Annotated[float, Field(gt=0, le=100)] | None = None
    surplus_usd_per_mwh: NonNegative = 0.0
    renewable: bool | None = None

    @property
    def counts_as_renewable(self) -> bool:
        """As stated; left out, sun and wind are."""
        return self.profile != "flat" if self.renewable is None else self.renewable

    @model_validator(mode="after")
    def _surplus_earns_nothing(self) -> PowerPurchase:
        if self.surplus_usd_per_mwh > self.usd_per_mwh:
            raise ValueError("surplus_usd_per_mwh above usd_per_mwh would pay for contracts nobody uses")
        return self


class SitePower(Record):
    """What a site may have beside a firm grid connection."""

    options: list[PowerOption] = []
    redundancy: Literal["N", "N+1"] = "N"
    ppas: list[PowerPurchase] = []
    flexible: Flexible | None = None


class Tariff(Record):
    """What the grid charges at a site, where the flat price of its country does not do."""

    energy_usd_per_mwh_by_hour: Annotated[list[NonNegative], Field(min_length=24, max_length=24)] | None = (
        None
    )
    energy_change_pct_per_year: Annotated[float, Field(ge=-20, le=50)] = 0.0
    network_usd_per_mwh: NonNegative = 0.0
    capacity_usd_per_kw_year: NonNegative = 0.0

    @model_validator(mode="after")
    def _some_price(self) -> Tariff:
        if self.energy_usd_per_mwh_by_hour is not None and not any(self.energy_usd_per_mwh_by_hour):
            raise ValueError("energy_usd_per_mwh_by_hour needs an hour with a price")
        return self
