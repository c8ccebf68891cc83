"""One action of the UI as a value: id (for remapping), keys, words, and what it runs."""

from collections.abc import Mapping
from typing import NamedTuple

from textual.keys import format_key

from qstash_dev.tui.model.view import Verb

NEUTRAL = frozenset(
    {
        *(
            "message.send",
            "message.unmark",
            "list.clear",
            "filter",
            "filter.trouble",
            "filter.saved",
            "message.mark_all",
            "follow",
            "server.clock",
        ),
        *("server.skip", "theme", "help", "record", "quit", "back", "undo"),
        *("thing.create", "server.addresses", "columns"),
    }
)
"""Commands that are not about any row: they leave a list that follows as it is."""

_SHORT = {"ctrl+p": "^p", "ctrl+c": "^c"}
"""Keys that have another name here than Textual's."""


class Command(NamedTuple):
    """`keys` are characters, or names that Textual has for keys, separated by commas; `hint` is the
    word in the footer.
    """

    id: str
    keys: str
    hint: str
    help: str
    group: str
    run: Verb

    @property
    def is_about_row(self) -> bool:
        """Whether it acts on, or lets somebody read, what is under the cursor."""
        return self.id not in NEUTRAL and not self.id.startswith("view.")

    @property
    def is_for_message(self) -> bool:
        """Whether it is about a message, and means nothing for other things."""
        return self.id.startswith("message.") and self.is_about_row

    def key_name(self, keymap: Mapping[str, str], which: int = 0) -> str:
        """How its key is written on the screen, with the person's own keys."""
        keys = keymap.get(self.id, self.keys).split(",")
        key = keys[min(which, len(keys) - 1)]
        return _SHORT.get(key) or format_key(key)

    def all_keys(self, keymap: Mapping[str, str]) -> str:
        """All its keys as they are written on the screen."""
        count = len(keymap.get(self.id, self.keys).split(","))
        return " ".join(self.key_name(keymap, place) for place in range(count))
