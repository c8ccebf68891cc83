"""The terminal UI: a pure client of a running server, in its own process.

Takes in what the server says at once, and draws at most ten times a second. Actions are in the
modules of `commands.py`; nothing here decides what happens to a message.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import tzinfo
from inspect import isawaitable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from rich.console import RenderableType
from textual import events
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from qstash_dev.client import Client, ClientError
from qstash_dev.devtools.documents import Tunnel
from qstash_dev.tui.actions import clicking, filtering, walking
from qstash_dev.tui.actions.command_search import CommandSearch
from qstash_dev.tui.actions.commands import COMMANDS as COMMANDS_BY_ID
from qstash_dev.tui.actions.commands import bindings
from qstash_dev.tui.driver import forgiving
from qstash_dev.tui.editor import Run
from qstash_dev.tui.frugal import FrugalScreen
from qstash_dev.tui.keyboard import Keyboard
from qstash_dev.tui.model.arrangement import Arrangement
from qstash_dev.tui.model.command import Command
from qstash_dev.tui.model.desk import Desk
from qstash_dev.tui.model.drafts import Drafts
from qstash_dev.tui.model.filter_history import History
from qstash_dev.tui.model.memory import Memory, place_of_memory
from qstash_dev.tui.model.saved_filters import SavedFilters
from qstash_dev.tui.model.session import Job, Session
from qstash_dev.tui.model.view import View
from qstash_dev.tui.painter import Painter, Seen
from qstash_dev.tui.render import fmt
from qstash_dev.tui.render.palette import Palette, mixed, prefers_light, themes
from qstash_dev.tui.views import VIEWS
from qstash_dev.tui.widgets.bars import Bar, Tabs, tunnel_news
from qstash_dev.tui.widgets.panes import FilterInput, Panes, is_small
from qstash_dev.tui.widgets.text_view import TextView
from qstash_dev.tui.widgets.virtual_list import VirtualList

T = TypeVar("T")

FRAME_S = 0.1
UNREAD, EVERY = 5, 5
"""After so many frames with news in each and no touch between them, one of so many is drawn, and what
comes between two is heard shortly before the next: nobody reads such a stream line by line, and whoever
publishes needs the processor. It is half a second, as in the page.
"""
WHEEL = events.MouseScrollDown, events.MouseScrollUp
TOUCHES = (events.Key, events.Paste, events.MouseDown, *WHEEL)
TYPING_S = 0.15


class QstashApp(App[int]):
    """`monotonic` and `zone` are given by tests, so that what is on the screen is theirs too.

    `make_way` is called once, when a stream first goes by unread.
    """

    CSS_PATH = "app.tcss"
    TITLE = "qstash-dev"
    commands: Mapping[str, Command] = COMMANDS_BY_ID
    ENABLE_COMMAND_PALETTE = False
    COMMANDS = {CommandSearch}  # noqa: RUF012
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-narrow"),
        (80, "-stacked"),
        (120, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Copy or quit", priority=True, show=False, id="interrupt"),
        Binding("ctrl+z", "stop_job", "Back to the shell; fg returns", show=False, id="stop"),
        *bindings(),
    ]

    def __init__(
        self,
        client: Client,
        *,
        keys: Mapping[str, str] | None = None,
        theme: str | None = None,
        desktop: str = "off",
        monotonic: Callable[[], float] = time.monotonic,
        zone: tzinfo | None = None,
        environment: Mapping[str, str] = os.environ,
        fixtures: Path = Path("qstash-fixtures"),
        run_program: Run | None = None,
        make_way: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.panes = Panes(lambda: self.palette)
        self.list_pane, self.detail_pane = self.panes.list, self.panes.detail
        self.client = client
        self.session = Session(
            *(client, VIEWS, monotonic, lambda text: self.say(text, "error")),
            self.list_pane.complain,
            desktop=desktop,
        )
        run_program = run_program or self._run_program
        self.memory = Memory(place_of_memory(environment))
        arrangement = Arrangement(self.memory)
        kept = History(self.memory), Drafts(self.memory), SavedFilters(self.memory), arrangement
        self.desk = Desk(dict(keys or {}), environment, fixtures, run_program, *kept)
        self.session.arrange_all(arrangement)
        self.zone = zone
        self.painter = Painter(self.session, self.panes, self.desk, self.commands, zone)
        self.status, self.tabs, self.hints = self.painter.bars
        self._tunnel = Tunnel()
        self.keyboard = Keyboard(self, super().on_event, lambda: self.progress is not None)
        self._asking = asyncio.Lock()
        self._progress: str | None = None
        self._drawn: tuple[int, int, str | None] = (-1, -1, None)
        self._unread = self._ticks = 0
        self._make_way, self._lacks = make_way, False
        self._seen: Seen | None = None
        for own in themes():
            self.register_theme(own)
        self.theme = self._theme_name(theme or self.memory.get("theme", "") or None)
        self.palette = Palette(self.theme_variables)
        self.set_keymap(self.desk.keys)

    # What is on the screen

    def get_driver_class(self) -> type[Driver]:
        """The terminal, whatever it sends."""
        return forgiving(super().get_driver_class())

    def get_default_screen(self) -> Screen[None]:
        """One that writes little."""
        return FrugalScreen(id="_default")

    def compose(self) -> ComposeResult:
        """Two lines above, two panes, one line below; what a tour tells is there while it does."""
        yield self.status
        yield self.tabs
        yield self.panes
        yield self.painter.narration
        yield self.hints

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own colour for what matters less, for themes that do not know it."""
        theme = self.current_theme
        front = theme.foreground or ("#e0e0e0" if theme.dark else "#1d1d1d")
        ground = theme.background or ("#121212" if theme.dark else "#efefef")
        return {"dim": mixed(front, ground, 0.6), "edge": mixed(front, ground, 0.3)}

    def on_mount(self) -> None:
        """Begin to listen and to draw."""
        self.theme_changed_signal.subscribe(self, lambda theme: self._wear(theme.name))
        self._recolour()
        self._typing = self.set_timer(TYPING_S, self.apply_filter)
        self.screen_change_signal.subscribe(self, lambda _: self.keyboard.nudge())
        self.list_pane.rows.focus()
        self.frames = self.set_interval(FRAME_S, self.tick)
        self.show_view(VIEWS[0])
        self.listen()

    async def on_unmount(self) -> None:
        """Give the connections back; what stands in a form is kept for the next time."""
        self.desk.drafts.keep()
        await self.client.close()

    def _theme_name(self, wanted: str | None) -> str:
        if wanted in self.available_themes:
            return wanted
        light = wanted == "light" or (wanted != "dark" and prefers_light(self.desk.environment))
        return "qstash-light" if light else "qstash-dark"

    def _wear(self, theme: str) -> None:
        self.memory.put("theme", theme)
        self._recolour()

    def _recolour(self) -> None:
        self.palette = Palette(self.theme_variables)
        for widget in self.list_pane.screen.query("*"):
            widget.refresh()
        self.list_pane.rows.repaint()

    # What the server says

    def listen(self) -> None:
        """(Re)open the stream with the present filter."""
        job = self.session.listen(self.session.filter)
        self.run_worker(job, group="listen", exclusive=True)

    def fetch(self) -> bool:
        """Ask for what the screen lacks, and draw it when it is there; whether anything was lacking."""
        jobs = self.session.questions()
        for job in jobs:
            self.run_worker(self._draw_after(job), group="questions")
        return bool(jobs)

    async def _draw_after(self, job: Job) -> None:
        await job
        self.draw()

    def _hear_of_tunnel(self) -> None:
        tunnel = self.session.feed.server.tunnel
        for sentence, severity in tunnel_news(self._tunnel, tunnel):
            self.say(sentence, severity)
        self._tunnel = tunnel
        for sentence, severity in self.session.replays.news():
            self.say(sentence, severity)

    @property
    def settled(self) -> bool:
        """Whether all that is known is on the screen; for tests and screenshots."""
        return self.session.is_complete and self._drawn[0] == self.session.drawn_version

    # Frames

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has yet to take what was drawn: until then nothing more is."""
        return getattr(self._driver, "is_behind", False)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if self.is_behind and renderable is not None:
            self._lacks = True
        else:
            super()._display(screen, renderable)

    def tick(self) -> None:
        """It is time for a frame, unless the terminal is behind, or frames go by unread."""
        self._ticks += 1
        turn = 0 if self._unread < UNREAD else self._ticks % EVERY
        if not self.is_behind:
            self._take_turn(turn)
        heeds = self._unread < UNREAD or turn == EVERY - 1 or self.is_behind
        (self.session.heeding.set if heeds else self.session.heeding.clear)()

    def _take_turn(self, turn: int) -> None:
        if self._lacks:
            self._lacks = False
            self.screen.refresh()
        if turn == 0:
            is_news = self.session.drawn_version != self._drawn[0]
            self._unread = self._unread + 1 if is_news else 0
            if self._unread == UNREAD:
                self._make_way()
                self._make_way = lambda: None
            self.frame()

    def frame(self) -> None:
        """Draw what changed; countdowns change every second. A stream that nobody reads is drawn once
        for each frame, with the answers.
        """
        draws_later = self.fetch() and self._unread >= UNREAD
        self._hear_of_tunnel()
        if self._driver is not None and (signal := self.session.alarm.signal()):
            self._driver.write(signal)
        drawn = (self.session.drawn_version, self.session.time.now() // 1000, self.progress)
        if drawn != self._drawn:
            self._drawn = drawn
            if not draws_later:
                self.draw()

    def draw(self) -> None:
        """Draw everything that may have changed; an answer may come when the screen has gone."""
        if self.list_pane.is_attached:
            self.painter.draw(self.size.width - 2, self.progress)

    def draw_bars(self) -> None:
        """The lines above and below the panes."""
        self.painter.draw_bars(self.size.width - 2, self.progress)

    def show_view(self, view: View) -> None:
        self._seen = None
        self.session.view = view
        if self.list_pane.filter.display:
            self.list_pane.open_filter(False)
        self.list_pane.filter.value = self.session.shown_filter
        self.list_pane.complain(None)
        self.painter.show_rows(view)
        self.fetch()
        self.draw()

    # What the person does

    def _run_program(self, command: list[str]) -> None:
        """Hand the terminal over to an editor or a pager until it ends."""
        try:
            with self.suspend():
                subprocess.run(command, check=False)
        except (OSError, SuspendNotSupported) as error:
            self.say(f'"{command[0]}" cannot be run: {error}. Set EDITOR or PAGER.', "error")

    async def on_event(self, event: events.Event) -> None:
        """Keys and pastes go through the keyboard, but for the one that always ends the app."""
        if isinstance(event, TOUCHES) and not event.is_forwarded:
            self._attend()
        is_input = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if is_input and getattr(event, "key", "") != "ctrl+c":
            self.keyboard.take(event)  # type: ignore[arg-type]
        else:
            await super().on_event(event)

    def _attend(self) -> None:
        """Somebody is there: what they do is about what they see, and drawn as soon as it is done."""
        if self.keyboard.is_idle:
            self._seen = self.painter.on_screen
        self._unread = 0
        self.session.heeding.set()

    def on_worker_state_changed(self) -> None:
        """A command that ended opens nothing any more."""
        self.keyboard.nudge()

    def action_command(self, id: str) -> None:
        self.start(id)

    def start(self, id: str) -> None:
        """Run a command; what the server refuses is said, not raised."""
        command = self.commands[id]
        if command.is_about_row and not self.hold():
            return self.say("That row has just left the list: nothing was done.", "warning")
        view = self.session.view
        if command.is_for_message and not view.has_messages and id not in view.verbs:
            return self.say(f"{command.hint} is for messages (view 1).", "warning")
        result = view.verbs.get(id, command.run)(self)
        if isawaitable(result):
            worker = self.run_worker(self._guarded(result), group="command")
            self.keyboard.hold_for(worker)
        return None

    def hold(self) -> bool:
        """Stop following, on the row that was on the screen when the key or button was pressed.

        Whether that row is still there. What keys did meanwhile counts: `_seen` is for the first one.
        """
        seen, self._seen = self._seen or (self.session.view, self.session.source.selected), None
        if seen[0] != self.session.view or seen[1] is None:
            return True
        held = self.session.source.hold(seen[1])
        self.draw()
        return held

    @property
    def progress(self) -> str | None:
        """How far a long action is."""
        return self._progress

    @progress.setter
    def progress(self, words: str | None) -> None:
        self._progress = words
        self.keyboard.nudge()

    def open_dialog(self, dialog: ModalScreen[None]) -> None:
        """Show what answers nothing."""
        self.push_screen(dialog)

    async def ask(self, question: ModalScreen[T]) -> T:
        """Show a dialog and wait for its answer; one at a time, the next waits for its turn."""
        async with self._asking:
            return await self.push_screen_wait(question)

    async def _guarded(self, result: Awaitable[None]) -> None:
        try:
            await result
        except (ClientError, ValueError, OSError) as error:
            self.say(str(error), "error")

    def say(self, text: str, severity: str = "information") -> None:
        """A short notice in the corner, and in the record."""
        self.desk.record.append((self.session.time.now(), fmt.safe(text), severity))
        self.notify(fmt.safe(text), severity=severity, markup=False)  # type: ignore[arg-type]

    def action_interrupt(self) -> None:
        """Copy what is selected, else quit, as any dev server does."""
        focused = self.focused
        selected = focused.selected_text if isinstance(focused, Input) else ""
        selected = selected or self.screen.get_selected_text() or ""
        if selected:
            self.copy_to_clipboard(selected)
            self.say("Copied the selection.")
        else:
            self.exit(0)

    def action_stop_job(self) -> None:
        """Give the shell its terminal; what it started stops, the server too, until it goes on."""
        if os.name != "nt" and self._driver is not None and self._driver.can_suspend:
            with self.suspend():  # before anybody stops: who is stopped cannot give it back
                os.kill(0, signal.SIGTSTP)

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        """The cursor moved: the detail follows; the key for the newest row means follow."""
        self._seen = None
        if event.to_end and self.session.view.follows and self.session.source.is_on_newest:
            self.session.source.resume()
        self.fetch()
        self.draw()

    def on_virtual_list_opened(self) -> None:
        """Enter: to the detail, full screen where there is room for one pane only."""
        self.hold()
        if not walking.enter(self):
            self.panes.open_detail()

    def on_tabs_chosen(self, event: Tabs.Chosen) -> None:
        """A click on a view or on a tab of the detail."""
        if event.tabs is self.tabs:
            self.session.trail.clear()
            self.show_view(VIEWS[event.place])
        else:
            self.hold()
            self.detail_pane.page = event.place
            self.painter.draw_detail()

    def on_bar_clicked(self, event: Bar.Clicked) -> None:
        """A click on a hint runs it; one on the status shows what it is about."""
        if event.bar is self.hints:
            self.start(self.painter.hint_ids[event.part])
        else:
            clicking.show_part(self, event.part)

    def on_text_view_entered(self, event: TextView.Entered) -> None:
        """Enter, or a click on a line of the tree: to that message, else to what one chooses."""
        self.hold()
        if self.detail_pane.page_name == "Tree" and self.session.message_id is not None:
            walking.enter_tree(self, event.text)
        elif not event.text:
            self.start("walk")

    def on_text_view_scrolled(self) -> None:
        """Whoever turns the wheel over the detail reads it."""
        self.hold()

    def on_descendant_focus(self) -> None:
        """Whoever is in the detail reads it; the footer depends on where the focus is."""
        if self.detail_pane.text.has_focus:
            self.hold()
        self.draw_bars()

    def on_resize(self, event: events.Resize) -> None:
        """A small terminal shows one pane, a larger one both again."""
        if not is_small(event.size) and self.panes.solo == "detail":
            self.panes.show_only(None)
        self.call_after_refresh(self.draw)

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter is asked for when typing pauses."""
        if isinstance(event.input, FilterInput):
            self.list_pane.withdraw()
            self._typing.stop()
            self._typing = self.set_timer(TYPING_S, self.apply_filter)

    def apply_filter(self) -> None:
        """Ask the server for what the filter line says; other views are narrowed here."""
        text = self.list_pane.filter.value.strip()
        if not self.session.view.is_live:
            self.list_pane.complain(self.session.tables.of(self.session.view).narrow(text))
            self.draw()
        else:
            self.filter_messages(text)

    def filter_messages(self, text: str) -> None:
        """Hear of the messages alone that match, whichever view is shown."""
        if text != self.session.filter:
            self.session.filter = text
            self.session.feed.loaded = False
            self.listen()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the filter line: back to the list."""
        if isinstance(event.input, FilterInput):
            self.desk.history.add(event.value.strip())
            self.close_filter()

    def on_filter_input_asked(self, event: FilterInput.Asked) -> None:
        """A key of the filter line."""
        filtering.ANSWERS[event.what](self)

    def on_filter_input_cleared(self) -> None:
        """Escape in the filter line: no filter."""
        self.close_filter()

    def set_filter(self, text: str) -> None:
        """Filter by this, and hide the filter line."""
        self.list_pane.filter.value = text
        self.close_filter()

    def close_filter(self) -> None:
        """Hide the filter line, keep what it says."""
        self._typing.stop()
        self.list_pane.open_filter(False)
        self.apply_filter()
