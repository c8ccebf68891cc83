"""File names that are routes: Next.js with both routers, SvelteKit, Nuxt."""

import pytest

from qstash_dev.devtools.route_files import concerned, misnamed, nearest, route_of, serving


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("app/api/orders/route.ts", "/api/orders"),
        ("src/app/api/orders/route.js", "/api/orders"),
        ("apps/web/app/api/orders/route.tsx", "/api/orders"),
        ("app/(shop)/api/@slot/orders/route.ts", "/api/orders"),
        ("app/route.ts", "/"),
        ("app/api/[id]/route.mjs", "/api/[id]"),
        ("pages/api/orders.ts", "/api/orders"),
        ("pages/api/orders/index.ts", "/api/orders"),
        ("src/pages/api/index.js", "/api"),
        ("src/routes/api/orders/+server.ts", "/api/orders"),
        ("server/api/orders.post.ts", "/api/orders"),
        ("server/api/orders/index.post.ts", "/api/orders"),
        ("server/routes/hook.ts", "/hook"),
    ],
)
def test_a_route_file_makes_its_path(file: str, path: str) -> None:
    route = route_of(file)
    assert route is not None
    assert route.path == path


@pytest.mark.parametrize(
    "file",
    [
        "app/api/orders.ts",
        "app/page.tsx",
        "pages/index.tsx",
        "lib/route.py",
        "app/route.ts.bak",
        "",
    ],
)
def test_other_files_are_no_routes(file: str) -> None:
    assert route_of(file) is None


FILES = (
    "app/api/orders/route.ts",
    "app/api/[tenant]/route.ts",
    "app/api/files/[...path]/route.ts",
    "app/api/docs/[[...path]]/route.ts",
    "app/page.tsx",
)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/api/orders", FILES[0]),
        ("/api/orders/", FILES[0]),
        ("/api/acme", FILES[1]),
        ("/api/files/a/b", FILES[2]),
        ("/api/files", FILES[1]),
        ("/api/docs", FILES[3]),
        ("/api/docs/a", FILES[3]),
        ("/api", None),
        ("/", None),
    ],
)
def test_a_path_is_served_by_the_closest_pattern(path: str, file: str | None) -> None:
    assert serving(path, FILES) == file


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/shop/api/orders", FILES[0]),
        ("/shop/eu/api/files/a/b", "app/api/files/[...path]/route.ts"),
        ("/hooks/orders", None),
    ],
)
def test_below_a_base_path_a_route_of_two_names_is_found(path: str, file: str | None) -> None:
    assert serving(path, (*FILES, "app/orders/route.ts"), has_base=True) == file
    assert serving(path, FILES) is None


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("app/api/orders.ts", True),
        ("app/api/orders/index.ts", True),
        ("app/api/orders/page.tsx", True),
        ("pages/api/orders/route.ts", True),
        ("src/routes/api/orders.ts", True),
        ("app/api/mail.ts", False),
        ("lib/api/orders.ts", False),
    ],
)
def test_a_file_in_the_place_of_a_route_with_another_name_is_found(file: str, found: bool) -> None:
    assert misnamed("/api/orders", [file]) == (file if found else None)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/api/order", "app/api/orders/route.ts"),
        ("/api/ordres", "app/api/orders/route.ts"),
        ("/apo/orders", "app/api/orders/route.ts"),
        ("/orders", "app/api/orders/route.ts"),
        ("/api/users/7/reset", "app/api/user/[id]/reset/route.ts"),
        ("/api/causes/oder", "app/api/causes/order/route.ts"),
        ("/api/nowhere", None),
        ("/api/webhooks/order", None),
        ("/api/causes/mail", None),
        ("/api/case/ordre", None),
        ("/something/else/altogether", None),
        ("/", None),
    ],
)
def test_the_nearest_route_is_the_one_that_was_meant(path: str, file: str | None) -> None:
    own = ("app/api/orders/route.ts", "app/api/causes/order/route.ts", "app/page.tsx")
    near = nearest(path, [*own, "app/api/user/[id]/reset/route.ts"])
    assert (near and near.file) == file


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["app/api/orders/route.ts"], {"/api/orders"}),
        (["src/pages/api/mail.js"], {"/api/mail"}),
        (["app/api/[...rest]/route.ts"], {"/api/orders", "/api/mail"}),
        (["routers/orders.py"], {"/api/orders"}),
        (["main.py"], {"/api/orders", "/api/mail"}),
        (["app/api/other/route.ts"], {"/api/orders", "/api/mail"}),
        (["lib/db.ts", "app/api/mail/route.ts"], {"/api/mail"}),
    ],
)
def test_which_paths_an_edit_concerns(changed, expected):
    below = {f"/shop{path}" for path in expected}
    assert concerned(["/shop/api/orders", "/shop/api/mail"], changed) == below
    assert concerned(["/api/orders", "/api/mail"], changed) == expected
