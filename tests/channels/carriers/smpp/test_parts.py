"""Long messages: cut within what the air carries, and put together in any order whoever else sends."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from channels.carriers.smpp.coding import Alphabet, decode
from channels.carriers.smpp.message import Address, ShortMessage, Tag
from channels.carriers.smpp.parts import Fragment, fragment_of, split
from channels.carriers.smpp.reassembly import JOIN_S, Reassembly
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
                text = await Reassembly(redis, SEALS).add(how, each, fragment_of(each), Alphabet.GSM7)
                if text is not None:
                    got[each.source.digits] = text
                    await Reassembly(redis, SEALS).kept(how, each, fragment_of(each))
            assert got == wanted


async def test_a_refused_last_part_completes_again_and_a_repeat_does_not(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        parts = Reassembly(redis, SEALS)

        async def add(text: str, number: int) -> str | None:
            message = part(text, number, 2, 9, how="udh8")
            return await parts.add("atlas", message, fragment_of(message), Alphabet.GSM7)

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


@pytest.mark.parametrize(
    ("first", "then", "age_s", "joins"),
    [("s", "s", 10, True), ("s", "s", JOIN_S + 60, False), ("s", "t", JOIN_S + 60, True), ("s", "t", 20 * 3600, True)],
)
async def test_an_old_unfinished_part_joins_no_new_text(
    redis_url: str, first: str, then: str, age_s: int, joins: bool
) -> None:
    """A telephone that counts no references: its text of this morning lost a part on the air."""
    async with Redis.from_url(redis_url) as redis:
        parts = Reassembly(redis, SEALS)

        async def add(text: str, number: int, session: str) -> str | None:
            message = part(text, number, 2, 0, how="udh8")
            return await parts.add("atlas", message, fragment_of(message), Alphabet.GSM7, session)

        assert await add("OLD", 2, first) is None
        (begun,) = [key async for key in redis.scan_iter("*:begun")]
        value = await redis.get(begun)
        assert isinstance(value, bytes)
        at, _, by = value.decode().partition("|")
        await redis.set(begun, f"{int(at) - age_s}|{by}", keepttl=True)
        assert await add("CO", 1, then) == ("COOLD" if joins else None)
        if not joins:
            assert await add("DE", 2, then) == "CODE"


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
        text = await Reassembly(redis, Seals({"u": bytes(31) + b"1"})).add(
            "atlas", last, fragment_of(last), Alphabet.GSM7
        )
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
