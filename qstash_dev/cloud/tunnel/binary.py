"""Where the ngrok agent is on this machine, which version it has, and fetching it when allowed.

Never downloads by itself: `install` is called only after the user said yes.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from pyngrok import conf, installer
from pyngrok.exception import PyngrokError

_ENDPOINTS_CONFIG = (3, 16)
"""First agent that reads configuration version 3 (https://ngrok.com/blog/agent-endpoints)."""


def find(named: str | None, environ: Mapping[str, str]) -> Path | None:
    """The agent: as named, else in `NGROK_PATH`, else in ngrok's own directory, else PATH."""
    wanted = named or environ.get("NGROK_PATH") or environ.get("PYNGROK_NGROK_PATH")
    if wanted:
        return Path(wanted).expanduser()
    default = Path(conf.DEFAULT_NGROK_PATH)
    if default.is_file():
        return default
    return _on_path(environ.get("PATH", os.defpath))


def _on_path(path: str) -> Path | None:
    for folder in path.split(os.pathsep):
        found = shutil.which("ngrok", path=folder) if folder else None
        if found and not _is_wrapper(Path(found)):
            return Path(found)
    return None


def _is_wrapper(path: Path) -> bool:
    """Whether this is the script `ngrok` of pyngrok, which runs the agent as a child of its own.

    Killing it would leave the agent behind, and it downloads without asking.
    """
    with path.open("rb") as file:
        head = file.read(2048)
    return head.startswith(b"#!") and b"from pyngrok" in head


def source() -> str:
    """The archive that `install` would fetch, by name; `ngrok` where the platform is not known."""
    try:
        return installer.get_ngrok_cdn_url("3").rpartition("/")[2]
    except PyngrokError:
        return "ngrok"


def install() -> Path:
    """Fetch the agent into ngrok's own directory. Blocks. Raises `PyngrokNgrokInstallError`."""
    installer._print_progress_enabled = False  # its progress bar goes to stdout
    installer.install_ngrok(conf.DEFAULT_NGROK_PATH, timeout=30)
    return Path(conf.DEFAULT_NGROK_PATH)


def config_version(said: str) -> str:
    """The newest configuration version that an agent reads which says this of its version."""
    found = re.search(r"(\d+)\.(\d+)", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return "3" if version >= _ENDPOINTS_CONFIG else "2"
