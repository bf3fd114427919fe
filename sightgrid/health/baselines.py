"""What is usual for a camera: robust baselines of its measures, and the view it should have, by lighting."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sightgrid.errors import InputError, UnitRangeError
from sightgrid.health.conditions import LIGHTINGS, RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.health.view import Reference, View

KEEP = 50  # healthy probes
FIRST = 5  # fewer tell nothing about what is usual
SPREAD = 6.0  # MADs from the median, and
SHARE = 0.25  # at least this share of the median: further off is taken as if it were there
FADED = 0.5  # of the inliers the reference began with
LEARNED = tuple(
    dict.fromkeys(
        test.measure for rule in RULES for test in rule.tests if test.against in {"ratio", "rise", "distance"}
    )
)
COMPARED = tuple(dict.fromkeys(test.measure for rule in RULES for test in rule.tests if test.against == "last"))


@dataclass
class Usual:
    """The last healthy values of each measure in one lighting, oldest first, and the view."""

    values: dict[str, list[float]] = field(default_factory=dict)
    probes: int = 0
    view: bytes = b""
    first_inliers: float = math.nan  # usual when the view was taken

    def median(self, measure: str) -> float:
        """The middle value; NaN if there are too few."""
        values = self.values.get(measure, [])
        return statistics.median(values) if len(values) >= FIRST else math.nan

    def mad(self, measure: str) -> float:
        """The median absolute deviation from the median; NaN if there are too few values."""
        middle = self.median(measure)
        return statistics.median(abs(value - middle) for value in self.values[measure]) if middle == middle else middle  # noqa: PLR0124

    def learn(self, measure: str, value: float, keep: int) -> None:
        """Take in a value; one far off moves the median no further than one at the fence."""
        values = self.values.setdefault(measure, [])
        middle = self.median(measure)
        if not math.isnan(middle):
            reach = max(SPREAD * self.mad(measure), SHARE * abs(middle))
            value = min(max(value, middle - reach), middle + reach)
        values.append(value)
        del values[:-keep]


@dataclass
class Baseline:
    """What is usual for one camera.

    Attributes
    ----------
    keep : int
        How many healthy probes are remembered in each lighting.
    usual : dict of str to Usual
        By lighting: ``"day"``, ``"dark"``, ``"infrared"``.
    last : dict of str to float
        What the last probe measured, healthy or not, as far as a rule compares with it.

    Raises
    ------
    UnitRangeError
        `keep` is smaller than 5.

    Examples
    --------
    >>> baseline = Baseline()
    >>> for sharpness in (100.0, 104.0, 98.0, 101.0, 99.0):
    ...     baseline.update({"sharpness": sharpness}, lighting="day", healthy=True)
    >>> baseline.update({"sharpness": 5.0}, lighting="day", healthy=False)
    >>> baseline.medians("day")["sharpness"]
    100.0
    >>> baseline.medians("infrared")
    {}
    """

    keep: int = KEEP
    usual: dict[str, Usual] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.keep < FIRST:
            raise UnitRangeError(f"keep must be at least {FIRST}, not {self.keep}")

    def medians(self, lighting: str) -> dict[str, float]:
        """What is usual in a lighting; empty before the fifth healthy probe."""
        usual = self.usual.get(lighting)
        if usual is None or usual.probes < FIRST:
            return {}
        found = {name: usual.median(name) for name in usual.values}
        return {name: value for name, value in found.items() if not math.isnan(value)}

    def needs_view(self, lighting: str) -> bool:
        """Tell whether a view is wanted from the next healthy probe: none yet, or the old one has faded."""
        usual = self.usual.get(lighting)
        if usual is None or not usual.view:
            return True
        return usual.median("inliers") < FADED * usual.first_inliers

    def reference(self) -> Reference:
        """The views to measure the next probe against."""
        from sightgrid.health.view import Reference  # noqa: PLC0415 - needs OpenCV, which whoever only judges has not

        return Reference.from_dict({name: usual.view for name, usual in self.usual.items() if usual.view})

    def update(self, measures: Mapping[str, float], *, lighting: str, healthy: bool, view: View | None = None) -> None:
        """Take in a probe.

        Parameters
        ----------
        measures : mapping of str to float
            What it measured; NaN is passed over.
        lighting : {"day", "dark", "infrared"}
            Which baselines it belongs to.
        healthy : bool
            False if any rule held: nothing is learned then but what the last probe measured.
        view : View, optional
            The view of the probe; taken as the reference if one is wanted.

        Raises
        ------
        InputError
            The lighting is not known.
        """
        if lighting not in LIGHTINGS:
            raise InputError(f"lighting: {lighting!r} is not known; choose {', '.join(LIGHTINGS)}")
        self.last = {name: measures[name] for name in COMPARED if name in measures}
        if not healthy:
            return
        usual = self.usual.setdefault(lighting, Usual())
        if view is not None and self.needs_view(lighting):
            usual.view, usual.first_inliers = view.to_bytes(), math.nan
            usual.values.pop("inliers", None)  # those with the old view say nothing about the new one
        usual.probes += 1
        for name in LEARNED:
            value = measures.get(name, math.nan)
            if not math.isnan(value):
                usual.learn(name, value, self.keep)
        if math.isnan(usual.first_inliers):
            usual.first_inliers = usual.median("inliers")

    def to_dict(self) -> dict[str, Any]:
        """Make a plain dictionary of numbers, texts and bytes for the store."""
        return {
            "keep": self.keep,
            "last": dict(self.last),
            "usual": {
                name: {
                    "probes": usual.probes, "view": usual.view, "first_inliers": usual.first_inliers,
                    "values": {measure: list(values) for measure, values in usual.values.items()},
                }
                for name, usual in self.usual.items()
            },
        }  # fmt: skip

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Baseline:
        """Read what `to_dict` made."""
        usual = {
            name: Usual(**{**one, "values": {k: list(v) for k, v in one["values"].items()}})
            for name, one in kept["usual"].items()
        }
        return cls(int(kept["keep"]), usual, dict(kept["last"]))
