"""References of messages: which copy of itself a message is."""

import pytest

from core.repositories import MessageKind, copy_of, copy_reference, message_reference


@pytest.mark.parametrize("copy", [1, 2, 10, 123])
def test_a_copy_is_known_by_its_reference(copy: int) -> None:
    assert copy_of(copy_reference("01KATWQ2YD0123456789ABCDEF", MessageKind.RECEIPT_MAIL, copy)) == copy


def test_a_first_message_is_no_copy() -> None:
    assert copy_of(message_reference("01KATWQ2YD0123456789ABCDEF", MessageKind.RECEIPT_MAIL, 3)) == 0
    assert copy_of("x-again-") == copy_of("x-again-y") == 0
