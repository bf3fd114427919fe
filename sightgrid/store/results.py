"""Results of long work, kept with the fingerprint of what they were made from."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.metadata import version as find_version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.store.clock import now_us
from sightgrid.store.conflicts import NotFoundError
from sightgrid.store.layer_tables import revisions, sites
from sightgrid.store.result_layers import put_layers
from sightgrid.store.work_tables import results, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import geopandas as gpd

    from sightgrid.store.database import Database


class Result(NamedTuple):
    """What a job made.

    Attributes
    ----------
    kind : str
        Such as ``"coverage"``.
    fingerprint : str
        See `fingerprint_inputs`.
    options : mapping
        What was asked for, as JSON has it.
    figures : mapping
        What it found, in short, as JSON has it.
    body : bytes
        All of it, a file of the type `media_type`.
    media_type : str
    scenario_id : int or None
        Of which scenario; None: of the site itself.
    layers : mapping of str to GeoDataFrame
        What it shows on a map, in the coordinate system of the site; see `sightgrid.store.result_layers`, which reads
        them: a result that is read has none.
    keep : callable, optional
        Called as ``keep(connection, result_id)`` in the transaction that keeps the result, for what is kept with it.
    """

    kind: str
    fingerprint: str
    options: Mapping[str, Any]
    figures: Mapping[str, Any]
    body: bytes
    media_type: str
    scenario_id: int | None = None
    layers: Mapping[str, gpd.GeoDataFrame] = MappingProxyType({})
    keep: Callable[[sa.Connection, int], None] | None = None


class KeptResult(NamedTuple):
    """A result that is kept, without its body; see `Result`."""

    result_id: int
    site_id: int
    kind: str
    fingerprint: str
    options: dict[str, Any]
    figures: dict[str, Any]
    media_type: str
    scenario_id: int | None
    made_at_us: int


def fingerprint_inputs(
    database: Database,
    site_id: int,
    *,
    kind: str,
    options: Mapping[str, Any],
    layers: Iterable[str],
    scenario_id: int | None = None,
) -> str:
    """Tell what a result depends on in one short text: equal texts mean that it need not be computed again.

    Parameters
    ----------
    database, site_id
        Where the inputs are.
    kind, options
        What is asked for.
    layers : iterable of str
        The layers it is made from; they count by their revision, so that nothing has to be read.
    scenario_id : int, optional
        The scenario whose cameras are taken; it counts by its version.

    Returns
    -------
    str
        SHA-256 in hexadecimal, of these and of the version of sightgrid.

    Raises
    ------
    NotFoundError
        There is no such site or scenario.
    """
    with database.read() as connection:
        uid = connection.execute(sa.select(sites.c.uid).where(sites.c.site_id == site_id)).scalar_one_or_none()
        version = None
        if scenario_id is not None:
            statement = sa.select(scenarios.c.version).where(
                scenarios.c.scenario_id == scenario_id, scenarios.c.site_id == site_id
            )
            version = connection.execute(statement).scalar_one_or_none()
        if uid is None or (scenario_id is not None and version is None):
            raise NotFoundError(f"there is no site {site_id}" + (f" with a scenario {scenario_id}" if uid else ""))
        found = connection.execute(sa.select(revisions).where(revisions.c.site_id == site_id))
        counts = {row.layer: row.revision for row in found}
    inputs = {
        "program": find_version("sightgrid"), "site": uid, "kind": kind, "options": dict(options),
        "layers": {layer: counts[layer] for layer in sorted(layers)}, "scenario": [scenario_id, version],
    }  # fmt: skip
    return sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def keep_result(database: Database, site_id: int, result: Result) -> int:
    """Keep a result; one of the same kind and fingerprint is replaced. Return its number."""
    with database.write() as connection:
        return insert_result(connection, site_id, result)


def insert_result(connection: sa.Connection, site_id: int, result: Result) -> int:
    """Do what `keep_result` does, in a transaction that is open."""
    same = sa.and_(
        results.c.site_id == site_id, results.c.kind == result.kind, results.c.fingerprint == result.fingerprint
    )
    values = {name: value for name, value in result._asdict().items() if name not in {"layers", "keep"}} | {
        "site_id": site_id, "options": json.dumps(dict(result.options)), "figures": json.dumps(dict(result.figures)),
        "made_at_us": now_us(),
    }  # fmt: skip
    known = connection.execute(sa.update(results).where(same).values(values).returning(results.c.result_id))
    number = known.scalar_one_or_none()
    if number is None:
        number = connection.execute(sa.insert(results).values(values).returning(results.c.result_id)).scalar_one()
    put_layers(connection, int(number), result.layers)
    if result.keep:
        result.keep(connection, int(number))
    return int(number)


def find_result(database: Database, site_id: int, *, kind: str, fingerprint: str) -> int | None:
    """Return the number of the result that these inputs gave before, or None."""
    statement = sa.select(results.c.result_id).where(
        results.c.site_id == site_id, results.c.kind == kind, results.c.fingerprint == fingerprint
    )
    with database.read() as connection:
        return connection.execute(statement).scalar_one_or_none()


def read_result(database: Database, result_id: int) -> Result:
    """Return a result.

    Raises
    ------
    NotFoundError
        There is none.
    """
    names = ("kind", "fingerprint", "options", "figures", "body", "media_type", "scenario_id")
    statement = sa.select(*(results.c[name] for name in names)).where(results.c.result_id == result_id)
    with database.read() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no result {result_id}")
    values = dict(zip(names, row, strict=True))
    return Result(**values | {"options": json.loads(row.options), "figures": json.loads(row.figures)})


def describe_result(database: Database, result_id: int) -> KeptResult:
    """Return what is known of a result, without its body.

    Raises
    ------
    NotFoundError
        There is none.
    """
    with database.read() as connection:
        row = connection.execute(sa.select(*_COLUMNS).where(results.c.result_id == result_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no result {result_id}")
    return _read(row)


def list_results(
    database: Database,
    site_id: int,
    *,
    kinds: Collection[str] | None = None,
    scenario_id: int | None = None,
    limit: int = 100,
) -> list[KeptResult]:
    """Return the results of a site, the newest first, without their bodies; of some kinds, of one scenario."""
    statement = sa.select(*_COLUMNS).where(results.c.site_id == site_id)
    if kinds is not None:
        statement = statement.where(results.c.kind.in_(kinds))
    if scenario_id is not None:
        statement = statement.where(results.c.scenario_id == scenario_id)
    newest = statement.order_by(results.c.made_at_us.desc(), results.c.result_id.desc()).limit(limit)
    with database.read() as connection:
        return [_read(row) for row in connection.execute(newest)]


_COLUMNS = tuple(results.c[name] for name in KeptResult._fields)


def _read(row: Any) -> KeptResult:
    return KeptResult(*row)._replace(options=json.loads(row.options), figures=json.loads(row.figures))
