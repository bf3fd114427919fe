"""GPX files, opened with care: nothing but plain GPX without a document type gets as far as the GPX library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.parsers import expat

import gpxpy
from gpxpy.gpx import GPXException

from sightgrid.errors import SourceError

if TYPE_CHECKING:
    import os

    from gpxpy.gpx import GPX

MAX_BYTES = 100_000_000  # some 700,000 fixes; the library holds a file in memory as objects
MAX_DEPTH = 50  # GPX itself needs five levels, extensions a few more
DECLARATION = re.compile(r"\s*<\?xml\b(?P<fields>[^>]*?)\?>")
ENCODING = re.compile(r"encoding\s*=\s*[\"']([\w.:-]+)[\"']")
BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class _RefusedError(Exception):
    """What a file holds that no GPX needs."""


def parse_gpx(path: str | os.PathLike[str]) -> GPX:
    """Read a GPX file.

    A document type declaration is refused, so that no entity can be defined: neither one that grows without end nor one
    that reads another file, whichever XML parser the GPX library finds.

    Parameters
    ----------
    path : path-like
        The file, GPX 1.0 or 1.1.

    Returns
    -------
    gpxpy.gpx.GPX
        Its tracks, routes and waypoints.

    Raises
    ------
    SourceError
        The file is missing, above 100 MB, no text, no XML, no GPX, or declares a document type.
    """
    path = Path(path)
    text = _read_text(path)
    _check(text, path)
    try:
        return gpxpy.parse(text)
    except (GPXException, ValueError, OverflowError) as error:
        raise SourceError(f"{path}: cannot be read as GPX ({_one_line(error)})") from error


def _read_text(path: Path) -> str:
    """Decode by byte order mark, else by the XML declaration, which is taken off; UTF-8 if there is none."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; split it, or give the fixes as CSV")
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such file") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if not raw.strip():
        raise SourceError(f"{path}: the file is empty")
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if raw.startswith(mark)), None)
    if encoding is None:
        told = DECLARATION.match(raw[:200].decode("latin-1"))
        named = ENCODING.search(told["fields"]) if told else None
        encoding = named[1] if named else "utf-8"
    try:
        text = raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise SourceError(f"{path}: is not {encoding} text") from error
    return DECLARATION.sub("", text, count=1) if DECLARATION.match(text) else text


def _check(text: str, path: Path) -> None:
    """Run through the file once before a tree is built of it."""
    depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0 and name.rpartition(":")[2] != "gpx":
            raise _RefusedError(f"is XML but no GPX: its root is <{name[:40]}>")
        depth += 1
        if depth > MAX_DEPTH:
            raise _RefusedError(f"nests elements more than {MAX_DEPTH} deep")

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise _RefusedError("declares a document type (DOCTYPE), which no GPX needs; refused, it could define entities")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except _RefusedError as error:
        raise SourceError(f"{path}: {error}") from error
    except (expat.ExpatError, UnicodeEncodeError) as error:
        raise SourceError(f"{path}: is not XML ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
