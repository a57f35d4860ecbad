"""The bare side of a journey's requests: raw ASGI that reads a body, parses it as a form and answers a constant."""

from typing import Any
from urllib.parse import parse_qsl

from bench.baselines.redis_step import aside

BODY = b"read"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One request."""
    if scope["type"] != "http":
        await aside(scope, receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    parse_qsl(body.decode("utf-8", "replace"))
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
