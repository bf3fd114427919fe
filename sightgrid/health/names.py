"""Name resolution that ends when its time is up, whatever the name server does."""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# family, type, protocol, canonical name, socket address: what getaddrinfo gives
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
MAX_STUCK = 64  # threads that may hang in the system's resolver before names are refused at once

_stuck: set[threading.Thread] = set()
_lock = threading.Lock()


class NameLookupError(Exception):
    """A name was not resolved; the text says why."""


def resolve(
    host: str,
    port: int,
    *,
    deadline_s: float,
    lookup: Callable[..., Any] = socket.getaddrinfo,
) -> Sequence[AddressInfo]:
    """Look up the addresses of a host.

    The system's resolver cannot be interrupted: it runs in a thread that is left behind when its time is up, and ends
    when the resolver gives up.

    Parameters
    ----------
    host, port : str, int
        What to connect to; numbers are not looked up.
    deadline_s : float
        How long to wait.
    lookup : callable
        The resolver, called like ``socket.getaddrinfo``.

    Returns
    -------
    sequence of AddressInfo
        In the resolver's order.

    Raises
    ------
    NameLookupError
        There is no such name, or nobody answered in time.
    """
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        pass
    if count_stuck() >= MAX_STUCK:
        raise NameLookupError("the name server answers nothing any more")
    answers: queue.SimpleQueue[Sequence[AddressInfo] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    thread = threading.Thread(target=ask, daemon=True, name="resolver")
    thread.start()
    try:
        answer = answers.get(timeout=deadline_s)
    except queue.Empty:
        with _lock:
            _stuck.add(thread)
        raise NameLookupError(f"the name server did not answer within {deadline_s:g} s") from None
    if isinstance(answer, Exception):
        raise NameLookupError("there is no such host name")
    return answer


def count_stuck() -> int:
    """Count the threads that still hang in the system's resolver."""
    with _lock:
        _stuck.difference_update([thread for thread in _stuck if not thread.is_alive()])
        return len(_stuck)
