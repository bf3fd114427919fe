"""Proving to a camera who asks: basic and digest authentication (RFC 7617, RFC 7616), for RTSP as for HTTP."""

from __future__ import annotations

import base64
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Request(NamedTuple):
    """What urllib wants to know of a request to digest it."""

    method: str
    selector: str
    full_url: str
    data: None = None

    def get_method(self) -> str:
        return self.method


class _Keyring(urllib.request.HTTPPasswordMgr):
    """A password manager with one answer to everything."""

    def __init__(self, login: tuple[str, str]) -> None:
        super().__init__()
        self.login = login

    def find_user_password(self, realm: str, authuri: str) -> tuple[str | None, str | None]:  # noqa: ARG002
        return self.login


def answer_challenge(challenges: Iterable[str], *, login: tuple[str, str], method: str, target: str) -> str:
    """Write the Authorization field that answers a server's challenges.

    Parameters
    ----------
    challenges : iterable of str
        The values of the WWW-Authenticate fields.
    login : (str, str)
        User and password.
    method, target : str
        The request's method and the target in its first line.

    Returns
    -------
    str
        The field's value, by digest where the server knows it; ``""`` if none of its ways is known here.

    Examples
    --------
    >>> answer_challenge(['Basic realm="cam"'], login=("viewer", "secret"), method="GET", target="/")
    'Basic dmlld2VyOnNlY3JldA=='
    """
    ways = [(scheme.lower(), rest) for scheme, _, rest in (text.strip().partition(" ") for text in challenges)]
    handler = urllib.request.HTTPDigestAuthHandler(_Keyring(login))
    for rest in (rest for scheme, rest in ways if scheme == "digest"):
        try:
            values = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
            request: Any = _Request(method, target, target)  # it asks for no more than this
            digest = handler.get_authorization(request, values)
        except (ValueError, KeyError, IndexError):
            continue  # a digest unknown to this Python, or words that are none
        if digest:
            return f"Digest {digest}"
    if any(scheme == "basic" for scheme, _ in ways):
        return "Basic " + base64.b64encode(":".join(login).encode()).decode("ascii")
    return ""
