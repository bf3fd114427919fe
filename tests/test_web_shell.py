"""The web map's shell in a real browser: it draws, asks nobody else, speaks two languages, is for everybody."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from accounts import PASSWORD, add_user
from api_server import serve
from scenes import ROOT
from web_page import NARROW, WIDE, Visit, needs_browser, open_city, start_browser, visit

from sightgrid.api.problems import TITLES
from sightgrid.api.roles import ROUTES
from sightgrid.api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from sightgrid.site import Site
    from sightgrid.store.database import Database

WEB = ROOT / "sightgrid" / "api" / "web"
SCRIPTS = sorted((WEB / "js").rglob("*.js"))
SHEETS = sorted((WEB / "css").glob("*.css"))
MOST_LINES, MOST_COLUMNS = 300, 120
STATION = "16.2/60.17105/24.94100"
SCRIPT = "<img src=x onerror=hit=1><script>hit=2</script>"

pytestmark = needs_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module")
def database(helsinki: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    cameras = helsinki.cameras.copy()
    cameras.loc["n256257146", "name"] = SCRIPT
    with open_city(tmp_path_factory.mktemp("shell"), helsinki=helsinki.with_cameras(cameras)) as opened:
        yield opened


@pytest.fixture(scope="module")
def address(database: Database) -> Iterator[str]:
    with serve(database) as served:
        yield served


@pytest.fixture(scope="module")
def city(browser: Browser, address: str) -> Iterator[Visit]:
    """Give the page of one person, opened once and used by several tests."""
    with visit(browser, address, size=WIDE) as found:
        found.open(map=STATION)
        found.settle()
        yield found


def test_files_are_short_and_hold_no_markup_or_addresses() -> None:
    for path in (*SCRIPTS, *SHEETS, WEB / "index.html"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= MOST_LINES, path
        assert max(map(len, lines)) <= MOST_COLUMNS, path
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )
        assert set(re.findall(r"\bhttps?://[\w.]+", text)) <= {"http://www.w3.org"}, path  # a namespace
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", page)
    named = re.findall(r'(?:href|src)="/web/([^"]+)"', page)
    assert all((WEB / name).is_file() for name in named)
    assert {path.name for path in SHEETS} == {name.rpartition("/")[2] for name in named if name.startswith("css/")}


def test_routes_that_open_work_places_are_in_the_table_of_roles() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    named = set(re.findall(r'\broute: "(\w+)"', text)) | set(re.findall(r'\bmay\("(\w+)"\)', text))
    assert {"list_scenarios", "add_site"} <= named <= set(ROUTES)


def test_both_languages_say_the_same(city: Visit) -> None:
    words = city.page.evaluate(
        "async () => Object.fromEntries(await Promise.all(['en', 'zh'].map("
        "async (name) => [name, (await import(`/web/js/i18n/${name}.js`)).default])))"
    )
    english, chinese = words["en"], words["zh"]
    assert english.keys() == chinese.keys()
    assert {int(key[8:]): told for key, told in english.items() if key.startswith("problem.")} == TITLES
    for key, told in english.items():
        forms, others = ([each] if isinstance(each, str) else list(each.values()) for each in (told, chinese[key]))
        assert all(form.strip() for form in (*forms, *others)), key
        # one form may say "one" without a number
        assert set(re.findall(r"\{\w+\}", " ".join(forms))) == set(re.findall(r"\{\w+\}", " ".join(others))), key
    asked = set()
    for path in SCRIPTS:
        asked |= set(re.findall(r'\bt\("([a-z][\w.]*)"', path.read_text(encoding="utf-8")))
    assert asked - english.keys() == set()
    assert len(asked) > 150


def test_city_is_drawn_and_nobody_else_is_asked(city: Visit) -> None:
    for style, least in (("streets/streets", 100), ("obstacles/buildings", 50), ("cameras/cameras", 20)):
        assert city.count(style) >= least, style
    assert city.count("zones/land") > 0
    assert city.count("streets/names") > 0
    pixels = city.look().reshape(-1, 3)
    _, counts = np.unique(pixels, axis=0, return_counts=True)
    assert len(counts) > 300
    assert counts.max() < 0.6 * len(pixels)
    building = np.array([0xE3, 0xDF, 0xD8])
    assert (np.abs(pixels.astype(int) - building).max(axis=1) <= 2).mean() > 0.1
    assert city.page.evaluate("document.fonts.check('16px \"Noto Sans SC\"', 'Mannerheimintie')")
    city.check()


def test_layers_are_ticked_and_faded(city: Visit) -> None:
    page = city.page
    page.get_by_role("checkbox", name="Buildings and walls").uncheck()
    city.settle()
    assert city.count("obstacles/buildings") == 0
    page.get_by_role("checkbox", name="Buildings and walls").check()
    page.get_by_role("checkbox", name="Posts and lamps").check()
    city.settle()
    assert city.count("obstacles/buildings") > 0
    assert city.count("posts/posts") > 0
    page.get_by_role("slider", name="Opacity of Cameras").fill("40")
    assert page.evaluate("sightgrid.map.getPaintProperty('cameras/cameras', 'circle-opacity')") == pytest.approx(0.4)
    assert "cameras:40" in page.evaluate("location.hash")
    page.get_by_role("slider", name="Opacity of Cameras").fill("100")
    assert page.get_by_role("checkbox", name="Difference of rates").is_disabled()  # there is no result yet
    city.check()


def test_permalink_shows_the_same_again(browser: Browser, city: Visit) -> None:
    script = "() => [sightgrid.map.getCenter().lng, sightgrid.map.getZoom(), sightgrid.map.getBearing()]"
    city.page.evaluate("sightgrid.map.jumpTo({ center: [24.9452, 60.1701], zoom: 15.5, bearing: 40 })")
    city.page.evaluate("sightgrid.layers.show('posts', false)")
    link = city.page.evaluate("location.hash")
    with visit(browser, city.address) as other:
        other.page.goto(f"{city.address}/?f=html{link}")
        other.settle()
        assert other.page.evaluate(script) == pytest.approx(city.page.evaluate(script), abs=1e-3)
        shown = "() => sightgrid.layers.list().filter((each) => each.on).map((each) => each.id)"
        assert other.page.evaluate(shown) == city.page.evaluate(shown)
        other.check()


def test_search_finds_by_name_and_by_coordinates_with_the_keyboard(city: Visit) -> None:
    page = city.page
    page.locator("#map canvas").focus()
    page.keyboard.press("/")
    page.keyboard.type("rautatient")
    page.wait_for_selector(".search-list [role=option]")
    page.keyboard.press("ArrowDown")
    chosen = page.locator(".search-list [aria-selected=true] .name").inner_text()
    assert page.get_attribute(".search-input", "aria-activedescendant")
    page.keyboard.press("Enter")
    assert page.input_value(".search-input") == chosen
    assert page.is_hidden(".search-list")
    page.fill(".search-input", "60.1655, 24.9490")
    page.keyboard.press("Enter")
    city.wait("Math.abs(sightgrid.map.getCenter().lat - 60.1655) < 1e-4")
    page.fill(".search-input", "no such thing at all")
    page.wait_for_selector(".search-note")
    assert page.inner_text(".search-note") == "Nothing was found."
    page.keyboard.press("Escape")
    assert page.is_hidden(".search-list")
    city.check()


def test_script_in_a_name_is_text(city: Visit) -> None:
    page = city.page
    page.fill(".search-input", "n256257146")
    page.wait_for_selector(".search-list [role=option] >> text=onerror")
    page.keyboard.press("Enter")
    page.wait_for_selector(".camera-head h2 >> text=onerror")
    assert page.inner_text(".camera-head h2") == SCRIPT
    assert page.input_value("[data-field=name] input") == SCRIPT
    page.evaluate("sightgrid.state.set({ camera_id: null })")
    script = """(name) => sightgrid.clicks.open(sightgrid.map.getCenter(),
      { title: "layer.places", describe: (found, words) => [[name, found.name]] }, { properties: { name } })"""
    page.evaluate(script, SCRIPT)
    assert page.inner_text(".facts-popup dd") == SCRIPT
    assert page.evaluate("globalThis.hit") is None
    page.evaluate("sightgrid.clicks.close()")
    city.check()


def test_controls_have_names_and_ids_are_unique(city: Visit) -> None:
    page = city.page
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tree = page.locator("body").aria_snapshot()
    nameless = re.findall(
        r"^\s*- (button|textbox|combobox|checkbox|slider|spinbutton|tab|link)(?: \[.*)?:?$", tree, re.MULTILINE
    )
    assert nameless == []
    assert len(re.findall(r"- (?:button|textbox|combobox|checkbox|slider|spinbutton|tab|link) \"", tree)) > 40
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.get_attribute("html", "lang") == "en"


def read_luminance(colour: str) -> float:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((read_luminance(one), read_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_palette_has_contrast(city: Visit) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    names = re.findall(r"^\s*(--[\w-]+): #", (WEB / "css" / "base.css").read_text(encoding="utf-8"), re.MULTILINE)
    script = "(names) => names.map((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim())"
    colour = dict(zip(names, city.page.evaluate(script, names), strict=True))
    papers = [colour[name] for name in ("--paper", "--paper-2", "--paper-3", "--accent-paper")]
    for text in ("--ink", "--ink-2", "--accent", "--accent-2"):
        assert min(contrast(colour[text], paper) for paper in papers) >= 4.5, text
    for name in ("danger", "ok", "warn"):
        for paper in (colour["--paper"], colour["--paper-2"], colour[f"--{name}-paper"]):
            assert contrast(colour[f"--{name}"], paper) >= 4.5, name
    assert contrast(colour["--accent-ink"], colour["--accent"]) >= 4.5
    for edge in ("--edge", "--focus"):
        assert min(contrast(colour[edge], paper) for paper in papers[:2]) >= 3.0, edge


def test_tab_order_goes_from_skip_links_to_the_map(city: Visit) -> None:
    page = city.page
    script = """() => { const at = document.activeElement; const box = at.getBoundingClientRect();
      return [at.className || at.tagName, box.top >= 0 && box.left >= 0 && box.width > 0,
        getComputedStyle(at).outlineStyle !== "none"]; }"""
    seen = []
    page.locator(".skip a").first.focus()
    while (found := page.evaluate(script))[0] != "BODY":
        name, visible, outlined = found
        assert visible, name
        assert outlined, name
        seen.append(name)
        page.keyboard.press("Tab")
    assert seen[:2] == ["A", "A"]
    wanted = ("search-input", "tab", "maplibregl-canvas")
    order = [next(place for place, name in enumerate(seen) if part in name) for part in wanted]
    assert order == sorted(order)
    page.locator(".skip a").nth(1).focus()
    page.keyboard.press("Enter")
    assert "maplibregl-canvas" in page.evaluate("document.activeElement.className")
    before = page.evaluate("sightgrid.map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    city.wait("(before) => sightgrid.map.getCenter().lng > before", before)
    city.check()


@pytest.mark.parametrize(("size", "scale"), [(NARROW, 2), ((640, 400), 2)], ids=["390 px", "1280 px at 200 %"])
def test_small_page_shows_everything(browser: Browser, address: str, size: tuple[int, int], scale: int) -> None:
    with visit(browser, address, size=size, device_scale_factor=scale) as found:
        page = found.open(map=STATION, camera="n256257166")
        found.settle()
        page.wait_for_selector(".camera-head h2")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        wide = """() => [...document.querySelectorAll(".panel-content *")].filter((each) => each.checkVisibility()
          && !each.closest(".table-box, .unseen") && each.getBoundingClientRect().right > innerWidth + 1)
          .map((each) => each.className)"""
        assert page.evaluate(wide) == []
        small = """() => [...document.querySelectorAll("button, select, input")].filter((each) => each.checkVisibility()
          && each.getBoundingClientRect().width && !each.closest(".table-box, .choice, .check, .opacity, .sort")
          && each.getBoundingClientRect().height < 24).map((each) => each.className)"""
        assert page.evaluate(small) == []  # WCAG 2.2: targets of 24 px
        before = page.locator("#map").bounding_box()
        page.click(".sheet-toggle")
        after = page.locator("#map").bounding_box()
        assert before is not None
        assert after is not None
        assert after["height"] > before["height"] + 50
        assert page.get_attribute(".sheet-toggle", "aria-expanded") == "false"
        page.get_by_role("button", name="Layers").click()
        assert page.get_by_role("checkbox", name="Streets", exact=True).is_visible()
        page.keyboard.press("Escape")
        assert page.locator(".layer-body").is_hidden()
        page.get_by_role("tab", name="Plan").click()
        assert page.get_by_role("button", name="Add a camera").is_visible()
        assert found.count("streets/streets") > 0
        found.check()


def test_chinese_page(browser: Browser, address: str) -> None:
    with visit(browser, address) as found:
        page = found.open(map=STATION)
        found.settle()
        with page.expect_event("load"):
            page.get_by_role("combobox", name="Language").select_option("zh-CN")
        found.settle()
        assert page.get_attribute("html", "lang") == "zh-CN"
        assert page.get_by_role("tab", name="规划").is_visible()
        assert page.get_by_role("checkbox", name="建筑物和墙").is_checked()
        assert page.evaluate(
            "[...document.fonts].some((each) => each.status === 'loaded' && each.family.includes('SC'))"
        )
        assert page.evaluate("document.fonts.check('16px \"Noto Sans SC\"', '规划覆盖率')")
        latin = re.findall(r"[A-Za-z]{3,}", page.inner_text(".panel"))
        assert set(latin) <= {"GeoPackage", "GeoJSON", "CSV", "KML", "Enter", "Shift", "Ctrl", "Del", "Esc"}
        assert "16.2" in page.evaluate("location.hash")
        found.check()


def test_label_in_chinese_is_drawn_in_the_shipped_font(city: Visit) -> None:
    page = city.page
    page.evaluate("sightgrid.map.jumpTo({ center: [24.941, 60.17105], zoom: 17 })")
    page.evaluate(
        """() => sightgrid.layers.register({ id: "chinese", group: "map", title: "layer.places", on: true,
        source: { data: { type: "Feature", properties: { name: "中央车站" },
          geometry: { type: "Point", coordinates: [24.941, 60.17105] } } },
        styles: () => [{ id: "names", slot: "label", type: "symbol",
          layout: { "text-field": ["get", "name"], "text-font": ["Noto Sans SC"], "text-size": 40,
            "text-allow-overlap": true } }] })"""
    )
    city.wait("sightgrid.map.getLayoutProperty('chinese/names', 'text-font').length === 2")
    city.settle()
    assert page.evaluate("document.fonts.check('16px \"Noto Sans SC\"', '中央车站')")
    assert city.count("chinese/names") == 1
    city.check()


def test_page_tells_when_the_server_does_not_answer(city: Visit) -> None:
    page = city.page
    assert page.locator(".banner").is_hidden()
    page.context.set_offline(True)
    page.fill(".search-input", "Simonkatu")
    page.wait_for_selector(".banner:visible")
    assert "does not answer" in page.inner_text(".banner")
    page.context.set_offline(False)
    page.wait_for_selector(".banner", state="hidden")
    assert city.foreign == []
    city.faults.clear()  # the browser tells of what it could not load


def test_problem_of_the_server_is_shown_as_text(browser: Browser, address: str) -> None:
    with visit(browser, address) as found:
        problem = {"status": 503, "detail": f"the store is away {SCRIPT}"}
        found.page.route("**/session", lambda route: route.fulfill(status=503, json=problem))
        page = found.open()
        assert page.inner_text("[role=alert] p").strip() == f"the store is away {SCRIPT}"
        found.page.unroute("**/session")
        page.get_by_role("button", name="Try again").click()
        found.settle()
        assert page.evaluate("globalThis.hit") is None


def test_empty_store_asks_for_a_site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_city(tmp_path_factory.mktemp("empty")) as empty, serve(empty) as own, visit(browser, own) as found:
        page = found.open()
        assert "There is no site yet" in page.inner_text(".stage-note")
        assert page.get_by_role("button", name="Add a site").first.is_visible()
        found.check()


@pytest.fixture(scope="module")
def guarded(database: Database) -> Iterator[str]:
    """Serve with accounts."""
    for role in ("viewer", "planner"):
        add_user(database, role)
    with serve(database, Settings(local=False, workers=0)) as served:
        yield served


def test_roles_see_what_is_theirs_after_signing_in(browser: Browser, guarded: str) -> None:
    with visit(browser, guarded) as found:
        page = found.open(map=STATION)
        page.get_by_label("Name").fill("viewer")
        page.get_by_label("Password").fill("not the password")
        page.keyboard.press("Enter")
        page.wait_for_selector(".signin .fault:visible")
        assert "wrong" in page.inner_text(".signin .fault")
        found.faults.clear()  # the browser tells of the answer 403
        told = (
            "async () => { const [notices, i18n, { ApiError }] = await Promise.all(['ui/notices', 'core/i18n',"
            " 'core/api'].map((name) => import(`/web/js/${name}.js`))); i18n.setLanguage('zh-CN');"
            " const told = notices.explain(new ApiError(403, 'for planners', {})); i18n.setLanguage('en');"
            " return told; }"
        )
        assert page.evaluate(told) == "没有权限\uff08for planners\uff09"
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        found.settle()
        assert page.get_by_role("tab").count() == 0  # nothing to plan, dispatch or audit
        assert page.get_by_role("checkbox", name="Streets", exact=True).is_visible()
        assert page.get_by_role("checkbox", name="Cameras", exact=True).count() == 0
        assert found.count("streets/streets") > 0
        page.get_by_role("button", name="Account of viewer").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_selector(".signin")
        found.check()


def test_session_that_ended_is_taken_up_again(browser: Browser, guarded: str) -> None:
    with visit(browser, guarded) as found:
        page = found.open(map=STATION)
        page.get_by_label("Name").fill("planner")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        found.settle()
        assert page.get_by_role("tab", name="Plan").is_visible()
        page.context.clear_cookies()
        page.fill(".search-input", "Simonkatu")
        page.wait_for_selector("dialog[open]")
        page.get_by_label("Name").last.fill("planner")
        page.locator("dialog").get_by_label("Password").fill(PASSWORD)
        page.locator("dialog").get_by_role("button", name="Sign in").click()
        page.wait_for_selector("dialog[open]", state="detached")
        page.fill(".search-input", "Simonkat")
        page.wait_for_selector(".search-list [role=option] >> text=Simonkatu")
        assert httpx.get(f"{guarded}/sites").status_code == 401
        assert found.foreign == []
