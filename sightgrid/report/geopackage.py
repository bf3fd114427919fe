"""The results as one GeoPackage that QGIS opens with its styles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import pyogrio

from sightgrid.columns import COLUMNS
from sightgrid.errors import StoreError
from sightgrid.report import styles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sightgrid.coverage import Coverage

    Layer = tuple[gpd.GeoDataFrame, str, str]

_LEFT_OUT = ("stream_url", "assumed")  # what opens a camera never leaves the site; the results have their own `assumed`
_WRITTEN = "2000-01-01T00:00:00.000Z"  # instead of the time, so that equal results are equal files
_CLOCK = "OGR_CURRENT_DATE"


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
    layers: dict[str, Layer] = {
        "cameras": (camera_layer(seen), "Point", styles.camera_style()),
        "seen_areas": (areas, "MultiPolygon", styles.seen_area_style(sorted(areas["model"].unique()))),
        "grid": (seen.cells, "Polygon", styles.grid_style()),
        "blind_spots": (spots, "MultiPolygon", styles.blind_spot_style()),
        "streets": (street_layer(seen), "LineString", styles.street_style()),
    }
    write_layers(path, layers)


def write_layers(path: Path, layers: Mapping[str, Layer]) -> None:
    """Write frames as the layers of a new GeoPackage, each with the style in which QGIS opens it.

    Parameters
    ----------
    path : pathlib.Path
        The GeoPackage to write; it must not exist.
    layers : mapping of str to tuple
        By layer name: the frame, its kind of geometry, and its QML document.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    before = pyogrio.get_gdal_config_option(_CLOCK)
    pyogrio.set_gdal_config_options({_CLOCK: _WRITTEN})
    try:
        for name, (frame, kind, _) in layers.items():
            pyogrio.write_dataframe(
                frame.reset_index(),
                path,
                layer=name,
                driver="GPKG",
                geometry_type=kind,
                promote_to_multi=kind.startswith("Multi"),
            )
        table = _style_table({name: style for name, (_, _, style) in layers.items()})
        pyogrio.write_dataframe(table, path, layer="layer_styles", driver="GPKG", layer_options={"FID": "id"})
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{path.name}: cannot be written: {error}"
        raise StoreError(msg) from error
    finally:
        pyogrio.set_gdal_config_options({_CLOCK: before})


def camera_status(seen: Coverage) -> pd.Series[str]:
    """Return ``measured``, ``moved`` or ``not measured`` for each camera."""
    areas = seen.seen
    status = pd.Series("measured", index=areas.index, name="status", dtype="object")
    status[areas["moved_m"] > 0] = "moved"
    status[~areas["measured"].astype(bool)] = "not measured"
    return status


def camera_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the cameras with what was found out about them, without the addresses of their streams."""
    found = seen.seen[["area_m2", "model", "measured", "moved_m", "reason", "assumed"]]
    return _known_columns(seen.site.cameras, "cameras").join(found.assign(status=camera_status(seen)))


def seen_area_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the seen areas of the measured cameras; a camera that sees nothing has no row."""
    areas = seen.seen
    return areas[areas["measured"].astype(bool) & (areas["area_m2"] > 0)]


def street_layer(seen: Coverage) -> gpd.GeoDataFrame:
    """Return the streets with the length that is observable and seen [m] and the rate (0..1)."""
    found = seen.streets[["observable_m", "observed_m", "rate"]]
    return _known_columns(seen.site.streets, "streets").join(found)


def _known_columns(frame: gpd.GeoDataFrame, kind: str) -> gpd.GeoDataFrame:
    """Leave out what nobody asked for: it may hold a password, or bear the name of a result."""
    known = [column.name for column in COLUMNS[kind] if column.name in frame and column.name not in _LEFT_OUT]
    return gpd.GeoDataFrame(frame[known], geometry=frame.geometry)


def reasons_not_measured(seen: Coverage) -> dict[str, int]:
    """Return why cameras were not measured, each reason with the number of its cameras, the most frequent first."""
    counts = seen.seen.loc[~seen.seen["measured"].astype(bool), "reason"].value_counts()
    return {str(reason): int(count) for reason, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))}


def _style_table(documents: dict[str, str]) -> pd.DataFrame:
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
            "update_time": pd.Timestamp(_WRITTEN).tz_localize(None),
        }
        for layer, document in documents.items()
    ]
    return pd.DataFrame(rows)
