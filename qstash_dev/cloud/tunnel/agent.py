"""One ngrok agent: a process, and the thread that starts it through pyngrok and reads its log.

pyngrok blocks (a silent agent for ever), so everything of it happens in this thread and the event
loop only ever hears of it. Knows no states and no time limits: whoever holds the agent closes it.
"""

import asyncio
import contextlib
import logging
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyngrok import ngrok, process
from pyngrok.conf import PyngrokConfig
from pyngrok.exception import PyngrokError
from pyngrok.log import NgrokLog

from qstash_dev import private_files
from qstash_dev.cloud.mask import masker
from qstash_dev.cloud.tunnel import binary, orphan

log = logging.getLogger(__name__)

ENDPOINT_NAME = "qstash-dev"
LAST_WORDS_S = 0.5
_CODE = re.compile(r"ERR_NGROK_\d+")


@dataclass(frozen=True)
class AgentFailure:
    """Why there is no tunnel (any more): one of our codes or ngrok's, and what was said."""

    code: str
    detail: str


@dataclass(frozen=True)
class AgentPlan:
    """What to start: `path` is `None` when the agent must be fetched first."""

    path: Path | None
    upstream: str
    domain: str | None
    data_dir: Path
    environ: Mapping[str, str] = field(repr=False)
    grace_s: float = 2.0

    @property
    def config(self) -> Path:
        return (self.data_dir / "qstash-dev-ngrok.yml").absolute()

    @property
    def pidfile(self) -> Path:
        return self.data_dir / "ngrok.pid"


class Agent(threading.Thread):
    """Runs one agent from `start()` until its end.

    `opened` becomes the public URL, or an `AgentFailure`; `ended` becomes the exit code (`None`:
    there was no process) when all is over. `on_log` is called on the loop with every line;
    `last_error` is what the agent complained of last.
    """

    def __init__(self, plan: AgentPlan, on_log: Callable[[NgrokLog], None]) -> None:
        super().__init__(name="ngrok", daemon=True)
        self._plan = plan
        self._on_log = on_log
        self._without_token = masker(plan.environ.get("NGROK_AUTHTOKEN", ""))
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self.last_error = ""
        self._path = plan.path
        self.process: subprocess.Popen[str] | None = None
        self.opened: asyncio.Future[str | AgentFailure] = self._loop.create_future()
        self.ended: asyncio.Future[int | None] = self._loop.create_future()

    # In the thread.

    def run(self) -> None:
        result: str | AgentFailure
        try:
            result = self._open()
        except _Failed as error:
            result = error.failure
        except (PyngrokError, OSError, subprocess.SubprocessError) as error:
            self._hear_last_words()
            result = self._explain(error)
        self._tell(self._settle, self.opened, result)
        if isinstance(result, str):
            self._read_to_the_end()
        self._reap()
        exit_code = None if self.process is None else self.process.returncode
        self._tell(self._settle, self.ended, exit_code)

    def _open(self) -> str:
        plan = self._plan
        private_files.make_folder(plan.data_dir)
        if pid := orphan.end(plan.pidfile, plan.config, plan.grace_s):
            log.info("ended the ngrok agent %d which an earlier run had left", pid)
        self._path = path = plan.path or _fetched()
        version = binary.config_version(self._version(path))
        private_files.replace(plan.config, f'version: "{version}"\n'.encode())
        config = self._pyngrok_config(path, version)
        _prepare_pyngrok()
        ngrok.get_ngrok_process(config)
        return self._connect(config)

    def _version(self, path: Path) -> str:
        """What the program says of its version: pyngrok's `get_version` fails while an agent runs.

        Without a limit of its own: a busy machine takes seconds, and whoever starts us has one.
        """
        options = {"stdout": subprocess.PIPE, "text": True, "errors": "replace"}
        try:
            asked = self.spawn([str(path), "--version"], options)
            said, _ = asked.communicate()
            subprocess.CompletedProcess(asked.args, asked.returncode).check_returncode()
        except (OSError, subprocess.SubprocessError) as error:
            raise _Failed("not-runnable", error) from error
        self.process = None
        return said

    def _pyngrok_config(self, path: Path, version: str) -> PyngrokConfig:
        config = PyngrokConfig(
            ngrok_path=str(path),
            config_path=str(self._plan.config),
            config_version=version,
            monitor_thread=False,
            log_event_callback=lambda line: self._starting(config, line),
            startup_timeout=600,  # ours is the caller's: pyngrok's does not hold for a silent agent
            start_new_session=os.name == "posix",
        )
        # The agent reads NGROK_AUTHTOKEN itself; pyngrok would show it in the process list.
        config.auth_token = None
        config.api_key = None
        return config

    def _starting(self, config: PyngrokConfig, line: NgrokLog) -> None:
        self._heard(line)
        if line.addr and "starting web service" in (line.msg or ""):
            config.config_version = self._api_generation(line.addr)

    def _api_generation(self, address: str) -> str:
        """Which agent API answers: "3" has /api/endpoints, "2" only /api/tunnels.

        Waits for the API while the agent lives, because pyngrok looks for it once after each line
        and the line that it would need may be the last.
        """
        while not self._closing.is_set() and self._is_alive():
            try:
                with _direct.open(f"http://{address}/api/endpoints", timeout=2):
                    return "3"
            except urllib.error.HTTPError as error:
                error.close()
                return "2"
            except OSError:
                self._closing.wait(0.05)
        return "3"

    def _connect(self, config: PyngrokConfig) -> str:
        options: dict[str, Any] = {}
        if domain := self._plan.domain:
            url = domain if "://" in domain else f"https://{domain}"
            new = config.config_version == "3"
            options = {"url": url} if new else {"domain": url.partition("://")[2]}
        opened = ngrok.connect(
            self._plan.upstream, proto="http", name=ENDPOINT_NAME, pyngrok_config=config, **options
        )
        return str(opened.public_url)

    def spawn(self, words: list[str], options: dict[str, Any]) -> "subprocess.Popen[str]":
        """Start the process as pyngrok asks, but silent, with our environment, and remembered."""
        if self._closing.is_set():
            raise OSError("the tunnel was stopped while it was starting")
        options |= {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        started = subprocess.Popen(words, env=dict(self._plan.environ), **options)
        orphan.remember(self._plan.pidfile, started.pid)
        self.process = started
        if self._closing.is_set():
            self._signal(signal.SIGTERM)
        return started

    def _is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _hear_last_words(self) -> None:
        """What a dead agent wrote, and pyngrok did not read: it stops at the next line.

        An agent that ends closes its API a little before it is gone.
        """
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_WORDS_S)
        if not self._is_alive():
            self._read_to_the_end()

    def _read_to_the_end(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._heard(NgrokLog(line))

    def _reap(self) -> None:
        """Take the dead process off the books: ours, pyngrok's, the system's."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(self._plan.grace_s)
        except subprocess.TimeoutExpired:
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        process.is_process_running(str(self._path))  # forgets a process that is dead
        self._plan.pidfile.unlink(missing_ok=True)

    def _heard(self, line: NgrokLog) -> None:
        if not line.line:
            return
        line = NgrokLog(self._without_token(line.line))
        if line.lvl in ("ERROR", "CRITICAL"):
            self.last_error = line.err or line.line
        elif line.lvl == "NOTSET" and not _CODE.search(self.last_error):
            self.last_error = line.line  # what follows a code are links and empty lines
        log.debug("%s", line.line)
        self._tell(self._on_log, line)

    def _explain(self, error: Exception) -> AgentFailure:
        said = " ".join(str(part) for part in (error, getattr(error, "body", ""), self.last_error))
        code = _CODE.search(said)
        detail = getattr(error, "ngrok_error", None) or self.last_error
        if not detail and self.process is not None and not self._is_alive():
            return AgentFailure("agent-exited", f"exit code {self.process.returncode}")
        told = self._without_token(_first_line(detail or str(error)))
        return AgentFailure(code[0] if code else "agent-refused", told)

    def _tell(self, call: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be gone at exit
            self._loop.call_soon_threadsafe(call, *values)

    # On the loop.

    @staticmethod
    def _settle(future: asyncio.Future[Any], value: object) -> None:
        if not future.done():
            future.set_result(value)

    async def close(self) -> None:
        """End the process (politely, then not) and wait for the thread. Never blocks the loop."""
        self._closing.set()
        self._signal(signal.SIGTERM)
        if not await self._through(self._plan.grace_s):
            self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            await self._through(self._plan.grace_s)
        if self.ended.done():
            self.join()  # it has told its end, and returns

    async def _through(self, limit_s: float) -> bool:
        if not self.is_alive() and not self.ended.done():
            return True
        done, _ = await asyncio.wait([self.ended], timeout=limit_s)
        return bool(done)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the agent and what it started; a process that was waited for is left alone."""
        process = self.process  # the thread may take another meanwhile
        if process is not None and process.returncode is None:
            orphan.signal_group(process.pid, number)


class _Failed(Exception):
    def __init__(self, code: str, detail: object) -> None:
        super().__init__(code)
        self.failure = AgentFailure(code, _first_line(str(detail)))


def _fetched() -> Path:
    try:
        return binary.install()
    except (PyngrokError, OSError) as error:
        raise _Failed("install-failed", error) from error


def _first_line(text: str) -> str:
    return " ".join(text.split())[:300].rstrip(".")


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Spawner:
    """Stands where pyngrok.process has `subprocess`, so that we hold the process from its birth.

    Without it the agent inherits our stderr and writes over the terminal UI, and nobody can end it
    while pyngrok waits for its first line.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, words: list[str], **options: Any) -> "subprocess.Popen[str]":
        thread = threading.current_thread()
        if isinstance(thread, Agent):
            return thread.spawn(words, options)
        return subprocess.Popen(words, **options)


def _prepare_pyngrok() -> None:
    """Keep pyngrok off the terminal and off the proxy, once for the whole process."""
    process.subprocess = _Spawner()  # type: ignore[attr-defined,assignment]
    logger = logging.getLogger("pyngrok")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # else Python prints its errors on stderr
        logger.propagate = False
    # pyngrok asks the agent on 127.0.0.1 with urllib, which would go through `http_proxy`.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host for host in direct.split(",") if host]
    hosts += [host for host in ("127.0.0.1", "localhost") if host not in hosts]
    os.environ["no_proxy"] = ",".join(hosts)
