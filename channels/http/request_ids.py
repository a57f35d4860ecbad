"""An id for each request, told back in X-Request-Id."""

import re
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.tracing import fresh_request_id, request_id

HEADER = b"x-request-id"
_UUID = re.compile(rb"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")


class RequestIds:
    """ASGI: a request's log lines, jobs and payments' events bear an id, which is told back in X-Request-Id.

    A proxy's own id is taken over where it is a whole UUID, as nginx and others make them; whatever else a peer sends
    is not: the header is no way to write into our logs and books.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _theirs(scope) or fresh_request_id()
        before, told = request_id.set(name), (HEADER, name.encode())

        def telling(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), told]
            return send(message)

        await self._app(scope, receive, telling)
        # not in a finally: the server logs what was raised here, in this request's own task
        request_id.reset(before)


def _theirs(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            return value.decode() if _UUID.fullmatch(value) else None
    return None
