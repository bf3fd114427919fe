"""Stream addresses: taken apart once, shown without their secrets ever after."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from sightgrid.errors import InputError

PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}  # scheme -> port where the address names none
SCHEMES = (*PORTS, "file")
MASK = "***"
MAX_PORT = 65535
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_COLON = re.compile(r"[A-Za-z0-9+.-]{2,}:")  # one letter before a colon is a drive
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?")
_VALUE = re.compile(r"[=@].*", re.DOTALL)
# some recorders put nothing but a long random word between two slashes: that is the key to the stream
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9_~+-]{16,}")


class Address:
    """Where a stream is found.

    ``str``, ``repr`` and ``format`` hide user, password, query and whatever looks like a key in the path; pickling is
    refused. Only `reveal` gives the address as it is.

    Attributes
    ----------
    scheme : str
        One of ``SCHEMES``.
    host : str
        Name or number of the host, in lower case; ``""`` for a file.
    port : int
        The port, the scheme's own where none was given; 0 for a file.
    """

    __slots__ = ("_login", "_path", "host", "port", "scheme")

    def __init__(self, scheme: str, host: str, port: int, path: str, login: tuple[str, str] | None = None) -> None:
        self.scheme, self.host, self.port = scheme, host, port
        self._path = path  # from the first slash on, with the query; of a file its path
        self._login = login

    @property
    def masked(self) -> str:
        """The address as it may be shown."""
        if self.scheme == "file":
            return self._path
        path, question, _ = self._path.partition("?")
        shown = "/".join(_mask_part(part) for part in path.split("/"))
        login = f"{MASK}@" if self.has_credentials else ""
        return f"{self.scheme}://{login}{self.authority}{shown}{question}{MASK if question else ''}"

    @property
    def has_credentials(self) -> bool:
        """True if the address names a user."""
        return self._login is not None

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme) else f"{host}:{self.port}"

    def reveal(self) -> str:
        """Return the full address with its secrets, for the library that opens it and for nothing else."""
        if self._login is None:
            return self.locate()
        login = ":".join(quote(text, safe="") for text in self._login)
        return f"{self.scheme}://{login}@{self.authority}{self._path}"

    def locate(self) -> str:
        """Return the address without user and password, as a request line names it; a query stays in it."""
        return self._path if self.scheme == "file" else f"{self.scheme}://{self.authority}{self._path}"

    def credentials(self) -> tuple[str, str] | None:
        """Return user and password, or None."""
        return self._login

    def with_credentials(self, user: str, password: str) -> Address:
        """Return the same address opened by another user; a file needs none."""
        if self.scheme == "file":
            return self
        return Address(self.scheme, self.host, self.port, self._path, (user, password))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return f"Address({self.masked!r})"

    def __str__(self) -> str:
        return self.masked

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)

    def __copy__(self) -> Address:
        return self

    def __deepcopy__(self, memo: object) -> Address:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a stream address is not pickled: it may hold a password")


def parse_address(text: str) -> Address:
    """Take a stream address apart.

    Parameters
    ----------
    text : str
        ``rtsp://``, ``rtsps://``, ``http://``, ``https://``, ``file:///`` or the plain path of a file. User and
        password may stand in it; ``/ ? # @`` in them are written ``%2F %3F %23 %40``.

    Returns
    -------
    Address
        Shown without its secrets.

    Raises
    ------
    InputError
        Unknown scheme, a space or control character, no host, a port that is none, a file on another host. The message
        never repeats the address.

    Examples
    --------
    >>> parse_address("rtsp://viewer:secret@cam-7.example:8554/live?token=abc")
    Address('rtsp://***@cam-7.example:8554/live?***')
    """
    text = text.strip()
    known = _SCHEME.match(text)
    if known is None:
        return _parse_path(text)
    scheme = known[1].lower()
    if scheme not in SCHEMES:
        raise _fault(f"unknown scheme {scheme[:12]}; use {', '.join(SCHEMES)}")
    if _UNPRINTABLE.search(text):
        raise _fault("holds a space or a control character; a space is written %20")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # the text of the error repeats what stands where the port should be: often a password
        raise _fault(f"has a host or port that is none; ports are 1 to {MAX_PORT}, {_ENCODE}") from None
    if scheme == "file":
        if host not in {"", "localhost"}:
            raise _fault("a file must be on this machine: file:///path")
        return _parse_path(unquote(parts.path))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if parts.fragment or (parts.username is None and "@" in path.partition("=")[0]):
        raise _fault(f"# or @ stands after the host; {_ENCODE}")
    if port == 0:
        raise _fault(f"port 0 is none; ports are 1 to {MAX_PORT}")
    login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Address(scheme, _check_host(host), port or PORTS[scheme], path, login)


_ENCODE = "/ ? # @ of a password are written %2F %3F %23 %40"


def _parse_path(text: str) -> Address:
    if not text or "\x00" in text:
        raise _fault("is empty")
    if _COLON.match(text):
        raise _fault(f"is neither a path nor an address with a scheme; use {', '.join(SCHEMES)}")
    return Address("file", "", 0, str(Path(text)))


def _check_host(host: str) -> str:
    if not host:
        raise _fault("names no host")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise _fault("names a host that is no IPv6 address") from None
    try:
        ascii_host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _fault("names a host that cannot be one") from None
    if not _HOST.fullmatch(ascii_host):
        raise _fault("names a host that cannot be one")
    return ascii_host.lower()


def _mask_part(part: str) -> str:
    return MASK if _RANDOM.fullmatch(part) else _VALUE.sub(lambda found: found[0][0] + MASK, part)


def _fault(rule: str) -> InputError:
    return InputError(f"stream address: {rule}")
