"""Slows down who guesses passwords."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FREE = 5  # failures until one has to wait
LONGEST_S = 900.0  # for an address
LONGEST_NAME_S = 60.0  # for a name, from wherever: others must not lock somebody out for long
FORGET_S = 3600.0  # after the last failure
MOST = 10_000  # addresses and names that are remembered
IPV6_HOME = 64  # bits: whoever has an address of IPv6 has all that begin with these


class _Failures(NamedTuple):
    times: int
    last_s: float
    free_at_s: float


class Throttle:
    """Remembers failed sign-ins by name and by address, in memory: after five the next has to wait.

    The wait is twice as long each time. Whoever has signed in from an address is not held up there by what others do
    with the name elsewhere.

    Parameters
    ----------
    clock : callable, optional
        Gives seconds.

    Examples
    --------
    >>> throttle = Throttle(clock=lambda: 0.0)
    >>> for _ in range(7):
    ...     throttle.note_failure("anna", "10.0.0.7")
    >>> throttle.find_wait("anna", "10.0.0.8"), throttle.find_wait("ben", "10.0.0.8")
    (4, 0)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()

    def find_wait(self, name: str, address: str) -> int:
        """Return the whole seconds until this name may be tried from this address; 0: now."""
        by_name, by_address, pair = _make_keys(name, address)
        with self._lock:
            keys = [by_address] if pair in self._known else [by_address, by_name]
            ends = [self._failures[key].free_at_s for key in keys if key in self._failures]
            return math.ceil(max([0.0, *(end - self._clock() for end in ends)]))

    def note_failure(self, name: str, address: str) -> None:
        """Remember that a sign-in failed."""
        by_name, by_address, _ = _make_keys(name, address)
        with self._lock:
            for key, longest_s in ((by_address, LONGEST_S), (by_name, LONGEST_NAME_S)):
                now = self._clock()
                before = self._failures.pop(key, None)
                count = 1 if before is None or now - before.last_s > FORGET_S else before.times + 1
                wait_s = 0.0 if count < FREE else min(2.0 ** min(count - FREE, 30), longest_s)
                self._failures[key] = _Failures(count, now, now + wait_s)
            _shorten(self._failures)

    def note_success(self, name: str, address: str) -> None:
        """Forget the failures of a name, and remember that it is at home at this address."""
        by_name, _, pair = _make_keys(name, address)
        with self._lock:
            self._failures.pop(by_name, None)  # not those of the address: one own account must not pay for guesses
            self._known.pop(pair, None)
            self._known[pair] = None
            _shorten(self._known)


def _make_keys(name: str, address: str) -> tuple[str, str, str]:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:  # a proxy names its client as it likes
        home = address
    else:
        home = str(ipaddress.ip_network((known, IPV6_HOME), strict=False)) if known.version == 6 else address  # noqa: PLR2004
    person = sha256(name.casefold().encode()).hexdigest()
    place = sha256(home.encode()).hexdigest()
    return f"name {person}", f"address {place}", f"{person} {place}"


def _shorten(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > MOST:
        kept.popitem(last=False)
