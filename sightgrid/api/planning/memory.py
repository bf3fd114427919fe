"""What was found out a moment ago and is still true."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Memory(Generic[T]):
    """The last few answers by what they depend on; for several threads.

    Parameters
    ----------
    most : int
        How many are kept; the one that was not asked for longest goes first.

    Examples
    --------
    >>> lengths = Memory[int](2)
    >>> lengths.recall("Helsinki", lambda: len("Helsinki"))
    8
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def recall(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return what is known under a key, or find it out."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = find()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found
