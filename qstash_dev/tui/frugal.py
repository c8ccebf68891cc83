"""Writes to the terminal only the cells that changed: over a slow line every byte counts.

Textual writes a changed piece of a line from where its widget begins, not from where the change does.
Knows nothing of what is drawn.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, Compositor
from textual.screen import Screen
from textual.strip import Strip


class FrugalScreen(Screen[None]):
    """The screen of the lists and the detail, in which a countdown changes a few cells a second."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._compositor = _Compositor()

    def _on_timer_update(self) -> None:
        """Draw what changed, unless the terminal has yet to take the frame before: this comes again."""
        if not getattr(self.app, "is_behind", False):
            super()._on_timer_update()


class _Compositor(Compositor):
    def render_partial_update(self) -> ChopsUpdate | None:
        update = super().render_partial_update()
        return update and _Changes(update.chops, update.spans, update.chop_ends)


class _Changes(ChopsUpdate):
    def render_segments(self, console: Console) -> str:
        """The escape sequences that bring the changed cells to the terminal."""
        return "".join(
            Control.move_to(place, y).segment.text + strip.render(console)
            for y, start, end in self.spans
            for place, strip in self._pieces(y, start, end)
        )

    def _pieces(self, y: int, start: int, end: int) -> Iterator[tuple[int, Strip]]:
        """What is between two places of a line, in the pieces that the widgets gave."""
        for last, (first, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            if strip is not None and first < end and last > start:
                place = max(first, start)
                yield place, strip.crop(place - first, min(last, end) - first)
