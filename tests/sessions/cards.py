"""Steps of a call that takes a card, and what must not be found at rest."""

import base64

from sessions.turn.turns import Turns
from tests.sessions.fakes import Converse, Stage, chunks, to_confirm

CARD, EXPIRY, CVV = "5453010000066100", "1228", "987"
COPIES = 20  # of one request, at once
SPLIT_MIN = 7  # digits in a row that are no accident


async def to_card(on: Stage, *, challenges: bool = True) -> Converse:
    """A basket begun on USSD, and the call that asks for its card."""
    await (await to_confirm(on)).choose("pay")
    call = on.call(challenges=challenges)
    await call.dial(payment_id="p1")
    assert call.screen == "CardNumber"
    return call


async def to_cvv(on: Stage, card: str = CARD, *, challenges: bool = True) -> Converse:
    call = await to_card(on, challenges=challenges)
    await type_card(call, card)
    return call


async def type_card(call: Converse, card: str = CARD) -> None:
    await call.key(card, EXPIRY)
    assert call.screen == "ConfirmTotal"
    await call.choose("pay")
    assert call.screen == "CardCvv"


async def landed(turns: Turns) -> None:
    """What was launched has reached the till."""
    await turns.close()


def assert_hidden(rests: bytes, secret: str) -> None:
    """Not in clear, hex or base64, whole or split."""
    for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode().rstrip("=")):
        for piece in chunks(form, min(len(form), SPLIT_MIN)):
            assert piece.encode() not in rests
