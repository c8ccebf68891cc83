"""404 and 405: which route was meant, by the app's files and the base path that its own page shows."""

from qstash_dev.devtools.explain.evidence import Cause, Evidence
from qstash_dev.devtools.route_files import misnamed, nearest, serving, without_base


def _other_app(e: Evidence) -> str | None:
    """Another program has the port: that of the app before this one, where it took the next free."""
    app = e.facts.listens_at
    if app is None or not e.is_local:
        return None
    return (
        f"What listens at {e.place} has no route for {e.path}{e.quoted}, and your app listens at "
        f"{app}: publish there, or deliver there with {e.route_to(app)}."
    )


def _base_path(e: Evidence) -> str | None:
    """Next.js answers with a page of its own, whose scripts lie below the `basePath` of its config, or
    below its `assetPrefix`.
    """
    if not e.base or without_base(e.path, e.base) is not None:
        return None
    file = serving(e.path, e.facts.routes)
    there = f", where {file} serves it" if file else ""
    url = ""
    if e.sent("upstash-workflow-runid"):
        url = (
            " Of a workflow, the SDK takes the app's own `request.url` for its address, and Next.js "
            f"leaves {e.base} out of that: give serve() a `baseUrl` that ends in it."
        )
    return (
        f"The page that the app at {e.place} answered has its scripts below {e.base}: if that is its "
        f"`basePath`, publish to {e.base}{e.path}{there}.{url}"
    )


def _misnamed(e: Evidence) -> str | None:
    path = e.inside
    file = None if e.file else misnamed(path, e.facts.routes)
    if not file:
        return None
    root, app, _ = f"/{file}".partition("/app/")
    wanted = f"{root}/app{path}/route.ts" if app else f"pages{path}.ts"
    return f"{file} makes no route for {path}: name it {wanted.lstrip('/')}."


def _near(e: Evidence) -> str | None:
    near = None if e.file else nearest(e.inside, e.facts.routes)
    if not near:
        return None
    return f"No route {e.path}: did you mean {e.base or ''}{near.path} ({near.file})?"


def _own_404(e: Evidence) -> str | None:
    file = e.file
    if not file:
        return None
    if e.base is not None:
        return (
            f"Next.js found no route for {e.path}{e.quoted}, though {file} is there: does another app "
            f"listen at {e.place}, or was this one built (`next build`) before the file was?"
        )
    if serving(e.path, e.facts.routes):
        return f"{file} serves {e.path}, so this 404{e.quoted} is the handler's own answer."
    return (
        f"{file} serves {e.path} only if the app has a base path: then this 404{e.quoted} is the "
        "handler's own answer, else check the path."
    )


def _no_route(e: Evidence) -> str | None:
    slash = ", the slash at its end" if e.path.endswith("/") and e.path != "/" else ""
    return (
        f"No route for {e.facts.method} {e.path} in the app at {e.place}{e.quoted}: check the "
        f"path{slash}, the port, and that the file is where the framework looks."
    )


def _no_method(e: Evidence) -> str | None:
    method, file = e.facts.method, e.file
    if file and "/route." in f"/{file}":
        return f"{file} exports no {method}: add `export async function {method}`."
    takes = f", only {e.header('allow')}" if e.header("allow") else ""
    return f"{e.path} takes no {method}{takes}: add a handler for it, or set Upstash-Method."


UNROUTED = (
    Cause("other-app", _other_app, (404,)),
    Cause("route-misnamed", _misnamed, (404, 405)),
    Cause("route-near", _near, (404,)),
    Cause("base-path", _base_path, (404,)),
    Cause("route-own-404", _own_404, (404,)),
    Cause("route-missing", _no_route, (404,)),
    Cause("method-not-allowed", _no_method, (405,)),
)
