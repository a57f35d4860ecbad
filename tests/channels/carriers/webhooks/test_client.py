"""Where events may go: https, the open Internet, the operator's own list, and whatever a name resolves to."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from channels.carriers.webhooks.addresses import allowed
from channels.carriers.webhooks.client import WebhookClient
from core.events.catalogue import EventType, PaymentFact
from core.events.endpoints import EndpointError, EndpointKind, EndpointSecret, EventEndpoint, types_of, url_of
from core.events.relay import TOGETHER_MAX, PostOutcome
from core.events.signing import key_of, new_secret, signatures
from tests.core.events.receiver import NEVER_S, receiving

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HERE = (ip_network("127.0.0.0/8"),)
FACT = PaymentFact(
    row_id=7,
    sequence=9,
    at=NOW,
    type=EventType.CREATED,
    state="created",
    detail="",
    payment_id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
    reference="123456",
    service="mobile",
    line_reference="0600000001",
    payer_msisdn="+212600000001",
    channel="ussd",
    amount_centimes=76920,
    currency="MAD",
    receipt_number=None,
)


def endpoint(url: str) -> EventEndpoint:
    return EventEndpoint("here", EndpointKind.WEBHOOK, url, secrets=(EndpointSecret(new_secret()),))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "127.0.0.1",
            "10.0.0.1",
            "172.16.5.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
        ),
        *("224.0.0.1", "192.0.2.1", "198.18.0.1", "240.0.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:a00:1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::169.254.169.254",
        ),
        *("2002:7f00:1::", "2002:a00:1::1", "", "localhost", "1.2.3"),
    ],
)
def test_nothing_is_sent_inside(text: str) -> None:
    assert not allowed(text, ())


@pytest.mark.parametrize("text", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "1.1.1.1"])
def test_the_open_internet_is_reached(text: str) -> None:
    assert allowed(text, ())


def test_a_listed_network_is_reached_however_its_address_is_written() -> None:
    listed = (ip_network("10.1.2.0/24"),)
    assert allowed("10.1.2.9", listed)
    assert allowed("::ffff:10.1.2.9", listed)
    assert not allowed("10.1.3.9", listed)
    assert not allowed("127.0.0.1", listed)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "http://hook.example.ma/",
            "ftp://hook.example.ma/",
            "//hook.example.ma/",
            "https:///hook",
            "hook.example.ma",
        ),
        *("https://user@hook.example.ma/", "https://u:p@hook.example.ma/", "https://hook.example.ma/#part"),
        *("https://hook.example.ma:99999/", "https://hook.example.ma:0/", "https://[::1", "https://hook.exam ple.ma/"),
        *("https://hook.example.ma/\r\nX: y", "https://hôte.example.ma/", "https://hook.example.ma/" + "a" * 1_000, ""),
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EndpointError):
        url_of(text)


def test_events_are_named_rightly() -> None:
    assert types_of(["payment.captured"]) == {EventType.CAPTURED}
    with pytest.raises(EndpointError, match=r"known are payment.created"):
        types_of(["payment.paid"])


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_§§", "whsec_" + "A" * 120]
)
def test_a_secret_that_is_none_is_refused_without_telling_it(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64") as told:
        key_of(secret)
    assert not secret or secret == "whsec_" or secret not in str(told.value)


def test_the_signature_is_the_standards_own_example() -> None:
    """The specification's secret, id, timestamp and body."""
    made = signatures(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


class Names(AbstractResolver):
    """Whatever it is told; the second answer differs, as a rebinding name's does."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0)
            for each in self.answers
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("answers", [("127.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("169.254.169.254",)])
async def test_a_name_that_leads_inside_is_not_called(answers: tuple[str, ...]) -> None:
    async with receiving() as receiver:
        client = WebhookClient(resolver=Names(*answers))
        url = receiver.url.replace("http://127.0.0.1", "https://hook.example.ma")
        attempt = await client.post(endpoint(url), FACT, NOW)
        await client.aclose()
        assert attempt.told is PostOutcome.FAILED
        assert "open Internet" in attempt.why
        assert receiver.asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost"],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_of_this_machine_in_any_spelling_is_not_called(scheme: str, host: str) -> None:
    async with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        client = WebhookClient()
        attempt = await client.post(endpoint(f"{scheme}://{host}:{port}"), FACT, NOW)
        await client.aclose()
        assert attempt.told is PostOutcome.FAILED
        assert receiver.asked == []


async def test_a_listed_network_is_called_in_clear_and_the_open_internet_never() -> None:
    async with receiving() as receiver:
        client = WebhookClient(HERE)
        assert (await client.post(endpoint(receiver.url), FACT, NOW)).told is PostOutcome.TAKEN
        assert (await client.post(endpoint("http://8.8.8.8/hook"), FACT, NOW)).told is PostOutcome.FAILED
        assert (await client.post(endpoint("http://hook.example.ma/"), FACT, NOW)).told is PostOutcome.FAILED
        await client.aclose()


async def test_endpoints_that_are_silent_keep_no_other_waiting() -> None:
    async with receiving() as silent, receiving() as quick:
        silent.answer = lambda event: NEVER_S
        client = WebhookClient(HERE)
        hung = [asyncio.create_task(client.post(endpoint(silent.url), FACT, NOW)) for _ in range(5 * TOGETHER_MAX)]
        await asyncio.sleep(0)  # each has asked for its connection
        assert (await client.post(endpoint(quick.url), FACT, NOW)).told is PostOutcome.TAKEN
        assert not any(each.done() for each in hung)
        for each in hung:
            each.cancel()
        await asyncio.wait(hung)
        await client.aclose()


async def test_without_a_secret_nothing_leaves_unsigned() -> None:
    async with receiving() as receiver:
        client = WebhookClient(HERE)
        attempt = await client.post(replace(endpoint(receiver.url), secrets=()), FACT, NOW)
        await client.aclose()
        assert attempt.told is PostOutcome.FAILED
        assert receiver.asked == []


async def test_a_server_that_is_not_there_is_a_failure_in_our_words() -> None:
    async with receiving() as receiver:
        url = receiver.url
    client = WebhookClient(HERE)
    attempt = await client.post(endpoint(url), FACT, NOW)
    await client.aclose()
    assert attempt.told is PostOutcome.FAILED
    assert attempt.why == "cannot be reached (ClientConnectorError)"
