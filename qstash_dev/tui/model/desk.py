"""What the person has at hand: keys, environment, fixtures, drafts, and what can be undone."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from qstash_dev.tui.editor import Run
from qstash_dev.tui.model.arrangement import Arrangement
from qstash_dev.tui.model.drafts import Drafts
from qstash_dev.tui.model.filter_history import History
from qstash_dev.tui.model.saved_filters import SavedFilters


@dataclass
class Desk:
    """`keys` maps ids of commands to the person's own; `run_program` lends the terminal."""

    keys: Mapping[str, str]
    environment: Mapping[str, str]
    fixtures: Path
    run_program: Run
    history: History
    drafts: Drafts
    saved_filters: SavedFilters
    arrangement: Arrangement
    known: dict[str, set[str]] = field(default_factory=dict)
    """What was seen for the keys of the filter, also of messages that it hides by now."""
    undos: list[list[str]] = field(default_factory=list)
    record: deque[tuple[int, str, str]] = field(default_factory=partial(deque, maxlen=500))
    """When what was said, and how grave that is: what came of the orders that were given here."""
