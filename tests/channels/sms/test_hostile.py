"""What telephones and gateways make of a text: every SMS wire meets the whole table of tests/support/hostile.py.

A wire that is added to WIRES meets it by itself, and fails here until tests/channels/sms/gateways.py has its gateway's
side of it.
"""

import pytest

from channels.sms.inbox import SmsLimits
from channels.sms.wires import WIRES
from tests.channels.sms.conftest import IMANE, SALMA, Counter
from tests.channels.sms.gateways import GATEWAYS, SmsGateway
from tests.support.hostile import CALLERS, KEYS_OF_ONE, NOBODY, WORDS

WIDE = SmsLimits(sender=10_000, sender_day=10_000, prefix=100_000)
wires = pytest.mark.parametrize("wire", [*WIRES, "smpp"])


@pytest.fixture
def sms_limits() -> SmsLimits:
    return WIDE


def gateway_of(wire: str) -> SmsGateway:
    assert wire in GATEWAYS, f"tests/channels/sms/gateways.py does not know how {wire} brings a text"
    return GATEWAYS[wire]()


@wires
async def test_every_spelling_of_a_word(counter: Counter, wire: str) -> None:
    gateway = gateway_of(wire)
    for number, word in enumerate(WORDS):
        await counter.redis.flushdb()  # the same words three times would be a machine's
        assert "012345" in await gateway.bring(counter, word, number=number, sender=SALMA), ascii(word)


@wires
async def test_every_spelling_of_a_key(counter: Counter, wire: str) -> None:
    """The answer to a numbered list."""
    gateway = gateway_of(wire)
    assert "1." in await gateway.bring(counter, "CODE", number=1, sender=IMANE)
    for number, key in enumerate(KEYS_OF_ONE, start=2):
        told = await gateway.bring(counter, key, number=number, sender=IMANE)
        assert any(code in told for code in ("300518", "664120", "905533")), ascii(key)


@wires
async def test_a_sender_is_one_however_the_gateway_writes_the_number(counter: Counter, wire: str) -> None:
    gateway = gateway_of(wire)
    for number, written in enumerate(CALLERS):
        told = await gateway.bring(counter, "CODE", number=number, sender=written)
        assert "1." in told, ascii(written)  # who has several lines is given a list of them


@wires
async def test_who_is_no_customer_is_met_with_silence(counter: Counter, wire: str) -> None:
    gateway = gateway_of(wire)
    for number, written in enumerate(each for each in NOBODY if each.strip()):
        assert await gateway.bring(counter, "CODE", number=number, sender=written) == "", ascii(written)


@wires
async def test_every_encoding_that_comes_over_it(counter: Counter, wire: str) -> None:
    gateway = gateway_of(wire)
    for number, charset in enumerate(gateway.charsets):
        word = "CODE" if charset == "ascii" else "cod\u00e9"
        told = await gateway.bring(counter, word, number=number, sender=SALMA, charset=charset)
        assert "012345" in told, charset


@wires
async def test_a_text_that_comes_again_is_answered_alike_and_once(counter: Counter, wire: str) -> None:
    gateway = gateway_of(wire)
    told = [await gateway.bring(counter, "CODE", number=7, sender=SALMA) for _ in range(4)]
    assert told == [told[0]] * 4
    assert "012345" in told[0]
    assert [row[0] for row in await counter.messages()] == ["code_sms"]


@wires
async def test_a_slash_at_the_end_is_the_same_door(counter: Counter, wire: str) -> None:
    assert "012345" in await gateway_of(wire).bring(counter, "CODE", number=1, sender=SALMA, slash=True)
