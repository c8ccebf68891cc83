"""The apps of a directory: its env files and SDKs, and those of the workspaces below it.

Reads `package.json`, `pnpm-workspace.yaml`, `pyproject.toml` and `requirements.txt`; judges nothing.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from qstash_dev import given_files
from qstash_dev.config import ConfigError
from qstash_dev.config.env_file import ENV_FILES, read
from qstash_dev.config.file import read_toml
from qstash_dev.devtools.sdk_choice import JS, SDKS, WORKFLOW_JS, App
from qstash_dev.protocol.json_body import loads

MOST_APPS = 50


def apps_of(directory: Path) -> tuple[list[App], list[ConfigError]]:
    """The app here first, then those of the workspaces that have to do with QStash."""
    apps, errors = [], []
    for place in (directory, *workspaces(directory)):
        name = "" if place == directory else place.relative_to(directory).as_posix()
        values: dict[str, str] = {}
        files: dict[str, str] = {}
        for file in ENV_FILES:
            path = place / file
            if not path.is_file():
                continue
            try:
                found = read(path)
            except ConfigError as error:
                errors.append(error)
                continue
            label = f"{name}/{file}" if name else file
            files = dict.fromkeys(found, label) | files
            values = {**found, **values}
        app = App(values, files, sdks_of(place, directory), name)
        if not name or app.sdks or any("QSTASH" in key for key in values):
            apps.append(app)
    return apps, errors


def sdks_of(place: Path, root: Path) -> dict[str, str]:
    """SDKs that are asked for; of Node's the version that is installed, if one is."""
    wanted = {**node_packages(place / "package.json"), **python_packages(place)}
    found = {name: wanted[name] for name in SDKS if name in wanted}
    return {name: _installed(name, place, root) or version for name, version in found.items()}


def _installed(name: str, place: Path, root: Path) -> str:
    if name not in (JS, WORKFLOW_JS):
        return ""
    for folder in dict.fromkeys((place, *place.resolve().parents[:4], root)):
        path = folder / "node_modules" / name / "package.json"
        if version := _json(path).get("version"):
            return str(version)
    return ""


def workspaces(directory: Path) -> list[Path]:
    """Folders of the workspaces that npm, pnpm, Yarn, Bun or uv find below a directory."""
    found: dict[Path, None] = {}
    for pattern in _patterns(directory):
        if pattern.startswith(("!", "/")) or ".." in pattern:
            continue
        with suppress(ValueError, OSError):
            for path in sorted(directory.glob(pattern.rstrip("/").removeprefix("./"))):
                if path.is_dir() and "node_modules" not in path.parts:
                    found[path] = None
    return list(found)[:MOST_APPS]


def _patterns(directory: Path) -> Iterator[str]:
    given = _json(directory / "package.json").get("workspaces", [])
    given = given.get("packages", []) if isinstance(given, dict) else given
    yield from (text for text in given if isinstance(text, str))
    with suppress(OSError, ValueError):
        text = given_files.read_text_now(directory / "pnpm-workspace.yaml")
        block = re.search(r"^packages:\s*\n((?:\s*(?:-.*|#.*)?\n?)+)", text, re.M)
        yield from (
            re.findall(r"^\s*-\s*[\"']?([^\"'#\n]+?)[\"']?\s*(?:#.*)?$", block[1], re.M)
            if (block)
            else ()
        )
    with suppress(OSError, ValueError, AttributeError):
        project = read_toml(given_files.read_text_now(directory / "pyproject.toml"))
        yield from project.get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])


def node_packages(path: Path) -> dict[str, str]:
    """Names and versions that a package.json asks for."""
    content = _json(path)
    parts = (content.get(name) for name in ("devDependencies", "dependencies"))
    return {k: str(v) for part in parts if isinstance(part, dict) for k, v in part.items()}


def python_packages(directory: Path) -> dict[str, str]:
    """Names and versions that a pyproject.toml and a requirements.txt ask for."""
    lines: list[str] = []
    with suppress(OSError, ValueError, AttributeError):
        project = read_toml(given_files.read_text_now(directory / "pyproject.toml"))
        lines += project.get("project", {}).get("dependencies", [])
    with suppress(OSError, ValueError):
        lines += given_files.read_text_now(directory / "requirements.txt").splitlines()
    found = (re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;#]*)", line) for line in lines)
    return {match[1].lower(): match[2].strip() for match in found if match}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = loads(given_files.read_text_now(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
