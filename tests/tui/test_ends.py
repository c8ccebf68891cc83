"""How the UI leaves a terminal, and that it does when the terminal or its server has left it."""

import signal

from tests.tui.terminal import ENTERED, LEFT, Terminal, attached
from tests.tui.world import World, in_thread


def test_it_draws_on_the_terminal_also_when_stderr_is_a_file_and_ends_with_it(tmp_path):
    with (
        open(tmp_path / "errors", "w+b") as errors,
        in_thread(World()) as url,
        attached(tmp_path, url, errors=errors) as terminal,
    ):
        terminal.hang_up()
        assert terminal.process.wait(timeout=60) != 0
        assert ENTERED not in errors.read()


def test_it_ends_with_the_server_that_started_it_and_gives_the_terminal_back(tmp_path):
    with in_thread(World()) as url:
        terminal = Terminal(tmp_path, "attach", url, "--owner", "1")
        try:
            terminal.read_until("The server has gone, and this terminal UI with it.")
            terminal.until(lambda: terminal.process.poll() is not None)
            assert terminal.process.returncode == 1
            assert terminal.is_restored
            assert b"Traceback" not in terminal.output
        finally:
            terminal.close()


def test_ctrl_z_stops_it_and_going_on_draws_it_again(tmp_path):
    with in_thread(World()) as url, attached(tmp_path, url, is_job=True) as terminal:
        terminal.type("\x1a")
        terminal.until(lambda: is_stopped(terminal.process.pid))
        terminal.until(lambda: terminal.is_restored)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(lambda: terminal.output.count(ENTERED) == 2)
        terminal.type("q")
        terminal.until(lambda: terminal.process.poll() is not None)
        assert terminal.process.returncode == 0


def test_it_is_drawn_again_when_it_goes_on_after_a_stop_of_which_it_was_not_told(tmp_path):
    with in_thread(World()) as url, attached(tmp_path, url, is_job=True) as terminal:
        terminal.read_until("Palette")
        terminal.process.send_signal(signal.SIGSTOP)
        terminal.until(lambda: is_stopped(terminal.process.pid))
        terminal.output = b""
        terminal.process.send_signal(signal.SIGCONT)
        # What it had drawn before may not all have been read yet.
        terminal.until(lambda: b"Palette" in terminal.output.partition(ENTERED)[2])
        assert terminal.output.count(ENTERED) == terminal.output.count(LEFT) == 1
        terminal.type("q")
        terminal.until(lambda: terminal.process.poll() is not None)
        assert terminal.process.returncode == 0


def is_stopped(pid):
    """Whether it waits for the shell to let it go on."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "T"
