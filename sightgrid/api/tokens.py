"""What browsers and machines show to be known: random texts, of which the store keeps digests only."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sightgrid.api.settings import Settings

TOKEN_BYTES = 32
LIFE_S = 12 * 3600.0  # of a sign-in
IDLE_S = 2 * 3600.0  # an unused one ends sooner
REFRESH_S = 60.0  # that it is used is written down so often, not with every request
KEY_MARK = "sg_"  # so that whoever finds a key in a file knows what it opens
SCHEME = "bearer "


def make_token() -> str:
    """Make the token of a sign-in."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def make_key() -> str:
    """Make the key of a machine."""
    return KEY_MARK + make_token()


def digest_token(token: str) -> str:
    """Return what the store keeps of a token or key: these are too long to be guessed, so one round is enough."""
    return sha256(token.encode()).hexdigest()


def name_cookie(settings: Settings) -> str:
    """Return the name of the cookie; browsers take the one of a server with TLS from that very server alone."""
    return "__Host-sightgrid" if settings.secure else "sightgrid"


def read_bearer(headers: Mapping[str, str]) -> str | None:
    """Return the key that a request shows; empty if what it shows is none, None if it shows nothing."""
    shown = headers.get("authorization")
    if shown is None:
        return None
    return shown[len(SCHEME) :].strip() if shown.lower().startswith(SCHEME) else ""
