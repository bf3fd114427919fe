"""The command `serve`: the map, its data and its long jobs for whoever opens its address.

Heavy modules are imported inside the command, so that ``sightgrid --help`` answers at once.
"""

from __future__ import annotations

import gc
import ipaddress
import logging
import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path  # noqa: TC003  (typer reads annotations when it runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sightgrid.cli.app import app
from sightgrid.cli.options import StoreAddress, check_range, require_extra
from sightgrid.cli.store import DEFAULT
from sightgrid.errors import InputError, SourceError

if TYPE_CHECKING:
    from sightgrid.api.settings import Settings
    from sightgrid.store.database import Database

NEEDED = {
    "alembic": "alembic", "argon2": "argon2-cffi", "fastapi": "fastapi",
    "multipart": "python-multipart", "prometheus_client": "prometheus-client", "sqlalchemy": "SQLAlchemy",
    "uvicorn": "uvicorn",
}  # fmt: skip
MOST_CONNECTIONS = 1000
MOST_WAITING = 512  # for a connection
STOP_S = 3  # for answers that are under way
FIRST_SITE = "helsinki"
_ORIGIN = re.compile(r"https?://(\[[0-9a-fA-F:.]+\]|[\w.-]+)(:\d+)?")


@app.command()
def serve(
    *,
    where: StoreAddress = DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen at; any but loopback needs accounts and TLS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen at; 0: any that is free.")] = 8765,
    tls_cert: Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate, and those it needs.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="PEM", help="The key of the certificate.")] = None,
    behind_proxy: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where a proxy with TLS asks from (address or network); it is believed."),
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Where browsers find the map, such as https://map.example; repeatable.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that do long jobs.")] = 1,
    secrets: Annotated[
        Path | None,
        typer.Option(envvar="SIGHTGRID_SECRETS", help="Users and passwords of streams (TOML); mode 600."),
    ] = None,
    keep_probes_days: Annotated[
        int,
        typer.Option(envvar="SIGHTGRID_KEEP_PROBES_DAYS", help="How long what was found out about cameras is kept."),
    ] = 90,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request, by its route alone.")] = False,
) -> None:
    """Serve the map, its data and its long jobs until Ctrl-C: on loopback to one person, elsewhere with accounts."""
    require_extra("serve", "server", NEEDED)
    check_range("--port", port, (0, 65_535), "(a whole number)")
    check_range("--workers", workers, (0, 64), "(a whole number)")
    check_range("--keep-probes-days", keep_probes_days, (1, 36_500), "(a whole number)")
    tls = _check_tls(tls_cert, tls_key)
    if behind_proxy is not None:
        _check_proxy(behind_proxy)
    alone = _is_loopback(host) and behind_proxy is None
    origins = tuple(each.rstrip("/") for each in origin or ())

    from sightgrid.api.settings import Settings  # noqa: PLC0415
    from sightgrid.health.secrets import read_secrets  # noqa: PLC0415
    from sightgrid.store.database import open_database  # noqa: PLC0415

    read_secrets(secrets)  # what is wrong with it is told now, not by the first job
    settings = Settings(
        local=alone,
        origins=origins,
        secure=bool(tls) or behind_proxy is not None,
        hosts=_list_hosts(origins, host, alone=alone),
        workers=workers,
        keep_probes_days=keep_probes_days,
        secrets=secrets,
    )
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    if access_log:
        logging.getLogger("sightgrid.access").setLevel(logging.INFO)
    with open_database(where) as database, _listen(host, port) as listener:
        if not alone:
            _check_accounts(database, host, is_safe=settings.secure)
        _bring_first_site(database)
        _run(database, settings, listener, {**tls, **_trust(behind_proxy)})


def _run(database: Database, settings: Settings, listener: socket.socket, options: dict[str, Any]) -> None:
    import uvicorn  # noqa: PLC0415

    from sightgrid.api.app import create_app  # noqa: PLC0415

    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    address = f"{'https' if 'ssl_certfile' in options else 'http'}://{shown}:{port}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                typer.echo(f"sightgrid is at {address} (Ctrl-C stops it)")

    served = create_app(database, settings)
    gc.collect()
    gc.freeze()  # what lives as long as the server is not gone through again: a full collection stops every request
    config = uvicorn.Config(
        served,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=STOP_S,
        **options,
    )
    server = Server(config)
    with suppress(KeyboardInterrupt):  # the usual end; the server has finished what it was doing
        server.run(sockets=[listener])
    if not server.started:
        raise SourceError("the server could not start; the lines above say why")
    typer.echo("sightgrid has stopped", err=True)


def _listen(host: str, port: int) -> socket.socket:
    try:
        # with its protocol, else asyncio leaves Nagle's algorithm on, which holds small answers back
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen(MOST_WAITING)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such address"
        raise SourceError(f"cannot listen at {host}, port {port} ({reason}); choose others: --host, --port") from None
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _check_tls(cert: Path | None, key: Path | None) -> dict[str, Any]:
    if cert is None and key is None:
        return {}
    if cert is None or key is None:
        raise InputError("--tls-cert and --tls-key go together")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise SourceError(f"--tls-cert, --tls-key: cannot be used as a pair of PEM files ({reason})") from None
    return {"ssl_certfile": str(cert), "ssl_keyfile": str(key)}


def _check_proxy(address: str) -> None:
    try:
        everybody = ipaddress.ip_network(address).prefixlen == 0
    except ValueError:
        everybody = True
    if everybody:
        raise InputError("--behind-proxy: must be the address or network of the proxy, such as 10.0.0.2")


def _trust(proxy: str | None) -> dict[str, Any]:
    # without a proxy nobody is believed, whatever the environment says
    return {"proxy_headers": proxy is not None, "forwarded_allow_ips": proxy or ""}


def _list_hosts(origins: tuple[str, ...], host: str, *, alone: bool) -> tuple[str, ...]:
    hosts = []
    for each in origins:
        match = _ORIGIN.fullmatch(each)
        if match is None:
            raise InputError(f"--origin: {each!r} is none; such as https://map.example or http://10.0.0.2:8765")
        hosts.append(match[1])
    if alone:
        hosts.append(f"[{host}]" if ":" in host else host)
    return tuple(hosts)


def _check_accounts(database: Database, host: str, *, is_safe: bool) -> None:
    from sightgrid.store.people import has_admin  # noqa: PLC0415

    needed = []
    if not has_admin(database):
        needed.append("add an admin to its store with 'sightgrid users add NAME --role admin'")
    if not is_safe:
        needed.append("give --tls-cert and --tls-key, or --behind-proxy ADDRESS for a proxy that has TLS")
    if needed:
        raise InputError(f"others can reach {host}: {', and '.join(needed)}")


def _bring_first_site(database: Database) -> None:
    from sightgrid import open_site  # noqa: PLC0415
    from sightgrid.store.audit_entries import noting  # noqa: PLC0415
    from sightgrid.store.sites import import_site, list_sites  # noqa: PLC0415

    if list_sites(database):
        return
    typer.echo(f"the store has no site yet: bringing in {FIRST_SITE}", err=True)
    with noting(actor="local", action="site.add", target=FIRST_SITE):
        import_site(database, open_site(FIRST_SITE))
