"""Errors as frameworks print them in the terminal, with the place in the app's own code."""

import pytest

from qstash_dev.devtools.explain.printed import error_in

NODE = """\
 \x1b[31m⨯\x1b[0m TypeError: Cannot read properties of undefined (reading 'lines')
    at lines (app/api/orders/route.ts:12:27)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
"""
EXPRESS = """\
Error: no such customer
    at find (/home/me/shop/node_modules/orm/index.js:40:11)
    at file:///home/me/shop/src/orders.js:7:9
"""
PYTHON = """\
ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "/home/me/.venv/lib/python3.12/site-packages/starlette/app.py", line 100, in call
    await self.app()
  File "/home/me/shop/orders/views.py", line 9, in create
    total = order["total"]
KeyError: 'total'
"""
GO = """\
panic: runtime error: index out of range [3] with length 3

goroutine 7 [running]:
main.create(0xc0000)
\t/home/me/shop/main.go:21 +0x1d
"""


@pytest.mark.parametrize(
    ("printed", "error"),
    [
        (NODE, "TypeError: Cannot read properties of undefined (reading 'lines') "
               "(at app/api/orders/route.ts:12)"),
        (EXPRESS, "Error: no such customer (at shop/src/orders.js:7)"),
        (PYTHON, "KeyError: 'total' (at shop/orders/views.py:9)"),
        (GO, "panic: runtime error: index out of range [3] with length 3 (at me/shop/main.go:21)"),
        ("POST /api/orders 500 in 12ms\n", None),
        ("no errors today\n", None),
    ],
)  # fmt: skip
def test_the_error_and_its_place_are_found(printed: str, error: str | None) -> None:
    assert error_in(printed.splitlines()) == error
