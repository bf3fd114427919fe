"""A plan for new cameras: which, where, what they buy, and how far from the best possible they can be at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from sightgrid.columns import COLUMNS
from sightgrid.coverage.standing import change_cameras
from sightgrid.errors import UnitRangeError

if TYPE_CHECKING:
    from sightgrid.coverage.covering import Solution
    from sightgrid.site import Site


@dataclass(frozen=True)
class Placement:
    """New cameras for a site.

    Attributes
    ----------
    site : Site
        The site as it was.
    chosen : geopandas.GeoDataFrame
        The new cameras, most useful first: the columns of a cameras frame, and ``mount_id``, ``model``, ``price``,
        ``rank``, ``gain`` (weighted square metres), ``cumulative_share`` (of all demand) and ``cumulative_price``.
    changed : geopandas.GeoDataFrame
        Cameras that stood before and that the plan turns or takes down: ``change`` (``turned`` or ``removed``),
        ``azimuth_before_deg`` (NaN where it was not known), ``azimuth_deg``.
    demand : geopandas.GeoDataFrame
        What was to be seen, with ``seen_before`` and ``seen_after`` (views of the density asked for).
    solution : Solution
        Objective, bound, gap, seconds, rounds.
    before_rate, after_rate : float
        Share of the observable ground seen without and with the new cameras, as the plan promises it.
    dropped : dict of str to int
        Poses that were left out, by reason.
    """

    site: Site
    chosen: gpd.GeoDataFrame
    changed: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    solution: Solution
    before_rate: float
    after_rate: float
    dropped: dict[str, int]

    @property
    def planned_site(self) -> Site:
        """The site with the new and the changed cameras, for `measure` to confirm what the plan promises."""
        standing = change_cameras(self.site.cameras, self.changed)
        # columns beside the contract are the old cameras' own
        known = [*(column.name for column in COLUMNS["cameras"]), standing.geometry.name]
        new = self.chosen.reindex(columns=[name for name in standing.columns if name in known])
        new["assumed"] = new["assumed"].fillna("")
        if "indoor" in standing.columns:
            new["indoor"] = False
        frame = pd.concat([standing, new.astype(standing.dtypes[new.columns].to_dict())])
        return self.site.with_cameras(gpd.GeoDataFrame(frame, crs=self.site.crs))

    def phases(self, n: int) -> pd.DataFrame:
        """Cut the plan into at most n phases of about equal price, the most useful cameras first.

        Returns
        -------
        pandas.DataFrame
            Index ``phase``: ``cameras``, ``price``, ``cumulative_price``, ``cumulative_share`` (of all demand).

        Raises
        ------
        UnitRangeError
            Fewer than one phase, or more phases than cameras.
        """
        if not 1 <= n <= len(self.chosen):
            raise UnitRangeError(f"phases: {n} must be from 1 to the number of new cameras, {len(self.chosen)}")
        before = self.chosen["cumulative_price"] - self.chosen["price"]
        share = np.minimum((before * n / self.chosen["price"].sum()).astype(int), n - 1)
        phase = pd.factorize(share)[0] + 1  # one dear camera may be more than a phase: no number is left out
        table = self.chosen.groupby(phase).agg(
            cameras=("price", "size"),
            price=("price", "sum"),
            cumulative_price=("cumulative_price", "last"),
            cumulative_share=("cumulative_share", "last"),
        )
        return table.rename_axis("phase")

    def summary(self) -> dict[str, Any]:
        """The figures of the plan."""
        return {
            "site": self.site.name,
            "before_rate": self.before_rate,
            "after_rate": self.after_rate,
            "cameras": len(self.chosen),
            "turned": int((self.changed["change"] == "turned").sum()),
            "removed": int((self.changed["change"] == "removed").sum()),
            "price": float(self.chosen["price"].sum()),
            "objective": self.solution.objective,
            "bound": self.solution.bound,
            "gap": self.solution.gap,
            "status": self.solution.status,
            "rounds": self.solution.rounds,
            "seconds": self.solution.seconds,
            "dropped": self.dropped,
        }
