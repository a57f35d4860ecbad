"""What its caller has just read, and what was just committed, the till does not read again."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.ports import Approved
from tests.core.payments.on_its_way import CREATED, DONE, SENDING
from tests.core.payments.test_till_rules import Till
from tests.support.bank import CARD, CVV
from tests.support.port import port


async def test_what_its_caller_has_just_read_is_not_read_again() -> None:
    other = port(commit=SENDING)
    till = Till()
    await till.of.authorise(CREATED.id, CARD, CVV, wait_s=0, known=CREATED)
    await till.of.open_page(CREATED.id, 600, known=CREATED)
    await till.of.send_otherwise(CREATED.id, other.commit, known=CREATED)
    await till.of.request_call(CREATED.id, known=CREATED)
    assert "get" not in [asked[0] for asked in till.payments.asked]
    assert (len(till.messages.asked), len(other.asked)) == (1, 1)


@pytest.mark.parametrize("wait_s", [0, 0.05])
async def test_who_waits_for_the_bank_is_told_how_it_stands_then(wait_s: float) -> None:
    """And who does not, what was committed: the charge is on its way then, and not one statement more."""
    till, told = Till(payments={"get": [CREATED, DONE]}), asyncio.Event()

    async def late(*_: object) -> Approved:
        await told.wait()
        return Approved("A", "T")

    till.banks.bank = cast("Any", SimpleNamespace(authorise=late))
    assert await till.of.authorise(CREATED.id, CARD, CVV, wait_s=wait_s) is (DONE if wait_s else SENDING)
    assert [asked[0] for asked in till.payments.asked] == ["get", "move", *(["get"] if wait_s else [])]
    told.set()
    assert await till.of.drain(5) == 0
