"""One bad probe is no fault, and one good one no repair: N of the last M probes decide."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sightgrid.health.conditions import CONDITIONS
from sightgrid.health.rules import Finding, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = max(condition.window for condition in CONDITIONS.values())
CLEAR = 2  # probes in a row without a condition end it


@dataclass
class Hysteresis:
    """The memory of one camera.

    Attributes
    ----------
    recent : list of tuple of str
        The conditions that held in the last probes, oldest first.
    standing : dict of str to Finding
        The conditions that stand, with the finding that was made last.

    Examples
    --------
    >>> from sightgrid.health.rules import judge
    >>> memory, black = Hysteresis(), judge({"mean_level": 4.0, "peak_level": 12.0})
    >>> memory.settle(black).status
    'ok'
    >>> memory.settle(black).status
    'fault'
    """

    recent: list[tuple[str, ...]] = field(default_factory=list)
    standing: dict[str, Finding] = field(default_factory=dict)

    def settle(self, verdict: Verdict) -> Verdict:
        """Take in the verdict of a probe and return what stands now.

        Parameters
        ----------
        verdict : Verdict
            As judged on this probe alone. One that is not checkable changes nothing: what stands stays.

        Returns
        -------
        Verdict
            A condition stands when it held in N of the last M probes (see its row in the table of rules), and ends
            when it held in none of the last two. An offline probe says nothing about the picture: what stood of it
            stands still.
        """
        if verdict.status == "not_checkable":
            return combine(tuple(self.standing.values()), otherwise=verdict)
        self.recent = [*self.recent, tuple(finding.condition for finding in verdict.findings)][-LONGEST:]
        for finding in verdict.findings:
            condition = CONDITIONS[finding.condition]
            votes = sum(finding.condition in held for held in self.recent[-condition.window :])
            if votes >= condition.votes or finding.condition in self.standing:
                self.standing[finding.condition] = finding
        if verdict.status != "offline":
            lately = {name for held in self.recent[-CLEAR:] for name in held}
            self.standing = {name: finding for name, finding in self.standing.items() if name in lately}
        suspected = [finding for finding in verdict.findings if finding.condition not in self.standing]
        calm = verdict
        if suspected:
            calm = replace(
                verdict, status="ok", reason=f"suspected, not yet confirmed: {suspected[0].reason}", findings=()
            )
        return combine(tuple(self.standing.values()), otherwise=calm)

    def to_dict(self) -> dict[str, Any]:
        """Make a plain dictionary for the store."""
        return {
            "recent": [list(held) for held in self.recent],
            "standing": {name: [finding.severity, finding.reason] for name, finding in self.standing.items()},
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Hysteresis:
        """Read what `to_dict` made."""
        standing = {name: Finding(name, severity, reason) for name, (severity, reason) in kept["standing"].items()}
        return cls([tuple(held) for held in kept["recent"]], standing)
