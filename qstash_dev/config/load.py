"""Precedence: flag > environment > file > default. Builds the `Config` and remembers origins."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from qstash_dev.config import file
from qstash_dev.config.errors import ConfigError, suggestion
from qstash_dev.config.model import Config, Seeds
from qstash_dev.config.options import BY_NAME, OPTIONS, Option
from qstash_dev.protocol.quota import QUOTAS
from qstash_dev.protocol.urls import KeptHosts, Nearby, way
from qstash_dev.protocol.users import DEV_USERS, User, is_public

DEFAULT = "default"
UNSET = 3

VARIABLES_OF_CLIENTS = ("QSTASH_DEV_URL", "QSTASH_DEV_TOKEN")
"""Variables with our prefix that are no settings of a server."""


class Setting(Struct, frozen=True):
    """One value, as text, and where it was found: `--port`, `QSTASH_DEV_PORT`, a file, `default`.

    Relative paths begin at `base`. `rank` is 0 for a flag, then variable, file, default.
    """

    option: Option
    texts: tuple[str, ...]
    origin: str = DEFAULT
    base: Path | None = None
    rank: int = UNSET


class Loaded(Struct, frozen=True):
    """The Config, each value with its origin in the order of the table, and what to warn about."""

    config: Config
    settings: tuple[Setting, ...]
    warnings: tuple[str, ...]


def load(
    command: str,
    flags: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    directory: Path,
    *,
    terminal: bool = False,
    starts_app: bool = False,
) -> Loaded:
    """Settings of `dev` or `serve` started in `directory`.

    `flags` holds the texts given for each option name. `terminal` says whether stdout is one,
    `starts_app` whether the server starts the app itself.
    Raises `ConfigError`.
    """
    explicit = (flags.get("config") or [environment.get("QSTASH_DEV_CONFIG", "")])[0]
    found = file.find(directory, Path(explicit).expanduser() if explicit else None)
    fallbacks = defaults_of(command, environment, terminal=terminal)
    if starts_app:
        fallbacks["hold"] = "true"  # it takes a while to start, and may end

    def picked(name: str) -> Setting:
        return pick(BY_NAME[name], flags, environment, found, fallbacks)

    if value_of(picked("container")):
        fallbacks |= in_container(value_of(picked("port")))
    settings = tuple(picked(option.name) for option in OPTIONS)
    by_name = {setting.option.name: setting for setting in settings}
    values = {s.option.name: value_of(s) for s in settings if s.texts}
    if by_name["data-dir"].rank < by_name["memory"].rank:
        values["memory"] = False  # the one that is nearer to the person counts
    built = replace(build(values, found), is_app_given=by_name["app"].rank < UNSET)
    config = restrict(built, by_name["host"].origin)
    check_notify(config, by_name["notify"].origin)
    return Loaded(config, settings, tuple(strangers(environment)))


def defaults_of(command: str, environment: Mapping[str, str], *, terminal: bool) -> dict[str, str]:
    """`dev` is made for a person: it waits for the app, and on a terminal it shows the TUI."""
    person = command == "dev"
    screen = person and terminal and not environment.get("CI")
    return {"hold": str(person).lower(), "output": "tui" if screen else "log"}


def in_container(port: int) -> dict[str, str]:
    """What start scripts of the official server expect: all addresses, and the log port beside."""
    log_port = {"log-port": str(port + 1)} if 0 < port < 65_535 else {}
    return {"host": "0.0.0.0,::", **log_port}


def pick(
    option: Option,
    flags: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    found: file.Found | None,
    fallbacks: Mapping[str, str],
) -> Setting:
    """The text that counts for one option."""
    name = option.name
    if flags.get(name):
        return Setting(option, tuple(flags[name]), option.flag, rank=0)
    variable = environment.get(option.variable, "").strip()
    if variable:
        texts = variable.split() if option.kind == "many" else [variable]
        return Setting(option, tuple(texts), option.variable, rank=1)
    if found is not None and name in found.settings:
        texts = found.settings[name]
        return Setting(option, tuple(texts), found.where(name), found.path.parent, rank=2)
    fallback = fallbacks.get(name, option.default)
    return Setting(option, () if fallback is None else (fallback,))


def value_of(setting: Setting) -> Any:
    """The parsed value of a setting that has one; a tuple for an option that may be repeated."""
    option = setting.option
    try:
        values = [option.parse(text) for text in setting.texts]
    except ValueError as error:
        raise ConfigError(setting.origin, str(error)) from None
    if setting.base is not None:
        values = [setting.base / v if isinstance(v, Path) else v for v in values]
    if option.kind == "many":
        return tuple(values)
    return values[0]


def build(values: Mapping[str, Any], found: file.Found | None) -> Config:
    """Values by option name become the fields of the Config; what is not set keeps its default."""
    rows = [BY_NAME[name] for name in values]
    fields = {row.fills: values[row.name] for row in rows if not row.is_limit}
    limits = {row.fills: values[row.name] for row in rows if row.is_limit}
    clock_mode, clock_scale, clock_start_ms = fields.pop("clock")
    fields["config_file"] = found.path if found else None
    routes = fields.pop("routes", ())
    keep_host = fields.pop("kept_hosts")
    fields["nearby"] = Nearby(fields["container"], fields.pop("nearby", ()))
    kept = tuple(route.source for route in routes if route.keeps_host)
    if fields.pop("memory"):
        fields["data_dir"] = None
    return Config(
        **fields,
        routes=tuple((route.source, route.target) for route in routes),
        kept_hosts=KeptHosts(keep_host, kept),
        clock_mode=clock_mode,
        clock_scale=clock_scale,
        clock_start_ms=clock_start_ms,
        limits=replace(QUOTAS[fields["quota"]], **limits),
        users=users_of(fields.get("env_file"), found),
        seeds=found.seeds if found else Seeds(),
        keys=found.keys if found else (),
    )


def users_of(adopted: Path | None, found: file.Found | None) -> tuple[User, ...]:
    """Adopted credentials first, then users of the file, then the public ones."""
    own = found.users if found else ()
    named = {user.id for user in own}
    users = own + tuple(user for user in DEV_USERS if user.id not in named)
    if adopted is None:
        return users
    from qstash_dev.config import env_file  # most starts have none

    return env_file.adopt(adopted, users)


def restrict(config: Config, host_origin: str) -> Config:
    """A server that others can reach serves no user whose token everybody knows."""
    if not config.token_required:
        return config
    private = tuple(user for user in config.users if not is_public(user.token))
    if not private:
        raise ConfigError(
            host_origin,
            f"listening on {', '.join(config.host)} needs a token that is not public knowledge; "
            "name users in qstash-dev.toml, or adopt a token with --env-file.",
        )
    return replace(config, users=private)


def check_notify(config: Config, origin: str) -> None:
    """Failures tell of addresses and errors: that stays on this machine."""
    url = config.notify_url
    if url is not None and not way(url, nearby=config.nearby).is_here:
        raise ConfigError(origin, f'"{url}" is not on this machine, where alone failures are told.')


def strangers(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each variable with our prefix that nothing reads."""
    known = [option.variable for option in OPTIONS]
    for name in sorted(environment):
        if name.startswith("QSTASH_DEV_") and name not in (*known, *VARIABLES_OF_CLIENTS):
            yield f"{name}: unknown variable, ignored.{suggestion(name, known)}"
