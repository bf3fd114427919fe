"""The preview of one camera: what it would see, and what that changes around it."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import shapely

from sightgrid.api.planning.cameras import CameraFeature, read_camera
from sightgrid.api.planning.lonlat import write_shapes
from sightgrid.api.planning.parts import GROUND_LAYERS, find_block, hide_camera
from sightgrid.api.planning.roster import MOST_REACH_M, MOVED_M, around, bound_reach, limit_reach
from sightgrid.api.planning.windows import Key, Windows
from sightgrid.coverage import tiles
from sightgrid.store.variants import OPTICS

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from sightgrid.api.planning.windows import Window
    from sightgrid.coverage.survey import Settings, Survey
    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box

SAME_M2 = 1e-6  # clipped shapes are as exact as this
NEW = "new"  # what a camera without an id is called

_KEPT: WeakKeyDictionary[Database, Windows] = WeakKeyDictionary()
_LOCK = Lock()


def find_windows(database: Database) -> Windows:
    """Return the windows of a store."""
    with _LOCK:
        return _KEPT.setdefault(database, Windows())


class Change(NamedTuple):
    """Some cells, and their figures before and after, in the columns of `sightgrid.coverage.tiles`."""

    ids: list[str]
    outlines: list[str]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


def preview_camera(
    database: Database,
    site_id: int,
    scenario_id: int | None,
    feature: CameraFeature,
    *,
    settings: Settings,
    cell_m: float,
) -> bytes:
    """Tell what a camera would see and change, as JSON.

    Parameters
    ----------
    database : Database
        The store.
    site_id, scenario_id
        Whose cameras are around it.
    feature : CameraFeature
        The camera as it would be.
    settings : Settings
        What counts as seen.
    cell_m : float
        Side of the cells.

    Returns
    -------
    bytes
        A JSON object; see `sightgrid.api.planning.routes_preview`.

    Raises
    ------
    NotFoundError
        There is no such site or scenario.
    SchemaError
        The camera breaks its contract.
    """
    windows = find_windows(database)
    state, roster = windows.find_roster(database, site_id, scenario_id)
    camera_id = NEW if feature.id is None else str(feature.id)
    camera = read_camera(feature, camera_id=camera_id, crs=state.crs)
    least_px_m = settings.least_px_m
    now, limited = find_reach(camera, least_px_m)
    if limited:
        camera = camera.assign(max_range_m=MOST_REACH_M)
    was = roster.find_area(camera_id, density_px_m=least_px_m)
    ground = tuple(state.revisions[layer] for layer in GROUND_LAYERS)
    key = Key(state.uid, ground, scenario_id, cell_m, settings)
    apart = was is not None and not _meet(find_block(was, cell_m), find_block(now, cell_m))
    area = now if was is None or apart else _unite(was, now)
    window = windows.open(database, site_id, state=state, key=key, area=area, stand_in=hide_camera(camera))
    looked = window.coverage.survey.look(camera)
    changes = [find_change(window, camera, looked)]
    if was is not None and apart:
        old = windows.open(database, site_id, state=state, key=key, area=was, stand_in=hide_camera(camera))
        gone = hide_camera(old.coverage.site.cameras.loc[[camera_id]])
        changes.append(find_change(old, gone, None))
    return write_preview(looked, camera_id, changes, limited=limited)


def find_reach(camera: gpd.GeoDataFrame, density_px_m: float) -> tuple[Box, bool]:
    """Return the square that a camera may see some of, and whether it could see farther than that."""
    optics = {name: camera[name].to_numpy() for name in OPTICS}
    far_px, limit_m = bound_reach(optics), camera["max_range_m"].fillna(np.inf).to_numpy()
    point = camera.geometry.iloc[0]
    limited = float(min(far_px[0] / density_px_m, limit_m[0])) > MOST_REACH_M
    return around(point.x, point.y, float(limit_reach(far_px, limit_m, density_px_m)[0]) + MOVED_M), limited


def find_change(window: Window, camera: gpd.GeoDataFrame, looked: Survey | None) -> Change:
    """Count the cells that a camera sees or saw, as it is stored and as it would be (None: hidden)."""
    before, layout, camera_id = window.coverage, window.coverage.layout, camera.index[0]
    views = before.survey.views_of(camera_id)
    if looked is not None:
        views += looked.views_of(camera_id)
    shapes = np.array(views, dtype=object)
    shapely.prepare(shapes)
    touched = shapely.intersects(shapes[:, None], layout.geometry.to_numpy()).any(axis=0)
    rows = np.flatnonzero(touched)
    after = window.count(rows, camera, looked)
    outlines = [window.outlines[row] for row in rows]
    return Change(layout.index[rows].tolist(), outlines, before.figures.cells_m2[rows], after)


def write_preview(looked: Survey, camera_id: str, changes: list[Change], *, limited: bool) -> bytes:
    """Write what was found as JSON."""
    shapes = looked.all_class_views(0)
    texts = write_shapes(shapes, looked.site.crs.to_string())
    seen = [
        f'{{"type":"Feature","id":{json.dumps(name)},"geometry":{text},'
        f'"properties":{{"density_class":{json.dumps(name)},"px_m":{px_m:g},"area_m2":{shape.area:.1f}}}}}'
        for (name, px_m), shape, text in zip(looked.settings.classes.items(), shapes, texts, strict=True)
        if not shape.is_empty
    ]
    cells, before, after = [], np.zeros(2), np.zeros(2)
    for change in changes:
        cells += _write_cells(change)
        before += change.before[:, [tiles.GROUND, tiles.COVERED]].sum(axis=0)
        after += change.after[:, [tiles.GROUND, tiles.COVERED]].sum(axis=0)
    view = looked.seen.iloc[0]
    told = {
        "camera_id": camera_id, "measured": bool(view["measured"]), "reason": view["reason"], "model": view["model"],
        "assumed": [name for name in view["assumed"].split(",") if name], "area_m2": round(float(view["area_m2"]), 1),
        "range_m": round(float(view["range_m"]), 1), "moved_m": round(float(view["moved_m"]), 2),
        "azimuth_deg": _round(view["azimuth_deg"], 2), "limited_m": MOST_REACH_M if limited else None,
        "totals": {
            "observable_m2": round(before[0], 1), "covered_before_m2": round(before[1], 1),
            "covered_m2": round(after[1], 1), "rate_before": _rate(*before), "rate": _rate(*after),
        },
    }  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, allow_nan=False)[:-1]
    collection = f'{{"type":"FeatureCollection","features":[{",".join(seen)}]}}'
    return f'{text},"seen":{collection},"cells":[{",".join(cells)}]}}'.encode()


def _write_cells(change: Change) -> list[str]:
    """Write the cells whose figures are others than before."""
    ground = change.before[:, tiles.GROUND]
    rates = [np.divide(each[:, tiles.COVERED], ground, out=np.zeros(len(ground)), where=ground > 0.0)
             for each in (change.before, change.after)]  # fmt: skip
    other = np.flatnonzero((np.abs(change.before - change.after) > SAME_M2).any(axis=1))
    return [
        f'{{"id":{json.dumps(change.ids[row])},"rate_before":{rates[0][row]:.5f},"rate":{rates[1][row]:.5f},'
        f'"observable_m2":{ground[row]:.1f},"geometry":{change.outlines[row]}}}'
        for row in other.tolist()
    ]


def _rate(ground_m2: float, covered_m2: float) -> float | None:
    return round(covered_m2 / ground_m2, 5) if ground_m2 > 0.0 else None


def _round(value: float, digits: int) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _unite(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
