"""Where an app listens, read off what it prints: `Local: http://localhost:3001`. Pure."""

import re

_URL = re.compile(
    r"\b(https?)://(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])(?::(\d{1,5}))?(?![\d.])", re.I
)
# `Something is already running on port 3000, listening on 3001`: the first is another's.
_CLAUSE_END = re.compile(r"[,;.!]\s+")
_TAKEN = re.compile(r"\balready\b|\bin use\b|\bEADDRINUSE\b", re.I)
_OTHER = re.compile(r"\b(?!https?:)\w+://\S+", re.I)
# Of two digits only 80: `started at 10:22:05` names no port.
_PORT = re.compile(
    r"\b(?:listen\w*|running|started|serving|ready)\b.{0,40}?(?:(?:port(?:\(s\))?\W{1,3}|:)(\d{3,5}|80)\b"
    r"|\bon\s+(\d{4,5})\s*[.!]?$)",
    re.I,
)


def addresses(line: str) -> list[str]:
    """The addresses on this machine that a line names as the app's, as origins of `localhost`."""
    line = ", ".join(part for part in _CLAUSE_END.split(line) if not _TAKEN.search(part))
    line = _OTHER.sub("", line)  # `Debugger listening on ws://127.0.0.1:9229` is no app
    found = [
        f"{scheme.lower()}://localhost:{port or (443 if scheme.lower() == 'https' else 80)}"
        for scheme, port in _URL.findall(line)
    ]
    if not found:
        found = [f"http://localhost:{one or other}" for one, other in _PORT.findall(line)]
    return [origin for origin in found if 0 < int(origin.rpartition(":")[2]) < 65_536]
