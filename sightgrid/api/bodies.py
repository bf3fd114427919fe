"""Bodies of requests: how much is taken from whom, how long it may take, and JSON that no route could use."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from sightgrid.api.problems import Problem

if TYPE_CHECKING:
    from starlette.types import Message, Receive

MOST_STRANGER_BYTES = 65_536  # from who has not signed in: enough to sign in
WAIT_S = 30.0  # for the next part of a body
WHOLE_S = 120.0  # for all of a body that is kept in memory
# A client that sends too much reads its answer only after it has sent all; so much is thrown away for that.
MOST_WASTE_BYTES = 64_000_000
WASTE_S = 10.0
DEEPEST = 64  # levels of JSON; GeoJSON needs about ten

# one that does not end takes all the rest: beginning again at each quote in it would take for ever
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_NO_NUMBERS = re.compile(rb"NaN|Infinity")
_SUSPECTS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # NUL, and halves of a character


class GoneError(Exception):
    """The client has left."""


async def read_body(receive: Receive, most: int) -> bytes:
    """Read a whole body into memory.

    Raises
    ------
    Problem
        It is too large, or comes too slowly.
    GoneError
        The client has left.
    """
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(WHOLE_S):
            while more:
                part, more = await _read_part(receive)
                parts.append(part)
                size += len(part)
                if size > most:
                    if more:
                        await waste_body(receive)
                    raise Problem(413, f"the request has more than {most:,} bytes")
    except TimeoutError:
        raise Problem(408, "the request came too slowly") from None
    return b"".join(parts)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, and then what follows it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def limit_body(receive: Receive, most: int) -> Receive:
    """Pass a body on as it comes, for uploads that go to the disk; raises as `read_body` does."""
    size, complete = 0, False

    async def limited() -> Message:
        nonlocal size, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(WAIT_S):
                message = await receive()
        except TimeoutError:
            raise Problem(408, "the request came too slowly") from None
        size += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if size > most:
            if not complete:
                await waste_body(receive)
            raise Problem(413, f"the upload has more than {most:,} bytes")
        return message

    return limited


async def waste_body(receive: Receive) -> None:
    """Read and forget the rest of a body, within limits."""
    size, more = 0, True
    try:
        async with asyncio.timeout(WASTE_S):
            while more and size < MOST_WASTE_BYTES:
                part, more = await _read_part(receive)
                size += len(part)
    except (TimeoutError, GoneError):
        return


def check_json(body: bytes) -> None:
    """Refuse JSON that is nested too deeply, has no proper numbers, or text that cannot be kept or sent.

    Examples
    --------
    >>> check_json(b'{"name": "[[[ in a text is no nesting"}')
    >>> check_json(b"[" * 1000)
    Traceback (most recent call last):
    ...
    sightgrid.api.problems.Problem: 422: the JSON is nested more than 64 levels deep
    """
    plain = _STRINGS.sub(b'""', body)
    brackets = np.frombuffer(plain.translate(None, _OTHERS), dtype=np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    if len(brackets) and np.where(opens, 1, -1).cumsum().max() > DEEPEST:
        raise Problem(422, f"the JSON is nested more than {DEEPEST} levels deep")
    if _NO_NUMBERS.search(plain):
        raise Problem(422, "NaN and Infinity are not JSON")
    if _SUSPECTS.search(body):
        _check_texts(body)


def _check_texts(body: bytes) -> None:
    try:
        rest: list[Any] = [json.loads(body)]
    except ValueError:  # whoever reads it will say what is wrong
        return
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest.extend((*value.keys(), *value.values()))
        elif isinstance(value, list):
            rest.extend(value)
        elif isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
            raise Problem(422, "a text has characters that cannot be kept (NUL, or half of a surrogate pair)")


async def _read_part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    return message.get("body", b""), message.get("more_body", False)
