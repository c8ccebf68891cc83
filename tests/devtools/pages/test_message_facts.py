"""What is known of a message: in one order, with what it leads to, and nothing that is empty."""

from msgspec.structs import replace

from qstash_dev.devtools.documents import Links, Piece, Row
from qstash_dev.devtools.pages.message_facts import message_facts

ROW = Row(1, "msg_2", "retry", "http://a", created_at=7, due_at=9, body_size=2048)


def told(row: Row, waits: str | None = None, **spec: object) -> dict[str, list[Piece]]:
    replay = Row(2, "msg_3", "delivered", "http://a", kind="replay")
    callback = Row(3, "msg_4", "delivered", "http://a", kind="callback")
    facts = message_facts(row, spec, Links(children=[replay, callback]), waits)
    return {fact.name: fact.pieces for fact in facts}


def test_what_is_empty_is_not_told() -> None:
    row = Row(1, "msg_2", "delivered", "http://a")
    assert list(told(row)) == ["id", "kind", "created", "body"]


def test_a_value_leads_to_what_it_names() -> None:
    row = replace(ROW)
    row.parent, row.kind, row.run, row.queue = "msg_1", "callback", "wfr_1", "mail"
    row.topic, row.endpoint, row.labels, row.replays = "all", "first", ("a", "b"), 1
    found = told(row, timeout_ms=15_000)
    assert found["kind"] == [Piece("callback of "), Piece("msg_1", to="messages")]
    assert found["URL group"] == [Piece("all", to="group"), Piece(" / first")]
    assert found["labels"] == [Piece("a", to="label"), Piece(", "), Piece("b", to="label")]
    assert found["replays"] == [Piece("1  "), Piece("msg_3", to="messages")]
    assert (found["workflow run"], found["queue"]) == (
        [Piece("wfr_1", to="runs")],
        [Piece("mail", to="queue")],
    )
    assert found["time-out"] == [Piece("15s for each attempt")]


def test_moments_are_left_to_those_who_know_the_time_zone() -> None:
    assert told(ROW)["created"] == [Piece("{exact}  {ago}", at=7)]
    assert told(ROW)["next try"] == [Piece("{in}  ({clock})", at=9)]
    assert "next try" not in told(ROW, waits="for the app")
