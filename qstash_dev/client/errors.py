"""What can go wrong between us and the server."""


class ClientError(Exception):
    """Base of what can go wrong between us and the server; the text is a full sentence."""


class ServerUnreachable(ClientError):
    """Nobody answers at the address, or the connection broke."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"No qstash-dev server answers at {url}: {why}.")
        self.url = url


class Refused(ClientError):
    """The server answered with an error of its own; the text is what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
