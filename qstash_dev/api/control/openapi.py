"""The control API described as OpenAPI 3.1, from the route table and the types that stand in it.

What a route says is its handler's docstring; what a type says is its own. Knows no server.
"""

import re
from collections.abc import Iterable
from typing import Any

from msgspec.json import schema_components

from qstash_dev import __version__
from qstash_dev.api.parameters import Param
from qstash_dev.api.router import Route
from qstash_dev.devtools.control_documents import Complaint

Document = dict[str, Any]
_PART = re.compile(r"{(\w+)}")
_ABOUT = (
    "What the terminal UI, the commands and the pytest plugin are made of. Operations with the tag "
    "`stable` stay as they are within a major version; others may change with any. Times are epoch "
    "milliseconds of the server's clock. A token is needed only where others can reach the server."
)


def openapi(routes: Iterable[Route]) -> Document:
    """The description of all routes; of several methods of one the first is told."""
    routes = tuple(routes)
    types = {one for route in routes for one in (route.answers, route.takes) if _is_document(one)}
    ordered = (Complaint, *sorted(types - {Complaint}, key=str))
    schemas, components = schema_components(ordered, ref_template="#/components/schemas/{name}")
    known = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, Document] = {}
    for route in routes:
        method = route.methods.split()[0].lower()
        paths.setdefault(route.pattern, {})[method] = _operation(route, known)
    return {
        "openapi": "3.1.0",
        "info": {"title": "qstash-dev control API", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(route: Route, known: dict[Any, Any]) -> Document:
    handler = route.handler
    summary, _, more = " ".join((handler.__doc__ or "").split()).partition(". ")
    room = handler.__module__.rpartition(".")[2]
    content = _content(route, known)
    operation: Document = {
        "operationId": f"{room}_{handler.__name__.rstrip('_')}",
        "summary": summary.rstrip("."),
        "tags": [room, "stable" if route.is_stable else "may change"],
        "parameters": [
            *(_path_part(name) for name in _PART.findall(route.pattern)),
            *map(_parameter, route.query),
        ],
        "responses": {
            str(route.status): {"description": summary, "content": content},
            "4XX": {
                "description": "What is wrong, in a sentence.",
                "content": {"application/json": {"schema": known[Complaint]}},
            },
        },
    }
    if more:
        operation["description"] = more
    if route.takes is not None:
        body = {"application/json": {"schema": known[route.takes]}}
        operation["requestBody"] = {"content": body}
    return operation


def _content(route: Route, known: dict[Any, Any]) -> Document:
    if route.answers is bytes:
        return {"*/*": {}}
    if route.answers is str:
        return {"text/plain": {"schema": {"type": "string"}}}
    if route.is_stream:
        return {"text/event-stream": {"itemSchema": known[route.answers]}}
    return {"application/json": {"schema": known[route.answers]}}


def _path_part(name: str) -> Document:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameter(param: Param) -> Document:
    schema: Document = {"type": "string"}
    if param.is_number:
        schema = {"type": "integer", "minimum": param.least, "maximum": param.most}
        if param.default:
            schema["default"] = param.default
    return {"name": param.name, "in": "query", "description": param.about, "schema": schema}


def _is_document(kind: Any) -> bool:
    return kind not in (None, bytes, str)
