"""What mappers write: directions, lengths, tilts, speeds and levels, in all their forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightgrid.gis.directions import (
    WINDS,
    Direction,
    parse_directions,
    parse_levels,
    parse_metres,
    parse_speed,
    parse_tilt,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("45", [Direction(45.0)]),
        ("45.5", [Direction(45.5)]),
        ("45,5", [Direction(45.5)]),
        ("45°", [Direction(45.0)]),
        ("360", [Direction(0.0)]),
        ("0", [Direction(0.0)]),
        ("N", [Direction(0.0)]),
        ("nnw", [Direction(337.5)]),
        ("90-270", [Direction(180.0, 180.0)]),
        ("270-90", [Direction(0.0, 180.0)]),
        ("N-E", [Direction(45.0, 90.0)]),
        ("350 - 10", [Direction(0.0, 20.0)]),
        ("0-360", [Direction(180.0, 360.0)]),
        ("45-45", [Direction(45.0)]),
        ("0;180", [Direction(0.0), Direction(180.0)]),
        ("SW; 10-50", [Direction(225.0), Direction(30.0, 40.0)]),
        ("45;forward", [Direction(45.0), None]),
        ("", []),
        ("400", [None]),
        ("-45", [None]),
        ("NN", [None]),
        ("forward", [None]),
        ("1-2-3", [None]),
        ("90-", [None]),
    ],
)
def test_directions(text: str, expected: list[Direction | None]) -> None:
    assert parse_directions(text) == expected


@given(st.lists(st.floats(0, 359.99).map(lambda value: round(value, 2)), min_size=1, max_size=4))
def test_written_degrees_come_back(azimuths: list[float]) -> None:
    text = ";".join(f"{azimuth:.2f}°" for azimuth in azimuths)
    assert parse_directions(text) == [Direction(azimuth) for azimuth in azimuths]


@given(st.integers(0, 359), st.integers(1, 359))
def test_a_range_turns_clockwise_from_its_start_to_its_end(start: int, width: int) -> None:
    (direction,) = parse_directions(f"{start}-{(start + width) % 360}")
    assert direction is not None
    assert direction.width_deg == width
    assert direction.azimuth_deg == (start + width / 2) % 360


@given(st.sampled_from(WINDS), st.sampled_from([str.upper, str.lower, str.title]))
def test_letters_are_degrees(wind: str, style: object) -> None:
    assert callable(style)
    assert parse_directions(style(wind)) == parse_directions(str(WINDS.index(wind) * 22.5))


@given(st.text(max_size=12))
def test_no_text_breaks_the_reader(text: str) -> None:
    for direction in parse_directions(text):
        assert direction is None or (0 <= direction.azimuth_deg < 360 and 0 < (direction.width_deg or 1) <= 360)


@pytest.mark.parametrize(
    ("text", "metres"),
    [("4", 4.0), ("4 m", 4.0), ("3,5m", 3.5), ("12'", 3.6576), ("12'6\"", 3.81), ("12 ft", 3.6576), ("~4", None),
     ("-3", None), ("", None), ("4 storeys", None)],
)  # fmt: skip
def test_lengths(text: str, metres: float | None) -> None:
    assert parse_metres(text) == (None if metres is None else pytest.approx(metres))


def test_tilts_speeds_and_levels() -> None:
    assert [parse_tilt(text) for text in ("-25", "15°", "0", "-90", "-91", "-90-20", "down")] == [
        25.0, -15.0, 0.0, 90.0, None, None, None,
    ]  # fmt: skip
    assert [parse_speed(text) for text in ("50", "30 mph", "40 km/h", "FI:urban", "none", "0")] == [
        50.0, pytest.approx(48.28, abs=0.01), 40.0, None, None, None,
    ]  # fmt: skip
    assert [parse_levels(text) for text in ("6", "1;6", "2.5", "", "many")] == [6.0, 6.0, 2.5, None, None]
