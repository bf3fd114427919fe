"""What is different between two variants of a site's cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import shapely

from sightgrid.store.layer_tables import kept_columns

if TYPE_CHECKING:
    import geopandas as gpd


def compare_cameras(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> pd.DataFrame:
    """Tell two variants of a site's cameras apart.

    Parameters
    ----------
    before, after : GeoDataFrame
        As `sightgrid.store.scenarios.read_cameras` and `sightgrid.store.layers.read_layer` give them.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_id``; ``change`` (added, removed, changed), ``columns`` (which of them, joined by commas;
        ``geometry`` if it stands elsewhere). Cameras that are alike are not in it.
    """
    rows = [(name, "removed", "") for name in before.index.difference(after.index, sort=False)]
    rows += [(name, "added", "") for name in after.index.difference(before.index, sort=False)]
    both = before.index.intersection(after.index, sort=False)
    old, new = before.loc[both], after.loc[both]
    names = [column.name for column in kept_columns("cameras")]
    differs = {each: ~((old[each] == new[each]) | (old[each].isna() & new[each].isna())) for each in names}
    apart = ~shapely.equals_exact(old.geometry.to_numpy(), new.geometry.to_numpy(), tolerance=0.0)
    table = pd.DataFrame({**differs, "geometry": apart}, index=both)
    for row in table[table.any(axis=1)].itertuples():
        changed = [each for each, different in zip(table.columns, row[1:], strict=True) if different]
        rows.append((row.Index, "changed", ", ".join(changed)))
    return pd.DataFrame(rows, columns=["camera_id", "change", "columns"], dtype="str").set_index("camera_id")
