"""The conditions of a camera and the rules that tell them: every threshold stands here, and nowhere else."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
LIGHTINGS = ("day", "dark", "infrared")
INFRARED_SATURATION = 0.5  # an infrared picture has no colour at all; asphalt in fog has about 1
DARK_MEAN = 40.0


@dataclass(frozen=True)
class Test:
    """One comparison of a measure.

    Attributes
    ----------
    measure, comparison, threshold
        Such as ``"mean_level", "<", 30.0``.
    against : {"level", "ratio", "rise", "distance", "last"}
        What is compared: the measure itself, its ratio to the baseline, how far it lies above the baseline, how far
        from the baseline to either side, or how far from what the probe before measured.
    """

    __test__ = False  # no test case

    measure: str
    comparison: Literal["<", "<=", ">", ">="]
    threshold: float
    against: Literal["level", "ratio", "rise", "distance", "last"] = "level"

    @property
    def name(self) -> str:
        """The measure in words."""
        stem, _, unit = self.measure.rpartition("_")
        return (stem if unit in {"px", "s", "deg"} else self.measure).replace("_", " ")

    @property
    def words(self) -> str:
        """The test in words, for the documentation."""
        left = {
            "level": f"{self.name}", "ratio": f"{self.name} / baseline", "rise": f"{self.name} - baseline",
            "distance": f"distance of {self.name} from baseline", "last": f"change of {self.name} since the last probe",
        }[self.against]  # fmt: skip
        return f"{left} {self.comparison} {self.threshold:g}"

    def tell(self, value: float, before: float) -> str:
        """Tell in words that the test holds, or return an empty text; `before` is the baseline or the last probe's."""
        if self.against == "ratio":
            compared = value / before if before > 0.0 else math.inf if value > 0.0 else 1.0
        elif self.against == "rise":
            compared = value - before
        elif self.against in {"distance", "last"}:
            compared = abs(value - before)
        else:
            compared = value
        if not COMPARE[self.comparison](compared, self.threshold):
            return ""
        limit = f"{self.comparison} {self.threshold:g}"
        if self.against == "level":
            return f"{self.name} {value:.3g} {limit}"
        if self.against == "last":
            return f"{self.name} {value:.3g}, last probe {before:.3g}, change {compared:.3g} {limit}"
        return f"{self.name} {value:.3g}, baseline {before:.3g}, {self.against} {compared:.3g} {limit}"


@dataclass(frozen=True)
class Condition:
    """What can be wrong with a camera.

    Attributes
    ----------
    name, meaning : str
        In words.
    priority : int
        The smallest one gives the status and the reason.
    consequence : {"nothing", "void", "shorter", "none"}
        For the coverage: the camera sees nothing, its footprint is void until it is referenced again, its range is
        shorter, or nothing changes.
    votes, window : int
        It stands when it held in so many of the last so many probes.
    """

    name: str
    priority: int
    consequence: Literal["nothing", "void", "shorter", "none"]
    meaning: str
    votes: int = 2
    window: int = 3


@dataclass(frozen=True)
class Rule:
    """A row of the table: the condition holds if all tests do."""

    condition: str
    severity: Literal["warning", "fault", "offline"]
    tests: tuple[Test, ...]
    lightings: tuple[str, ...] = LIGHTINGS

    @property
    def needs_baseline(self) -> bool:
        """True if a test compares with what is usual."""
        return any(test.against in {"ratio", "rise", "distance"} for test in self.tests)


CONDITIONS: dict[str, Condition] = {
    "offline": Condition("offline", 0, "nothing", "the stream cannot be reached, opened or read"),
    "black": Condition("black", 1, "nothing", "no light and no lamps: capped lens, dead sensor, lost signal"),
    "white_out": Condition("white-out", 2, "nothing", "blinded or overexposed"),
    "frozen": Condition("frozen", 3, "nothing", "the same picture again and again, over two probes at least"),
    "covered": Condition("covered", 4, "nothing", "something stands before the lens", 3, 4),
    "moved": Condition("moved", 5, "void", "the camera looks somewhere else than it did", 3, 4),
    "noise": Condition("noise", 6, "shorter", "snow, or far more noise than usual"),
    "blur": Condition("blur", 7, "shorter", "out of focus, dirt or water on the lens", 3, 4),
    "low_contrast": Condition("low contrast", 8, "shorter", "fog, glare, or a fading sensor", 3, 4),
    "stripes": Condition("stripes", 9, "shorter", "regular bars across the picture"),
    "interlace": Condition("interlace", 10, "none", "two fields of different moments in one picture"),
    "colour_cast": Condition("colour cast", 11, "none", "wrong white balance or a lost colour", 3, 4),
    "jitter": Condition("jitter", 12, "shorter", "the camera shakes"),
    "low_fps": Condition("low frame rate", 13, "none", "fewer pictures per second than usual or agreed"),
    "resolution": Condition("resolution", 14, "none", "not the picture size that is usual or agreed"),
}

RULES: tuple[Rule, ...] = (
    Rule("offline", "offline", (Test("stage_failed", ">", 0.0),)),
    Rule("black", "fault", (Test("mean_level", "<", 30.0), Test("peak_level", "<", 60.0))),
    Rule("white_out", "fault", (Test("mean_level", ">", 220.0), Test("bright_share", ">", 0.5))),
    Rule("frozen", "fault", (
        Test("changed_share", "<=", 0.0001), Test("frames", ">=", 5.0),
        Test("mean_level", "<=", 0.1, "last"), Test("contrast", "<=", 0.1, "last"),
    )),
    Rule("frozen", "fault", (  # encoded anew a dead picture still flickers, but it no longer lives as it used to
        Test("changed_share", "<=", 0.002), Test("changed_share", "<=", 0.02, "ratio"), Test("frames", ">=", 5.0),
        Test("mean_level", "<=", 0.1, "last"), Test("contrast", "<=", 0.1, "last"),
    )),
    Rule("frozen", "fault", (Test("advance_s", "<=", 0.0), Test("frames", ">=", 5.0))),
    Rule("covered", "fault", (
        Test("corners", "<", 0.5, "ratio"), Test("inliers", "<", 0.3, "ratio"), Test("likeness", "<", 0.3),
    )),
    Rule("covered", "fault", (
        Test("flat_share", ">=", 0.98), Test("corners", "<", 5.0),
        Test("mean_level", ">=", 30.0), Test("mean_level", "<=", 220.0),
    )),
    Rule("moved", "fault", (
        Test("shift_px", ">", 15.0), Test("phase_shift_px", ">", 10.0),
        Test("inliers", ">=", 30.0), Test("inliers", "<", 1.0, "ratio"),
    )),
    Rule("moved", "fault", (
        Test("rotation_deg", ">", 3.0, "distance"), Test("inliers", ">=", 30.0), Test("inliers", "<", 1.0, "ratio"),
    )),
    Rule("moved", "fault", (
        Test("inliers", "<", 0.3, "ratio"), Test("likeness", "<", 0.3), Test("corners", ">=", 0.5, "ratio"),
        Test("residual_level", "<=", 3.0), Test("stripe_level", "<=", 1.0, "rise"),
    )),
    Rule("noise", "warning", (Test("residual_level", ">", 3.0), Test("residual_level", ">", 3.0, "ratio"))),
    Rule("blur", "warning", (
        Test("sharpness", "<", 0.35, "ratio"), Test("relative_sharpness", "<", 0.5, "ratio"),
    )),
    Rule("low_contrast", "warning", (Test("level_range", "<", 0.5, "ratio"),)),
    Rule("stripes", "warning", (Test("stripe_level", ">", 1.0, "rise"), Test("stripe_level", ">", 2.0, "ratio"))),
    Rule("interlace", "warning", (Test("comb_share", ">", 0.01, "rise"),)),
    Rule("colour_cast", "warning", (Test("cast_a", ">", 10.0, "distance"),), ("day", "dark")),
    Rule("colour_cast", "warning", (Test("cast_b", ">", 10.0, "distance"),), ("day", "dark")),
    Rule("jitter", "warning", (Test("shake_px", ">", 1.0), Test("shake_px", ">", 3.0, "ratio"))),
    Rule("low_fps", "fault", (Test("fps", "<", 0.6, "ratio"),)),
    Rule("low_fps", "warning", (Test("fps", "<", 0.9, "ratio"),)),
    Rule("resolution", "warning", (Test("width_px", ">", 0.0, "distance"),)),
    Rule("resolution", "warning", (Test("height_px", ">", 0.0, "distance"),)),
)  # fmt: skip


def tell_lighting(saturation: float, mean_level: float) -> str:
    """Tell by which light a picture was taken: ``"day"``, ``"dark"`` (in colour, at night) or ``"infrared"``.

    Parameters
    ----------
    saturation, mean_level : float
        As measured by `sightgrid.health.levels`.
    """
    if mean_level < DARK_MEAN:  # next to no light has next to no colour: saturation says nothing here
        return "dark"
    return "infrared" if saturation < INFRARED_SATURATION else "day"
