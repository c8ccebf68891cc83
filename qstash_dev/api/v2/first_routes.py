"""The routes that an app asks for first: a server starts with these alone."""

from qstash_dev.api.router import Route
from qstash_dev.api.v2 import keys, publish

FIRST = (
    Route("ANY", "/v2/publish/*", publish.publish),
    Route("ANY", "/v2/enqueue/{queue}/*", publish.enqueue),
    Route("GET", "/v2/keys", keys.get),
    Route("POST", "/v2/keys/rotate", keys.rotate),
)
