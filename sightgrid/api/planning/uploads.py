"""Files that people send: received into a folder of their own, looked at before anything opens them, and taken away."""

from __future__ import annotations

import errno
import re
import shutil
import sqlite3
import stat
import zipfile
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from sightgrid.api.problems import Problem
from sightgrid.errors import SchemaError, SightgridError, SourceError, hide

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fastapi import Request

MOST_FIELDS = 8
LONGEST_FIELD_BYTES = 10_000
LONGEST_NAME = 200
MOST_TEXT_BYTES = 100_000_000  # text is read whole, and takes many times its size
MOST_MEMBERS = 20
MOST_RATIO = 200  # what deflate makes of real layers is far below
CHUNK_BYTES = 1 << 20
SQLITE, FLATGEOBUF, ZIP = b"SQLite format 3\0", b"fgb\x03", b"PK\x03\x04"
VIRTUAL = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)
TABLE_NAME = r"""(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|'[^']*'|[\w.]+)"""
RTREE = re.compile(rf"\s*create\s+virtual\s+table\s+{TABLE_NAME}\s+using\s+rtree\s*\(", re.IGNORECASE)
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")  # of a shapefile
TEXTS = (".geojson", ".json", ".csv", ".kml")
SUFFIXES = (".gpkg", ".fgb", ".zip", *TEXTS)


@dataclass(frozen=True)
class Upload:
    """What was sent.

    Attributes
    ----------
    path : pathlib.Path
        The file, in a folder of its own, under a name that is ours.
    name : str
        What its owner calls it.
    fields : dict of str to str
        The other fields of the form.
    """

    path: Path
    name: str
    fields: dict[str, str]

    @property
    def stem(self) -> str:
        """Its name without the ending."""
        return PurePosixPath(self.name).stem


@asynccontextmanager
async def receive(request: Request) -> AsyncIterator[Upload]:
    """Receive a form with one file; it is there within the block only.

    Parameters
    ----------
    request : Request
        Of the type ``multipart/form-data``, with the file in the field ``file``; how long it may be has been seen to.

    Raises
    ------
    Problem
        400, 413, 415, 422: it is no such form, too large, or not of a kind that is read; 507: the disk is full.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Problem(415, "send a form (multipart/form-data) with the file in the field 'file'")
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=MOST_FIELDS,
        max_part_size=LONGEST_FIELD_BYTES,
    )
    with _telling_full_disk():
        try:
            form = await parser.parse()
        except (MultiPartException, KeyError, UnicodeError) as error:
            said = error.message if isinstance(error, MultiPartException) else "it cannot be read"
            raise Problem(400, f"the form is not complete: {said}") from error
        except ClientDisconnect as error:
            raise Problem(400, "the upload was broken off") from error
        async with _closing(form, parser):
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise Problem(422, "file: must be given, as a file")
            name = _clean_name(file.filename)
            fields = {key: value for key, value in form.items() if isinstance(value, str)}
            with TemporaryDirectory(prefix="sightgrid-", ignore_cleanup_errors=True) as folder:
                path = Path(folder) / f"upload{PurePosixPath(name).suffix.lower()}"
                await run_in_threadpool(_copy, file.file, path)
                await run_in_threadpool(_look_at, path, name)
                yield Upload(path, name, fields)


def describe_form(**fields: dict[str, Any]) -> dict[str, Any]:
    """Describe a form with a file and some other fields in OpenAPI."""
    file = {"type": "string", "contentMediaType": "application/octet-stream", "description": ", ".join(SUFFIXES)}
    schema = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@contextmanager
def speaking_of(upload: Upload) -> Iterator[None]:
    """Turn what is wrong with a file into a problem that calls the file what its owner does."""
    try:
        yield
    except SchemaError as error:
        faults = [
            {"column": hide(each.column), "rule": each.rule, "count": each.count, "ids": list(map(hide, each.ids))}
            for each in error.faults
        ]
        told = "; ".join(str(each) for each in error.faults)
        raise Problem(422, f"{upload.name}: {error.kind}: {told}", more={"faults": faults}) from error
    except SightgridError as error:
        text = str(error).replace(str(upload.path), upload.name).replace(str(upload.path.parent), upload.name)
        if text == str(error) and not isinstance(error, SourceError):
            raise  # not about the file
        raise Problem(422, text) from error
    except (ValueError, TypeError, ArithmeticError, RecursionError, RuntimeError, MemoryError) as error:
        raise Problem(422, f"{upload.name}: cannot be read, the file is damaged") from error


def unpack_shapefile(path: Path, *, most_bytes: int) -> Path:
    """Unpack the parts of the one shapefile in an archive, under names of ours, and return its ``.shp``.

    Raises
    ------
    SourceError
        The archive is damaged, has no or several shapefiles, names outside it, links, passwords, too many members, or
        members that grow too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpack(archive, path, most_bytes=most_bytes)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise SourceError(f"{path}: the archive is damaged") from error


def _unpack(archive: zipfile.ZipFile, path: Path, *, most_bytes: int) -> Path:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > MOST_MEMBERS:
        raise SourceError(f"{path}: the archive has {len(members)} members, more than {MOST_MEMBERS}")
    for member in members:
        _check_member(member, path)
    total = sum(member.file_size for member in members)
    if total > most_bytes or total > MOST_RATIO * max(path.stat().st_size, CHUNK_BYTES):
        raise SourceError(f"{path}: the archive would grow to {total:,} bytes, which is too much")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        suffix = PurePosixPath(member.filename).suffix.lower()
        if suffix in PARTS and found.setdefault(suffix, member) is not member:
            raise SourceError(f"{path}: the archive has several {suffix} files; send one shapefile at a time")
    if ".shp" not in found:
        raise SourceError(f"{path}: the archive holds no shapefile (.shp)")
    for suffix, member in found.items():
        with archive.open(member) as source, path.with_suffix(suffix).open("wb") as target:
            left = member.file_size
            while chunk := source.read(min(CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise SourceError(f"{path}: a member of the archive is longer than the archive says")
                target.write(chunk)
    return path.with_suffix(".shp")


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.orig_filename or ":" in member.orig_filename:
        raise SourceError(f"{path}: the archive has a member whose name leads out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SourceError(f"{path}: the archive has a link in it")
    if member.flag_bits & 1:
        raise SourceError(f"{path}: the archive has a password")


def _look_at(path: Path, name: str) -> None:
    """Refuse a file that is not what its name says, or that could make its reader open others."""
    suffix = path.suffix
    if suffix not in SUFFIXES:
        raise Problem(422, f"{name}: cannot be read; send one of {', '.join(SUFFIXES)}")
    size = path.stat().st_size
    if not size:
        raise Problem(422, f"{name}: the file is empty")
    if suffix in TEXTS:
        if size > MOST_TEXT_BYTES:
            raise Problem(413, f"{name}: longer than {MOST_TEXT_BYTES:,} bytes of text; send a GeoPackage")
        return
    with path.open("rb") as file:
        begin = file.read(16)
    magic = {".gpkg": SQLITE, ".fgb": FLATGEOBUF, ".zip": ZIP}[suffix]
    if not begin.startswith(magic):
        raise Problem(422, f"{name}: is no {suffix} file, or is damaged")
    if suffix == ".gpkg":
        _look_at_package(path, name)


def _look_at_package(path: Path, name: str) -> None:
    """Refuse a database that is no GeoPackage, or whose tables are something else than tables."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            rows = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
            layers = {str(row[0]).lower() for row in connection.execute("SELECT table_name FROM gpkg_contents")}
    except (sqlite3.Error, UnicodeError, ValueError) as error:
        raise Problem(422, f"{name}: is no GeoPackage, or is damaged") from error
    for kind, table, text in rows:
        if VIRTUAL.match(text) and not RTREE.match(text):
            raise Problem(422, f"{name}: has tables that are made of other files; refused")
        if kind == "view" and table.lower() in layers:
            raise Problem(422, f"{name}: {hide(table)} is a view; export it as a table")


def _clean_name(text: str) -> str:
    """Return the last part of a file name, without what cannot be shown."""
    last = PurePosixPath(text.replace("\\", "/")).name
    return "".join(each for each in last if each.isprintable())[-LONGEST_NAME:] or "file"


@asynccontextmanager
async def _closing(form: FormData, parser: MultiPartParser) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await form.close()
        for file in parser._files_to_close_on_error:  # noqa: SLF001  (a part that does not end is in no form)
            file.close()


@contextmanager
def _telling_full_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Problem(507, "the disk of the server is full; nothing was changed") from error


def _copy(source: Any, path: Path) -> None:
    source.seek(0)
    with path.open("wb") as target:
        shutil.copyfileobj(source, target, CHUNK_BYTES)
