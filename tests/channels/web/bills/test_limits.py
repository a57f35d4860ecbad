"""Strangers at the web door: what they may try is counted apart, and no telephone's owner feels it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from channels.limits import RedisCodeLimits
from channels.web.bills.limits import LimitsByChannel, WebCodeLimits, address_of, network_of
from core.ports import Tries

LINE, OWNER = "mobile:0600000001", "+212600000001"


@pytest.fixture
async def limits(redis_url: str) -> AsyncIterator[LimitsByChannel]:
    async with Redis.from_url(redis_url) as client:
        yield LimitsByChannel(RedisCodeLimits(client), WebCodeLimits(client))


async def guesses(limits: LimitsByChannel, address: str, line: str = LINE) -> bool:
    """One wrong code; whether it was tried at all."""
    if await limits.allow("web", address, line) is not Tries.OPEN:
        return False
    await limits.failed("web", address, line)
    return True


async def test_a_thousand_addresses_guess_at_most_a_day_s_worth_and_the_owner_s_telephone_is_open(
    limits: LimitsByChannel,
) -> None:
    addresses = [f"203.{n // 250}.{n % 250}.7" for n in range(1_000)]
    tried = 0
    for at in range(0, len(addresses), 50):
        tried += sum(await asyncio.gather(*(guesses(limits, each) for each in addresses[at : at + 50])))
    assert WebCodeLimits.TARGET_WRONG <= tried <= WebCodeLimits.TARGET_TRIES
    assert await limits.allow("web", "198.51.100.1", LINE) is Tries.LOCKED
    assert await limits.allow("ussd", OWNER, LINE) is Tries.OPEN
    assert await limits.allow("ivr", "+212600000077", LINE) is Tries.OPEN
    assert await limits.allow("web", "198.51.100.1", "mobile:0600000002") is Tries.OPEN


async def test_neighbours_are_one_guesser_of_a_line(limits: LimitsByChannel) -> None:
    assert [await guesses(limits, f"203.0.113.{n}") for n in range(7)] == [True] * 5 + [False] * 2
    assert await guesses(limits, "203.0.114.1")


async def test_one_address_guesses_at_sixty_lines_an_hour(limits: LimitsByChannel) -> None:
    tried = [await guesses(limits, "203.0.113.9", f"mobile:06{n:08d}") for n in range(62)]
    assert tried == [True] * 60 + [False] * 2


@pytest.mark.parametrize(
    ("address", "network", "one"),
    [
        ("203.0.113.9", "203.0.113.0/24", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.0/24", "203.0.113.9/32"),
        ("2001:db8:1:2ff::9", "2001:db8:1:200::/56", "2001:db8:1:2ff::/64"),
        ("fe80::1%eth0", "fe80::/56", "fe80::/64"),
        ("?", "?", "?"),
    ],
)
def test_neighbours(address: str, network: str, one: str) -> None:
    assert (network_of(address), address_of(address)) == (network, one)


@given(st.text(max_size=64))
def test_whatever_an_address_is_it_is_counted(address: str) -> None:
    assert network_of(address)
    assert address_of(address)
