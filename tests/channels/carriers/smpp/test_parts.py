"""Long messages: cut within what the air carries, and put together in any order whoever else sends."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from channels.carriers.smpp.account import JOIN_S, account_of
from channels.carriers.smpp.coding import UCS2, Alphabet, decode
from channels.carriers.smpp.message import Address, ShortMessage, Tag
from channels.carriers.smpp.parts import Fragment, fragment_of, split
from channels.carriers.smpp.reassembly import MIXED_JOIN_S, Reassembly
from core.messaging.gsm7 import BASIC, EXTENDED
from sessions.vault import Seals

EMPTY = ShortMessage(Address("1117"), Address("212600000001", 1, 1))
OCTETS_MAX = 140
SEALS = Seals({"t": bytes(32)})
heavy = st.text(st.sampled_from("€[]{}^~|\\ab"), max_size=700)
mixed = st.text(st.sampled_from(sorted(BASIC | EXTENDED) + list("كود😀ç")), max_size=700)


def joined(parts: list[ShortMessage]) -> str:
    fragments = [fragment_of(part) for part in parts]
    assert [f.number for f in fragments] == list(range(1, len(parts) + 1))
    return decode(parts[0].data_coding, b"".join(f.data for f in fragments))


@given(st.one_of(heavy, mixed), st.integers(0, 10_000))
@settings(max_examples=200)
def test_every_part_fits_and_together_they_are_the_text(text: str, reference: int) -> None:
    parts = split(text, reference, EMPTY)
    assert joined(parts) == text
    for part in parts:
        header = part.data[0] + 1 if part.has_header else 0
        body = len(part.data) - header
        if part.data_coding == 0:
            assert body <= (153 if header else 160)
            assert not part.data.endswith(b"\x1b")
        else:
            assert body <= OCTETS_MAX - header
            assert "\ufffd" not in decode(8, part.data[header:])


@given(st.lists(heavy, min_size=1, max_size=3))
@settings(max_examples=67)
def test_two_hundred_heavy_texts_survive(texts: list[str]) -> None:
    for number, text in enumerate(texts):
        assert joined(split(text, number, EMPTY)) == text


def test_an_smsc_of_latin_letters_gets_what_it_holds_and_ucs2_else() -> None:
    (plain,) = split("élève", 1, EMPTY, Alphabet.LATIN1)
    assert (plain.data_coding, plain.data) == (0, "élève".encode("latin-1"))
    euros = split("€" * 100, 1, EMPTY, Alphabet.LATIN1)
    assert [(part.data_coding, len(part.data)) for part in euros] == [(8, 6 + 134), (8, 6 + 66)]


def part(text: str, number: int, total: int, reference: int, sender: str = "212600000001", *, how: str) -> ShortMessage:
    data, esm_class = text.encode("utf-16-be"), 0
    tlvs: dict[int, bytes] = {}
    if how == "udh8":
        data, esm_class = bytes((5, 0, 3, reference & 0xFF, total, number)) + data, 0x40
    elif how == "udh16":
        data, esm_class = bytes((6, 8, 4, reference >> 8, reference & 0xFF, total, number)) + data, 0x40
    else:
        tlvs = {
            Tag.SAR_MSG_REF_NUM: reference.to_bytes(2, "big"),
            Tag.SAR_TOTAL_SEGMENTS: bytes((total,)),
            Tag.SAR_SEGMENT_SEQNUM: bytes((number,)),
        }
    return ShortMessage(Address(sender, 1, 1), Address("1117"), data, 8, esm_class, tlvs=tlvs)


async def test_parts_of_two_senders_with_one_reference_in_any_order(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        for seed, how in enumerate(("udh8", "udh16", "sar")):
            senders = {f"21260000000{n}": f"متن طويل {n} " * 10 for n in range(3)}
            arriving = [
                part(text[i::12][:1] + text[i * 10 : i * 10 + 10], i + 1, 12, 7, sender, how=how)
                for sender, text in senders.items()
                for i in range(12)
            ]
            random.Random(seed).shuffle(arriving)
            wanted = {
                sender: "".join(text[i::12][:1] + text[i * 10 : i * 10 + 10] for i in range(12))
                for sender, text in senders.items()
            }
            got: dict[str, str] = {}
            for each in arriving:
                # another reader each time: nothing is kept in memory
                text = (await Reassembly(redis, SEALS).add(how, each, fragment_of(each), Alphabet.GSM7)).text
                if text is not None:
                    got[each.source.digits] = text
                    await Reassembly(redis, SEALS).kept(how, each, fragment_of(each))
            assert got == wanted


async def test_a_refused_last_part_completes_again_and_a_repeat_does_not(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        parts = Reassembly(redis, SEALS)

        async def add(text: str, number: int) -> str | None:
            message = part(text, number, 2, 9, how="udh8")
            return (await parts.add("atlas", message, fragment_of(message), Alphabet.GSM7)).text

        assert await add("CO", 1) is None
        assert await add("CO", 1) is None
        assert await add("DE", 2) == "CODE"
        assert await add("DE", 2) == "CODE"  # it was not kept: the SMSC tries again
        last = part("DE", 2, 2, 9, how="udh8")
        await parts.kept("atlas", last, fragment_of(last))
        await parts.kept("atlas", last, fragment_of(last))
        assert await add("DE", 2) is None
        assert await add("CO", 1) is None
        # the reference has come round: another message
        assert await add("AI", 1) is None
        assert await add("DE!", 2) == "AIDE!"
        ttls = [await redis.ttl(key) async for key in redis.scan_iter("kh:smpp:parts:*")]
        assert ttls
        assert all(ttl > 0 for ttl in ttls)


class Telephone:
    """One that gives every text the reference 0, over connections of one SMSC."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._parts = Reassembly(redis, SEALS)
        self.torn: list[str] = []

    async def sends(
        self, text: str, number: int, *, total: int = 2, session: str = "s", coding: int = 8, join_s: int = JOIN_S
    ) -> str | None:
        """The text that this part completes."""
        message = replace(part(text, number, total, 0, how="udh8"), data_coding=coding)
        if coding != UCS2:
            message = replace(message, data=message.data[:6] + text.encode("ascii"))
        taken = fragment_of(message)
        added = await self._parts.add("atlas", message, taken, Alphabet.GSM7, session, join_s=join_s)
        if added.torn:
            self.torn.append(added.torn)
            await self._parts.told("atlas", message, taken)
        if added.text is not None:
            await self._parts.kept("atlas", message, taken, session)
        return added.text

    async def waits(self, age_s: int) -> None:
        """What has come so far came that long ago."""
        for key in [key async for key in self._redis.scan_iter("*:begun")]:
            value = await self._redis.get(key)
            assert isinstance(value, bytes)
            at, _, rest = value.decode().partition("|")
            await self._redis.set(key, f"{int(at) - age_s}|{rest}", keepttl=True)


@pytest.fixture
async def telephone(redis_url: str) -> AsyncIterator[Telephone]:
    async with Redis.from_url(redis_url) as redis:
        yield Telephone(redis)


@pytest.mark.parametrize(
    ("then", "age_s", "joins"),
    [
        *(("s", 10, True), ("s", JOIN_S - 60, True), ("s", JOIN_S + 60, False)),
        *(("t", JOIN_S + 60, True), ("t", 20 * 3600, True)),
    ],
)
async def test_an_old_unfinished_part_joins_no_new_text(
    telephone: Telephone, then: str, age_s: int, joins: bool
) -> None:
    """A telephone that counts no references: its text of a while ago lost a part on the air."""
    assert await telephone.sends("OLD", 2) is None
    await telephone.waits(age_s)
    assert await telephone.sends("CO", 1, session=then) == ("COOLD" if joins else None)
    assert len(telephone.torn) == (0 if joins else 1)
    if not joins:
        assert await telephone.sends("DE", 2, session=then) == "CODE"
        assert len(telephone.torn) == 1, "told once"


async def test_how_long_a_part_may_take_is_the_binds_to_say(telephone: Telephone) -> None:
    assert account_of("smpp://a:b@127.0.0.1/atlas").join_s == JOIN_S
    join_s = account_of("smpp://a:b@127.0.0.1/atlas?join_s=900").join_s
    assert await telephone.sends("OLD", 2) is None
    await telephone.waits(JOIN_S + 60)
    assert await telephone.sends("CO", 1, join_s=join_s) == "COOLD"
    for wrong in ("9", "3601", "-1", "soon", ""):
        with pytest.raises(ValueError, match="join_s is a number from 10 to 3600"):
            account_of(f"smpp://a:b@127.0.0.1/atlas?join_s={wrong}")


async def test_a_number_that_says_something_else_begins_another_text(telephone: Telephone) -> None:
    assert await telephone.sends("CODE of", 1) is None
    assert await telephone.sends("AI", 1) is None
    assert len(telephone.torn) == 1
    assert await telephone.sends("DE", 2) == "AIDE"
    assert len(telephone.torn) == 1


async def test_another_total_is_another_text(telephone: Telephone) -> None:
    """Both may still become whole, in whatever order the SMSC brings them."""
    assert await telephone.sends("OLD", 2, total=3) is None
    assert await telephone.sends("CO", 1) is None
    assert await telephone.sends("DE", 2) == "CODE"
    assert await telephone.sends("AN ", 1, total=3) is None
    assert await telephone.sends(" TEXT", 3, total=3) == "AN OLD TEXT"
    assert telephone.torn == []


@pytest.mark.parametrize(("age_s", "joins"), [(0, True), (MIXED_JOIN_S - 15, True), (MIXED_JOIN_S + 15, False)])
async def test_parts_of_two_codings_join_only_where_they_come_together(
    telephone: Telephone, age_s: int, joins: bool
) -> None:
    assert await telephone.sends("متن", 2, coding=8) is None
    await telephone.waits(age_s)
    assert await telephone.sends("CO", 1, coding=0) == ("COمتن" if joins else None)
    assert len(telephone.torn) == (0 if joins else 1)
    if not joins:
        assert await telephone.sends("DE", 2, coding=0) == "CODE"


async def test_the_same_text_sent_again_lacks_nothing(telephone: Telephone) -> None:
    """Its first part came twice, long apart, and what is between them says nothing new: nobody is asked again."""
    assert await telephone.sends("CO", 1) is None
    await telephone.waits(JOIN_S + 60)
    assert await telephone.sends("CO", 1) is None
    assert await telephone.sends("DE", 2) == "CODE"
    assert telephone.torn == []


async def test_two_texts_that_begin_alike_are_not_mixed(telephone: Telephone) -> None:
    assert await telephone.sends("BONJOUR", 1, total=3) is None
    assert await telephone.sends("OLD", 3, total=3) is None
    await telephone.waits(JOIN_S + 60)
    assert await telephone.sends("BONJOUR", 1, total=3) is None
    assert len(telephone.torn) == 1
    assert await telephone.sends(" CO", 2, total=3) is None
    assert await telephone.sends("DE", 3, total=3) == "BONJOUR CODE"


async def test_parts_that_an_older_version_began_join_too(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        telephone = Telephone(redis)
        assert await telephone.sends("DE", 2) is None
        (begun,) = [key async for key in redis.scan_iter("*:begun")]
        value = await redis.get(begun)
        assert isinstance(value, bytes)
        await redis.set(begun, value.rpartition(b"|")[0], keepttl=True)
        assert await telephone.sends("CO", 1, coding=0) == "CODE"


async def test_what_customers_write_is_sealed(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        message = part("4000000000000010", 1, 2, 9, how="udh8")
        await Reassembly(redis, SEALS).add("atlas", message, fragment_of(message), Alphabet.GSM7)
        (key,) = [key async for key in redis.scan_iter("kh:smpp:parts:*") if not key.endswith(b":begun")]
        kept = b"".join(blob for blob in await redis.hvals(key) if isinstance(blob, bytes))
        assert kept
        assert b"4000" not in kept
        assert b"4\x000\x000" not in kept
        # a key that is gone leaves nothing of that part, and the rest is read
        last = part("CODE", 2, 2, 9, how="udh8")
        others = Reassembly(redis, Seals({"u": bytes(31) + b"1"}))
        text = (await others.add("atlas", last, fragment_of(last), Alphabet.GSM7)).text
        assert text is not None
        assert text.endswith("CODE")
        assert "4000" not in text


def test_impossible_numberings_are_whole_messages() -> None:
    for total, number in ((0, 0), (2, 0), (2, 3), (1, 1)):
        message = part("CODE", number, total, 1, how="udh8")
        assert fragment_of(message) == Fragment("CODE".encode("utf-16-be"), 8)
    lie = ShortMessage(Address("1"), Address("2"), b"\x50CODE", esm_class=0x40)
    assert fragment_of(lie).data == b"\x50CODE"
    payload = ShortMessage(Address("1"), Address("2"), tlvs={Tag.MESSAGE_PAYLOAD: b"CODE"})
    assert fragment_of(payload).data == b"CODE"
