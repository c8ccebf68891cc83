"""Messages saved as files to be sent again: JSON with `url`, `method`, `headers` and `body`.

The format is that of `qstash-dev send --fixture`. Secrets are left out.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

from qstash_dev.client import Detail
from qstash_dev.tui.forms import Draft

SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"})


def save(detail: Detail, body: bytes, folder: Path) -> Path:
    """Write the message; the name tells the destination. Never overwrites."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, re.sub(r"[^a-z0-9]+", "-", _path_of(detail.row.url).lower()).strip("-"))
    headers = {k: v for k, v in detail.request.headers if k.lower() not in SECRET}
    document = {
        "source": f"message {detail.row.id}",
        "url": detail.request.url,
        "method": detail.request.method,
        "headers": headers,
        "body": written(body),
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def found_in(folder: Path) -> list[Path]:
    """The saved messages."""
    return sorted(folder.glob("*.json"))


def load(path: Path) -> Draft:
    """Read a saved message. Raises ValueError when the file is not one."""
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        body = document.get("body") or ""
        raw = base64.b64decode(body["base64"]) if isinstance(body, dict) else body.encode()
        headers = "\n".join(f"{k}: {v}" for k, v in dict(document.get("headers") or {}).items())
        return Draft(document["url"], document.get("method", "POST"), headers, raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'The fixture "{path}" cannot be read: {error}.') from error


def written(body: bytes) -> str | dict[str, str]:
    """A body in JSON: text, or base64 where it is none."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def _path_of(url: str) -> str:
    rest = url.partition("://")[2] or url
    return (rest.partition("/")[2].partition("?")[0] or rest)[:60]


def _free(folder: Path, name: str) -> Path:
    path = folder / f"{name or 'message'}.json"
    number = 2
    while path.exists():
        path = folder / f"{name or 'message'}-{number}.json"
        number += 1
    return path
