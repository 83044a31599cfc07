"""What a client is told whose request is not answered."""

from __future__ import annotations


class RequestError(Exception):
    """A request that is not answered; the client gets `{"error": message}`.

    Args:
        status: of HTTP.
        message: one sentence for who wrote the client.
        reason: one word for the metrics.
        retry_after: seconds after which it may be asked again.
    """

    def __init__(
        self, status: int, message: str, *, reason: str = "request", retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.reason, self.retry_after = status, message, reason, retry_after


def missing(name: str) -> RequestError:
    """The error of a request without a field that it must have."""
    return RequestError(400, f"Invalid request: missing {name} parameter")


class ClientGoneError(Exception):
    """Nobody waits for the answer."""
