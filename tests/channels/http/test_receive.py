"""Requests over a real socket: slow, cut off and lying ones are refused in plain words."""

import asyncio
import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.http.authentication import gateway_of
from channels.http.receive import BODY_WAIT_S, Authentication, incoming, refusal, refused, response
from channels.wire import Incoming, Malformed, Reply, SenderRefused
from lab.servers.serving import serving
from tests.support.waiting import closed

PUBLIC = "https://pay.example.ma"
seen: list[Incoming] = []


async def echo(request: Request) -> Response:
    try:
        wait_s = 0.01 if request.url.path == "/brief" else BODY_WAIT_S
        arrived = await incoming(request, PUBLIC, body_max=64, body_wait_s=wait_s)
    except Malformed as error:
        return refusal(error)
    seen.append(arrived)
    return response(Reply(arrived.body), screen="Screen")


APP = Starlette(routes=[Route("/{any:path}", echo, methods=["GET", "POST"])])


async def exchange(request: bytes, *, pause: bytes = b"", end: bool = False) -> str:
    """Raw bytes out, the whole answer back."""
    seen.clear()
    async with serving(APP) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request)
        await writer.drain()
        if end:
            await closed(writer)
            return ""
        writer.write(pause)
        answer = (await reader.read(4096)).decode()
        writer.close()
        await writer.wait_closed()
        return answer


def post(body: bytes, *headers: str, length: int | None = None, path: str = "/a%20b?x=1&x=2") -> bytes:
    told = len(body) if length is None else length
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: evil.example",
        f"Content-Length: {told}",
    ]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


async def test_a_request_as_plain_values() -> None:
    answer = await exchange(post(b"a=1", "X-Thing: y"))
    assert answer.startswith("HTTP/1.1 200")
    assert re.search("cache-control: no-store", answer, re.IGNORECASE)
    assert re.search("x-screen: Screen", answer, re.IGNORECASE)
    (request,) = seen
    assert (request.method, request.query, request.body, request.peer) == ("POST", "x=1&x=2", b"a=1", "127.0.0.1")
    assert request.headers["x-thing"] == "y"
    assert request.url == f"{PUBLIC}/a%20b?x=1&x=2"  # as it was sent: that is what was signed
    assert "evil" not in request.url
    assert request.params() == {"x": "2"}


async def test_a_body_of_the_bound_and_one_more() -> None:
    assert "200" in (await exchange(post(b"x" * 64))).splitlines()[0]
    assert "400" in (await exchange(post(b"x" * 65))).splitlines()[0]
    assert not seen


async def test_a_slow_body_is_let_go() -> None:
    answer = await exchange(post(b"a", length=60, path="/brief"))
    assert "400" in answer.splitlines()[0]
    assert answer.endswith("the body did not arrive\n")
    assert not seen


async def test_a_body_cut_off_is_no_request() -> None:
    assert await exchange(post(b"a", length=60), end=True) == ""
    assert not seen


async def test_chunks_are_counted() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await exchange(head + b"40\r\n" + b"x" * 64 + b"\r\n", pause=b"1\r\nx\r\n0\r\n\r\n")
    assert "400" in answer.splitlines()[0]
    assert answer.endswith("the body is too large\n")


def test_a_refusal_repeats_nothing() -> None:
    assert refusal(SenderRefused("the secret hunter2 is wrong")).body == b"refused\n"
    assert refusal(SenderRefused("x")).status_code == 403
    assert refusal(Malformed("why")).status_code == 400
    for error in (SenderRefused("x"), Malformed("x")):
        assert refusal(error).headers["cache-control"] == "no-store"


def test_a_refusal_is_counted_under_its_door() -> None:
    counted: list[tuple[str, str]] = []
    for error in (SenderRefused("x"), Malformed("x")):
        refused(error, "ussd/hubtel", lambda door, reason: counted.append((door, reason)))
    assert counted == [("ussd/hubtel", "forbidden"), ("ussd/hubtel", "malformed")]


def test_a_reply_keeps_its_own_cache_rule() -> None:
    kept = response(Reply(b"", headers={"Cache-Control": "max-age=1"}))
    assert kept.headers["cache-control"] == "max-age=1"
    assert "x-screen" not in kept.headers


def asked(peer: str = "", headers: dict[str, str] | None = None, query: str = "") -> Incoming:
    return Incoming("POST", "", "/", query, headers or {}, b"", peer)


@given(st.text(max_size=40))
def test_no_peer_name_opens_a_network_gate(peer: str) -> None:
    with pytest.raises(SenderRefused):
        Authentication(networks=(ipaddress.ip_network("192.0.2.7/32"),)).check(asked(peer))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_other_secret_opens_a_gate(header: str, query: str) -> None:
    with pytest.raises(SenderRefused):
        Authentication(secrets=("correct horse",)).check(
            asked(headers={"x-khallas-secret": header}, query=f"secret={query}")
        )


def test_gates_open_to_whom_they_should() -> None:
    Authentication(open_to_all=True).check(asked())
    Authentication(secrets=("s",)).check(asked(headers={"x-khallas-secret": "s"}))
    Authentication(secrets=("s",)).check(asked(query="secret=s"))
    networks = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32"))
    for peer in ("192.0.2.9", "2001:db8::1"):
        Authentication(networks=networks).check(asked(peer))
    for peer in ("192.0.3.9", "2001:db9::1", "", "unix"):
        with pytest.raises(SenderRefused):
            Authentication(networks=networks).check(asked(peer))


def test_one_secret_while_another_takes_its_place() -> None:
    gate = Authentication(secrets=("new", "old"))
    for secret in ("new", "old"):
        gate.check(asked(headers={"x-khallas-secret": secret}))
    for secret in ("", "older", "new,old"):
        with pytest.raises(SenderRefused):
            gate.check(asked(headers={"x-khallas-secret": secret}))


def test_secret_and_network_are_both_asked_for() -> None:
    gate = Authentication(secrets=("s",), networks=(ipaddress.ip_network("192.0.2.0/24"),))
    gate.check(asked("192.0.2.9", {"x-khallas-secret": "s"}))
    for peer, secret in (("192.0.2.9", "x"), ("192.0.3.9", "s"), ("192.0.2.9", "")):
        with pytest.raises(SenderRefused):
            gate.check(asked(peer, {"x-khallas-secret": secret}))


def test_a_gate_that_nothing_was_set_for_is_shut() -> None:
    with pytest.raises(SenderRefused):
        Authentication().check(asked("127.0.0.1", {"x-khallas-secret": ""}))


@pytest.mark.parametrize(
    ("written", "secrets", "networks"),
    [
        ("one", ("one",), 0),
        ("one,two", ("one", "two"), 0),
        ("net:10.0.0.0/8,192.0.2.1", (), 2),
        ("one,two net:2001:db8::/32", ("one", "two"), 1),
        ("", (), 0),
    ],
)
def test_a_gateway_as_it_is_written(written: str, secrets: tuple[str, ...], networks: int) -> None:
    gateway = gateway_of(written, "hubtel")
    assert (gateway.secrets, len(gateway.networks)) == (secrets, networks)
    assert "one" not in repr(gateway)


@pytest.mark.parametrize("written", ["net:10.0.0.1/8", "net:nonsense", "net:", "a,b,c,d,e"])
def test_a_gateway_that_cannot_be(written: str) -> None:
    with pytest.raises(ValueError, match="gateway_secrets hubtel"):
        gateway_of(written, "hubtel")
