"""The work place Plan in a real browser: cameras are moved, undone, saved, compared; two people never overwrite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from api_server import serve
from small_site import make_site
from web_page import Visit, needs_browser, open_city, start_browser, visit

from sightgrid.api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from sightgrid.site import Site

CAMERA = "n256257146"  # at the corner of Mannerheimintie and Simonkatu
OTHER = "n256257166"
AT = (24.93879, 60.16937)
VIEW = "17/60.16937/24.93879"
POINT = {"type": "Point", "coordinates": list(AT)}

pytestmark = needs_browser


class Planner(Visit):
    """A page with the work place Plan, and a second person who asks the server by other means."""

    other: httpx.Client

    def begin(self, name: str, camera: str | None = None) -> str:
        """Begin a scenario and take a camera into hand; return the name of the scenario's collection."""
        scenario = self.other.post("/sites/1/scenarios", json={"name": name}).json()
        script = """async ([scenario_id, center, camera_id]) => {
          sightgrid.state.set({ camera_id: null });
          await sightgrid.change({ scenario_id, keepView: true });
          sightgrid.map.jumpTo({ center, zoom: 17, bearing: 0 });
          sightgrid.state.set({ camera_id });
        }"""
        self.page.evaluate(script, [scenario["scenario_id"], AT, camera])
        if camera:
            self.page.wait_for_selector(f".camera-head h2 >> text={camera}")
        return f"/collections/1.cameras.{scenario['scenario_id']}/items"

    def drag(self, handle: str, right: float, down: float) -> None:
        """Drag a handle to some pixels from where the camera is drawn."""
        camera = self.page.locator(".handle-move").bounding_box()
        box = self.page.locator(f".handle-{handle}").bounding_box()
        assert box is not None
        assert camera is not None
        right, down = right + camera["x"] - box["x"], down + camera["y"] - box["y"]
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + right / 2, y + down / 2, steps=3)
        mouse.move(x + right, y + down, steps=3)
        mouse.up()

    def wait_saved(self) -> None:
        self.page.wait_for_selector(".saving[data-state=saved] >> text=Saved")

    def read_figure(self, name: str) -> str:
        return self.page.inner_text(f".camera-form [data-figure={name}] b")

    def put(self, path: str, **properties: Any) -> dict[str, Any]:
        """Change a camera as the second person."""
        now = self.other.get(path)
        feature = now.json() | {"properties": now.json()["properties"] | properties}
        answer = self.other.put(path, json=feature, headers={"If-Match": now.headers["ETag"]})
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def planner(helsinki: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    with (
        open_city(tmp_path_factory.mktemp("plan"), helsinki=helsinki, block=make_site()) as database,
        serve(database, Settings(workers=1)) as address,
        httpx.Client(base_url=address, timeout=60.0) as other,
        start_browser() as browser,
        visit(browser, address) as found,
    ):
        planner = Planner(found.page, address, found.faults, found.foreign)
        planner.other = other
        planner.open(map=VIEW, site=1)
        planner.settle()
        planner.page.get_by_role("button", name="Layers").click()  # out of the way
        yield planner


@pytest.fixture
def page(planner: Planner) -> Iterator[Page]:
    """Give the page; in the end it has done nothing wrong."""
    yield planner.page
    try:
        planner.check()
    finally:
        planner.faults.clear()


def test_first_edit_asks_for_a_scenario(planner: Planner, page: Page) -> None:
    page.evaluate("(camera_id) => sightgrid.state.set({ camera_id })", CAMERA)
    page.wait_for_selector(".handle-turn")
    page.fill("[data-field=azimuth_deg] input", "120")
    page.keyboard.press("Tab")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.input_value("[data-field=azimuth_deg] input") == ""  # given up: as it was
    assert planner.other.get("/sites/1/scenarios").json() == []
    page.fill("[data-field=azimuth_deg] input", "120")
    page.keyboard.press("Tab")
    page.locator("dialog").get_by_label("Name").fill("Spring")
    page.locator("dialog").get_by_role("button", name="Create").click()
    planner.wait_saved()
    (scenario,) = planner.other.get("/sites/1/scenarios").json()
    assert scenario["name"] == "Spring"
    item = planner.other.get(f"/collections/1.cameras.{scenario['scenario_id']}/items/{CAMERA}").json()
    assert item["properties"]["azimuth_deg"] == 120.0
    assert planner.other.get(f"/collections/1.cameras/items/{CAMERA}").json()["properties"]["azimuth_deg"] is None
    assert f"scenario={scenario['scenario_id']}" in page.evaluate("location.hash")


def test_camera_is_moved_by_mouse_and_saved(planner: Planner, page: Page) -> None:
    items = planner.begin("move")
    planner.settle()
    page.mouse.click(*planner.project(*AT))
    page.wait_for_selector(f".camera-head h2 >> text={CAMERA}")
    page.fill("[data-field=azimuth_deg] input", "200")
    page.keyboard.press("Tab")
    planner.wait_saved()
    planner.wait("sightgrid.map.getSource('preview_seen') && document.querySelector('[data-figure=rate]')")
    before, pixels = planner.read_figure("rate"), planner.look().astype(int)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    planner.drag("move", 60, 40)
    planner.wait_saved()
    planner.wait(f"document.querySelector('[data-figure=rate] b').textContent !== {json.dumps(before)}")
    assert "preview" in asked
    planner.settle()
    assert planner.count("preview_seen/areas") > 0
    assert planner.count("preview_cells/areas") > 0
    assert (np.abs(planner.look().astype(int) - pixels).max(axis=2) > 20).mean() > 0.01
    moved = planner.other.get(f"{items}/{CAMERA}").json()
    longitude, latitude = moved["geometry"]["coordinates"]
    metres = 111_195.0
    assert longitude > AT[0]
    assert latitude < AT[1]
    assert 10.0 < np.hypot((longitude - AT[0]) * metres / 2.0, (latitude - AT[1]) * metres) < 80.0
    script = "document.querySelector('.handle-move').getBoundingClientRect().x"
    assert abs(page.evaluate(script) + 15 - planner.project(longitude, latitude)[0]) < 2


def test_handles_of_an_unknown_direction_point_where_it_was_measured(planner: Planner, page: Page) -> None:
    items = planner.begin("unknown", CAMERA)
    camera = planner.other.get(f"{items}/{CAMERA}").json()
    assert camera["properties"]["azimuth_deg"] is None
    told = planner.other.post("/coverage/preview", json={"site_id": 1, "camera": camera}).json()
    direction = round(told["azimuth_deg"])
    assert min(direction, 360 - direction) > 10  # north would prove nothing
    page.wait_for_selector(f".camera-form .hint >> text=Direction {direction}°")

    def find_middle(name: str) -> tuple[float, float]:
        box = page.locator(f".handle-{name}").bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    (x, y), (tip_x, tip_y) = find_middle("move"), find_middle("turn")
    assert np.degrees(np.arctan2(tip_x - x, y - tip_y)) % 360 == pytest.approx(told["azimuth_deg"], abs=2.0)


def test_camera_is_turned_without_a_mouse(planner: Planner, page: Page) -> None:
    page.evaluate("() => { sightgrid.state.set({ camera_id: null }); document.activeElement.blur(); }")
    page.keyboard.press("/")
    page.keyboard.type(OTHER)
    page.wait_for_selector(".search-list [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector(f".camera-head h2 >> text={OTHER}")
    planner.wait("document.activeElement.tagName === 'H2'")
    camera = planner.other.get(f"/collections/1.cameras/items/{OTHER}").json()
    looked = planner.other.post("/coverage/preview", json={"site_id": 1, "camera": camera}).json()["azimuth_deg"]
    for key in ("Shift+]", "]"):  # from where it was measured: its direction is not known
        page.keyboard.press(key)
    field = "document.querySelector('[data-field=azimuth_deg] input').value"
    planner.wait(f"{field} && Math.abs(Number({field}) - {(looked + 11.0) % 360.0}) < 0.2")
    page.keyboard.press("Shift+ArrowLeft")
    planner.wait_saved()
    scenario_id = page.evaluate("sightgrid.state.get('scenario').scenario_id")
    turned = planner.other.get(f"/collections/1.cameras.{scenario_id}/items/{OTHER}").json()
    assert turned["properties"]["azimuth_deg"] == pytest.approx((looked + 11.0) % 360.0, abs=0.11)
    page.keyboard.press("Escape")
    page.wait_for_selector(".handle-turn", state="detached")


def test_handles_turn_aim_and_widen(planner: Planner, page: Page) -> None:
    items = planner.begin("handles", CAMERA)
    page.fill("[data-field=azimuth_deg] input", "0")
    page.keyboard.press("Tab")
    page.fill("[data-field=tilt_deg] input", "5")
    page.keyboard.press("Tab")
    planner.drag("turn", 130, 10)  # from the north to the east
    planner.wait_saved()
    turned = planner.other.get(f"{items}/{CAMERA}").json()["properties"]
    assert 90.0 < turned["azimuth_deg"] < 100.0
    assert turned["tilt_deg"] == 5.0
    planner.drag("aim", 250, 0)  # farther away: less tilt
    planner.wait_saved()
    planner.drag("width", 60, 60)
    planner.wait_saved()
    aimed = planner.other.get(f"{items}/{CAMERA}").json()["properties"]
    assert 0.0 < aimed["tilt_deg"] < 5.0
    assert aimed["hfov_deg"] == pytest.approx(90.0, abs=5.0)
    assert float(page.input_value("[data-field=hfov_deg] input")) == aimed["hfov_deg"]


def test_everything_is_undone_and_done_again(planner: Planner, page: Page) -> None:
    items = planner.begin("undo", CAMERA)
    base = planner.other.get(f"{items}/{CAMERA}").json()
    assert base["version"] == 0
    page.locator("#map canvas").focus()
    looked = planner.other.post("/coverage/preview", json={"site_id": 1, "camera": base}).json()["azimuth_deg"]
    for key in ("]", "]"):  # from where it was measured: its direction is not known
        page.keyboard.press(key)
    planner.wait(f"Number(document.querySelector('[data-field=azimuth_deg] input').value) > {looked + 1.5}")
    for key in ("ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    planner.wait_saved()
    edited = planner.other.get(f"{items}/{CAMERA}").json()
    assert edited["properties"]["azimuth_deg"] == pytest.approx(looked + 2.0, abs=0.11)
    east, north = np.subtract(edited["geometry"]["coordinates"], base["geometry"]["coordinates"]) * (
        55_300.0,
        111_195.0,
    )
    assert (east, north) == pytest.approx((1.0, 10.0), abs=0.1)
    for _ in range(2):  # quick steps of one kind count as one
        page.keyboard.press("Control+z")
    planner.wait_saved()
    undone = planner.other.get(f"{items}/{CAMERA}").json()
    assert undone["geometry"] == base["geometry"]
    assert forget_version(undone) == forget_version(base)
    assert undone["version"] == 0  # the scenario leaves it alone again
    assert page.get_by_role("button", name="Undo").is_disabled()
    for _ in range(2):
        page.keyboard.press("Control+Shift+z")
    planner.wait_saved()
    again = planner.other.get(f"{items}/{CAMERA}").json()
    assert again["geometry"] == edited["geometry"]
    assert forget_version(again) == forget_version(edited)


def test_two_people_and_one_camera(planner: Planner, page: Page) -> None:
    items = planner.begin("two people", CAMERA)
    planner.put(f"{items}/{CAMERA}", name="theirs", hfov_deg=50.0)
    page.fill("[data-field=name] input", "mine")
    page.keyboard.press("Tab")
    page.wait_for_selector("dialog[open] .versions")
    rows = page.locator(".versions tbody tr.differs").all_inner_texts()
    assert any("mine" in row and "theirs" in row for row in rows)
    assert any("Field of view" in row and "50" in row for row in rows)
    assert planner.other.get(f"{items}/{CAMERA}").json()["properties"]["name"] == "theirs"  # nothing is overwritten
    page.get_by_role("button", name="Take theirs").click()
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.input_value("[data-field=name] input") == "theirs"
    assert page.input_value("[data-field=hfov_deg] input") == "50"
    planner.put(f"{items}/{CAMERA}", name="theirs again")
    page.fill("[data-field=name] input", "mine again")
    page.keyboard.press("Tab")
    page.wait_for_selector("dialog[open] .versions")
    page.get_by_role("button", name="Keep mine").click()
    planner.wait_saved()
    kept = planner.other.get(f"{items}/{CAMERA}").json()["properties"]
    assert (kept["name"], kept["hfov_deg"]) == ("mine again", 50.0)
    assert [fault for fault in planner.faults if "412" not in fault] == []
    planner.faults.clear()  # the browser tells of both answers 412


def test_failed_save_is_told_and_tried_again(planner: Planner, page: Page) -> None:
    items = planner.begin("failure", CAMERA)
    problem = {"status": 507, "detail": "the disk of the server is full; nothing was changed"}
    page.route("**/items/**", lambda route: route.fulfill(status=507, json=problem))
    page.fill("[data-field=mount_height_m] input", "7.5")
    page.keyboard.press("Tab")
    page.wait_for_selector(".saving[data-state=failed]")
    assert "the disk of the server is full" in page.inner_text(".saving")
    page.unroute("**/items/**")
    page.get_by_role("button", name="Try again").click()
    planner.wait_saved()
    assert planner.other.get(f"{items}/{CAMERA}").json()["properties"]["mount_height_m"] == 7.5
    page.fill("[data-field=tilt_deg] input", "95")  # the field says what may be
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('[data-field=tilt_deg] input').matches(':user-invalid')")
    assert planner.other.get(f"{items}/{CAMERA}").json()["properties"]["tilt_deg"] is None
    planner.faults.clear()  # the browser tells of the answers 507


def test_cameras_are_added_deleted_and_brought_back(planner: Planner, page: Page) -> None:
    items = planner.begin("add")
    count = len(read_ids(planner, items))
    box = f"{AT[0] - 3e-3},{AT[1] - 1e-3},{AT[0] - 5e-4},{AT[1] + 1e-3}"
    posts = planner.other.get("/collections/1.posts/items", params={"bbox": box}).json()["features"]
    place = min((each["geometry"]["coordinates"] for each in posts), key=lambda each: abs(each[0] - AT[0] + 1.2e-3))
    page.evaluate("(center) => sightgrid.map.jumpTo({ center })", place)
    page.get_by_role("button", name="Add a camera").click()
    planner.settle()
    x, y = planner.project(*place)
    page.mouse.click(x + 6, y - 5)  # near a post: on it
    page.wait_for_selector(".handle-turn")
    planner.wait_saved()
    (added,) = read_ids(planner, items) - read_ids(planner, "/collections/1.cameras/items")
    item = planner.other.get(f"{items}/{added}").json()
    assert item["geometry"]["coordinates"] == pytest.approx(place, abs=5e-6)
    assert item["properties"]["mount"] in {"pole", "street_lamp"}
    page.locator("#map canvas").focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")  # into the middle of the map
    planner.wait("(id) => sightgrid.state.get('camera_id') !== id", added)
    planner.wait_saved()
    assert len(read_ids(planner, items)) == count + 2
    page.keyboard.press("Delete")
    planner.wait_saved()
    page.evaluate("(camera_id) => sightgrid.state.set({ camera_id })", OTHER)
    page.wait_for_selector(f".camera-head h2 >> text={OTHER}")
    page.get_by_role("button", name="Delete the camera").click()
    planner.wait_saved()
    assert len(read_ids(planner, items)) == count
    assert OTHER not in read_ids(planner, items)
    page.locator("#map canvas").focus()
    for _ in range(4):
        page.keyboard.press("Control+z")
    planner.wait_saved()
    assert read_ids(planner, items) == read_ids(planner, "/collections/1.cameras/items")
    assert planner.other.get(f"{items}/{OTHER}").json()["version"] == 0


def forget_version(feature: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in feature["properties"].items() if name != "version"}


def read_ids(planner: Planner, items: str) -> set[str]:
    answer = planner.other.get(items, params={"limit": 1000}).json()
    return {each["id"] for each in answer["features"]}


def test_scenario_is_copied_renamed_and_deleted(planner: Planner, page: Page) -> None:
    planner.begin("plan A")
    names = lambda: {each["name"] for each in planner.other.get("/sites/1/scenarios").json()}  # noqa: E731
    page.get_by_role("button", name="Copy the scenario").click()
    page.locator("dialog").get_by_role("button", name="Create").click()
    page.wait_for_selector("dialog[open]", state="detached")
    assert "Copy of plan A" in names()
    page.get_by_role("button", name="Rename the scenario").click()
    page.locator("dialog").get_by_label("Name").fill("plan A")
    page.locator("dialog").get_by_role("button", name="Save").click()
    page.wait_for_selector("dialog .fault:visible")  # the name is taken
    assert "plan A" in page.inner_text("dialog .fault")
    page.locator("dialog").get_by_label("Name").fill("plan B <b>")
    page.locator("dialog").get_by_role("button", name="Save").click()
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.locator("select[aria-label=Scenario] option:checked").inner_text() == "plan B <b>"
    page.get_by_role("button", name="Delete the scenario").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_selector("dialog[open]", state="detached")
    planner.wait("sightgrid.state.get('scenario') === null")
    assert "plan A" in names()
    assert not any("plan B" in name for name in names())
    planner.faults[:] = [fault for fault in planner.faults if "409" not in fault]


def test_coverage_is_measured_with_progress_and_drawn(planner: Planner, page: Page) -> None:
    planner.begin("coverage")
    shown: list[str] = []
    page.expose_function("noteProgress", lambda text: shown.append(text))  # noqa: PLW0108  (it is given attributes)
    page.evaluate(
        """() => { const part = document.querySelector("[data-process=coverage]");
        new MutationObserver(() => noteProgress(part.innerText)).observe(part, { subtree: true, childList: true,
          characterData: true }); }"""
    )
    page.get_by_role("button", name="Measure coverage").click()
    page.wait_for_selector("[data-section=coverage] [data-figure=coverage_rate]")
    assert any("Stop" in text and "%" in text for text in shown)
    planner.settle()
    assert planner.count("cells/cells") > 10
    assert page.inner_text("[data-section=coverage] .badge >> nth=0") == "up to date"
    (result,) = planner.other.get("/sites/1/results", params={"kind": "coverage"}).json()["results"]
    told = page.inner_text("[data-section=coverage] [data-figure=coverage_rate] b")
    assert told == f"{100 * result['figures']['coverage_rate']:.1f} %"
    page.get_by_role("button", name="Layers").click()
    page.get_by_role("checkbox", name="Seen areas by pixel density").check()
    planner.settle()
    assert planner.count("seen/seen") > 0
    page.get_by_role("checkbox", name="Seen areas by pixel density").uncheck()
    page.get_by_role("button", name="Layers").click()
    page.evaluate("(camera_id) => sightgrid.state.set({ camera_id })", CAMERA)
    page.wait_for_selector(f".camera-head h2 >> text={CAMERA}")
    page.fill("[data-field=azimuth_deg] input", "200")
    page.keyboard.press("Tab")
    page.wait_for_selector("[data-section=coverage] .badge >> text=out of date")


def test_suggestions_are_taken_one_by_one(planner: Planner, page: Page) -> None:
    page.get_by_role("combobox", name="Site").select_option("block")  # small enough to be searched in seconds
    planner.wait("sightgrid.state.get('site').name === 'block'")
    scenario = planner.other.post("/sites/2/scenarios", json={"name": "more"}).json()["scenario_id"]
    page.evaluate("(scenario_id) => sightgrid.change({ scenario_id })", scenario)
    items = f"/collections/2.cameras.{scenario}/items"
    section = page.locator("[data-section=placement]")
    section.locator("summary").first.click()
    section.get_by_label("Amount").fill("3")
    section.get_by_label("Search at most").fill("1")
    section.get_by_role("button", name="Suggest cameras").click()
    section.locator("tbody tr").first.wait_for()
    assert section.locator("tbody tr").count() == 3
    planner.settle()
    assert planner.count("suggestions/suggestions") > 0
    section.locator("tbody tr").nth(1).hover()
    assert page.evaluate("sightgrid.map.getSource('suggestion_pointed')._data.geojson.features.length") == 1
    before = read_ids(planner, items)
    section.get_by_role("button", name="Take suggestion 1 into the scenario").click()
    section.get_by_role("img", name="Taken").wait_for()
    (taken,) = read_ids(planner, items) - before
    assert section.get_by_role("button", name="Take suggestion 1 into the scenario").count() == 0
    page.locator("#map canvas").focus()
    page.keyboard.press("Control+z")
    planner.wait_saved()
    assert taken not in read_ids(planner, items)
    section.locator("summary").first.click()
    page.evaluate("sightgrid.change({ site_id: 1 })")
    planner.wait("sightgrid.state.get('site').site_id === 1")


def test_two_variants_side_by_side(planner: Planner, page: Page) -> None:
    items = planner.begin("better")
    planner.put(f"{items}/{CAMERA}", azimuth_deg=200.0, tilt_deg=10.0, name="turned")
    section = page.locator("[data-section=comparison]")
    section.locator("summary").click()
    section.get_by_role("button", name="Compare side by side").click()
    page.wait_for_selector(".stage.split .map.second canvas")
    section.get_by_role("cell", name=CAMERA).wait_for()
    planner.settle()
    assert planner.count("changes/changes") > 0
    left = "document.querySelector('.map.second')"
    assert page.locator(".map-title").all_inner_texts()[0].startswith("The site as it is")
    assert page.evaluate(f"{left}.getBoundingClientRect().width") > 200
    colours = np.unique(planner.look(".map.second").reshape(-1, 3), axis=0)
    assert len(colours) > 50
    before = planner.look(".map.second")
    page.evaluate("sightgrid.map.jumpTo({ center: [24.947, 60.167], zoom: 15.5 })")
    planner.settle()
    assert (before != planner.look(".map.second")).any(axis=2).mean() > 0.2  # it went along
    assert "Ground covered" in section.inner_text()
    section.get_by_role("button", name="Back to one map").click()
    assert page.locator(".map.second").count() == 0
    section.locator("summary").click()


def test_zone_is_drawn_and_deleted(planner: Planner, page: Page) -> None:
    planner.begin("zones")
    section = page.locator("[data-section=drawing]")
    section.locator("summary").click()
    section.get_by_role("button", name="Draw a zone").click()
    corners = [(-4e-4, -2e-4), (4e-4, -2e-4), (4e-4, 2e-4), (-4e-4, 2e-4)]
    places = [planner.project(AT[0] + east, AT[1] + north) for east, north in corners]
    for x, y in (*places, places[-1]):
        page.mouse.move(x, y)
        page.mouse.click(x, y)
    page.wait_for_selector("dialog[open]")
    page.locator("dialog").get_by_label("Name").fill("Courtyard")
    page.locator("dialog").get_by_role("button", name="Save").click()
    page.wait_for_selector("dialog[open]", state="detached")
    planner.settle()
    zones = planner.other.get("/collections/1.zones/items").json()["features"]
    (zone,) = [each for each in zones if each["properties"]["name"] == "Courtyard"]
    assert zone["properties"]["rule"] == "private"
    ring = np.array(zone["geometry"]["coordinates"][0])
    assert ring.min(axis=0) == pytest.approx([AT[0] - 4e-4, AT[1] - 2e-4], abs=2e-5)
    planner.wait("sightgrid.map.queryRenderedFeatures({ layers: ['zones/hatches'] }).length > 0")
    section.get_by_role("button", name="Change a zone").click()
    (x1, y1), (x2, _), *_ = places
    page.mouse.click((x1 + x2) / 2, y1)  # its southern edge
    page.locator(".draw-bar").get_by_role("button", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_selector(".draw-bar", state="detached")
    zones = planner.other.get("/collections/1.zones/items").json()["features"]
    assert [each["properties"]["rule"] for each in zones] == ["study"]
    section.locator("summary").click()


def test_cameras_come_from_a_file_and_go_into_one(planner: Planner, page: Page, tmp_path: Path) -> None:
    items = planner.begin("files")
    feature = {"type": "Feature", "geometry": POINT, "properties": {"camera_id": "from-file", "kind": "dome"}}
    path = tmp_path / "cameras.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    section = page.locator("[data-section=files]")
    section.locator("summary").click()
    section.get_by_role("button", name="Import a layer").click()
    dialog = page.locator("dialog")
    dialog.get_by_label("File").set_input_files(path)
    dialog.get_by_role("button", name="Import a layer").click()
    page.wait_for_selector("dialog[open]", state="detached")
    assert "1 row was imported." in page.inner_text(".toasts")
    added = read_ids(planner, items) - read_ids(planner, "/collections/1.cameras/items")
    assert len(added) == 1
    section.get_by_role("button", name="Export layers").click()
    dialog.get_by_label("Format").select_option("geojson")
    with page.expect_download() as started:
        dialog.get_by_role("button", name="Export layers").click()
    written = json.loads(started.value.path().read_text(encoding="utf-8"))
    assert len(written["features"]) == len(read_ids(planner, items))
    page.wait_for_selector("dialog[open]", state="detached")
    section.get_by_role("button", name="Import a layer").click()
    path.write_text("no geojson", encoding="utf-8")
    dialog.get_by_label("File").set_input_files(path)
    dialog.get_by_role("button", name="Import a layer").click()
    page.wait_for_selector("dialog .fault:visible")
    assert "cameras.geojson" in page.inner_text("dialog .fault")
    page.keyboard.press("Escape")
    planner.faults[:] = [fault for fault in planner.faults if "422" not in fault]
