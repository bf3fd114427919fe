"""``POST /coverage/preview``: what one camera would see, while it is being moved on the map."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from sightgrid.api.actors import Store, Who, require_read
from sightgrid.api.planning.cameras import CameraFeature
from sightgrid.api.planning.models import Id
from sightgrid.api.planning.preview import preview_camera
from sightgrid.coverage.survey import Settings

router = APIRouter(tags=["planning"])


class PreviewRequest(BaseModel):
    """One camera as it would be."""

    model_config = ConfigDict(extra="forbid")

    site_id: Annotated[Id, Field(strict=True)]
    scenario_id: Annotated[Id, Field(strict=True)] | None = Field(
        default=None, description="Whose cameras are around it; the site's if not given."
    )
    camera: CameraFeature
    standard: Literal["iec2014", "iec2025"] = "iec2014"
    density_px_m: float | None = Field(
        default=None, gt=0.0, le=10_000.0, strict=True, description="Least density that counts as seen."
    )
    target_height_m: float = Field(1.5, ge=0.0, le=60.0, strict=True)
    cell_m: float = Field(100.0, ge=10.0, le=1000.0, strict=True)


class SeenProperties(BaseModel):
    """Which density this is."""

    density_class: str
    px_m: float
    area_m2: float


class SeenFeature(BaseModel):
    """What is seen with a density or a better one."""

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: SeenProperties


class SeenCollection(BaseModel):
    """One area for each density class, lowest first, each within the one before."""

    type: Literal["FeatureCollection"]
    features: list[SeenFeature]


class CellChange(BaseModel):
    """A cell of the site's grid that changes."""

    id: str
    rate_before: float
    rate: float
    observable_m2: float
    geometry: dict[str, Any]


class Totals(BaseModel):
    """Of all cells that the camera sees or saw."""

    observable_m2: float
    covered_before_m2: float
    covered_m2: float
    rate_before: float | None
    rate: float | None


class Preview(BaseModel):
    """What a camera would see and change."""

    camera_id: str
    measured: bool
    reason: str = Field(description="Why it sees nothing, if so.")
    model: str
    assumed: list[str]
    area_m2: float
    range_m: float
    moved_m: float = Field(description="How far it was put outside the wall it is drawn in.")
    azimuth_deg: float | None
    limited_m: float | None = Field(description="Its view is cut off at this distance.")
    totals: Totals
    seen: SeenCollection
    cells: list[CellChange]


@router.post("/coverage/preview", response_model=Preview)
def preview_coverage(request: PreviewRequest, database: Store, who: Who) -> Response:
    """Tell what a camera would see if it stood and looked as given, and which cells of the grid that changes."""
    require_read(who, "cameras")
    settings = Settings(request.standard, request.density_px_m, request.target_height_m)
    body = preview_camera(
        database, request.site_id, request.scenario_id, request.camera, settings=settings, cell_m=request.cell_m
    )
    return Response(body, media_type="application/json")
