"""What jobs find out is what a direct call finds, and what they are made from decides whether it still holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyogrio
import pytest
import store_databases
from small_site import make_site

from sightgrid import coverage
from sightgrid.api.roles import PROCESSES as ROLES
from sightgrid.api.roles import RESULTS
from sightgrid.api.work.outcomes import make_result, tell_failure
from sightgrid.api.work.process import Outcome, Task
from sightgrid.api.work.processes import PROCESSES
from sightgrid.columns import COLUMNS
from sightgrid.coverage.covering import Seconds
from sightgrid.errors import InfeasibleError, InputError, SourceError
from sightgrid.health.records import Memory, Record
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.database import open_database
from sightgrid.store.history import History
from sightgrid.store.result_layers import read_result_layer
from sightgrid.store.results import keep_result
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras, remove_cameras
from sightgrid.store.sites import find_site, import_site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sightgrid.store.database import Database
    from sightgrid.store.results import Result


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(store_databases.make_address("sqlite", tmp_path)) as opened:
        yield opened


@pytest.fixture
def site_id(database: Database) -> int:
    return import_site(database, make_site())


def run(database: Database, process: str, **inputs: Any) -> Outcome:
    """Run a process as a worker does, and check what it reports and names."""
    found = PROCESSES[process]
    options = found.inputs.model_validate(inputs)
    stages: list[str] = []
    site = find_site(database, options.site_id)
    outcome = found.run(Task(database, site, options, lambda stage, _, __: stages.append(stage)))
    assert set(stages) <= set(found.stages)
    assert list(dict.fromkeys(stages)) == [stage for stage in found.stages if stage in stages]
    assert set(outcome.layers) <= set(RESULTS)
    make_result(process, options, outcome, fingerprint="f", scenario_version=None)
    return outcome


def list_layers(outcome: Outcome, folder: Path) -> set[str]:
    (folder / "body.gpkg").write_bytes(outcome.body)
    return set(pyogrio.list_layers(folder / "body.gpkg")[:, 0])


def test_every_process_has_roles():
    assert set(PROCESSES) <= set(ROLES)


def test_blind_spots_are_those_of_a_direct_call_and_do_not_tell_where_cameras_stand(database, site_id, tmp_path):
    outcome = run(database, "blindspots", site_id=site_id, min_area_m2=100)
    seen = coverage.measure(make_site())
    spots = coverage.blind_spots(make_site(), seen, min_area_m2=100)
    found = outcome.layers["blindspots"]
    assert found["area_m2"].tolist() == pytest.approx(spots["area_m2"].tolist())
    assert found["cause"].tolist() == spots["cause"].tolist()
    assert not [name for name in found.columns if "camera" in name]
    assert sum(each["blind_spots"] for each in outcome.figures["causes"].values()) == len(spots)
    assert list_layers(outcome, tmp_path) == {"blind_spots", "grid", "layer_styles"}


def test_a_scenario_is_compared_with_the_site(database, site_id, tmp_path):
    scenario = add_scenario(database, site_id, name="less").scenario_id
    remove_cameras(database, scenario, versions={"free": 0})
    turned = read_cameras(database, scenario).loc[["wall"]].assign(azimuth_deg=20.0)
    put_cameras(database, scenario, turned, versions={"wall": 0})
    outcome = run(database, "comparison", site_id=site_id, scenario_id=scenario)
    before = coverage.measure(make_site())
    cameras = make_site().cameras.drop(index="free")
    cameras.loc["wall", "azimuth_deg"] = 20.0
    after = coverage.measure(make_site().with_cameras(cameras))
    changes = outcome.layers["changes"]
    np.testing.assert_allclose(changes["rate_before"], before.cells["rate"])
    np.testing.assert_allclose(changes["rate"], after.cells["rate"])
    np.testing.assert_allclose(changes["difference"], after.cells["rate"] - before.cells["rate"])
    figures = outcome.figures
    gained = after.totals["coverage_rate"] - before.totals["coverage_rate"]
    assert figures["differences"]["coverage_rate"] == pytest.approx(gained)
    assert (figures["cameras_changed"], figures["cameras"]) == (
        2,
        [
            {"camera_id": "free", "change": "removed", "columns": ""},
            {"camera_id": "wall", "change": "changed", "columns": "azimuth_deg"},
        ],
    )
    assert list_layers(outcome, tmp_path) == {"changes", "layer_styles"}
    back = run(database, "comparison", site_id=site_id, with_scenario_id=scenario)
    np.testing.assert_allclose(back.layers["changes"]["difference"], -changes["difference"])


def test_a_variant_without_cameras_cannot_be_measured(database, site_id):
    scenario = add_scenario(database, site_id, name="none").scenario_id
    remove_cameras(database, scenario, versions=dict.fromkeys(make_site().cameras.index, 0))
    with pytest.raises(InputError, match="the variant after: block: cameras: the layer is empty"):
        run(database, "comparison", site_id=site_id, scenario_id=scenario)
    # but cameras can be placed there
    outcome = run(database, "placement", site_id=site_id, scenario_id=scenario, budget=1, demand_spacing_m=10)
    assert outcome.figures["measured_before_rate"] == 0.0


def test_suggestions_are_whole_cameras_in_their_order(database, site_id, tmp_path):
    options = {"budget": 2, "reaim": ["wall"], "removable": ["round"], "demand_spacing_m": 10.0, "seconds": 2.0}
    outcome = run(database, "placement", site_id=site_id, **options)
    site = make_site()
    plan = coverage.place(
        site,
        budget=2,
        reaim=["wall"],
        removable=["round"],
        mounts=coverage.propose_mounts(site, spacing_m=50.0),
        demand=coverage.sample_demand(site, spacing_m=10.0),
        stop=Seconds(2.0),
    )
    found = outcome.layers["suggestions"]
    assert found.index.tolist() == [*plan.chosen.index, *plan.changed.index]
    new = found[found["change"] == "new"]
    assert new["step"].tolist() == [1, 2, 3][: len(new)]
    assert new["gain_m2"].tolist() == plan.chosen["gain"].tolist()
    assert new["price"].tolist() == plan.chosen["price"].tolist()
    assert (new["area_m2"] > 0).all()
    assert set(found["change"]) == {"new", *plan.changed["change"]}
    for camera_id, change in plan.changed["change"].items():
        if change == "turned":
            assert found.loc[camera_id, "azimuth_deg"] == plan.changed.loc[camera_id, "azimuth_deg"]
    # each suggestion can be put into a scenario as it stands
    number = keep_result(database, site_id, _make("placement", outcome, site_id=site_id, **options))
    kept, _ = read_result_layer(database, number, "suggestions")
    cameras = kept[kept["change"] != "removed"]
    names = [column.name for column in COLUMNS["cameras"] if column.name in cameras]
    scenario = add_scenario(database, site_id, name="plan").scenario_id
    cameras = cameras[[*names, "geometry"]].rename_axis("camera_id")
    put_cameras(database, scenario, cameras, versions=dict.fromkeys(cameras.index, 0))
    gone = kept.index[kept["change"] == "removed"]
    if len(gone):
        remove_cameras(database, scenario, versions=dict.fromkeys(gone, 0))
    planned = site.with_cameras(read_cameras(database, scenario).drop(columns="version"))
    rate = coverage.measure(planned).totals["coverage_rate"]
    assert rate == pytest.approx(outcome.figures["measured_after_rate"], abs=1e-9)
    assert {"cameras_new", "seen_areas_new", "demand", "grid"} <= list_layers(outcome, tmp_path)


def _make(process: str, outcome: Outcome, **inputs: Any) -> Result:
    options = PROCESSES[process].inputs.model_validate(inputs)
    return make_result(process, options, outcome, fingerprint="f", scenario_version=None)


def test_a_catalogue_can_be_given(database, site_id):
    dome = {"model": "ball", "kind": "panorama", "width_px": 4000, "height_px": 2000, "tilt_deg": 10, "price": 90}
    asked = {"site_id": site_id, "money": 100.0, "demand_spacing_m": 10.0, "seconds": 1.0}
    outcome = run(database, "placement", catalogue=[dome], **asked)
    assert outcome.layers["suggestions"]["model"].tolist() == ["ball"]
    assert np.isnan(outcome.layers["suggestions"]["azimuth_deg"].iloc[0])
    with pytest.raises(InputError, match="money: 100 buys no camera: the cheapest costs 1500"):
        run(database, "placement", **asked)
    with pytest.raises(InfeasibleError):
        run(database, "placement", **{**asked, "money": None, "cover": 1.0, "catalogue": [dome]})


def test_seen_areas_begin_at_the_density_that_is_asked_for(database, site_id):
    whole = run(database, "coverage", site_id=site_id).layers["seen"]
    assert whole.loc["free/monitor", "camera_id"] == "free"
    assert sorted(set(whole["px_m"])) == sorted(coverage.density_classes("iec2014").values())[: whole["px_m"].nunique()]
    dense = run(database, "coverage", site_id=site_id, density_px_m=100.0).layers["seen"]
    assert dense["px_m"].min() == 62.5
    assert dense.loc["free/observe"].geometry.area < whole.loc["free/observe"].geometry.area


def record(database: Database, site_id: int, camera_id: str, condition: str, consequence: str) -> None:
    status = "ok" if consequence == "none" else "fault"
    told = {"reason": "-", "stage": "content", "condition": condition, "consequence": consequence}
    probe = Record(camera_id=camera_id, checked_at=datetime.now(UTC), status=status, **told)
    History(database, find_site(database, site_id).uid).record(probe, Memory())


def test_health_counts_only_where_it_is_asked_for(database, site_id):
    process = PROCESSES["coverage"]
    plain = process.inputs.model_validate({"site_id": site_id})
    ill = process.inputs.model_validate({"site_id": site_id, "health": True})

    def tell() -> tuple[str, str]:
        return process.fingerprint(database, plain), process.fingerprint(database, ill)

    first = tell()
    assert run(database, "coverage", site_id=site_id, health=True).figures["cameras_measured"] == 3
    record(database, site_id, "free", "covered", "nothing")
    record(database, site_id, "stranger", "covered", "nothing")
    second = tell()
    assert second[0] == first[0]
    assert second[1] != first[1]
    record(database, site_id, "free", "covered", "nothing")  # looked at again, and nothing is new
    assert tell() == second
    health = pd.DataFrame({"consequence": ["nothing"]}, index=pd.Index(["free"], name="camera_id"))
    expected = coverage.measure(make_site(), health=health).totals["coverage_rate"]
    found = run(database, "coverage", site_id=site_id, health=True).figures["coverage_rate"]
    assert found == pytest.approx(expected)
    assert run(database, "coverage", site_id=site_id).figures["coverage_rate"] > found


def test_a_comparison_depends_on_both_scenarios(database, site_id):
    process = PROCESSES["comparison"]
    a, b = (add_scenario(database, site_id, name=name).scenario_id for name in "ab")
    options = process.inputs.model_validate({"site_id": site_id, "scenario_id": a, "with_scenario_id": b})
    prints = [process.fingerprint(database, options)]
    for scenario in (a, b):
        remove_cameras(database, scenario, versions={"free": 0})
        prints.append(process.fingerprint(database, options))
    assert len(set(prints)) == 3
    strange = process.inputs.model_validate({"site_id": site_id, "scenario_id": a, "with_scenario_id": 99})
    with pytest.raises(NotFoundError):
        process.fingerprint(database, strange)


def test_failures_tell_no_paths_and_no_addresses(caplog):
    assert tell_failure(SourceError("/srv/city/cameras.csv: cannot be read")).message == "cameras.csv: cannot be read"
    assert tell_failure(InputError("cameras: rtsp://u:p@cam/1 is odd")).message == "cameras: *** is odd"
    assert tell_failure(MemoryError()).message == "there is not enough memory for this job"
    assert tell_failure(OSError("/srv/city rtsp://u:p@cam/1")).message.startswith("something went wrong")
    assert "p@cam" not in caplog.text
