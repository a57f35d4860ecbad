"""Names that are made up here: how they are laid out, and from how much chance."""

import uuid
from datetime import UTC, datetime

import pytest

from core.ids import CROCKFORD, Ids

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_000, tzinfo=UTC)


class Chance:
    """Draws what it was told, and notes how much there was to draw from."""

    def __init__(self, drawn: int | None = None) -> None:
        self.drawn = drawn
        self.bounds: list[int] = []

    def below(self, bound: int) -> int:
        self.bounds.append(bound)
        return bound - 1 if self.drawn is None else self.drawn


def read(ulid: str) -> int:
    number = 0
    for sign in ulid:
        number = number * 32 + CROCKFORD.index(sign)
    return number


@pytest.mark.parametrize("drawn", [0, 1, 31, 32, 2**80 - 1])
def test_a_payment_s_id_is_a_ulid(drawn: int) -> None:
    chance = Chance(drawn)
    made = Ids(chance).payment(NOW)
    assert (len(made), chance.bounds) == (26, [2**80])
    assert read(made) == (int(NOW.timestamp() * 1000) << 80) + drawn


def test_a_reference_has_six_digits_and_no_zero_first() -> None:
    chance = Chance(0)
    assert (Ids(chance).reference(), Ids(Chance()).reference()) == ("100000", "999999")
    assert chance.bounds == [900_000]


def test_a_receipt_s_token_has_128_bits() -> None:
    chance = Chance(10)
    assert (Ids(chance).token(), Ids(Chance()).token()) == ("0" * 31 + "a", "f" * 32)
    assert chance.bounds == [2**128]


def test_a_wallet_s_request_has_a_uuid_of_the_fourth_kind() -> None:
    chance = Chance(5)
    made = uuid.UUID(Ids(chance).uuid())
    assert (made.version, made.variant, chance.bounds) == (4, uuid.RFC_4122, [2**128])
    assert made.int & 0xFFFF == 5


def test_the_system_s_own_chance_is_used_where_none_is_brought() -> None:
    made = {Ids().payment(NOW) for _ in range(50)}
    assert len({each[10:] for each in made}) == 50
    assert len({each[:10] for each in made}) == 1
