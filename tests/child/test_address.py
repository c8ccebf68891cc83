"""Where dev servers say that they listen."""

import pytest

from qstash_dev.child.address import addresses


@pytest.mark.parametrize(
    ("line", "origins"),
    [
        ("   - Local:        http://localhost:3001", ["http://localhost:3001"]),  # Next.js 15
        ("  ➜  Local:   http://localhost:5173/", ["http://localhost:5173"]),  # Vite 6
        ("INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
         ["http://localhost:8000"]),
        (" * Running on https://127.0.0.1:5000", ["https://localhost:5000"]),  # Flask
        ("Listening at: http://0.0.0.0:8000 (81)", ["http://localhost:8000"]),  # gunicorn
        ("Example app listening on port 3000", ["http://localhost:3000"]),  # Express's docs
        ("Server is running on port: 3000", ["http://localhost:3000"]),
        ('{"level":"info","msg":"listening","port": 3000}', ["http://localhost:3000"]),  # pino
        ("Tomcat started on port(s): 8080 (http)", ["http://localhost:8080"]),  # Spring Boot 3.1
        ("[GIN-debug] Listening and serving HTTP on :8080", ["http://localhost:8080"]),
        ("* Listening on http://[::1]:9292", ["http://localhost:9292"]),  # Puma
        ("Server started on :4000", ["http://localhost:4000"]),
        ("Server is listening on 3000", ["http://localhost:3000"]),
        ("Server started on 2026-11-29", []),
        ("Worker started at 10:22:05", []),
        ("running on :80", ["http://localhost:80"]),
        ("Debugger listening on ws://127.0.0.1:9229/0f2c", []),  # Node.js
        ("Network: http://192.168.1.5:3000", []),
        ("Something is already running on port 3000.", []),  # Create React App
        ("Error: listen EADDRINUSE: address already in use :::3000", []),  # Node.js
        ("http://localhost:3000 is in use!", []),
        ("A server is already running at http://localhost:3000. Listening on port 3001.",
         ["http://localhost:3001"]),
        ("Port 3000 is in use, running on http://localhost:3001 instead",
         ["http://localhost:3001"]),
        ("compiled in 3000 ms", []),
        ("GET http://localhost.example.com:3000", []),
        ("listening on :99999", []),
    ],
)  # fmt: skip
def test_the_address_is_read_off_the_line(line: str, origins: list[str]) -> None:
    assert addresses(line) == origins
