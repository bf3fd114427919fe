"""Filters in CQL2: our reader against the parser of the cql2 package, the rows against pandas, on both databases."""

from __future__ import annotations

import json
import operator
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cql2
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import store_databases
from hypothesis import assume, given
from hypothesis import strategies as st
from pyproj import CRS

from sightgrid.api.features.areas import Question
from sightgrid.api.features.cql2_text import CQL2Error, parse_text
from sightgrid.api.features.crs import CRS84, list_references
from sightgrid.api.features.filters import MOST_CHARACTERS, parse_filter
from sightgrid.api.problems import Problem
from sightgrid.columns import KINDS
from sightgrid.schemas import empty
from sightgrid.site import Site
from sightgrid.store.database import open_database
from sightgrid.store.layer_tables import features
from sightgrid.store.layers import read_layer, read_page
from sightgrid.store.scenario_pages import count_scenario_cameras, read_camera_page
from sightgrid.store.scenarios import add_scenario, put_cameras, read_cameras, remove_cameras
from sightgrid.store.sites import import_layer, import_site

CRS_SITE = CRS.from_epsg(3067)
ANCHOR = (24.94, 60.17)
CORNER = np.array([385_000.0, 6_672_000.0])
NAMES = ["Ost", "ost", "O%t", "O_t", "Öst", "東", "a'b", "x*y", "x[1]", "x?", "\\", "", "zebra", None]


def make_cameras():
    rng = np.random.default_rng(5)
    count = 60
    spots = CORNER + rng.integers(0, 20, (count, 2)) * 50.0
    return gpd.GeoDataFrame(
        {
            "name": rng.choice(np.array(NAMES, dtype=object), count),
            "kind": rng.choice(["fixed", "dome", "ptz"], count),
            "tilt_deg": np.where(rng.random(count) < 0.3, np.nan, rng.integers(-3, 3, count) / 2),
            "azimuth_deg": np.where(rng.random(count) < 0.3, np.nan, rng.integers(0, 4, count) / 2),
            "width_px": np.where(rng.random(count) < 0.5, np.nan, rng.integers(1, 4, count)),
            "indoor": rng.random(count) < 0.4,
        },
        index=pd.Index([f"c{n:02}" for n in range(count)], name="camera_id", dtype="str"),
        geometry=gpd.points_from_xy(*spots.T, crs=CRS_SITE),
    )


def make_site():
    layers = {kind: empty(kind, CRS_SITE) for kind in KINDS}
    rng = np.random.default_rng(6)
    corners = CORNER + rng.integers(0, 20, (40, 2)) * 50.0
    boxes = [shapely.Polygon([(0, 0), (60, 20), (20, 60)]) for _ in corners]
    shapes = [shapely.transform(box, lambda points, at=at: points + at) for box, at in zip(boxes, corners, strict=True)]
    obstacles = gpd.GeoDataFrame(
        {"height_m": rng.integers(1, 9, 40) / 2.0},
        index=pd.Index([f"o{n}" for n in range(40)], name="obstacle_id", dtype="str"),
        geometry=gpd.GeoSeries(shapes, crs=CRS_SITE).to_numpy(),
        crs=CRS_SITE,
    )
    return Site("small", **{**layers, "cameras": make_cameras(), "obstacles": obstacles})


def make_incidents():
    start = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
    times = [start + timedelta(minutes=37 * n, microseconds=n % 2) for n in range(12)]
    times[3] = datetime(2026, 3, 2, tzinfo=UTC)
    return gpd.GeoDataFrame(
        {"occurred_at": pd.to_datetime(times, utc=True), "category": "theft"},
        index=pd.Index([f"i{n:02}" for n in range(12)], name="incident_id", dtype="str"),
        geometry=gpd.points_from_xy(*np.tile(CORNER[:, None], 12), crs=CRS_SITE),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request, tmp_path_factory):
    address = store_databases.make_address(request.param, tmp_path_factory.mktemp("filters"))
    with open_database(address) as database:
        site_id = import_site(database, make_site())
        import_layer(database, site_id, "incidents", make_incidents())
        yield database, site_id


def answer(store, condition, *, layer="cameras", crs=None):
    """Return the ids that a filter lets through, over pages of 17."""
    database, site_id = store
    references = list_references(CRS_SITE)
    question = Question(database, layer, CRS_SITE, references[crs or next(iter(references))], ANCHOR)
    text, language = (condition, "cql2-text") if isinstance(condition, str) else (json.dumps(condition), "cql2-json")
    found = parse_filter(text, language, question)
    ids, after = [], 0
    while after is not None:
        where = found.where(features[layer])
        page, after = read_page(database, site_id, layer, limit=17, after=after, box=found.box, where=where)
        assert len(page) == 17 or after is None  # clients take an empty page for the end
        ids += list(page.index)
    return ids


# conditions as JSON, by the properties of cameras

TEXT = st.sampled_from([name for name in NAMES if name is not None])
NUMBER = st.sampled_from([-1.5, -1, 0, 0.5, 1, 1.5, 2, 3, 1e9])
SIGN = st.sampled_from(["=", "<>", "<", ">", "<=", ">="])
NUMERIC = st.sampled_from(["tilt_deg", "azimuth_deg", "width_px"]).map(lambda name: {"property": name})
WORDED = st.sampled_from(["name", "kind", "id"]).map(lambda name: {"property": name})
EDGE = st.integers(-1, 21).map(lambda n: n * 50.0)


def call(op, *args):
    return st.tuples(*args).map(lambda values: {"op": op, "args": list(values)})


def make_place(sides):
    x0, y0, x1, y1 = sides
    west, east, south, north = *sorted([x0, x1 + 25.0]), *sorted([y0, y1 + 25.0])
    low, high = CORNER + np.array([west, south]), CORNER + np.array([east, north])
    return low.tolist() + high.tolist()


BOX = st.tuples(EDGE, EDGE, EDGE, EDGE).map(make_place)
SHAPE = st.one_of(
    BOX.map(lambda sides: {"bbox": sides}),
    BOX.map(lambda sides: {"type": "LineString", "coordinates": [sides[:2], sides[2:]]}),
    BOX.map(lambda s: {"type": "Polygon", "coordinates": [[s[:2], [s[2], s[1]], s[2:], s[:2]]]}),
    BOX.map(lambda sides: {"type": "MultiPoint", "coordinates": [sides[:2], sides[2:]]}),
    st.tuples(BOX, BOX).map(
        lambda two: {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Point", "coordinates": two[0][:2]},
                {"type": "MultiLineString", "coordinates": [[two[0][:2], two[0][2:]], [two[1][:2], two[1][2:]]]},
            ],
        }
    ),
    st.tuples(EDGE, EDGE).map(lambda at: {"type": "Point", "coordinates": (CORNER + at).tolist()}),
)
SIMPLE = st.one_of(
    st.tuples(SIGN, NUMERIC, st.one_of(NUMBER, NUMERIC)).map(lambda it: {"op": it[0], "args": list(it[1:])}),
    st.tuples(SIGN, WORDED, st.one_of(TEXT, WORDED)).map(lambda it: {"op": it[0], "args": list(it[1:])}),
    st.tuples(SIGN, TEXT, WORDED).map(lambda it: {"op": it[0], "args": list(it[1:])}),
    st.tuples(st.sampled_from(["=", "<>"]), st.booleans()).map(
        lambda it: {"op": it[0], "args": [{"property": "indoor"}, it[1]]}
    ),
    call("between", NUMERIC, NUMBER, NUMBER),
    call("in", WORDED, st.lists(TEXT, min_size=1, max_size=3)),
    call("in", NUMERIC, st.lists(NUMBER, min_size=1, max_size=3)),
    call(
        "like", WORDED, st.sampled_from(["O%", "%t", "_st", "%s%", "O\\%t", "x[%", "%*%", "?", "%?", "%", "", "\\\\"])
    ),
    call("isNull", st.one_of(NUMERIC, WORDED)),
    call("s_intersects", st.just({"property": "geometry"}), SHAPE),
)
CONDITION = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        call("not", inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"op": "and", "args": parts}),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: {"op": "or", "args": parts}),
    ),
    max_leaves=6,
)
SIGNS = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}


def judge(node, row):  # noqa: PLR0911  (one for each operator)
    """Say what a condition is for one row: True, False, or None for unknown, as SQL has it."""
    if node["op"] in {"and", "or"}:
        parts = [judge(part, row) for part in node["args"]]
        decisive = node["op"] == "or"
        return decisive if decisive in parts else (None if None in parts else not decisive)
    if node["op"] == "not":
        inner = judge(node["args"][0], row)
        return None if inner is None else not inner
    if node["op"] == "isNull":
        return value(node["args"][0], row) is None
    if node["op"] == "s_intersects":
        shape = node["args"][1]
        other = shapely.box(*shape["bbox"]) if "bbox" in shape else shapely.geometry.shape(shape)
        return bool(shapely.intersects(row["geometry"], other))
    left, *rest = node["args"]
    left = value(left, row)
    rest = rest[0] if node["op"] == "in" else [value(each, row) for each in rest]
    if left is None or None in rest:
        return None
    if node["op"] == "in":
        return left in rest
    if node["op"] == "between":
        return rest[0] <= left <= rest[1]
    if node["op"] == "like":
        return fits(left, rest[0])
    return SIGNS[node["op"]](left, rest[0])


def value(node, row):
    if not isinstance(node, dict):
        return node
    found = row[node["property"]]
    return None if found is None or found != found else found  # noqa: PLR0124  (NaN)


def fits(text, pattern):
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(fits(text[n:], pattern[1:]) for n in range(len(text) + 1))
    wild = pattern[0] == "_"
    pattern = pattern[1:] if pattern[0] == "\\" else pattern
    return bool(text) and (wild or text[0] == pattern[0]) and fits(text[1:], pattern[1:])


def expect(condition, frame):
    rows = frame.reset_index(names="id").to_dict("records")
    return [row["id"] for row in rows if judge(condition, row) is True]


@given(condition=CONDITION)
def test_rows_are_those_that_pandas_would_choose(store, condition):
    cameras = make_cameras()
    assert sorted(answer(store, condition)) == sorted(expect(condition, cameras))


def write(node):  # noqa: C901, PLR0911  (one for each operator)
    """Write a condition as text."""
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, int | float):
        return repr(node)
    if "property" in node:
        return f'"{node["property"]}"'
    if "bbox" in node:
        return f"BBOX({', '.join(map(repr, node['bbox']))})"
    if "type" in node:
        return shapely.to_wkt(shapely.geometry.shape(node), rounding_precision=-1)
    op, args = node["op"], node["args"]
    if op in {"and", "or"}:
        return f" {op.upper()} ".join(f"({write(part)})" for part in args)
    if op == "not":
        return f"not ({write(args[0])})"
    if op == "isNull":
        return f"{write(args[0])} is null"
    if op == "s_intersects":
        return f"S_INTERSECTS({write(args[0])},{write(args[1])})"
    if op == "between":
        return "{} BETWEEN {} AND {}".format(*map(write, args))
    if op == "in":
        return f"{write(args[0])} IN ({', '.join(map(write, args[1]))})"
    return f"{write(args[0])} {op.upper()} {write(args[1])}"


def plain(node):
    """Bring two ways of writing one condition to one: whole numbers, chains in brackets."""
    if isinstance(node, list | tuple):
        return [plain(each) for each in node]
    if not isinstance(node, dict):
        return float(node) if isinstance(node, int) and not isinstance(node, bool) else node
    node = {key: plain(each) for key, each in node.items()}
    if node.get("op") in {"and", "or"}:
        chains = [
            part["args"] if isinstance(part, dict) and part.get("op") == node["op"] else [part] for part in node["args"]
        ]
        node["args"] = [part for chain in chains for part in chain]
    return node


@given(condition=CONDITION)
def test_text_says_what_json_says_and_the_cql2_package_reads_it_so(condition):
    text = write(condition)
    assume("\\'" not in text)  # the standard's other way to write a quote, which the package does not know
    ours = plain(parse_text(text))
    assert ours == plain(condition)
    assert ours == plain(cql2.parse_text(text).to_json())


@given(text=st.one_of(st.text(max_size=60), st.lists(st.sampled_from(
    ["a", "kind", "=", "<", "<>", "'x'", "'", '"', "(", ")", ",", "1", "-1.5e3", "AND", "OR", "NOT", "LIKE", "IN", "IS",
     "NULL", "BETWEEN", "TRUE", "S_INTERSECTS", "geometry", "POINT", "BBOX", "DATE", "\\", "1 2", ";", "--"]
), max_size=14).map(" ".join)))  # fmt: skip
def test_any_text_is_a_condition_or_a_clear_error(text):
    try:
        parse_text(text)
    except CQL2Error as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "text",
    ["(" * 10_000, "(" * 10_000 + "a=1" + ")" * 10_000, "NOT " * 7000 + "a=1", "((" * 40 + "a = = 1" + "))" * 40,
     "a = " + "-" * 10_000 + "1", "a = '" + "\\'" * 9000, "S_INTERSECTS(geometry, " + "POLYGON(" * 3000,
     "geometry = " * 2000, " OR ".join(["tilt_deg=1"] * 2000), "tilt_deg IN (" + ",".join(["1"] * 6000) + ")",
     "a" * (MOST_CHARACTERS + 1)],
)  # fmt: skip
def test_deep_and_long_texts_are_refused_and_hang_nothing(store, text):
    with pytest.raises(Problem) as caught:
        answer(store, text)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("depth", [60, 400, 100_000])
def test_deep_json_is_refused(store, depth):
    text = '{"op":"not","args":[' * depth + "true" + "]}" * depth
    question = Question(store[0], "cameras", CRS_SITE, list_references(CRS_SITE)[CRS84], ANCHOR)
    with pytest.raises(Problem) as caught:
        parse_filter(text, "cql2-json", question)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("colour = 'red'", "there is no property colour; there are id, name, kind"),
        ("stream_url LIKE 'rtsp%'", "there is no property stream_url"),
        ('"kind\' OR 1=1 --" = 1', "there is no property kind' OR 1=1 --"),
        ("tilt_deg = 'x'", "= compares a number with a text"),
        ("kind > 3", "> compares a text with a number"),
        ("indoor > FALSE", "> does not compare true and false"),
        ("indoor", "expected a comparison at character 7"),
        ("kind LIKE 3", "LIKE compares a text with a pattern"),
        ("tilt_deg LIKE 'x'", "LIKE compares a text with a pattern"),
        ({"op": "like", "args": [{"property": "kind"}, "x\\"]}, "a pattern must not end with a backslash"),
        ("kind BETWEEN 'a' AND 'b'", "BETWEEN compares numbers"),
        ("kind IN (1, 'a')", "IN takes values of one kind, here text"),
        ("kind IN (name)", "IN takes values of one kind"),
        ("geometry = 'x'", "geometry is for S_INTERSECTS only"),
        ("S_INTERSECTS(kind, POINT(1 2))", "S_INTERSECTS takes the property geometry"),
        ("S_INTERSECTS(POINT(1 2), POINT(1 2))", "S_INTERSECTS takes a property and a shape"),
        ("S_INTERSECTS(geometry, POLYGON((0 0,1 1,1 0,0 1,0 0)))", "is not valid: Self-intersection"),
        ("S_INTERSECTS(geometry, BBOX(5,5,1,1))", "its lower corner must come first"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", "expected coordinates in brackets"),
        ("S_WITHIN(geometry, POINT(1 2))", "the function S_WITHIN is not supported"),
        ("tilt_deg + 1 = 2", "cannot read what stands at character 10"),
        ("tilt_deg = 1; DROP TABLE site_cameras", "cannot read what stands at character 13"),
        ("kind = 'a' UNION SELECT 1", "expected AND, OR or the end at character 12"),
        ("tilt_deg = 1e999", "a number is too large"),
        ("kind = 'a\0'", "holds characters that are none"),
        ("kind = TIMESTAMP('2026-01-01T00:00:00Z')", "= compares a text with a time"),
        ("", "expected a property or a value at character 1"),
        ({"op": "=", "args": [{"property": "kind"}]}, "= takes 2 arguments"),
        ({"op": "=", "args": [{"property": ["kind"]}, 1]}, "there is no property"),
        ({"op": "and", "args": [True]}, "and joins two conditions or more"),
        ({"op": "eval", "args": [True, True]}, "eval is not supported"),
        ({"op": "=", "args": [{"property": "kind"}, "\ud800"]}, "holds characters that are none"),
        ({"op": "=", "args": [{"property": "tilt_deg"}, 10**400]}, "filter: is not JSON"),
        ({"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Blob"}]}, "must be a GeoJSON geometry"),
        ({"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [1, 2, "x", 4]}]}, "4 or 6 numbers"),
        ({"op": "in", "args": [{"property": "kind"}, []]}, "IN takes a list"),
        ([], "must be a condition"),
        ("kind", "expected a comparison"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_filter_is_told(store, condition, words):
    if words == "filter: is not JSON":  # Python reads numbers of any length, but no longer text of them
        condition = condition | {"args": [{"property": "tilt_deg"}, float("inf")]}
    with pytest.raises(Problem) as caught:
        answer(store, condition)
    assert caught.value.status_code == 400
    assert words in str(caught.value.detail)
    assert "\n" not in str(caught.value.detail)
    assert len(read_layer(*store, "cameras")) == 60


def test_a_day_is_compared_as_a_whole(store):
    at = make_incidents()["occurred_at"].to_dict()
    first, last = pd.Timestamp("2026-03-02", tz="UTC"), pd.Timestamp("2026-03-03", tz="UTC")
    for sign, choose in {
        "=": lambda time: first <= time < last, "<>": lambda time: not first <= time < last,
        "<": lambda time: time < first, "<=": lambda time: time < last,
        ">": lambda time: time >= last, ">=": lambda time: time >= first,
    }.items():  # fmt: skip
        expected = [name for name, time in at.items() if choose(time)]
        assert answer(store, f"occurred_at {sign} DATE('2026-03-02')", layer="incidents") == expected
    assert answer(store, "DATE('2026-03-01') = occurred_at", layer="incidents") == ["i00", "i01", "i02"]
    assert answer(store, "occurred_at = TIMESTAMP('2026-03-02T00:00:00Z')", layer="incidents") == ["i03"]
    assert answer(store, "occurred_at < TIMESTAMP('2026-03-01T22:37:00.000001Z')", layer="incidents") == ["i00"]
    days = "occurred_at IN (DATE('2026-03-01'), TIMESTAMP('2026-03-02T00:00:00Z'))"
    assert answer(store, days, layer="incidents") == ["i00", "i01", "i02", "i03"]


def test_shapes_of_areas_are_met_exactly(store):
    """Triangles whose boxes touch the question but which do not themselves are left out, on both databases."""
    database, site_id = store
    shapes = read_layer(database, site_id, "obstacles").geometry
    rng = np.random.default_rng(8)
    for _ in range(15):
        low = CORNER + rng.integers(0, 900, 2)
        box = shapely.box(*low, *(low + rng.integers(1, 120, 2)))
        sides = ",".join(map(str, box.bounds))
        found = answer(store, f"S_INTERSECTS(geometry, BBOX({sides}))", layer="obstacles")
        assert set(found) == set(shapes.index[shapes.intersects(box)])


def test_questions_in_longitude_and_latitude_find_what_lies_there(store):
    database, site_id = store
    points = read_layer(database, site_id, "cameras").to_crs(4326)
    west, south, east, north = points.total_bounds
    rng = np.random.default_rng(9)
    for _ in range(10):
        x, y = np.sort(rng.uniform(west, east, 2)), np.sort(rng.uniform(south, north, 2))
        inside = points.index[points.intersects(shapely.box(x[0], y[0], x[1], y[1]))]
        text = f"S_INTERSECTS(geometry, BBOX({x[0]},{y[0]},{x[1]},{y[1]}))"
        assert set(answer(store, text, crs=CRS84)) == set(inside)
        # where latitude comes first, on the other side of the world as well
        ring = [(y[0], x[0] - 360), (y[1], x[0] - 360), (y[1], x[1] - 360), (y[0], x[0] - 360)]
        far = f"S_INTERSECTS(geometry, POLYGON(({','.join(f'{lat} {lon}' for lat, lon in ring)})))"
        half = points.index[points.intersects(shapely.Polygon([(x[0], y[0]), (x[0], y[1]), (x[1], y[1])]))]
        assert set(answer(store, far, crs="http://www.opengis.net/def/crs/EPSG/0/4326")) == set(half)
    everywhere = "S_INTERSECTS(geometry, BBOX(-180,-90,180,90))"
    assert len(answer(store, everywhere, crs=CRS84)) == len(points)
    assert len(answer(store, f"NOT ({everywhere})", crs=CRS84)) == 0
    assert answer(store, "S_INTERSECTS(geometry, BBOX(0,0,1,1))", crs=CRS84) == []


def test_the_filters_of_the_documentation_are_answered(store):
    page = Path(__file__).parents[1] / "docs" / "api.md"
    (block,) = re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = block.splitlines()
    assert len(lines) > 3
    for line in lines:
        answer(store, line, layer="incidents" if "occurred_at" in line else "cameras", crs=CRS84)


@given(condition=CONDITION)
def test_filters_hold_for_what_a_scenario_changes_too(variant, condition):
    database, scenario_id = variant
    cameras = read_cameras(database, scenario_id)
    references = list_references(CRS_SITE)
    question = Question(database, "cameras", CRS_SITE, next(iter(references.values())), ANCHOR)
    found = parse_filter(json.dumps(condition), "cql2-json", question)
    ids, after = [], ""
    while after is not None:
        page, after = read_camera_page(database, scenario_id, limit=20, after=after, box=found.box, where=found.where)
        assert len(page) == 20 or after is None
        ids += list(page.index)
    assert len(ids) == len(set(ids))
    assert sorted(ids) == sorted(expect(condition, cameras))


@pytest.fixture(scope="module")
def variant(store):
    database, site_id = store
    scenario = add_scenario(database, site_id, name="edited").scenario_id
    cameras = read_layer(database, site_id, "cameras").drop(columns="version")
    changed = cameras.iloc[10:20].assign(tilt_deg=1.5, name="Ost")
    changed = changed.set_geometry(changed.geometry.translate(500.0, 50.0))
    put_cameras(database, scenario, changed, versions=dict.fromkeys(changed.index, 0))
    added = cameras.iloc[:5].rename(index=lambda name: f"new {name}")
    put_cameras(database, scenario, added, versions=dict.fromkeys(added.index, 0))
    remove_cameras(database, scenario, versions=dict.fromkeys(cameras.index[30:35], 0))
    return database, scenario


def test_a_scenario_is_given_page_by_page_as_it_is_read_whole(variant):
    database, scenario_id = variant
    whole = read_cameras(database, scenario_id).sort_index()
    pages, after = [], ""
    while after is not None:
        page, after = read_camera_page(database, scenario_id, limit=9, after=after)
        pages.append(page)
    joined = pd.concat(pages)
    assert sorted(joined.index) == list(whole.index)
    joined = joined.loc[whole.index]
    assert joined["version"].to_list() == whole["version"].to_list()
    assert (joined.geometry == whole.geometry).all()
    assert joined["name"].fillna("").to_list() == whole["name"].fillna("").to_list()
    assert count_scenario_cameras(database, scenario_id) == len(whole)
