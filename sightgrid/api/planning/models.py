"""What several routes of planning take."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Header
from pydantic import Field, StringConstraints

from sightgrid.api.problems import Problem

LARGEST_ID = 2**63 - 1

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
# in a body a number is a number: no text, and no flag
Version = Annotated[int, Field(ge=0, le=LARGEST_ID, strict=True)]
# one line without characters that cannot be seen
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Note = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
FeatureId = Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")]
LayerName = Literal["cameras", "obstacles", "streets", "water", "places", "posts", "zones", "grid", "incidents"]
IfMatch = Annotated[str | None, Header(description='The version that is meant, as `ETag` gives it: `"7"`.')]


def read_version(text: str | None) -> int:
    """Return the version that a request says it is about.

    Raises
    ------
    Problem
        428: it says none; 400: it is no version.
    """
    if text is None:
        raise Problem(428, "If-Match: must be given, with the version that is meant")
    digits = text.strip().removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit() and len(digits) < len(str(LARGEST_ID))):
        raise Problem(400, 'If-Match: must be a version, such as "7"')
    return int(digits)
