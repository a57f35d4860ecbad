"""The floor under a step: load and save as ours go to Redis, and an answer that never changes.

Whatever a step decides, draws, counts and remembers comes on top of this.
"""

import os
from typing import Any

from redis.asyncio import Redis

from bench.baselines.redis_step import BODY, aside
from sessions.store.cluster import pipelined
from sessions.store.protocol import POINTER_TTL_S, SESSION_TTL_S
from sessions.store.redis import step_script

RECORD = b"x" * 250  # as long as a session's
NAME = b"sessionId="

pipe = pipelined(Redis.from_url(os.environ["BENCH_REDIS_URL"]))
script = step_script()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """One step that knows nothing."""
    if scope["type"] != "http" or scope["method"] == "GET":
        await aside(scope, receive, send)
        return
    body = (await receive())["body"]
    key = f"floor:{{{body.partition(NAME)[2].partition(b'&')[0].decode()}}}"
    stored = await pipe.do("GET", key)
    version = int(stored.partition(b"|")[0]) if stored else 0
    told = (version, b"%d|%b" % (version + 1, RECORD), SESSION_TTL_S, POINTER_TTL_S)
    await pipe.run(script, (key, key + ":pointer"), told)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
