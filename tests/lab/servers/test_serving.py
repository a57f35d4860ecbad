"""A server within a block: it ends when told, and whoever is being answered is answered."""

import asyncio

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lab.servers.serving import serving

LATE_S = 0.05


async def test_at_the_end_an_answer_is_waited_for_and_nobody_comes_in() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        asked.set()
        await go.wait()
        return PlainTextResponse("late")

    async with aiohttp.ClientSession() as http:
        async with serving(Starlette(routes=[Route("/", slow)])) as url:
            answer = asyncio.create_task(http.get(url))
            await asked.wait()
            asyncio.get_running_loop().call_later(LATE_S, go.set)
        async with await answer as late:
            assert await late.text() == "late"
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url)


async def test_a_client_that_keeps_its_connection_holds_up_nothing() -> None:
    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    async with aiohttp.ClientSession() as http:
        async with serving(Starlette(routes=[Route("/", hello)])) as url, http.get(url) as answer:
            assert (await answer.text(), "date" in answer.headers) == ("hello", True)
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url)
