"""Passwords: what is good enough, and how one is checked."""

from __future__ import annotations

import os
import threading
import unicodedata
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sightgrid.api.problems import Problem
from sightgrid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_LENGTH = 12
MOST_LENGTH = 256
LEAST_DIFFERENT = 5  # characters: "aaaaaaaaaaaa" is long as well
WORDS = ("sightgrid",)  # what everybody tries here
BUSY_S = 2

HASHER = PasswordHasher()  # argon2id, 64 MiB
# One check takes 64 MiB and a core for some hundredths of a second: whoever asks for many at once may neither take all
# memory nor all threads that answer requests.
_WORKING = threading.BoundedSemaphore(os.cpu_count() or 1)
_WAITING = threading.BoundedSemaphore(8)


def check_password(password: str, name: str) -> None:
    """Refuse a password that is too easy to guess: no rules of composition (NIST SP 800-63B), but length.

    Parameters
    ----------
    password : str
        What the user wants.
    name : str
        What the user is called.

    Raises
    ------
    InputError
        It is too short, too long or too plain; tells which, never the password.

    Examples
    --------
    >>> check_password("correct horse battery staple", "anna")
    >>> check_password("short", "anna")
    Traceback (most recent call last):
    ...
    sightgrid.errors.InputError: the password must have from 12 to 256 characters
    """
    plain = _settle(password).casefold()
    if not LEAST_LENGTH <= len(plain) <= MOST_LENGTH:
        raise InputError(f"the password must have from {LEAST_LENGTH} to {MOST_LENGTH} characters")
    if any(not plain.replace(word.casefold(), "") for word in (name, *WORDS)):
        raise InputError("the password must be more than a name that everybody knows")
    if len(set(plain)) < LEAST_DIFFERENT:
        raise InputError(f"the password must have {LEAST_DIFFERENT} different characters or more")


def hash_password(password: str) -> str:
    """Return what the store keeps of a password."""
    with _taking_turns():
        return HASHER.hash(_settle(password))


def verify_password(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one that is kept; where nobody is kept it takes as long to say no."""
    with _taking_turns():
        try:
            HASHER.verify(_find_dummy() if kept is None else kept, _settle(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with other parameters than are used now."""
    return HASHER.check_needs_rehash(kept)


@cache
def _find_dummy() -> str:
    return HASHER.hash("nobody has this password")


def _settle(password: str) -> str:
    return unicodedata.normalize("NFKC", password)  # keyboards write one letter in several ways


@contextmanager
def _taking_turns() -> Iterator[None]:
    if not _WAITING.acquire(blocking=False):
        raise Problem(429, "too many sign-ins at once; try again", headers={"Retry-After": str(BUSY_S)})
    try:
        with _WORKING:
            yield
    finally:
        _WAITING.release()
