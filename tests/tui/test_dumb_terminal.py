"""A terminal that cannot be drawn on gets log lines."""

from tests.tui.terminal import Terminal


def test_a_dumb_terminal_gets_log_lines(tmp_path):
    terminal = Terminal(tmp_path, "dev", "--port", "0", "--memory", TERM="dumb")
    try:
        terminal.read_until("QSTASH_URL=")
        terminal.read_until("unning")
        assert b"\x1b[?1049h" not in terminal.output
    finally:
        terminal.close()
