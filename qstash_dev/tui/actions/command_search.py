"""The command palette's entries."""

from collections.abc import Callable
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from qstash_dev.tui.model.command import Command
from qstash_dev.tui.screen import Screen

HIDDEN = ("palette", "back", "pane.next")


class CommandSearch(Provider):
    """All commands, found by name or by what they do."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for text, command in self._entries():
            yield DiscoveryHit(text, self._runner(command), help=command.help)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for text, command in self._entries():
            score = max(matcher.match(text), matcher.match(command.help))
            if score > 0:
                shown = matcher.highlight(text)
                yield Hit(score, shown, self._runner(command), help=command.help)

    @property
    def _host(self) -> Screen:
        return cast(Screen, self.app)

    def _entries(self) -> list[tuple[str, Command]]:
        keys = self._host.desk.keys
        return [
            (f"{command.hint}  {command.key_name(keys)}".rstrip(), command)
            for command in self._host.commands.values()
            if command.id not in HIDDEN
        ]

    def _runner(self, command: Command) -> Callable[[], None]:
        return lambda: self._host.start(command.id)
