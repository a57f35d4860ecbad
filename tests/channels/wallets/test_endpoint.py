"""The callbacks' door: unsigned, repeated, forged, late; it believes nothing and tells nobody what it knows."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from starlette.applications import Starlette

from channels.wallets.endpoint import CALLBACK_BYTES_MAX, routes
from lab.servers.serving import serving
from tests.core.wallets.attempts import HANDLE, REFERENCE

FORGED = {"Body": {"stkCallback": {"CheckoutRequestID": HANDLE, "ResultCode": 0}}}
STRANGER = "00000000-0000-4000-8000-000000000000"


class Behind:
    """What stands behind the door: notes what came, knows one attempt."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bytes]] = []
        self.refused: list[tuple[str, str]] = []
        self.down = False

    async def called_back(self, provider: str, reference: str, body: bytes) -> bool:
        if self.down:
            raise ConnectionError("the database is away")
        self.heard.append((provider, reference, body))
        return reference == REFERENCE

    def count(self, door: str, reason: str) -> None:
        self.refused.append((door, reason))


@pytest.fixture
async def at() -> AsyncIterator[tuple[Behind, str]]:
    behind = Behind()
    app = Starlette(routes=list(routes(behind.called_back, behind.count, public_url="https://pay.example")))
    async with serving(app) as url:
        yield behind, url


async def call(url: str, method: str = "POST", body: bytes = b"{}") -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body) as answer:
        return answer.status, await answer.read()


async def test_put_and_post_are_noted_and_answered_as_their_wallets_read_it(at: tuple[Behind, str]) -> None:
    behind, url = at
    assert await call(f"{url}/wallets/gsma/{REFERENCE}", "PUT", b'{"transactionStatus":"completed"}') == (204, b"")
    status, told = await call(f"{url}/wallets/daraja/{REFERENCE.upper()}/", "POST", json.dumps(FORGED).encode())
    assert (status, json.loads(told)["ResultCode"]) == (200, 0)
    assert [heard[:2] for heard in behind.heard] == [("gsma", REFERENCE), ("daraja", REFERENCE)]
    assert await call(f"{url}/wallets/mtn/{REFERENCE}", "POST", b"") == (200, told), "twice, or empty: no other answer"
    assert (await call(f"{url}/wallets/mtn/{REFERENCE}", "GET"))[0] == 405


async def test_a_stranger_learns_nothing_of_which_attempts_there_are(at: tuple[Behind, str]) -> None:
    behind, url = at
    for method in ("PUT", "POST"):
        known = await call(f"{url}/wallets/gsma/{REFERENCE}", method, b"[]")
        assert await call(f"{url}/wallets/gsma/{STRANGER}", method, b"[]") == known
    assert behind.refused == [("wallets", "unknown")] * 2


async def test_what_is_no_callback_is_refused_and_changes_nothing(at: tuple[Behind, str]) -> None:
    behind, url = at
    for path in ("gsma/1", "GSMA/" + REFERENCE, "gsma/" + REFERENCE + "0", "g-s/" + REFERENCE):
        assert (await call(f"{url}/wallets/{path}"))[0] == 400
    assert (await call(f"{url}/wallets/gsma/{REFERENCE}", body=b"x" * (CALLBACK_BYTES_MAX + 1)))[0] == 400
    assert behind.heard == []


async def test_what_could_not_be_noted_is_not_accepted(at: tuple[Behind, str]) -> None:
    behind, url = at
    behind.down = True
    assert (await call(f"{url}/wallets/gsma/{REFERENCE}", "PUT"))[0] == 503
