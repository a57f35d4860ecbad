"""The bare SMS code: raw ASGI, Twilio's HMAC by hand, one rate-limit call, one SELECT by psycopg 3, a TwiML string."""

import base64
import hashlib
import hmac
import os
from typing import Any
from urllib.parse import parse_qsl

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from redis.asyncio import Redis

from bench.stage import PUBLIC_URL, TOKEN

LIMIT, WINDOW_S = 1_000_000, 600
CONNECTIONS_MAX = 10
SELECT = "SELECT reference, payment_code FROM lines WHERE contact_msisdn = %s"

redis = Redis.from_url(os.environ["BENCH_REDIS_URL"])
pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
    os.environ["BENCH_DATABASE_URL"], min_size=2, max_size=CONNECTIONS_MAX, kwargs={"autocommit": True}, open=False
)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One text: whose code is it?"""
    if scope["type"] != "http":
        await _lifespan(receive, send)
    elif scope["method"] == "GET":  # is it ready?
        await _answer(send, 204, b"")
    else:
        await _answer(send, *await _text(scope, receive))


async def _text(scope: dict[str, Any], receive: Any) -> tuple[int, bytes]:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = PUBLIC_URL + scope["path"] + "".join(name + form[name] for name in sorted(form))
    right = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest())
    if not hmac.compare_digest(right, dict(scope["headers"]).get(b"x-twilio-signature", b"")):
        return 403, b"refused"
    sender = form["From"]
    pipe = redis.pipeline(transaction=False)
    pipe.incr(f"bench:sms:{sender}")
    pipe.expire(f"bench:sms:{sender}", WINDOW_S)
    count, _ = await pipe.execute()
    if count > LIMIT:
        return 200, b"<Response/>"
    async with pool.connection() as connection:
        row = await (await connection.execute(SELECT, (sender,))).fetchone()
    reference, code = row or ("", "")
    said = f"Code de paiement de {reference} : {code}. Ne le donnez a personne."
    return 200, f"<?xml version='1.0' encoding='utf-8'?><Response><Message>{said}</Message></Response>".encode()


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/xml"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers if body else []})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    await pool.open()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await redis.aclose()
    await send({"type": "lifespan.shutdown.complete"})
