"""A penetration trial on a server as operators run it: `khallas serve --workers 2` with nothing of the demo's.

Every route is met with what attackers write in its place: numbers without end, foreign hosts, two requests in one,
forms of other sites. Nothing answers 5xx, nothing leads elsewhere, no traceback is logged, nothing is done.
"""

import asyncio
import re
import signal
import socket
from contextlib import closing

import aiohttp
import pytest
import yarl

from tests.ops.house import GATEWAY_SECRET
from tests.security.trial import EVIL, HOST, PASSWORD, SESSION, Trial, routes
from tests.support.waiting import closed

WAIT_MAX_S = 60.0
ODD = (
    *("1", "0", "-1", "9" * 18, "9" * 19, "9223372036854775808", "9" * 200, "9" * 256, "9" * 5_000, "٣", "²", "1e9"),
    *(
        "%00",
        "%0d%0aSet-Cookie:%20a=b",
        "..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "%",
        "'%20OR%201=1--",
        "<script>",
        "%F0%9F",
    ),
    *(
        "01" + "A" * 24,
        "A" * 255,
        "{}",
        "%7B0.__class__%7D",
        "nan",
        "+1",
        " 1",
        "1%20",
        "//evil.example",
        "\\evil",
        "<script>",
    ),
)


@SESSION
async def test_no_part_of_a_path_breaks_anything(trial: Trial) -> None:
    """5,000 digits, and what else attackers write, at every place of every route, with every method."""
    with_parts = sorted({path for path, _ in routes() if "{" in path})
    assert len(with_parts) > 20
    for path in with_parts:
        for odd in ODD:
            spelled = odd.join(re.split(r"\{[^}]+\}", path))
            for method in ("GET", "POST"):
                target = yarl.URL(trial.url + spelled.replace("<", "%3C").replace(" ", "%20"), encoded=True)
                async with trial.http.request(method, target, allow_redirects=False) as answer:
                    assert answer.status < 500, (method, path, odd[:30], answer.status)
                    assert EVIL not in answer.headers.get("Location", ""), (method, path, odd[:30])
                    assert "Set-Cookie" not in answer.headers or "a=b" not in answer.headers["Set-Cookie"]
    assert "Traceback" not in trial.log()


@SESSION
async def test_every_route_and_every_method_without_a_right_to_it(trial: Trial) -> None:
    """Empty, garbled and giant bodies from nobody: a clear 4xx or the door's own page, never 5xx."""
    bodies = (b"", b"\x00\xff" * 50, b"{", b"[" * 5_000, b"a=1&" * 5_000, b"<a" * 2_000, b"x" * 300_000)
    types = ("application/x-www-form-urlencoded", "application/json", "text/xml", "multipart/form-data; boundary=x", "")
    for path, _ in sorted(set(routes())):
        spelled = re.sub(r"\{[^}]+\}", "1", path)
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"):
            for body, kind in zip(bodies, (*types, "application/json", ""), strict=True):
                if body and method in {"GET", "HEAD", "TRACE", "OPTIONS"}:
                    continue
                sent = {"Content-Type": kind} if kind else {}
                try:
                    async with trial.http.request(
                        method, trial.url + spelled, data=body or None, headers=sent, allow_redirects=False
                    ) as answer:
                        busy = path == "/readyz" and answer.status == 503  # a probe's own second, on a slow day
                        assert answer.status < 500 or busy, (method, path, body[:9], answer.status)
                        assert method not in {"PUT", "DELETE", "PATCH", "TRACE"} or answer.status >= 400, (method, path)
                except aiohttp.ClientError:  # cut while it still sent what is too long
                    assert len(body) > 16_000, (method, path, body[:9])
    assert "Traceback" not in trial.log()


@SESSION
@pytest.mark.parametrize(
    "host",
    [
        *(EVIL, f"{EVIL}:80", f"{HOST}.{EVIL}", f"{EVIL}#{HOST}", f"{HOST}@{EVIL}", f"{EVIL}/{HOST}", f"x{HOST}"),
        *("", " ", "[::1", "127.0.0.1.evil.example", f"{HOST}:99999", f"{HOST}:x", "10.0.0.1", "0", "2130706433"),
    ],
)
async def test_a_foreign_host_gets_nothing(trial: Trial, host: str) -> None:
    for target in ("/desk/", "/desk", "/", "/pay/x/", "/receipts/x", "//evil.example/desk", f"http://{EVIL}/desk/"):
        got = await trial.raw(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert re.match(rb"HTTP/1\.1 4\d\d ", got), (target, got[:80])
        assert EVIL.encode() not in got


@SESSION
async def test_two_hosts_none_and_a_slash(trial: Trial) -> None:
    two = f"GET /desk HTTP/1.1\r\nHost: {HOST}\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n"
    for request in (
        two,
        "GET /desk HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /desk\r\n\r\n",
        "GET /desk HTTP/1.0\r\n\r\n",
    ):
        got = await trial.raw(request.encode())
        assert not got or re.match(rb"HTTP/1\.1 4\d\d ", got), (request, got[:80])
    for path in ("/desk/", "/bills/", "/ops/", "/desk/login/"):
        headers = {"Host": HOST, "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"//{EVIL}"}
        async with trial.http.get(trial.url + path, headers=headers, allow_redirects=False) as answer:
            assert EVIL not in str(answer.headers) + await answer.text()
            assert not answer.headers.get("Location", "/").startswith(("http", "//"))


@SESSION
async def test_an_address_past_8_kib_is_refused(trial: Trial) -> None:
    for size, fits in ((8_000, True), (8_300, False), (15_000, False), (60_000, False), (250_000, False)):
        got = await trial.raw(
            f"GET /bills?x={'a' * size} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
        )
        status = int(got[9:12] or 0)
        assert status == 303 if fits else status in {0, 400, 413, 414, 431}, (size, got[:60])


@SESSION
async def test_two_requests_in_one_are_never_two(trial: Trial) -> None:
    """Where a proxy and we could read another end of a message, the message is refused and the connection closed."""
    begin = f"POST /ussd/comviva HTTP/1.1\r\nHost: {HOST}\r\n"
    hidden = f"GET /desk/login HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    for headers, body in (
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + hidden),
        ("Content-Length: 0\r\nContent-Length: 40\r\n", hidden),
        ("Content-Length: 0, 40\r\n", hidden),
        ("Content-Length: +0\r\n", hidden),
        ("Content-Length: -1\r\n", hidden),
        ("Content-Length: 0x10\r\n", hidden),
        ("Content-Length : 0\r\n", hidden),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding: identity, chunked, chunked\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n\r\n" + hidden),
        ("Transfer-Encoding: chunked\r\n", "-1\r\n\r\n" + hidden),
        ("X: y\n\nGET /desk/login HTTP/1.1\r\n", ""),
        (" Content-Length: 0\r\n", hidden),
    ):
        got = await trial.raw((begin + headers + "\r\n" + body).encode("latin-1"))
        assert got.count(b"HTTP/1.1 200") == 0, (headers, got[:200])
        assert b'name="password"' not in got, headers


@SESSION
async def test_no_door_is_open_to_an_unsigned_or_wrongly_signed_request(trial: Trial) -> None:
    webhooks = [path for path, _ in routes() if path.startswith(("/ussd/", "/sms/", "/ivr/"))]
    assert len(webhooks) > 12
    for path in webhooks:
        spelled = trial.url + re.sub(r"\{[^}]+\}", "x1", path)
        for query in ("", "?secret=", "?secret=a-long-random-secret", f"?secret={GATEWAY_SECRET}"):
            if "africastalking" in path and query.endswith(GATEWAY_SECRET):
                continue
            for sent in ({}, {"X-Twilio-Signature": "x"}, {"Authorization": "Basic Og=="}, {"X-Khallas-Secret": "x"}):
                for method in ("GET", "POST"):
                    async with trial.http.request(method, spelled + query, headers=sent) as answer:
                        assert answer.status in {401, 403, 404, 405}, (path, query, sent, answer.status)


@SESSION
async def test_no_other_program_answers_calls_at_our_port(trial: Trial) -> None:
    with closing(socket.socket()) as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            thief.bind(("127.0.0.1", trial.calls))
    # both workers answer there; each waits a while for a switch that may still name its secret
    assert all(b"refused" in answer for answer in await asyncio.gather(*(_greets(trial.calls) for _ in range(8))))


async def _greets(port: int) -> bytes:
    """What a switch with the wrong secret hears."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"agi_request: agi://127.0.0.1/khallas\nagi_arg_1: wrong\nagi_arg_2: none\nagi_uniqueid: 1.1\n\n")
    async with asyncio.timeout(WAIT_MAX_S):
        answer = await reader.read()
    await closed(writer)
    return answer


@SESSION
async def test_what_was_logged_names_nobody_and_no_secret(trial: Trial) -> None:
    text = trial.log()
    assert "Traceback" not in text
    for name, value in trial.khallas.environ.items():
        if name.endswith(("_KEY", "_KEYS", "_TOKENS", "__PASSWORD")) or "GATEWAY_SECRETS" in name:
            assert value.split()[0] not in text, name
    assert PASSWORD not in text


@SESSION
async def test_it_still_serves_and_leaves_when_told(trial: Trial) -> None:
    async with trial.http.get(trial.url + "/healthz") as answer:
        assert answer.status == 200
    (server,) = [each for each in trial.khallas._processes if each.pid == trial.pid]
    server.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WAIT_MAX_S):
        assert await server.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", trial.calls)
    trial.pid = (await trial.khallas.serve(trial.port, "--workers", "2")).pid  # for whoever comes after
