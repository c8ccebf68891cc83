"""Which lines belong to which delivery."""

from qstash_dev.child.output import Output
from qstash_dev.child.witness import LATE_MS, Witness
from qstash_dev.devtools.documents import Heard

APP = "http://localhost:3000/api"


class World:
    def __init__(self) -> None:
        self.now = 1_000
        self.output = Output(lambda: 0, lambda line: self.witness.heard())
        self.witness = Witness(self.output, lambda: self.now)

    def prints(self, *lines: str) -> None:
        for line in lines:
            self.output.take(f"{line}\n".encode())

    def of(self, message_id: str) -> Heard | None:
        return self.witness.of(message_id, 1)


def test_what_is_printed_during_a_delivery_is_its_own() -> None:
    world = World()
    world.prints("before")
    with world.witness.watching("a", 1, APP):
        world.prints("one", "two")
    world.now += LATE_MS + 1
    world.prints("after")
    assert world.of("a") == Heard(["one", "two"])
    assert world.witness.of("a", 2) is None


def test_a_line_that_comes_late_still_belongs_to_it_unless_another_began() -> None:
    world = World()
    with world.witness.watching("a", 1, APP):
        pass
    world.prints("late")
    with world.witness.watching("b", 1, APP):
        world.prints("of b")
    assert world.of("a") == Heard(["late"])
    assert world.of("b") == Heard(["of b"])


def test_deliveries_at_the_same_time_say_how_many_they_were() -> None:
    world = World()
    with world.witness.watching("a", 1, APP):
        with world.witness.watching("b", 1, APP):
            world.prints("of one of them")
        assert world.of("a") == Heard(["of one of them"], others=1)
    assert world.of("b") == Heard(["of one of them"], others=1)


def test_a_delivery_elsewhere_neither_counts_nor_hears() -> None:
    world = World()
    with (
        world.witness.watching("out", 1, "https://example.com/x"),
        world.witness.watching("a", 1, APP),
    ):
        world.prints("line")
    assert world.of("out") is None
    assert world.of("a") == Heard(["line"])


def test_of_many_lines_the_last_are_kept() -> None:
    world = World()
    with world.witness.watching("a", 1, APP):
        world.prints(*map(str, range(250)))
    heard = world.of("a")
    assert heard is not None
    assert (heard.left_out, heard.lines[0], len(heard.lines)) == (
        50,
        "50",
        200,
    )
