"""Rules on where hardware is made, and whether what a plan buys keeps them at any assumed share of value."""

from __future__ import annotations

import pandas as pd

from planner.case.content import content_span
from planner.case.context import Context
from planner.case.export_rules import CONTROLLED_ORIGIN, presumed_content
from planner.facts.catalog import Catalog
from planner.scenario.schema import Scenario


def content_rules(scenario: Scenario, catalog: Catalog, fleet: pd.DataFrame) -> pd.DataFrame:
    """k, asked_by, content_from, asked_share, presumed_share, stages_low_share, stages_mid_share, stages_high_share, holds:
    rules on content of the systems in a plan.

    Of the call for packages, of agreements and of sources of finance. By presumption chips count whole at their
    designer's seat; by stages as the catalog's table ``content`` says, from the least to the largest of what is
    assumed. ``holds``: yes, no, or that the answer turns on an assumed share.
    """
    context = Context.of(scenario, catalog)
    asked = [("call for packages", [CONTROLLED_ORIGIN],
              float(catalog.table("export_programmes").iloc[0]["us_content_min"]))]  # fmt: skip
    asked += [(a.id, list(d.from_), d.share) for a in scenario.agreements for d in a.duties.content]
    for s in scenario.finance.sources:
        if s.content_from and s.full_content_share:
            asked.append((s.id, list(s.content_from), float(s.full_content_share)))
    held = fleet.groupby("k")["accelerators"].max()
    rows = []
    for k in held.index[held > 0]:
        for by, countries, least in asked:
            presumed = presumed_content(context, str(k), countries)
            span = content_span(catalog, str(k), countries)
            passes = {share >= least for share in (presumed, *span)}
            holds = "turns on an assumed share" if len(passes) > 1 else "yes" if passes == {True} else "no"
            rows.append((k, by, ", ".join(countries), least, presumed, *span, holds))
    return pd.DataFrame(rows, columns=["k", "asked_by", "content_from", "asked_share", "presumed_share", "stages_low_share",
                                       "stages_mid_share", "stages_high_share", "holds"])  # fmt: skip
