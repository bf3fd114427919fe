"""The work places of dispatchers and auditors in a real browser, over a real server with its worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from api_server import serve
from patrol_site import make_town
from small_site import make_site
from stream_servers import listener
from web_page import NARROW, Visit, needs_browser, open_city, start_browser, visit

from sightgrid.api.settings import Settings
from sightgrid.health.records import Memory, Record
from sightgrid.store.history import History
from sightgrid.store.sites import import_site, list_sites
from sightgrid.store.streams import write_streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from sightgrid.store.database import Database

NAME = "Night <b>shift</b>"

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A town for patrols, and a block with cameras: one that works, one that is offline, one that was never asked."""
    with open_city(tmp_path_factory.mktemp("duty"), helsinki=make_town()) as opened:
        block = make_site("block")
        import_site(opened, replace(block, cameras=block.cameras.assign(stream_url=None)))
        site = next(each for each in list_sites(opened) if each.name == "block")
        first, second, *_ = block.cameras.index
        history = History(opened, site.uid)
        at = datetime.now(UTC)
        history.record(Record(camera_id=first, checked_at=at, status="ok", reason="no rule holds"), Memory())
        off = {
            "condition": "offline",
            "stage": "connect",
            "consequence": "nothing",
            "reason": "offline: <i>no</i> answer",
        }
        history.record(Record(camera_id=second, checked_at=at, status="offline", **off), Memory())
        yield opened


@pytest.fixture(scope="module")
def address(database: Database) -> Iterator[str]:
    with serve(database, Settings(workers=1)) as served:
        yield served


@pytest.fixture
def duty(browser: Browser, address: str) -> Iterator[Visit]:
    with visit(browser, address) as found:
        yield found


def number_of(address: str, name: str) -> int:
    return next(each["site_id"] for each in httpx.get(f"{address}/sites").json() if each["name"] == name)


def test_a_shift_is_planned_played_and_renamed(duty: Visit, address: str) -> None:
    page = duty.open(site=number_of(address, "helsinki"), place="dispatch")
    page.get_by_text("There is no plan yet").first.wait_for()
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("To", exact=True).fill("10:00")
    page.get_by_label("Longest search").fill("1")
    for mode, count in (("On foot", "2"), ("Car", "0")):
        page.get_by_label(mode, exact=True).fill(count)
    page.get_by_role("button", name="Plan the patrols").click()
    page.get_by_label("Time of the shift").wait_for(timeout=60_000)
    duty.settle()

    plans = httpx.get(f"{address}/sites/{number_of(address, 'helsinki')}/patrol-plans").json()["plans"]
    assert [each["name"] for each in plans] == [NAME]
    assert page.get_by_label("Plan", exact=True).locator("option").all_inner_texts() == [NAME]
    assert duty.count("legs/legs") > 0
    assert duty.count("moving/dots") == 2

    where = (
        "() => sightgrid.map.queryRenderedFeatures({ layers: ['moving/dots'] })"
        ".map((each) => each.geometry.coordinates)"
    )
    before = page.evaluate(where)
    slider = page.get_by_label("Time of the shift")
    slider.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "08:20"
    duty.wait(f"(before) => JSON.stringify(({where})()) !== JSON.stringify(before)", before)
    page.get_by_role("button", name="Play").click()
    duty.wait("() => document.querySelector('.clock').textContent > '08:30'")
    page.get_by_role("button", name="Pause").click()

    with page.expect_download() as told:
        page.get_by_role("button", name="GPX tracks").click()
    assert told.value.suggested_filename.endswith(".zip")
    card = page.get_by_role("link", name="Open").first.get_attribute("href")
    assert httpx.get(address + card).headers["content-type"].startswith("text/html")

    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Late shift")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    page.locator("option", has_text="Late shift").wait_for(state="attached")
    assert page.get_by_label("Plan", exact=True).locator("option").all_inner_texts() == ["Late shift"]
    duty.check()


def test_named_units_start_where_the_map_was_clicked(duty: Visit, address: str) -> None:
    page = duty.open(site=number_of(address, "helsinki"), place="dispatch")
    duty.settle()
    page.get_by_label("Who is on duty").select_option("units")
    told = page.locator(".unit output")
    before = told.inner_text()
    page.get_by_role("button", name="Set depot").click()
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + 200, box["y"] + 300)
    duty.wait(
        "(before) => document.querySelector('.unit output').textContent.startsWith('Depot')"
        " && document.querySelector('.unit output').textContent !== before",
        before,
    )
    page.get_by_role("button", name="Add a unit").click()
    assert page.locator(".unit").count() == 2
    page.get_by_role("button", name="Remove this unit").last.click()
    assert page.locator(".unit").count() == 1
    duty.check()


def test_cameras_are_listed_filtered_and_told_about(duty: Visit, address: str) -> None:
    page = duty.open(site=number_of(address, "block"), place="audit")
    table = page.get_by_role("region", name="Cameras")
    table.get_by_text("offline: <i>no</i> answer").wait_for()
    whole = table.locator("tbody tr").count()
    assert whole > 2
    page.locator("button.figure", has_text="offline").click()
    duty.wait("() => document.querySelectorAll('[aria-label=Cameras] tbody tr').length === 1")
    duty.settle()
    assert duty.count("health/health") == 1
    table.locator("tbody tr").click()
    detail = page.locator("[data-section=camera-health]")
    detail.get_by_text("connect").wait_for()
    assert detail.get_by_role("img", name="State at the last probe").count() == 1
    page.get_by_label("State", exact=True).select_option("")
    page.get_by_label("Name or reason").fill("nobody is called so")
    page.get_by_text("No camera fits the filter").wait_for()
    with page.expect_download() as told:
        page.get_by_role("button", name="Export CSV").click()
    assert told.value.suggested_filename.endswith(".csv")
    duty.check()


def test_probing_from_the_map_tells_what_faults_cost(duty: Visit, address: str, database: Database) -> None:
    site_id = number_of(address, "block")
    names = [each["camera_id"] for each in httpx.get(f"{address}/sites/{site_id}/health").json()["cameras"]]
    with listener(b"RTSP/1.0 404 Not Found\r\n\r\n") as port:
        write_streams(database, site_id, {names[0]: f"rtsp://viewer:s3cret@127.0.0.1:{port}/1"})
        page = duty.open(site=site_id, place="audit")
        page.get_by_role("button", name="Probe all cameras").click()
        page.locator("[data-section=losses] .figures").wait_for(timeout=60_000)
    duty.settle()
    assert page.locator("button.figure", has_text="offline").inner_text().split()[0] == "2"
    assert "s3cret" not in page.content()
    duty.check()


def test_both_places_fit_a_phone_and_speak_chinese(browser: Browser, address: str) -> None:
    with visit(browser, address, size=NARROW) as found:
        for place, words in (("dispatch", "规划巡逻"), ("audit", "检测全部摄像机")):
            page = found.open(site=number_of(address, "block"), place=place, lang="zh-CN")
            page.get_by_role("button", name=words).wait_for()
            found.settle()
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
            assert page.evaluate("document.documentElement.lang") == "zh-CN"
        found.check()
