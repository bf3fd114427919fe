"""The process `placement`: where the next cameras go."""

from __future__ import annotations

import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal, Self

import geopandas as gpd
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sightgrid import coverage, datasets
from sightgrid.api.work.comparison import compare_measured
from sightgrid.api.work.coverage import GEOPACKAGE, LAYERS, draw_seen
from sightgrid.api.work.process import Inputs, Outcome, Process, Report, Task
from sightgrid.columns import COLUMNS
from sightgrid.coverage.covering import NoImprovement, Seconds
from sightgrid.coverage.standing import change_cameras
from sightgrid.errors import UnitRangeError
from sightgrid.report.placement.plan import camera_table, summarise_plan, write_plan_layers
from sightgrid.store.layer_tables import SECRET

if TYPE_CHECKING:
    from sightgrid.coverage import Coverage, Placement

IDLE_ROUNDS = 200_000
PHASES = 3
MOST_IDS = 10_000
SUGGESTED = [
    *("change", "step", "gain_m2", "model", "price", "cumulative_price", "cumulative_share", "azimuth_before_deg"),
    *(column.name for column in COLUMNS["cameras"] if column.name != SECRET),
]

Ids = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...], Field(max_length=MOST_IDS)]


class Model(BaseModel):
    """One camera of a catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())

    model: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^/\x00]+$")]
    kind: Literal["fixed", "panorama"]
    sensor_width_mm: float | None = Field(default=None, gt=0.0, le=100.0, description="Of a fixed camera.")
    focal_mm: float | None = Field(default=None, gt=0.0, le=2000.0, description="Of a fixed camera.")
    width_px: int = Field(ge=1, le=100_000)
    height_px: int = Field(ge=1, le=100_000)
    tilt_deg: float = Field(ge=-90.0, le=90.0)
    price: float = Field(gt=0.0, le=1e12)

    @model_validator(mode="after")
    def _check_lens(self) -> Self:
        if self.kind == "fixed" and (self.sensor_width_mm is None or self.focal_mm is None):
            raise ValueError(f"{self.model}: sensor_width_mm and focal_mm: must be given for a fixed camera")
        return self


class PlacementInputs(Inputs):
    """What may be spent or is to be reached, and what may be changed."""

    budget: int | None = Field(default=None, ge=1, le=10_000, description="Number of new cameras.")
    money: float | None = Field(
        default=None, gt=0.0, le=1e12, description="What they may cost, in the catalogue's currency."
    )
    cover: float | None = Field(
        default=None, ge=0.001, le=1.0, description="Share of the demand to see, at the least price; not with a budget."
    )
    density_px_m: float | None = Field(
        default=None, ge=0.1, le=100_000.0, description="Least pixel density that counts as seen, pixels per metre."
    )
    must_see: Ids = Field(default=(), description="Places to be seen completely.")
    reaim: Ids = Field(default=(), description="Existing cameras that may be turned; or 'all'.")
    removable: Ids = Field(default=(), description="Existing cameras that may be taken down; or 'all'.")
    backup: float = Field(default=0.0, ge=0.0, le=1.0, description="Worth of a second view, as a share of the first.")
    catalogue: Annotated[tuple[Model, ...], Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Cameras to choose from; the bundled made-up ones if not given."
    )
    mounts_spacing_m: float = Field(
        default=50.0, ge=1.0, le=10_000.0, description="Distance of mounts along walls and streets, metres."
    )
    demand_spacing_m: float = Field(
        default=5.0, ge=0.5, le=1000.0, description="Distance of the points that are to be seen, metres."
    )
    seconds: float = Field(default=30.0, ge=0.1, le=86_400.0, description="Longest search.")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Seed of the search.")

    @model_validator(mode="after")
    def _check_goal(self) -> Self:
        if (self.cover is None) == (self.budget is None and self.money is None):
            raise ValueError("budget, money, cover: give a budget and/or an amount of money, or else a share to cover")
        if self.cover is not None and self.backup > 0.0:
            raise ValueError("backup: a second view has a worth with a budget, not with a share to cover")
        if self.money is not None and self.removable:
            raise ValueError("removable: a camera that is taken down gives no money back; give a budget or a share")
        if self.money is not None and self.budget is not None and self.reaim:
            raise ValueError("reaim: goes with a budget or with an amount of money, not with both")
        names = [each.model for each in self.catalogue or ()]
        if len(set(names)) < len(names):
            raise ValueError("catalogue: a model is given twice")
        return self


def _run(task: Task[PlacementInputs]) -> Outcome:
    options = task.options
    task.report("site", 0, 1)
    site = task.read_site()
    task.report("mounts", 0, 1)
    catalogue = _read_catalogue(options)
    plan = coverage.place(
        site,
        budget=options.budget,
        money=options.money,
        cover=options.cover,
        required_density_px_m=options.density_px_m,
        mounts=coverage.propose_mounts(site, spacing_m=options.mounts_spacing_m),
        catalogue=catalogue,
        demand=coverage.sample_demand(site, spacing_m=options.demand_spacing_m),
        must_see=options.must_see,
        reaim=options.reaim,
        removable=options.removable,
        backup=options.backup,
        stop=Seconds(options.seconds) | NoImprovement(IDLE_ROUNDS),
        seed=options.seed,
        progress=_time_search(task.report, options.seconds),
    )
    task.report("check", 0, 2)
    before = coverage.measure(site, density_px_m=options.density_px_m) if len(site.cameras) else None
    task.report("check", 1, 2)
    after = coverage.measure(plan.planned_site, density_px_m=options.density_px_m)
    task.report("file", 0, 1)
    phases = plan.phases(min(PHASES, len(plan.chosen))) if len(plan.chosen) else _no_phases()
    seen = draw_seen(after)
    layers = {
        "suggestions": draw_suggestions(plan, after),
        "changes": compare_measured(before, after),
        "seen": seen[seen["camera_id"].isin(plan.chosen.index)],
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / "placement.gpkg"
        write_plan_layers(path, plan, camera_table(plan, after, phases), before, after)
        body = path.read_bytes()
    return Outcome(summarise_plan(plan, before, after, phases), layers, body, GEOPACKAGE)


def draw_suggestions(plan: Placement, after: Coverage) -> gpd.GeoDataFrame:
    """Return what a plan suggests: new cameras by ``step``, then those that are to be turned or taken down.

    Returns
    -------
    geopandas.GeoDataFrame
        Index ``camera_id``; ``change`` (new, turned, removed), ``step`` (1 first), ``gain_m2`` (weighted square
        metres), ``area_m2`` that it sees, ``model``, ``price``, ``cumulative_price``, ``cumulative_share`` (of all
        demand), ``azimuth_before_deg`` of a turned one, and the attributes of a camera.
    """
    new = plan.chosen.rename(columns={"rank": "step", "gain": "gain_m2"}).assign(change="new", indoor=False)
    names = plan.changed.index
    turned = change_cameras(plan.site.cameras, plan.changed)
    turned = turned.loc[names.intersection(turned.index, sort=False)]
    gone = plan.site.cameras.loc[names.difference(turned.index, sort=False)]
    changed = pd.concat([turned, gone]).assign(**plan.changed[["change", "azimuth_before_deg"]])
    shapes = np.concatenate([new.geometry.to_numpy(), changed.geometry.to_numpy()])
    table = pd.concat([pd.DataFrame(part).reindex(columns=SUGGESTED).astype(object) for part in (new, changed)])
    table.insert(3, "area_m2", after.seen["area_m2"].reindex(table.index))
    return gpd.GeoDataFrame(table, geometry=shapes, crs=plan.site.crs)


def _read_catalogue(options: PlacementInputs) -> pd.DataFrame:
    if options.catalogue is None:
        models = coverage.read_catalogue(datasets.find_catalogue())
    else:
        models = pd.DataFrame([each.model_dump() for each in options.catalogue])
        models[["sensor_width_mm", "focal_mm"]] = models[["sensor_width_mm", "focal_mm"]].astype(float)
    cheapest = float(models["price"].min())
    if options.money is not None and options.money < cheapest:
        raise UnitRangeError(f"money: {options.money:g} buys no camera: the cheapest costs {cheapest:g}")
    return models


def _time_search(report: Report, seconds: float) -> Report:
    """Show the solver's stages, whose ends nobody knows, as one that fills with time."""
    began: float | None = None

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal began
        if stage == "seen areas":
            report(stage, done, total)
            return
        began = time.perf_counter() if began is None else began
        whole = math.ceil(seconds * 10.0)
        report("search", min(int((time.perf_counter() - began) * 10.0), whole), whole)

    return tell


def _no_phases() -> pd.DataFrame:
    columns = ("cameras", "price", "cumulative_price", "cumulative_share")
    return pd.DataFrame({name: np.empty(0) for name in columns}, index=pd.RangeIndex(0, name="phase"))


PLACEMENT = Process(
    name="placement",
    title="Placement",
    description=(
        "Where new cameras go: as much demand as possible with a number of cameras or an amount of money, "
        "or a share of the demand at the least price."
    ),
    inputs=PlacementInputs,
    layers=(*LAYERS, "posts"),
    run=_run,
    stages={"site": 0.03, "mounts": 0.07, "seen areas": 0.3, "search": 0.4, "check": 0.15, "file": 0.05},
)
