"""An ASGI app that listens as long as a test needs it: deliveries come by HTTP, as in production."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any


@contextmanager
def live_app(app: Any) -> Iterator[str]:
    """The URL of an ASGI app (FastAPI, Starlette, ...) under uvicorn, in a thread, on a free port.

    Raises RuntimeError when uvicorn is not installed.
    """
    try:
        import uvicorn
    except ModuleNotFoundError:
        raise RuntimeError("live_app runs the app with uvicorn: pip install uvicorn") from None
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="auto"))
        # The socket takes connections already: who comes early waits for the app.
        thread = Thread(target=server.run, args=[[sock]], name="live_app", daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.should_exit = True
        thread.join()
