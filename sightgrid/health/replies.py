"""One connection and one request to the server of a stream, on plain sockets with a deadline for every step."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sightgrid.health.addresses import Address
    from sightgrid.health.names import AddressInfo

MAX_HEAD = 65536  # bytes of a reply's head that are read
TLS = ("rtsps", "https")
SHORTEST_S = 1e-3  # a timeout of nought would mean: do not wait at all
_PLAIN = "/:?&=%+,;@!$'()*~[]"  # what a request line carries as it is


class Reply(NamedTuple):
    """Status of a reply, and the ways it offers to prove who asks."""

    status: int
    challenges: tuple[str, ...]


class StageError(Exception):
    """A stage failed; carries its name and the reason."""

    def __init__(self, stage: str, fault: str) -> None:
        super().__init__(fault)
        self.stage, self.fault = stage, fault


def connect(found: Sequence[AddressInfo], address: Address, *, connect_s: float) -> socket.socket:
    """Connect to the first of the host's addresses that answers, all tries together within the deadline.

    Raises
    ------
    StageError
        None of them did.
    """
    ends = time.monotonic() + connect_s
    fault = "the host has no address"
    for family, kind, protocol, _, place in found:
        left = ends - time.monotonic()
        if left <= 0:
            break
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(left)
            line.connect(place)
            if address.scheme not in TLS:
                return line
            line.settimeout(max(ends - time.monotonic(), SHORTEST_S))
            return _trust_any().wrap_socket(line, server_hostname=address.host)
        except TimeoutError:
            fault = f"no connection within {connect_s:g} s"
        except ConnectionRefusedError:
            fault = f"port {address.port} refuses connections"
        except ssl.SSLError:
            fault = "the server speaks no TLS that is understood here"
        except OSError as error:
            fault = f"no connection: {(error.strerror or 'unknown reason').lower()}"
        line.close()
    raise StageError("connect", fault)


def ask(line: socket.socket, address: Address, method: str, *, reply_s: float, login: str = "") -> Reply:
    """Send one request and read the head of its reply.

    Parameters
    ----------
    line : socket
        A fresh connection.
    address : Address
        What to ask for.
    method : str
        Of RTSP (RFC 2326) or HTTP, as the address's scheme says.
    reply_s : float
        Deadline for the whole reply.
    login : str
        The Authorization field, if any.

    Returns
    -------
    Reply
        Its status and challenges.

    Raises
    ------
    StageError
        No answer, or none in this protocol.
    """
    ends = time.monotonic() + reply_s
    head = b""
    try:
        line.settimeout(reply_s)
        line.sendall(_word_request(address, method, login))
        while b"\r\n\r\n" not in head and len(head) < MAX_HEAD:
            # a server that drips would keep a deadline of each part
            line.settimeout(max(ends - time.monotonic(), SHORTEST_S))
            part = line.recv(4096)
            if not part:
                break
            head += part
    except TimeoutError:
        raise StageError("stream", f"the server did not answer within {reply_s:g} s") from None
    except OSError:
        raise StageError("stream", "the server broke the connection off") from None
    return _parse_head(head)


def target_of(address: Address) -> str:
    """Return what the first line of a request names: the whole address for RTSP, its path for HTTP."""
    located = quote(address.locate(), safe=_PLAIN)
    if address.scheme.startswith("rtsp"):
        return located
    path = located.removeprefix(f"{address.scheme}://").partition("/")[2]
    return f"/{path}"


def _word_request(address: Address, method: str, login: str) -> bytes:
    if address.scheme.startswith("rtsp"):
        lines = [f"{method} {target_of(address)} RTSP/1.0", "CSeq: 1"]
    else:
        lines = [f"{method} {target_of(address)} HTTP/1.1", f"Host: {address.authority}", "Connection: close"]
    lines.append("User-Agent: sightgrid")
    if method == "DESCRIBE":
        lines.append("Accept: application/sdp")
    if login:
        lines.append(f"Authorization: {login}")
    return "\r\n".join([*lines, "", ""]).encode()


def _parse_head(head: bytes) -> Reply:
    if not head:
        raise StageError("stream", "the server broke the connection off")
    first, *lines = head.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    protocol, _, rest = first.partition(" ")
    status = rest[:3]
    if not protocol.startswith(("RTSP/", "HTTP/", "ICY")) or not (status.isascii() and status.isdecimal()):
        raise StageError("stream", "the server answers in another protocol")
    fields = [line.partition(":") for line in lines]
    return Reply(int(status), tuple(value for name, _, value in fields if name.strip().lower() == "www-authenticate"))


def _trust_any() -> ssl.SSLContext:
    """Encrypt without proof of who answers: cameras sign their own certificates."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
