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


def test_no_screen_is_drawn_on_a_dumb_terminal(tmp_path):
    terminal = Terminal(tmp_path, "attach", "http://127.0.0.1:1", TERM="dumb")
    try:
        terminal.read_until("qstash-dev logs --follow")
        assert terminal.process.wait() == 2
    finally:
        terminal.close()
