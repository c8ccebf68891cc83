"""Why a request got no answer, in the words of Go's HTTP client, which QStash's logs show.

The one place that reads error numbers; it refuses to know what follows from a failure.
"""

import errno
import re
import socket
import ssl

from qstash_dev.protocol.model import Reason
from qstash_dev.transport.stages import Stages
from qstash_dev.transport.target import Target

CONNECT_TIMEOUT_S = 10.0
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}


class Trouble(Exception):
    """There is no answer: the reason, and the text behind `Post "http://...": `."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


def of_lookup(target: Target, error: OSError | UnicodeError) -> Trouble:
    """The host's name could not be resolved."""
    if _lacks_descriptors(error):
        return _without_descriptors(target)
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Trouble(Reason.DNS, f"dial tcp: lookup {target.host}: {text}")


def of_connect(target: Target, error: OSError) -> Trouble:
    """No address of the host could be connected with."""
    numbers = _numbers(error)
    where = f"dial tcp {target.host}:{target.port}: connect"
    if numbers & _NO_DESCRIPTORS:
        return _without_descriptors(target)
    if errno.ECONNREFUSED in numbers:
        return Trouble(Reason.REFUSED, f"{where}: connection refused")
    return Trouble(Reason.UNREACHABLE, f"{where}: {error.strerror or error}")


def of_own_server(target: Target) -> Trouble:
    """The name leads to this very server."""
    text = f"{target.authority} is qstash-dev itself, not an app"
    return Trouble(Reason.OWN_SERVER, text)


def of_handshake(error: OSError) -> Trouble:
    """The connection stands, but TLS could not be agreed on."""
    if isinstance(error, ssl.SSLError):
        return Trouble(Reason.TLS, f"tls: {error}")
    text = error.strerror or str(error) or "EOF"
    return Trouble(Reason.TLS, f"tls: the connection was closed during the handshake: {text}")


def of_end(stages: Stages, in_body: bool, error: Exception | None) -> Trouble:
    """The connection ended before the answer was complete."""
    if isinstance(error, ssl.SSLError):
        return Trouble(Reason.TLS, f"tls: {error}")
    what = "reset" if isinstance(error, ConnectionResetError) else "closed"
    if in_body:
        text = f"unexpected EOF: the connection was {what} in the middle of the body"
    elif stages.first_byte is not None:
        text = f"unexpected EOF: the connection was {what} in the middle of the head"
    elif stages.written is None:
        text = f"the connection was {what} before all of the request was written: EOF"
    else:
        text = f"the connection was {what} before an answer came: EOF"
    return Trouble(Reason.RESET, text)


def of_time(stages: Stages) -> Trouble:
    """Time is up, for the connection or for the whole answer."""
    if stages.connected is not None:
        text = f"context deadline exceeded: no complete answer within {stages.timeout_s:g} seconds"
    elif stages.timeout_s < CONNECT_TIMEOUT_S:
        text = f"context deadline exceeded: no connection within {stages.timeout_s:g} seconds"
    else:
        text = f"dial tcp: i/o timeout: no connection within {CONNECT_TIMEOUT_S:g} seconds"
    return Trouble(Reason.TIMEOUT, text)


def malformed(why: str, beginning: bytes = b"") -> Trouble:
    """What came is not HTTP, or too much of it. `beginning` is quoted."""
    quoted = ascii(beginning[:60])[2:-1].replace('"', r"\"")
    what = f'malformed HTTP response "{quoted}"' if beginning else "malformed HTTP response"
    return Trouble(Reason.BAD_RESPONSE, f"{what}: {why}")


def undecodable(error: Exception) -> Trouble:
    """The body is not in the coding that the answer names."""
    return Trouble(Reason.BAD_RESPONSE, f"the body could not be decoded: {error}")


def _without_descriptors(target: Target) -> Trouble:
    where = f"dial tcp {target.host}:{target.port}"
    text = f"{where}: socket: too many open files: qstash-dev has no file descriptors left"
    return Trouble(Reason.NO_DESCRIPTORS, text)


def _numbers(error: OSError) -> set[int | None]:
    """The error's number, or those of all addresses that were tried."""
    return {error.errno, *(int(number) for number in _ERRNO.findall(str(error)))}


def _lacks_descriptors(error: OSError | UnicodeError) -> bool:
    """Whether a lookup failed for want of a socket: the system's resolver does not say that."""
    if isinstance(error, UnicodeError):
        return False
    try:
        socket.socket().close()
    except OSError as second:
        return second.errno in _NO_DESCRIPTORS
    return False
