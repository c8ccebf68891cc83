"""The head of a request, exactly as its headers are given. It refuses to know what they mean,
but for one that is read by Node."""

import contextlib

from qstash_dev.protocol.headers import names_of
from qstash_dev.protocol.model import Headers
from qstash_dev.transport.target import Target

_EXPECTS_BODY = frozenset(["POST", "PUT", "PATCH"])


def request_head(method: str, target: Target, headers: Headers, length: int) -> bytes:
    """Request line and headers: order, case and repetition stay, and what is added is only `Host`
    (unless given), the credentials of the URL (unless given) and `Content-Length`.

    `headers` must not frame the body themselves. A method that usually has a body says that there
    is none, as with Go. Raises ValueError for what would begin another line.
    """
    names = names_of(headers)
    lines = [f"{method} {target.path} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {target.authority}")
    lines += [f"{name}: {value}" for name, value in headers]
    if target.credentials is not None and "authorization" not in names:
        lines.append(f"Authorization: {target.credentials}")
    if length or method in _EXPECTS_BODY:
        lines.append(f"Content-Length: {length}")
    written = "".join(lines)
    if "\n" in written or "\r" in written:
        raise ValueError("a header holds a line break")
    lines += ("", "")
    text = "\r\n".join(lines)
    return text.encode() if text.isascii() else b"\r\n".join(map(_encoded, lines))


def _encoded(line: str) -> bytes:
    """Node reads the bytes of headers as Latin-1, and workflow-js compares this one with the name in
    the code; the SDK lets no other characters into it (`context/steps.ts`).
    """
    if line.lower().startswith("upstash-workflow-stepname:"):
        with contextlib.suppress(UnicodeEncodeError):
            return line.encode("latin-1")
    return line.encode()
