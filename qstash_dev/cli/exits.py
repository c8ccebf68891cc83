"""Exit codes, and errors of commands that carry one."""

import click

from qstash_dev.devtools.text import printable_lines

OK = 0
ERROR = 1
USAGE = 2
PORT_IN_USE = 3
NOT_MET = 4
NOT_REACHABLE = 5
TUNNEL_FAILED = 6
INTERRUPTED = 130


class Failure(click.ClickException):
    """A sentence for stderr and the code to exit with."""

    def __init__(self, message: str, code: int = ERROR) -> None:
        super().__init__(printable_lines(message))
        self.code = code
