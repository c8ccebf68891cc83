"""Orders about what is selected: asked about, given and told as `devtools.orders` says."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from msgspec.structs import asdict

from qstash_dev.devtools.orders import filled, order_for
from qstash_dev.tui.actions.undoing import offer_undo
from qstash_dev.tui.screen import Screen
from qstash_dev.tui.widgets.prompts import Confirm


def about_selected(what: str, id: str) -> Callable[[Screen], Awaitable[None]]:
    """What a command does in a view."""

    async def give(screen: Screen) -> None:
        item = screen.session.item
        if item is None:
            return
        thing: dict[str, Any] = item if isinstance(item, dict) else asdict(item)
        order = order_for(what, id, [thing])
        if order.ask and not await screen.ask(Confirm(filled(order.ask, thing))):
            return
        path = filled(order.path, thing, lambda text: quote(text, safe=""))
        sent: dict[str, Any] | None = {} if order.method == "POST" else None
        answer = await screen.session.client.request(order.method, path, json=sent)
        made = answer if isinstance(answer, dict) else {}
        screen.session.tables.forget()
        offer_undo(screen, filled(order.told, {**thing, **made}), [made.get("undo")])

    return give
