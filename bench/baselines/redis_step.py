"""Baseline (d) of docs/protocols/speed.md: raw ASGI + urlencoded parse + GET + SET EX by redis-py."""

import json
import os
from typing import Any
from urllib.parse import parse_qsl

from redis.asyncio import Redis

redis = Redis.from_url(os.environ["BENCH_REDIS_URL"])
BODY = (
    b"CON Factures choisies : 2 sur 2\n1. Payer 413,50 DH\n"
    b"2. [x] 09/2026 199,00 DH\n3. [x] 10/2026 214,50 DH\n0. Retour"
)


async def aside(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What is no step: the server's start and end, and whether it is ready."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})
        return
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One step: read the session, write it back, answer."""
    if scope["type"] != "http" or scope["method"] == "GET":
        await aside(scope, receive, send)
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    form = dict(parse_qsl(body.decode()))
    key = "bench:" + form["sessionId"]
    stored = await redis.get(key)
    session = json.loads(stored) if stored else {"screen": "PickInvoices", "line": "0600000002", "left_out": []}
    session["text"] = form["text"]
    await redis.set(key, json.dumps(session), ex=600)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": BODY})
