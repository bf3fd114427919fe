"""From a camera table to the streams to be probed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sightgrid.errors import Fault, InputError, SchemaError
from sightgrid.health.addresses import parse_address
from sightgrid.health.probes import NO_ADDRESS
from sightgrid.health.secrets import Secrets

if TYPE_CHECKING:
    from sightgrid.health.addresses import Address

COLUMN = "stream_url"
LEDGER = ("width_px", "height_px")


def read_sources(cameras: pd.DataFrame, *, secrets: Secrets | None = None) -> pd.DataFrame:
    """Take the stream addresses out of a camera table.

    User and password of a stream are, first come first served: the secrets' for the camera, the secrets' for its host,
    those in the address, the secrets' default.

    Parameters
    ----------
    cameras : DataFrame
        Index ``camera_id``, column ``stream_url``, and where known ``width_px``, ``height_px``.
    secrets : Secrets, optional
        What `sightgrid.health.secrets.read_secrets` found.

    Returns
    -------
    DataFrame
        Indexed as `cameras`: ``address`` (Address or None; shown masked), ``host`` (``""`` for files and where there
        is no address), ``width_px``, ``height_px`` as the ledger says (NaN if it does not), and ``reason``, which says
        why a camera is not checkable (``""`` if it is).

    Raises
    ------
    InputError
        No camera has a stream address.
    SchemaError
        Addresses are none; camera ids are named, addresses never.

    Examples
    --------
    >>> table = pd.DataFrame({"stream_url": ["rtsp://admin:secret@10.0.0.7/live", None]},
    ...                      index=pd.Index(["a", "b"], name="camera_id"))
    >>> sources = read_sources(table)
    >>> print(sources.loc["a", "address"], sources.loc["b", "reason"])
    rtsp://***@10.0.0.7/live no stream address
    """
    given = [_clean(text) for text in cameras[COLUMN]] if COLUMN in cameras.columns else []
    if not any(given):
        raise InputError(f"cameras: no camera has a stream address; give a column {COLUMN}")
    ids = [str(name) for name in cameras.index]
    addresses: list[Address | None] = []
    broken: dict[str, list[str]] = {}
    for camera_id, text in zip(ids, given, strict=True):
        try:
            address = parse_address(text) if text else None
        except InputError as error:
            broken.setdefault(str(error).removeprefix("stream address: "), []).append(camera_id)
            continue
        addresses.append(address and _log_in(address, camera_id, secrets or Secrets()))
    if broken:
        faults = tuple(Fault(COLUMN, rule, tuple(named), len(named)) for rule, named in broken.items())
        raise SchemaError("cameras", faults)
    sources = pd.DataFrame(
        {
            "address": pd.Series(addresses, index=cameras.index, dtype=object),
            "host": [address.host if address else "" for address in addresses],
        },
        index=cameras.index,
    )
    for name in LEDGER:
        values: Any = cameras[name] if name in cameras.columns else np.nan
        sources[name] = pd.Series(values, index=cameras.index, dtype=float)
    sources["reason"] = np.where([address is None for address in addresses], NO_ADDRESS, "")
    return sources


def _clean(text: Any) -> str:
    """Return the text of a cell, empty where nothing or no text stands there."""
    return text.strip() if isinstance(text, str) else ""


def _log_in(address: Address, camera_id: str, secrets: Secrets) -> Address:
    login = secrets.find(camera_id, address.host)
    if login is None and not address.has_credentials:
        login = secrets.default
    return address if login is None else address.with_credentials(*login)
