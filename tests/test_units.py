"""Units and shifts: what a dispatcher's file says, and what is told where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sightgrid.errors import InputError, SchemaError, SourceError, UnitRangeError
from sightgrid.patrol.shift.shifts import parse_shift
from sightgrid.patrol.shift.unit_files import read_units

EXAMPLE = Path(__file__).parents[1] / "data" / "units_helsinki.toml"
SHIFT = "2026-11-23T08:00/16:00"
HEAD = 'zone = "Europe/Helsinki"\n'
STATION = 'depot = "n25389429"\n'
WALKER = f'[[units]]\nid = "w"\nkind = "foot"\nspeed_kph = 5\n{STATION}'


def write(folder, text):
    file = folder / "units.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2026-11-23T08:00/16:00", "Europe/Helsinki", "2026-11-23T06:00Z", "2026-11-23T14:00Z"),
        ("2026-11-23 08:00 / 16:00", "Europe/Helsinki", "2026-11-23T06:00Z", "2026-11-23T14:00Z"),
        ("2026-11-23T22:00/2026-11-24T06:00", "Asia/Shanghai", "2026-11-23T14:00Z", "2026-11-23T22:00Z"),
        ("2026-11-23T08:00-05:00/16:00", None, "2026-11-23T13:00Z", "2026-11-23T21:00Z"),
        ("2026-11-23T08:00+02:00/16:00+02:00", None, "2026-11-23T06:00Z", "2026-11-23T14:00Z"),
        # the night the clocks go back lasts an hour longer
        ("2026-10-24T22:00/2026-10-25T06:00", "Europe/Helsinki", "2026-10-24T19:00Z", "2026-10-25T04:00Z"),
    ],
)
def test_shifts(text, zone, start, end):
    assert parse_shift(text, zone=zone) == (pd.Timestamp(start), pd.Timestamp(end))


@pytest.mark.parametrize(
    ("text", "zone", "error", "message"),
    [
        (
            "2026-11-23T16:00/08:00",
            "UTC",
            InputError,
            "ends before it starts.*past midnight, write the end with its date",
        ),
        ("2026-11-23T08:00/08:00", "UTC", InputError, "ends before it starts, or lasts no time"),
        ("2026-11-23T08:00/2026-11-22T08:00", "UTC", InputError, "ends before it starts, or lasts no time$"),
        ("2026-11-23T08:00/2026-11-24T08:01", "UTC", UnitRangeError, "more than 24 h"),
        ("2026-11-23T08:00", "UTC", InputError, "cannot be read; write it as"),
        ("2026-11-23/16:00", "UTC", InputError, "cannot be read"),
        ("2026-11-23T08:00/2026-11-24", "UTC", InputError, "cannot be read"),
        ("2026-11-23T08:00/25:00", "UTC", InputError, "cannot be read"),
        ("8-16", "UTC", InputError, "cannot be read"),
        ("2026-11-23T08:00/16:00", None, InputError, "has no time zone; give zone"),
        ("2026-11-23T08:00/16:00", "Helsinki", UnitRangeError, "'Helsinki' is not a time zone"),
        ("2026-11-23T08:00/16:00", "../etc", UnitRangeError, "is not a time zone"),
        ("2026-10-25T03:30/11:00", "Europe/Helsinki", InputError, "2026-10-25 03:30 comes twice in Europe/Helsinki"),
        ("2026-03-29T03:30/11:00", "Europe/Helsinki", InputError, "2026-03-29 03:30 does not exist in Europe/Helsinki"),
    ],
)
def test_shifts_that_cannot_be(text, zone, error, message):
    with pytest.raises(error, match=message):
        parse_shift(text, zone=zone)


def test_the_example_has_six_units_on_the_streets_of_the_site(helsinki):
    units = read_units(EXAMPLE, site=helsinki, shift=SHIFT)
    assert units.index.name == "unit_id"
    assert units["mode"].value_counts().to_dict() == {"foot": 2, "bicycle": 2, "car": 2}
    assert (units["start_at"] == pd.Timestamp("2026-11-23T06:00Z")).all()
    assert (units["end_at"] == pd.Timestamp("2026-11-23T14:00Z")).all()
    assert (units["speed_kph"] > 0).all()
    assert units.crs == helsinki.crs
    assert units.attrs["zone"] == "Europe/Helsinki"
    assert units.geometry.is_valid.all()
    assert units.loc["car-1", "geometry"] == helsinki.places.geometry["n25389429"]
    assert units.loc["car-1", "overtime_s"] == 900
    # Senate Square, given in longitude and latitude
    assert units.loc["bike-2", "geometry"].distance(helsinki.places.geometry["r2919121"]) < 5


def test_a_unit_has_the_last_word(tmp_path, helsinki):
    file = write(
        tmp_path,
        '[kinds.patrol]\nmode = "car"\nspeed_kph = 30\ncrew = "mixed"\nplaces = ["square"]\nbreak_min = 30\n'
        f'[[units]]\nid = "一号"\nkind = "patrol"\n{STATION}'
        f'[[units]]\nid = "b"\nkind = "patrol"\nspeed_kph = 20.5\ncrew = "armed"\nplaces = []\nbreak_min = 0\n'
        f'shift = "2026-11-23T22:00/2026-11-24T04:00"\n{STATION}'
        f'[[units]]\nid = "c"\nkind = "patrol"\nbreak_after_min = 60\nbreak_before_min = 120\n{STATION}',
    )
    units = read_units(file, site=helsinki, shift=SHIFT)
    assert units["speed_kph"].tolist() == [30, 20.5, 30]
    assert units["crew"].tolist() == ["mixed", "armed", "mixed"]
    assert units["places"].tolist() == [("square",), (), ("square",)]
    assert units["break_s"].tolist() == [1800, 0, 1800]
    assert units["break_after_s"].tolist() == [0, 0, 3600]
    # the break may start at any time at which it still ends within the shift
    assert units["break_before_s"].tolist() == [7.5 * 3600, 0, 7200]
    assert units.loc["b", "start_at"] == pd.Timestamp("2026-11-23T20:00Z")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (WALKER.replace("speed_kph = 5\n", ""), "speed_kph: a unit without a speed: give it to the unit or its kind"),
        (WALKER.replace("= 5", "= 0"), "speed_kph: must be a number above 0, at most 200 (1 row: w)"),
        (WALKER.replace("= 5", '= "5"'), "speed_kph: must be a number above 0"),
        (WALKER.replace("= 5", "= nan"), "speed_kph: must be a number above 0"),
        (WALKER + WALKER, "id: is there more than once (1 row: w)"),
        (WALKER.replace('"w"', '"../w"'), "id: must be a text of letters, digits, space, '.', '-', '_' (1 row: unit"),
        (WALKER + "spede_kph = 4\n", "spede_kph: unknown key, perhaps speed_kph (1 row: w)"),
        (WALKER + 'colour = "red"\n', "colour: unknown key, known are id, kind"),
        ("shfit = 3\n" + WALKER, "shfit: unknown key"),
        ("[kinds.foot]\nspeed = 4\n" + WALKER, "speed: unknown key, perhaps speed_kph (1 row: kinds.foot)"),
        (WALKER.replace('"foot"', '"fott"'), "kind: 'fott' is not described, perhaps foot"),
        (WALKER.replace('"foot"', '"boat"'), "kind: 'boat' is not described: add a table [kinds.boat]"),
        (WALKER.replace('kind = "foot"', "kind = 3"), "kind: must be the name of a kind"),
        ("[kinds.bike]\n" + WALKER.replace('"foot"', '"bike"'), "mode: must be foot, bicycle, car (1 row: w)"),
        (WALKER + "crew = 2\n", "crew: must be a text"),
        (WALKER + "overtime_min = -5\n", "overtime_min: must be a number of minutes, at least 0"),
        (WALKER + "break_min = 500\n", "break_min: the break must end within the shift"),
        (WALKER + "break_min = 30\nbreak_after_min = 90\nbreak_before_min = 60\n", "before_min: must not be less"),
        (WALKER + 'places = ["sqare"]\n', "places: 'sqare' is no category of the site's places (bus_station"),
        (WALKER + 'places = "square"\n', "places: must be a list of categories of places"),
        (WALKER + 'shift = "2026-11-23T16:00/08:00"\n', "shift: '2026-11-23T16:00/08:00' ends before it starts"),
        (WALKER + "shift = 2026-11-23\n", "shift: must be a text"),
        (WALKER + "depot_lonlat = [24.9, 60.2]\n", "depot: must be given once, as depot or depot_lonlat"),
        (WALKER.replace(STATION, ""), "depot: must be given once, as depot or depot_lonlat"),
        (WALKER.replace("n25389429", "n2538942"), "depot: 'n2538942' is no place_id of the site, perhaps n25389429"),
        (WALKER.replace(STATION, "depot = [1]\n"), "depot: must be a place_id or [x, y]"),
        (WALKER.replace(STATION, "depot_lonlat = [1, true]\n"), "depot_lonlat: must be [longitude, latitude]"),
        (WALKER.replace(STATION, "depot_lonlat = [60, 124]\n"), "depot_lonlat: must lie in [-180, 180] and [-90, 90]"),
        (WALKER.replace(STATION, "depot = [24.95, 60.17]\n"), "m away, farther than 200 m (1 row: w)"),
        ("", "units: there is none: add a table [[units]] for each"),
        ("units = 3\n", "units: must be tables [[units]]"),
        ("kinds = [1]\n" + WALKER, "kinds: must be tables [kinds.NAME]"),
    ],
)  # fmt: skip
def test_faults_name_field_unit_and_rule(tmp_path, helsinki, text, part):
    with pytest.raises(SchemaError) as caught:
        read_units(write(tmp_path, text), site=helsinki, shift=SHIFT)
    assert part in str(caught.value)


def test_a_depot_in_a_lake_tells_how_far_the_shore_is(tmp_path, helsinki):
    # the bay in the north-west of the site
    water = helsinki.water.geometry.loc[helsinki.water.area.idxmax()].representative_point()
    file = write(tmp_path, WALKER.replace(STATION, f"depot = [{water.x}, {water.y}]\n"))
    with pytest.raises(
        SchemaError, match=r"depot: lies in water; the nearest street for mode foot is \d+ m away \(1 row: w\)"
    ):
        read_units(file, site=helsinki, shift=SHIFT)


def test_all_faults_are_gathered(tmp_path, helsinki):
    file = tmp_path / "units.toml"
    file.write_text(
        f'zone = "Mars"\n[[units]]\nid = "a"\nkind = "foot"\n{STATION}[[units]]\nid = "b"\nkind = "car"\n{STATION}',
        encoding="utf-8",
    )
    with pytest.raises(SchemaError) as caught:
        read_units(file, site=helsinki, shift=SHIFT)
    assert [fault.column for fault in caught.value.faults] == ["zone", "speed_kph"]
    assert caught.value.faults[1].ids == ("a", "b")
    assert str(file) in str(caught.value)
    file.write_text(WALKER, encoding="utf-8")
    with pytest.raises(SchemaError, match=r"shift: .* has no time zone"):
        read_units(file, site=helsinki, shift=SHIFT)
    with pytest.raises(SchemaError, match="shift: is not given, neither by the unit nor for all"):
        read_units(file, site=helsinki)


def test_files_that_cannot_be_read(tmp_path, helsinki):
    with pytest.raises(SourceError, match="there is no such file"):
        read_units(tmp_path / "none.toml", site=helsinki, shift=SHIFT)
    with pytest.raises(SourceError, match="cannot be read as TOML in UTF-8"):
        read_units(write(tmp_path, "units = ["), site=helsinki, shift=SHIFT)
