"""What comes of a job: a result as the store keeps it, or a failure in words that anybody may read."""

from __future__ import annotations

import logging
import math
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sightgrid.errors import InputError, SightgridError, StoreError, hide
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.results import Result

if TYPE_CHECKING:
    from sightgrid.api.work.process import Inputs, Outcome

MOST_BODY_BYTES = 950_000_000  # a little less than what SQLite and PostgreSQL can hold
VERSION = "scenario_version"  # kept beside the inputs

log = logging.getLogger("sightgrid.work")


class Failure(NamedTuple):
    """Why a job ended badly, and whether it may go well another time."""

    message: str
    retryable: bool = False


def make_result(
    kind: str, options: Inputs, outcome: Outcome, *, fingerprint: str, scenario_version: int | None
) -> Result:
    """Make the result that is kept of what a process hands back.

    Raises
    ------
    InputError
        Its file is larger than a store keeps.
    """
    if len(outcome.body) > MOST_BODY_BYTES:
        size, most = (f"{count / 1e6:,.0f} MB" for count in (len(outcome.body), MOST_BODY_BYTES))
        raise InputError(f"the file of the result has {size}; a store keeps no more than {most}")
    return Result(
        kind,
        fingerprint,
        {**options.model_dump(mode="json"), VERSION: scenario_version},
        {str(name): _plain(value) for name, value in outcome.figures.items()},
        outcome.body,
        outcome.media_type,
        options.scenario_id,
        outcome.layers,
        outcome.keep,
    )


def tell_failure(error: Exception) -> Failure:
    """Put into words what went wrong, without addresses and paths; what is not ours goes to the log alone."""
    if isinstance(error, NotFoundError):
        return Failure("the site or the scenario is not there any more")
    if isinstance(error, StoreError):
        log.warning("%s", error)
        return Failure("the store could not be used", retryable=True)
    if isinstance(error, SightgridError):
        return Failure(" ".join(_hide(word) for word in str(error).split(" ")))
    if isinstance(error, MemoryError):
        return Failure("there is not enough memory for this job")
    text = "".join(traceback.format_exception(error)).rstrip()
    log.error("%s", " ".join(hide(word) for word in text.split(" ")))
    return Failure("something went wrong in the worker; the server's log says more")


def _hide(word: str) -> str:
    return hide(PurePath(word).name) if word.startswith("/") else hide(word)


def _plain(value: Any) -> Any:
    """Make a value what JSON can hold; numbers that are none become null."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
