"""Errors as frameworks print them in the terminal, with the place in the app's own code."""

import pytest

from qstash_dev.devtools.explain.printed import error_in, with_last_words

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


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("app/api/orders/route.ts", "TypeError: Cannot read properties of undefined (reading 'lines') "
                                    "(at app/api/orders/route.ts:12)"),
        ("src/orders.js", "Error: no such customer (at shop/src/orders.js:7)"),
        ("orders/views.py", "KeyError: 'total' (at shop/orders/views.py:9)"),
        ("app/api/other/route.ts", None),
        ("api/orders.js", None),
    ],
)  # fmt: skip
def test_of_many_errors_that_of_a_file_is_found(file: str, error: str | None) -> None:
    assert error_in((NODE + PYTHON + EXPRESS).splitlines(), file) == error


NEXT = """\
▲ Next.js 16.4.6 (Turbopack)
⨯ Another next dev server is already running.

- Local:        http://localhost:3400

You can access the existing server at http://localhost:3400,
https://nextjs.org/telemetry
"""
NPM = """\
npm error Missing script: "dev"
npm error
npm error To see a list of scripts, run:
npm error A complete log of this run can be found in: /home/me/.npm/_logs/debug-0.log
"""
NO_PACKAGE = """\
npm error code ENOENT
npm error syscall open
npm error path /home/me/empty/package.json
npm error errno -2
npm error enoent Could not read package.json: Error: ENOENT: no such file or directory
"""
MODULE = """\
node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module './db'
Require stack:
- /home/me/shop/server.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at Object.<anonymous> (/home/me/shop/server.js:3:1) {
  code: 'MODULE_NOT_FOUND'
}

Node.js v20.20.2
"""


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (NEXT, ": Another next dev server is already running"),
        (NPM, ': Missing script: "dev"'),
        (
            NO_PACKAGE,
            ": enoent Could not read package.json: Error: ENOENT: no such file or directory",
        ),
        (MODULE, ": Error: Cannot find module './db' (at me/shop/server.js:3)"),
        (
            "Error [TransformError]: Transform failed with 1 error:\n"
            '/shop/src/index.ts:6:21: ERROR: Unexpected ";"\n'
            "    at failureErrorWithLog (/shop/node_modules/esbuild/lib/main.js:1752:15)\n",
            ": Error [TransformError]: Transform failed with 1 error: "
            '/shop/src/index.ts:6:21: ERROR: Unexpected ";"',
        ),
        ("ERROR:    [Errno 98] address already in use\n", ": [Errno 98] address already in use"),
        ("errors are no error\nPOST /x 200 in 16ms\n\n", "; it last printed: POST /x 200 in 16ms"),
        ("", ""),
    ],
)
def test_the_last_words_of_a_program_say_why_it_ended(printed: str, words: str) -> None:
    assert with_last_words("It ended", printed.splitlines()) == f"It ended{words}"
