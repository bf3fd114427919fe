"""The names that others may rely on. Changing one of these lists is a decision, not an accident."""

from __future__ import annotations

import inspect

import pytest

import sightgrid
from sightgrid import coverage, health, patrol

NAMES = [
    "CRSError",
    "InfeasibleError",
    "InputError",
    "SchemaError",
    "SightgridError",
    "Site",
    "SourceError",
    "StoreError",
    "UnitRangeError",
    "__version__",
    "explore",
    "open_site",
    "read_cameras",
]
COVERAGE = [
    "Coverage",
    "Placement",
    "blind_spots",
    "class_areas",
    "count_raster",
    "criticality",
    "density_classes",
    "find_losses",
    "measure",
    "place",
    "pose_cameras",
    "propose_mounts",
    "raster_shape",
    "read_catalogue",
    "sample_demand",
    "view_areas",
]
PATROL = [
    "Beats",
    "Compliance",
    "Evaluation",
    "Matched",
    "Network",
    "Plan",
    "Response",
    "Shift",
    "Tracks",
    "Variants",
    "attention",
    "build_network",
    "check_plan",
    "check_stops",
    "check_units",
    "choose_variant",
    "clean_tracks",
    "compare",
    "count_units",
    "cover_streets",
    "dose",
    "draw_beats",
    "evaluate_risk",
    "isochrones",
    "lose_unit",
    "match_tracks",
    "measure_idleness",
    "measure_work",
    "nearest_units",
    "parse_shift",
    "plan_orienteering",
    "plan_recurrent",
    "plan_routes",
    "plan_tour",
    "plan_variants",
    "propose_stops",
    "reach",
    "reach_over_time",
    "read_incidents",
    "read_tracks",
    "read_units",
    "replan",
    "risk",
    "spread_by_cell",
    "unit_networks",
]
HEALTH = [
    "Baseline",
    "Hysteresis",
    "Job",
    "Notebook",
    "Pool",
    "Probe",
    "Timing",
    "describe_rules",
    "find_outages",
    "frame_records",
    "judge",
    "measure_frames",
    "monitor",
    "rate_now",
    "rate_periods",
    "rate_recordings",
    "read_ledger",
    "read_maintenance",
    "read_secrets",
    "read_sources",
    "time_repairs",
]


def test_names_of_the_package():
    assert sightgrid.__all__ == NAMES
    assert dir(sightgrid) == NAMES
    for name in NAMES:
        assert getattr(sightgrid, name) is not None


@pytest.mark.parametrize(("room", "names"), [(coverage, COVERAGE), (patrol, PATROL), (health, HEALTH)])
def test_names_of_the_rooms(room, names):
    assert room.__all__ == names
    for name in names:
        assert getattr(room, name).__doc__


@pytest.mark.parametrize("room", [patrol, health])
def test_rooms_list_their_names_and_know_no_others(room):
    assert dir(room) == sorted(room.__all__)
    with pytest.raises(AttributeError, match=f"No {room.__name__} attribute nothing"):
        room.nothing  # noqa: B018


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No sightgrid attribute nothing"):
        sightgrid.nothing  # noqa: B018


def parameters(function):
    """Positional parameters, and keyword-only ones."""
    every = inspect.signature(function).parameters.values()
    return (
        [p.name for p in every if p.kind is not inspect.Parameter.KEYWORD_ONLY],
        [p.name for p in every if p.kind is inspect.Parameter.KEYWORD_ONLY],
    )


@pytest.mark.parametrize(
    ("function", "frames", "options"),
    [
        ("view_areas", ["cameras", "obstacles"], {"target_height_m", "density_px_m", "heights", "standard", "streets"}),
        ("measure", ["site"], {"cell_m", "exact", "standard", "density_px_m", "progress"}),
        ("blind_spots", ["site", "seen"], {"min_area_m2"}),
        ("criticality", ["site", "seen"], set()),
        ("class_areas", ["seen"], set()),
        ("count_raster", ["seen"], {"resolution_m"}),
        ("raster_shape", ["seen"], {"resolution_m"}),
    ],
)
def test_frames_come_first_and_options_go_by_name(function, frames, options):
    positional, keywords = parameters(getattr(coverage, function))
    assert positional == frames
    assert options <= set(keywords)


def test_errors_form_a_tree():
    tree = {
        "InputError": (sightgrid.SightgridError, ValueError),
        "SchemaError": (sightgrid.InputError,),
        "CRSError": (sightgrid.InputError,),
        "UnitRangeError": (sightgrid.InputError,),
        "InfeasibleError": (sightgrid.SightgridError,),
        "SourceError": (sightgrid.SightgridError,),
        "StoreError": (sightgrid.SightgridError,),
    }
    for name, parents in tree.items():
        assert all(issubclass(getattr(sightgrid, name), parent) for parent in parents)
