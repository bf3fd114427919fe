"""Does the server of a stream answer? Name, connection and one request, each with its own deadline."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightgrid.health.logins import answer_challenge
from sightgrid.health.names import NameLookupError, resolve
from sightgrid.health.probes import Deadlines
from sightgrid.health.replies import StageError, ask, connect, target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sightgrid.health.addresses import Address
    from sightgrid.health.replies import Reply

UNAUTHORIZED, FORBIDDEN = 401, 403
LOWEST_ERROR = 400


@dataclass(frozen=True)
class Reach:
    """How far a request got: the stage that failed and why (both ``""`` if none did), and the server's status."""

    stage: str = ""
    fault: str = ""
    status: int = 0


def reach(
    address: Address,
    *,
    deadlines: Deadlines | None = None,
    enter: Callable[[str], None] = lambda _: None,
    lookup: Callable[..., Any] = socket.getaddrinfo,
) -> Reach:
    """Ask whether the server of a stream is there: OPTIONS for RTSP, GET for HTTP, a look at a file.

    Parameters
    ----------
    address : Address
        The stream.
    deadlines : Deadlines, optional
        ``name_s``, ``connect_s`` and ``reply_s`` are kept.
    enter : callable
        Told each stage as it begins.
    lookup : callable
        The resolver, called like ``socket.getaddrinfo``.

    Returns
    -------
    Reach
        A server that asks for a password has answered, if there is one to give; whether it is right is `describe`'s
        question.

    Examples
    --------
    >>> from sightgrid.health.addresses import parse_address
    >>> reach(parse_address("/no/such/clip.mp4"))
    Reach(stage='connect', fault='there is no such file', status=0)
    """
    if address.scheme == "file":
        enter("connect")
        return _reach_file(address)
    rtsp = address.scheme.startswith("rtsp")
    try:
        status = _request(address, "OPTIONS" if rtsp else "GET", deadlines or Deadlines(), enter, lookup).status
    except StageError as error:
        return Reach(error.stage, error.fault)
    if status == UNAUTHORIZED and address.has_credentials:
        return Reach(status=status)
    # a server that does not know OPTIONS may play all the same; what it says to GET counts
    return _judge(status, address) if status in {UNAUTHORIZED, FORBIDDEN} or not rtsp else Reach(status=status)


def describe(
    address: Address,
    *,
    deadlines: Deadlines | None = None,
    enter: Callable[[str], None] = lambda _: None,
    lookup: Callable[..., Any] = socket.getaddrinfo,
) -> Reach:
    """Ask for the stream itself, with user and password: tells why a stream could not be opened.

    DESCRIBE for RTSP, GET for HTTP. Parameters and result as in `reach`.
    """
    if address.scheme == "file":
        return _reach_file(address)
    method = "DESCRIBE" if address.scheme.startswith("rtsp") else "GET"
    limits, login = deadlines or Deadlines(), address.credentials()
    try:
        reply = _request(address, method, limits, enter, lookup)
        if reply.status == UNAUTHORIZED and login is not None:
            answer = answer_challenge(reply.challenges, login=login, method=method, target=target_of(address))
            if not answer:
                return Reach("authorisation", "the server wants a way of authorisation that is unknown here", 401)
            reply = _request(address, method, limits, enter, lookup, answer)
    except StageError as error:
        return Reach(error.stage, error.fault)
    return _judge(reply.status, address)


def _request(
    address: Address,
    method: str,
    deadlines: Deadlines,
    enter: Callable[[str], None],
    lookup: Callable[..., Any],
    login: str = "",
) -> Reply:
    enter("name")
    try:
        found = resolve(address.host, address.port, deadline_s=deadlines.name_s, lookup=lookup)
    except NameLookupError as fault:
        raise StageError("name", str(fault)) from None
    enter("connect")
    with connect(found, address, connect_s=deadlines.connect_s) as line:
        enter("stream")
        return ask(line, address, method, reply_s=deadlines.reply_s, login=login)


def _judge(status: int, address: Address) -> Reach:
    if status == FORBIDDEN or (status == UNAUTHORIZED and address.has_credentials):
        return Reach("authorisation", f"access is refused (status {status})", status)
    if status == UNAUTHORIZED:
        return Reach("authorisation", "the server asks for user and password, and none are given (status 401)", status)
    if status >= LOWEST_ERROR:
        return Reach("stream", f"the server answers with status {status}", status)
    return Reach(status=status)


def _reach_file(address: Address) -> Reach:
    path = Path(address.locate())
    try:
        if not path.exists():
            return Reach("connect", "there is no such file")
        if not path.is_file():
            return Reach("connect", "is not a file")
        if path.stat().st_size == 0:
            return Reach("stream", "the file is empty")
    except (OSError, ValueError):
        return Reach("connect", "the file cannot be looked at")
    return Reach()
