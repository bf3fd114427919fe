"""The names of columns: from what tables and layers write, in English or Chinese, to the contract's."""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sightgrid.columns import COLUMNS, INDEX
from sightgrid.errors import Fault, SchemaError, hide

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import geopandas as gpd

# header as written in ledgers -> column of the contract
ALIASES = {
    "编号": "camera_id",
    "设备编码": "camera_id",
    "名称": "name",
    "点位名称": "name",
    "设备名称": "name",
    "类型": "kind",
    "摄像机类型": "kind",
    "安装方式": "mount",
    "安装高度": "mount_height_m",
    "朝向": "azimuth_deg",
    "方位角": "azimuth_deg",
    "俯仰角": "tilt_deg",
    "水平视场角": "hfov_deg",
    "垂直视场角": "vfov_deg",
    "传感器宽度": "sensor_width_mm",
    "焦距": "focal_mm",
    "水平像素": "width_px",
    "垂直像素": "height_px",
    "红外距离": "ir_range_m",
    "最大距离": "max_range_m",
    "点位类型": "owner_class",
    "用途": "purpose",
    "取流地址": "stream_url",
    "室内": "indoor",
    "经度": "lon",
    "longitude": "lon",
    "纬度": "lat",
    "latitude": "lat",
}
COORDINATES = (("lon", "lat"), ("x", "y"))
NAMES = {kind: (*INDEX[kind], *(column.name for column in columns)) for kind, columns in COLUMNS.items()}
KNOWN = (*NAMES["cameras"], "lon", "lat", "x", "y")
DBF_BYTES = 10  # a shapefile keeps no more of a column's name
NEAR = 0.8  # share of letters in common that makes an unknown header a misspelt one


def canonical(header: str) -> str:
    """Return the camera column a header stands for, or the header itself."""
    for name in (header, header.lower()):
        if name in ALIASES:
            return ALIASES[name]
    return header.lower() if header.lower() in KNOWN else header


def find_faults(headers: dict[str, str], known: Collection[str], *, coordinates: bool) -> list[Fault]:
    """Tell what cannot be right about a camera table's headers, given as ``{written: canonical}``."""
    names = list(headers.values())
    unknown = [name for name in names if name not in known]
    faults = []
    for name in sorted(name for name, count in Counter(names).items() if count > 1 and name in known):
        written = ", ".join(hide(header) for header, column in headers.items() if column == name)
        faults.append(Fault(name, f"several columns hold it: {written}"))
    if "camera_id" not in names:
        faults.append(Fault("camera_id", "missing column"))
    if coordinates and not any(set(pair) <= set(names) for pair in COORDINATES):
        faults.append(Fault("lon, lat (or x, y)", "missing columns"))
    if faults and unknown:
        text = ", ".join(hide(name) for name in unknown)
        faults.append(Fault(text, "unknown columns" if len(unknown) > 1 else "unknown column"))
    elif unknown:
        for name in unknown:
            near = get_close_matches(name.lower(), known, n=1, cutoff=NEAR)
            if near:
                faults.append(Fault(hide(name), f"unknown column, perhaps {near[0]}"))
    if faults:
        faults.append(Fault("expected columns", ", ".join(known)))
    return faults


def name_columns(frame: gpd.GeoDataFrame, kind: str, *, source: Path) -> gpd.GeoDataFrame:
    """Give the columns of a layer the contract's names and leave out all others, which may hold anything.

    Parameters
    ----------
    frame : GeoDataFrame
        The layer as it is stored.
    kind : str
        One of ``columns.KINDS``.
    source : Path
        Its file; a shapefile's names are cut and are completed where only one column begins like that.

    Returns
    -------
    GeoDataFrame
        Columns of the contract and the geometry; ``attrs["ignored_columns"]`` names the other columns of cameras.

    Raises
    ------
    SchemaError
        A camera layer has no ``camera_id``, a column twice, or one that is a misspelt column of the contract.
    """
    known = NAMES[kind]
    whole = _complete_names(kind) if source.suffix.lower() == ".shp" else {}
    headers: dict[str, str] = {}
    for header in frame.columns.drop(frame.geometry.name):
        name = canonical(header) if kind == "cameras" else header.lower()
        headers[header] = name if name in known else whole.get(name.lower(), header)
    if kind == "cameras":
        faults = find_faults(headers, known, coordinates=False)
        if faults:
            raise SchemaError(kind, tuple(faults), source=str(source))
    # of name, Name and NAME the first in this order counts
    order = sorted(headers, key=lambda header: header != headers[header])
    kept = {headers[header]: header for header in reversed(order) if headers[header] in known}
    ignored = tuple(header for header, name in headers.items() if name not in known)
    frame = frame[[*kept.values(), frame.geometry.name]].rename(columns={old: new for new, old in kept.items()})
    if kind == "cameras":
        frame.attrs["ignored_columns"] = ignored
    return frame


def _complete_names(kind: str) -> dict[str, str]:
    """Return the column for each name that a shapefile cuts, where there is only one."""
    written = {name: name for name in NAMES[kind]} | (ALIASES if kind == "cameras" else {})
    columns: dict[str, set[str]] = {}
    for name, column in written.items():
        cut = name.encode()[:DBF_BYTES].decode(errors="ignore")
        if column in NAMES[kind]:
            columns.setdefault(cut, set()).add(column)
    return {cut: column.pop() for cut, column in columns.items() if len(column) == 1}
