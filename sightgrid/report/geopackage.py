"""The results as one GeoPackage that QGIS opens with its styles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyogrio

from sightgrid.errors import StoreError
from sightgrid.report import styles

if TYPE_CHECKING:
    from pathlib import Path

    import geopandas as gpd

    from sightgrid.coverage import Coverage

_SECRET = ("stream_url",)  # an address that opens a camera never leaves the site


def write_geopackage(path: Path, seen: Coverage, spots: gpd.GeoDataFrame) -> None:
    """Write cameras, seen areas, grid, blind spots and streets, each with one default QGIS style.

    Parameters
    ----------
    path : pathlib.Path
        The GeoPackage to write; it must not exist.
    seen : Coverage
        The measured coverage.
    spots : geopandas.GeoDataFrame
        Its blind spots.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    areas = seen_area_layer(seen)
    layers = {
        "cameras": (camera_layer(seen), styles.camera_style()),
        "seen_areas": (areas, styles.seen_area_style(sorted(areas["model"].unique()))),
        "grid": (seen.cells, styles.grid_style()),
        "blind_spots": (spots, styles.blind_spot_style()),
        "streets": (street_layer(seen), styles.street_style()),
    }
    types = {"cameras": "Point", "streets": "LineString", "grid": "Polygon"}
    try:
        for name, (frame, _) in layers.items():
            kind = types.get(name, "MultiPolygon")
            pyogrio.write_dataframe(
                frame.reset_index(),
                path,
                layer=name,
                driver="GPKG",
                geometry_type=kind,
                promote_to_multi=kind == "MultiPolygon",
            )
        table = style_table({name: style for name, (_, style) in layers.items()})
        pyogrio.write_dataframe(table, path, layer="layer_styles", driver="GPKG", layer_options={"FID": "id"})
    except pyogrio.errors.DataSourceError as error:
        msg = f"{path.name}: cannot be written: {error}"
        raise StoreError(msg) from error


def camera_status(seen: Coverage) -> pd.Series[str]:
    """Return ``measured``, ``moved`` or ``not measured`` for each camera."""
    areas = seen.seen
    status = pd.Series("measured", index=areas.index, name="status", dtype="object")
    status[areas["moved_m"] > 0] = "moved"
    status[~areas["measured"].astype(bool)] = "not measured"
    return status


def camera_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the cameras with what was found out about them, without the addresses of their streams."""
    cameras = seen.site.cameras.drop(columns=[*_SECRET, "assumed"], errors="ignore")
    found = seen.seen[["area_m2", "model", "measured", "moved_m", "reason", "assumed"]]
    return cameras.join(found.assign(status=camera_status(seen)))


def seen_area_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the seen areas of the measured cameras; a camera that sees nothing has no row."""
    areas = seen.seen
    return areas[areas["measured"].astype(bool) & (areas["area_m2"] > 0)]


def street_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the streets with the length that is observable and seen [m] and the rate (0..1)."""
    return seen.site.streets.join(seen.streets[["observable_m", "observed_m", "rate"]])


def style_table(documents: dict[str, str]) -> pd.DataFrame:
    """Return the table in which QGIS looks for a GeoPackage's styles, one default style per layer."""
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": layer,
            "f_geometry_column": "geom",
            "styleName": f"sightgrid {layer}",
            "styleQML": document,
            "styleSLD": "",
            "useAsDefault": True,
            "description": f"sightgrid: {layer.replace('_', ' ')}",
            "owner": "",
            "ui": "",
            "update_time": pd.Timestamp("2000-01-01"),
        }
        for layer, document in documents.items()
    ]
    return pd.DataFrame(rows)
