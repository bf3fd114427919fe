"""Numbers in, status out: one table of rules, which is also the documentation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sightgrid.errors import InputError
from sightgrid.health.conditions import CONDITIONS, RULES, Condition, Test

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.health.conditions import Rule

Status = Literal["ok", "warning", "fault", "offline", "not_checkable"]
ENOUGH_INLIERS = 100.0  # fewer usual inliers cannot tell whether the view has moved
NEEDED = "mean_level"  # without it no picture was measured
NO_BASELINE = "no baseline yet"


@dataclass(frozen=True)
class Finding:
    """A rule that holds: its condition, how bad it is, and why in words."""

    condition: str
    severity: Literal["warning", "fault", "offline"]
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What is judged of a camera.

    Attributes
    ----------
    status : {"ok", "warning", "fault", "offline", "not_checkable"}
        Of the finding that stands first.
    reason : str
        The measure, its baseline and its threshold, in words.
    findings : tuple of Finding
        All conditions that hold, the most important first.
    unchecked : tuple of str
        Conditions nothing can be said about, because a measure or its baseline is missing.
    """

    status: Status
    reason: str
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The condition that stands first, or ``""``."""
        return self.findings[0].condition if self.findings else ""

    @property
    def consequence(self) -> str:
        """What follows for the coverage, the worst of all findings: ``nothing``, ``void``, ``shorter`` or ``none``."""
        held = {CONDITIONS[finding.condition].consequence for finding in self.findings}
        return next((name for name in ("nothing", "void", "shorter") if name in held), "none")


def judge(
    measures: Mapping[str, float],
    *,
    baseline: Mapping[str, float] | None = None,
    last: Mapping[str, float] | None = None,
    expected: Mapping[str, float] | None = None,
    lighting: str = "day",
    stage: str = "",
) -> Verdict:
    """Judge one probe.

    Parameters
    ----------
    measures : mapping of str to float
        What was measured (`sightgrid.health.checks.measure_frames`).
    baseline : mapping of str to float, optional
        What is usual for this camera in this lighting. Without it only the absolute rules apply.
    last : mapping of str to float, optional
        What the probe before measured.
    expected : mapping of str to float, optional
        What the ledger says (``fps``, ``width_px``, ``height_px``); it stands in front of the baseline.
    lighting : {"day", "dark", "infrared"}
        As `sightgrid.health.conditions.tell_lighting` tells it; the colour is not judged in infrared.
    stage : str
        The stage at which the probe failed, ``""`` if it passed all.

    Returns
    -------
    Verdict
        ``not_checkable`` if no picture was measured though no stage failed.

    Raises
    ------
    InputError
        An expected value that is none of the measures of a rule, or no number.

    Examples
    --------
    >>> verdict = judge({"mean_level": 4.0, "peak_level": 12.0})
    >>> verdict.status, verdict.consequence
    ('fault', 'nothing')
    >>> verdict.reason
    'black: mean level 4 < 30, peak level 12 < 60; no baseline yet'
    >>> judge({"mean_level": 12.0, "peak_level": 240.0}).status  # lamps at night
    'ok'
    """
    usual = dict(baseline or {}) | _check_expected(expected or {})
    if stage:
        row = next(rule for rule in RULES if rule.condition == "offline")
        finding = Finding(row.condition, row.severity, f"offline: the probe failed at the stage {stage}")
        return Verdict("offline", finding.reason, (finding,))
    if math.isnan(measures.get(NEEDED, math.nan)):
        return Verdict("not_checkable", "no picture was measured", (), tuple(CONDITIONS))
    found: dict[str, Finding] = {}
    unchecked: dict[str, str] = {}
    for rule in RULES:
        if rule.condition == "offline" or lighting not in rule.lightings:
            continue
        answers = [_try(test, measures, usual, last or {}) for test in rule.tests]
        missing = "; ".join(dict.fromkeys(why for why, _ in answers if why))
        if missing:
            unchecked.setdefault(rule.condition, missing)
        elif rule.condition not in found and all(told for _, told in answers):
            why = f"{CONDITIONS[rule.condition].name}: " + ", ".join(told for _, told in answers)
            found[rule.condition] = Finding(rule.condition, rule.severity, why)
    findings = tuple(sorted(found.values(), key=lambda finding: CONDITIONS[finding.condition].priority))
    left = tuple(name for name in unchecked if name not in found)
    note = "" if baseline else f"; {NO_BASELINE}"
    if not findings:
        cannot = sorted({f"{CONDITIONS[name].name} ({unchecked[name]})" for name in left})
        return Verdict(
            "ok", "no rule holds" + (f"; not checkable: {', '.join(cannot)}" if cannot else "") + note, (), left
        )
    return Verdict(findings[0].severity, findings[0].reason + note, findings, left)


def combine(findings: tuple[Finding, ...], *, otherwise: Verdict) -> Verdict:
    """Make the verdict of the findings that stand, or take the other one's words if none does."""
    if not findings:
        return otherwise
    ordered = tuple(sorted(findings, key=lambda finding: CONDITIONS[finding.condition].priority))
    return Verdict(ordered[0].severity, ordered[0].reason, ordered, otherwise.unchecked)


def describe_rules() -> str:
    """Write the table of rules as Markdown; ``docs/health/rules.md`` holds exactly this text.

    Examples
    --------
    >>> describe_rules().splitlines()[0].startswith("| condition | status |")
    True
    """
    lines = [
        "| condition | status | holds if all of | baseline | probes | means | for the coverage |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in RULES:
        condition: Condition = CONDITIONS[rule.condition]
        tests = "; ".join(test.words for test in rule.tests)
        light = "" if len(rule.lightings) == 3 else f" (not in {_leave_out(rule)})"  # noqa: PLR2004
        lines.append(
            f"| {condition.name} | {rule.severity} | {tests}{light} | {'needed' if rule.needs_baseline else 'no'} "
            f"| {condition.votes} of {condition.window} | {condition.meaning} | {condition.consequence} |"
        )
    return "\n".join(lines) + "\n"


def _leave_out(rule: Rule) -> str:
    return " or ".join(name for name in ("day", "dark", "infrared") if name not in rule.lightings)


def _check_expected(expected: Mapping[str, float]) -> dict[str, float]:
    wrong = [name for name in expected if name not in {"fps", "width_px", "height_px"}]
    if wrong:
        raise InputError(f"expected: {', '.join(sorted(wrong)[:3])}: only fps, width_px and height_px can be expected")
    return {name: float(value) for name, value in expected.items() if value > 0.0}


def _try(
    test: Test, measures: Mapping[str, float], usual: Mapping[str, float], last: Mapping[str, float]
) -> tuple[str, str]:
    """Tell why a test cannot be made, and else in words that it holds; two empty texts: it does not hold."""
    value = measures.get(test.measure, math.nan)
    if math.isnan(value):
        return f"no {test.name}", ""
    before = math.nan
    if test.against != "level":
        before = (last if test.against == "last" else usual).get(test.measure, math.nan)
        if math.isnan(before):
            return ("no probe before" if test.against == "last" else f"no baseline of {test.name}"), ""
        if test.measure == "inliers" and before < ENOUGH_INLIERS:
            return f"only {before:.0f} inliers usual", ""
    return "", test.tell(value, before)
