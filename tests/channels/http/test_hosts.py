"""Whose host a request names, how long its address is, and a slash behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.http.front import SEGMENT_CHARS_MAX, TARGET_BYTES_MAX, Front, hot
from channels.http.hosts import Hosts, name_of, one_host
from tests.security.asgi import Ask, Told, ask

HOSTS = Hosts("https://pay.example.ma", ("ussd.internal", "http://web:8000"))


async def _number(request: Request) -> Response:
    return PlainTextResponse(str(request.path_params["number"]))


async def _plain(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


ROUTES = [Route("/desk", _plain), Route("/n/{number:int}/do", _number, methods=["POST"]), Route("/healthz", _plain)]
APP = Front(hot([]), hosts=HOSTS, routes=ROUTES)


async def get(target: str, host: str | None = "pay.example.ma", method: str = "GET") -> Told:
    return await ask(APP, Ask(method, target, (("host", host),) if host is not None else ()))


@pytest.mark.parametrize(
    "host",
    [
        "pay.example.ma",
        "PAY.example.MA:443",
        "pay.example.ma.",
        "127.0.0.1:8000",
        "localhost",
        "[::1]:8000",
        "web:8000",
    ],
)
async def test_a_host_of_ours_is_answered(host: str) -> None:
    assert (await get("/desk", host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "pay.example.ma.evil.example", "evil.example:443", "pay.example.ma@evil.example", ""),
        *(
            "evil.example/pay.example.ma",
            "pay.example.ma, evil.example",
            "192.0.2.1",
            "pay.example.ma:x",
            "localhost.x",
        ),
        *("pay.example.ma evil.example", "[::1", "127.0.0.1.evil.example", "pay.example.ma#evil.example", "\xe9"),
    ],
)
async def test_another_host_is_misdirected(host: str) -> None:
    told = await get("/desk", host)
    assert told.status == 421
    assert b"evil" not in told.body
    assert (await get("/healthz", host)).status == 200  # a balancer names what it likes


@given(st.binary(max_size=24))
def test_no_bytes_are_more_than_a_refusal(host: bytes) -> None:
    name = name_of(host)
    assert name is None or name.encode() in host.lower()
    assert not HOSTS.ours(host, "10.0.0.1") or name in {"pay.example.ma", "ussd.internal", "web", "localhost"}


async def test_the_address_at_which_it_came_in_is_ours() -> None:
    assert Hosts("https://k").ours(b"10.0.0.7:8000", "10.0.0.7")
    assert not Hosts("https://k").ours(b"10.0.0.8:8000", "10.0.0.7")


@pytest.mark.parametrize("target", ["/desk/", "/desk/?lang=fr", "/n/7/do/"])
async def test_a_slash_behind_it_leads_nowhere_else(target: str) -> None:
    told = await get(target, method="POST" if target.startswith("/n") else "GET")
    assert told.status == 200
    assert "location" not in told.headers


@pytest.mark.parametrize("digits", [SEGMENT_CHARS_MAX + 1, 5_000])
async def test_a_part_of_a_path_has_a_bound(digits: int) -> None:
    assert (await get(f"/n/{'9' * digits}/do", method="POST")).status == 404
    assert (await get(f"/n/{'9' * 20}/do", method="POST")).status == 200
    assert (await get(f"/{'a' * digits}")).status == 404


@pytest.mark.parametrize("target", ["/desk?" + "a" * TARGET_BYTES_MAX, "/" + "a/" * (TARGET_BYTES_MAX // 2 + 1)])
async def test_an_address_has_a_length(target: str) -> None:
    assert (await get(target)).status == 414
    assert (await get("/desk?" + "a" * (TARGET_BYTES_MAX - 10))).status == 200


def test_one_host_and_only_one() -> None:
    host = (b"host", b"pay.example.ma")
    assert one_host([host], b"/desk", "1.1")
    assert one_host([], b"/healthz?x", "1.0")
    for headers, version in (([], "1.1"), ([host, host], "1.1"), ([], "1.0"), ([host], "0.9"), ([host], "2.0")):
        assert not one_host(headers, b"/desk", version)
