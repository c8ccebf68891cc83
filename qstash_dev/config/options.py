"""The table of settings: one row gives the flag, the variable, the key of the file, and the help,
the field that it fills, and whether a running server takes it over.

`port` is `--port`, `QSTASH_DEV_PORT` and `port = ...`. Knows nothing of where values are found.
"""

from functools import partial

from msgspec import Struct

from qstash_dev.config import parsing as p
from qstash_dev.protocol.quota import QUOTAS, Limits


class Option(Struct, frozen=True):
    """One setting. `default` is text as a user would write it; `None` is "not set".

    `kind` is `value` (takes one), `commas` (several in one), `many` (may be repeated), `switch`
    (`--memory`), or `toggle` (`--hold/--no-hold`). `field` is that of the `Config` or of its `Limits`,
    if it is not called like the option; a duration has its unit there. Of a `live` one a running server
    takes over what is saved in the file.
    """

    section: str
    name: str
    metavar: str
    parse: p.Parser
    default: str | None
    help: str
    kind: str = "value"
    short: str | None = None
    field: str | None = None
    live: bool = False

    @property
    def fills(self) -> str:
        """The field that holds its value."""
        return self.field or self.name.replace("-", "_") + UNITS.get(self.parse, "")

    @property
    def is_limit(self) -> bool:
        """Whether that field is one of the `Limits`, which a quota gives else."""
        return self.fills in Limits.__struct_fields__

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return "QSTASH_DEV_" + self.name.upper().replace("-", "_")


SERVER, APP, TIME = "Server", "App and deliveries", "Time and replay"
STATE, LIMITS, TUNNEL, OUTPUT = "State", "Limits", "Tunnel", "Output"

COUNT = p.unlimited_or(p.integer(0))
SIZE = p.unlimited_or(p.size)
SECONDS = p.unlimited_or(p.duration_s)
UNITS: dict[p.Parser, str] = {p.duration_ms: "_ms", SECONDS: "_s"}

live = partial(Option, live=True)


def switch(
    section: str, name: str, help: str, field: str | None = None, live: bool = False
) -> Option:
    """An option without a value: it is there, or not."""
    return Option(section, name, "", p.boolean, "false", help, "switch", field=field, live=live)


OPTIONS = (
    Option(SERVER, "port", "N", p.port, "8080", "Port of the API; 0 is a free one.", short="-p"),
    Option(SERVER, "log-port", "N", p.port, None, "Serve the API on this port, too."),
    Option(SERVER, "host", "ADDR", p.hosts, "127.0.0.1,::1", "Addresses to listen on.", "commas"),
    switch(
        SERVER,
        "container",
        "In a container: all addresses, and the network's names and apps are local.",
    ),
    Option(
        SERVER,
        "allow-host",
        "NAME|*.NAME",
        p.host_name,
        None,
        "A name by which this server is called, and where apps are.",
        kind="many",
        field="nearby",
    ),
    Option(
        SERVER,
        "advertise",
        "URL",
        p.address,
        None,
        "How you reach this server, where it cannot know: the address that it prints.",
        field="advertised",
    ),
    live(SERVER, "quota", "payg|pro", p.choice(*QUOTAS), "payg", "Plan whose limits hold."),
    Option(SERVER, "env-file", "FILE", p.path, None, "Adopt token and signing keys found there."),
    Option(
        SERVER,
        "config",
        "FILE",
        p.path,
        None,
        "Settings [default: ./qstash-dev.toml].",
        field="config_file",
    ),
    Option(
        APP,
        "app",
        "URL|PORT",
        p.app,
        "http://localhost:3000",
        "Where your app listens.",
        field="app_url",
    ),
    live(
        APP,
        "route",
        "FROM=TO",
        p.route,
        None,
        "Deliver URLs with prefix FROM to TO; with FROM=TO,keep-host, --keep-host for these.",
        kind="many",
        field="routes",
    ),
    switch(
        APP,
        "keep-host",
        "Routes and tunnel: let the app see the URL's own Host, not its local one.",
        "kept_hosts",
        live=True,
    ),
    live(
        APP,
        "external",
        "allow|hold|deny",
        p.choice("allow", "hold", "deny"),
        "allow",
        "Destinations that are not on this machine, after routes.",
    ),
    live(APP, "hold", "", p.boolean, None, "Wait while the app is not running.", kind="toggle"),
    Option(TIME, "clock", "real|frozen[@T]|Nx", p.clock, "real", "How fast time passes."),
    live(TIME, "retry-interval", "D", p.duration_ms, None, "Wait this long before every retry."),
    Option(
        TIME,
        "auto-replay",
        "off|failed",
        p.choice("off", "failed"),
        "off",
        "Deliver failed messages again when source files change.",
    ),
    Option(TIME, "watch", "DIR", p.path, ".", "Directory of those source files."),
    switch(TUNNEL, "tunnel", "Open an ngrok tunnel."),
    Option(TUNNEL, "domain", "NAME", p.text, None, "ngrok domain to use."),
    Option(TUNNEL, "public-url", "URL", p.address, None, "A tunnel that runs already."),
    Option(
        TUNNEL,
        "ingress-port",
        "N",
        p.port,
        None,
        "Where the tunnel leads [default: a free port; 8082 with --public-url].",
    ),
    switch(TUNNEL, "tunnel-open", "Let in what QStash did not sign."),
    switch(TUNNEL, "tunnel-install", "Fetch the ngrok agent from ngrok if it is missing."),
    Option(
        TUNNEL,
        "resign",
        "auto|always|never",
        p.choice("auto", "always", "never"),
        "auto",
        "Sign cloud deliveries anew with the dev keys [auto: those of --cloud].",
    ),
    switch(TUNNEL, "cloud", "Publish by the real QStash."),
    Option(STATE, "data-dir", "DIR", p.path, ".qstash-dev", "Where state is kept."),
    switch(STATE, "memory", "Forget everything at exit."),
    live(STATE, "max-messages", "N", p.integer(0), "10000", "Finished messages to keep."),
    live(STATE, "max-age", "D", p.duration_ms, "7d", "How long to keep them."),
    live(LIMITS, "max-retries", "N", COUNT, None, "Retries per message [default: by quota]."),
    live(LIMITS, "max-delay", "D", SECONDS, None, "Delay of a message [default: by quota]."),
    live(LIMITS, "max-message-size", "SIZE", SIZE, None, "Body size [default: by quota]."),
    live(LIMITS, "max-request-size", "SIZE", p.size, "100MB", "Size of a batch."),
    live(LIMITS, "max-run-steps", "N", COUNT, "1000", "Steps of a workflow run."),
    live(LIMITS, "max-run-bytes", "SIZE", SIZE, "100MB", "Size of all steps of a workflow run."),
    live(
        LIMITS, "max-run-depth", "N", p.integer(1), "100", "Workflow runs that invoke each other."
    ),
    live(LIMITS, "max-queue-parallelism", "N", COUNT, "10000", "Parallelism of a queue."),
    live(LIMITS, "max-flow-period", "D", SECONDS, "7d", "Period of a flow-control rate."),
    live(
        LIMITS,
        "parallelism",
        "N",
        p.integer(1),
        "100",
        "Deliveries at the same time.",
        field="global_parallelism",
    ),
    live(LIMITS, "dedup-window", "D", p.duration_ms, "10m", "How long duplicates are noticed."),
    Option(
        LIMITS,
        "finished-readable",
        "D",
        p.duration_ms,
        "30s",
        "How long GET /v2/messages/ID finds a finished message.",
    ),
    Option(
        OUTPUT,
        "output",
        "tui|log|json|quiet",
        p.choice("tui", "log", "json", "quiet"),
        None,
        "What stdout shows [default: tui for dev on a terminal, else log].",
    ),
    Option(
        OUTPUT,
        "desktop",
        "off|bell|osc9",
        p.choice("off", "bell", "osc9"),
        "off",
        "Terminal UI: tell of failures by a bell, or by a notification of the desktop (OSC 9).",
    ),
    Option(
        OUTPUT,
        "notify",
        "URL",
        p.url,
        None,
        "Post each failure with its cause to this address of your machine.",
        field="notify_url",
    ),
    Option(OUTPUT, "theme", "NAME", p.text, None, "Terminal UI: dark, light, or a Textual theme."),
    Option(
        OUTPUT, "log-file", "FILE", p.path, None, "Write the log there; it is begun anew at 10 MB."
    ),
    Option(OUTPUT, "verbosity", "N", p.integer(-1), "0", "The same as -v and -q."),
    switch(OUTPUT, "strict", "Refuse what the cloud would.", live=True),
)

BY_NAME = {option.name: option for option in OPTIONS}
