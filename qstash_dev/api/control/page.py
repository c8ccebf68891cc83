"""`/_dev/`: the page in the browser as files. What they show they ask of the control API, as all do."""

from qstash_dev.api import web
from qstash_dev.api.call import Call
from qstash_dev.api.router import Route
from qstash_dev.protocol.errors import QStashError
from qstash_dev.web.assets import INDEX, KEPT, assets, version


async def index(call: Call) -> web.Response:
    """The page itself."""
    return _file(call, INDEX)


async def here(call: Call) -> web.Response:
    """Who opens the printed address itself wants to see the page."""
    return web.Response(status=307, headers={"Location": "/_dev/"})


async def file(call: Call) -> web.Response:
    """A part of the page."""
    return _file(call, call.params["name"])


async def kept_file(call: Call) -> web.Response:
    """A part of the page as it is in this version."""
    if call.params["version"] != version():
        raise QStashError(404, "this is another version of the page: load it again")
    response = _file(call, call.params["name"])
    response.headers.update(KEPT)
    return response


def _file(call: Call, name: str) -> web.Response:
    asset = assets().get(name)
    if asset is None:
        raise QStashError(404, f"the page has no file {name[:100]!r}")
    if asset.etag in call.request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=asset.headers)
    return web.Response(body=asset.body, headers=asset.headers)


ROUTES = (
    Route("GET HEAD", "/", here),
    Route("GET HEAD", "/_dev", index),
    Route("GET HEAD", "/_dev/page/{name}", file),
    Route("GET HEAD", "/_dev/page/{version}/{name}", kept_file),
)
