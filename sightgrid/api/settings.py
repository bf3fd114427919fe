"""What a server is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

WEB = Path(__file__).with_name("web")
MOST_BODY_BYTES = 4_000_000  # of a request that is not an upload
MOST_UPLOAD_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Settings:
    """What a server is started with.

    Attributes
    ----------
    local : bool
        One person at this machine: no accounts, every right. For loopback only.
    origins : tuple of str
        Where pages that may write come from, such as ``https://map.example``; empty: from the server's own address.
    secure : bool
        Browsers come over TLS, so cookies are sent over TLS only.
    hosts : tuple of str
        Names the server answers to, in the ``Host`` header; empty: to any.
    workers : int
        Processes that do long jobs; 0: none are started here.
    most_body_bytes, most_upload_bytes : int
        Larger requests are refused.
    keep_probes_days : int
        How long what was found out about cameras is kept.
    secrets : pathlib.Path or None
        The file of users and passwords of streams; see `sightgrid.health.secrets.read_secrets`.
    """

    local: bool = True
    origins: tuple[str, ...] = ()
    secure: bool = False
    hosts: tuple[str, ...] = ()
    workers: int = 1
    most_body_bytes: int = MOST_BODY_BYTES
    most_upload_bytes: int = MOST_UPLOAD_BYTES
    keep_probes_days: int = 90
    secrets: Path | None = None


Role = Literal["viewer", "auditor", "dispatcher", "planner", "admin"]
