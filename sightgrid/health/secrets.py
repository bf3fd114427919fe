"""Users and passwords of streams: read from a file that nobody else may read, or from the environment."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sightgrid.errors import InputError, SourceError, hide

USER_VARIABLE = "SIGHTGRID_STREAM_USER"
PASSWORD_VARIABLE = "SIGHTGRID_STREAM_PASSWORD"  # noqa: S105
TABLES = ("default", "hosts", "cameras")
KEYS = {"user", "password"}
OTHERS = stat.S_IRWXG | stat.S_IRWXO

Login = tuple[str, str]


@dataclass(frozen=True)
class Secrets:
    """Who opens which stream; nothing of it is shown."""

    cameras: dict[str, Login] = field(default_factory=dict, repr=False)
    hosts: dict[str, Login] = field(default_factory=dict, repr=False)
    default: Login | None = field(default=None, repr=False)

    def find(self, camera_id: str, host: str) -> Login | None:
        """Return user and password given for this camera, or else for its host."""
        return self.cameras.get(camera_id) or self.hosts.get(host)


def read_secrets(path: str | os.PathLike[str] | None = None) -> Secrets:
    """Read users and passwords.

    The file is TOML: tables ``[cameras.ID]``, ``[hosts."name or number"]`` and ``[default]``, each with ``user`` and
    ``password``. Without a default there, ``SIGHTGRID_STREAM_USER`` and ``SIGHTGRID_STREAM_PASSWORD`` are the default.

    Parameters
    ----------
    path : path-like, optional
        The file; without it only the environment counts.

    Returns
    -------
    Secrets
        What was found.

    Raises
    ------
    SourceError
        The file cannot be read.
    InputError
        Others may read the file, it is no TOML, or it holds something else. No message repeats a value.
    """
    tables = {} if path is None else _load(Path(path))
    unknown = sorted(set(tables) - set(TABLES))
    if unknown:
        raise InputError(f"{path}: unknown table {hide(unknown[0])}; a secrets file holds {', '.join(TABLES)}")
    cameras, hosts = ({name: _login(path, table, name, entry) for name, entry in _entries(path, tables, table)}
                      for table in ("cameras", "hosts"))  # fmt: skip
    default = _login(path, "default", "", tables["default"]) if "default" in tables else _environment()
    return Secrets(cameras, {host.lower(): login for host, login in hosts.items()}, default)


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            # asked of the open file, so that nothing can be exchanged in between
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & OTHERS:
                raise InputError(f"{path}: others may read this file of secrets (mode {mode:04o}); chmod 600 it")
            return tomllib.load(file)
    except FileNotFoundError:
        raise SourceError(f"{path}: there is no such file") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no TOML in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # the reason may quote what stands there, the place does not
        place = re.search(r"\(at [^()]*\)", str(error))
        raise InputError(f"{path}: is no TOML {place[0] if place else ''}".rstrip()) from None


def _entries(path: Any, tables: dict[str, Any], table: str) -> list[tuple[str, Any]]:
    entries = tables.get(table, {})
    if not isinstance(entries, dict):
        raise InputError(f"{path}: {table} must be a table of tables, such as [{table}.NAME]")
    return list(entries.items())


def _login(path: Any, table: str, name: str, entry: Any) -> Login:
    if not isinstance(entry, dict) or set(entry) != KEYS or not all(isinstance(text, str) for text in entry.values()):
        where = f"{table}.{hide(name)}" if name else table
        raise InputError(f"{path}: {where} must hold the texts user and password, and nothing else")
    return entry["user"], entry["password"]


def _environment() -> Login | None:
    user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
    if user is None and password is None:
        return None
    if not user or password is None:
        raise InputError(f"{USER_VARIABLE} and {PASSWORD_VARIABLE} are given together or not at all")
    return user, password
