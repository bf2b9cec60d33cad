"""What every record of a scenario is made of: names, amounts, and where a figure comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]
ModelId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=60)]
Title = Annotated[str, Field(min_length=1, max_length=120)]
Iso3 = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Months = Annotated[float, Field(ge=0, le=240)]


class Record(BaseModel):
    """Base of every record: unknown fields are errors, provenance is welcome."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    source: str | None = None
    assumed: bool = False
    note: str | None = None
