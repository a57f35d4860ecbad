"""The emulator's books: what they keep, what they never keep, what a kill leaves of them."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.cards import Secret
from lab.cmi.bank import Bank
from lab.cmi.ledger import FIRST_NUMBER, Ledger, Transaction
from lab.cmi.lies import Kind
from lab.cmi.wire import Reply, Request

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
VISA, PIN_CARD = "4000000000000010", "5191630100004896"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "cmi.jsonl"


@pytest.fixture
def bank() -> Bank:
    return Bank(Ledger(), lambda: NOW)


def request(kind: Kind, order_id: str = "o-1", *, pan: str = VISA, amount_centimes: int | None = 5000) -> Request:
    return Request(
        name="",
        password=Secret(""),
        client_id="",
        kind=kind,
        order_id=order_id,
        pan=Secret(pan),
        expires="12/31",
        cvv=Secret("987"),
        amount_centimes=amount_centimes,
        currency_code="504",
    )


def said(reply: Reply) -> str:
    return reply.extra.get("ERRORCODE") or reply.fields["ProcReturnCode"]


def test_a_restart_tells_the_same(journal: Path) -> None:
    first = Ledger(journal)
    bank = Bank(first, lambda: NOW)
    bank.carry_out(request(Kind.AUTH))
    bank.carry_out(request(Kind.AUTH, "o-2", pan=PIN_CARD))
    first.settle(NOW)
    bank.carry_out(request(Kind.CREDIT, amount_centimes=1000))
    again = Ledger(journal)
    assert dict(again.orders()) == dict(first.orders())
    assert again.next_number() == first.next_number()
    first.close()
    again.close()


def test_a_reset_survives_and_numbers_go_on(journal: Path) -> None:
    first = Ledger(journal)
    Bank(first, lambda: NOW).carry_out(request(Kind.AUTH))
    first.reset()
    first.close()
    again = Ledger(journal)
    assert list(again.orders()) == []
    assert int(again.next_number()) == FIRST_NUMBER + 2
    again.close()


def test_a_torn_last_line_is_dropped(journal: Path) -> None:
    ledger = Ledger(journal)
    Bank(ledger, lambda: NOW).carry_out(request(Kind.AUTH))
    ledger.close()
    with journal.open("a") as file:
        file.write('{"number":"1000010')
    again = Ledger(journal)
    assert [order_id for order_id, _ in again.orders()] == ["o-1"]
    Bank(again, lambda: NOW).carry_out(request(Kind.AUTH, "o-2"))
    again.close()
    third = Ledger(journal)
    assert [order_id for order_id, _ in third.orders()] == ["o-1", "o-2"]
    third.close()


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from lab.cmi.ledger import Ledger, Transaction
ledger = Ledger(Path(sys.argv[1]))
ledger.put(Transaction(ledger.next_number(), "o-1", "S", "C", "00", 5000, "2026-11-23T10:00:00+00:00", 5000))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_put_survives_a_kill(journal: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(journal)], check=False, timeout=60, env={**os.environ})
    assert killed.returncode == -signal.SIGKILL
    ledger = Ledger(journal)
    assert [row.captured_centimes for row in ledger.of_order("o-1")] == [5000]
    ledger.close()


def test_nothing_of_a_card_is_written_but_its_last_four(journal: Path) -> None:
    ledger = Ledger(journal)
    bank = Bank(ledger, lambda: NOW)
    bank.carry_out(request(Kind.AUTH))
    bank.carry_out(request(Kind.AUTH, "o-2", pan=PIN_CARD))
    asked = ledger.of_order("o-2")[0].challenge
    assert asked is not None
    bank.carry_out(replace(request(Kind.PIN, "o-2"), challenge_id=asked.id, pin=Secret("765")))
    ledger.close()
    text = journal.read_text()
    assert {json.loads(line)["card"] for line in text.splitlines()} == {"0010", "4896"}
    for secret in (VISA, PIN_CARD, VISA[:12], PIN_CARD[:6], "987", "765", "12/31"):
        assert secret not in text


def test_settlement_and_its_file(bank: Bank) -> None:
    bank.carry_out(request(Kind.AUTH))
    bank.carry_out(request(Kind.AUTH, "o-2"))
    bank.carry_out(request(Kind.VOID, "o-2"))
    assert bank.ledger.settle(NOW) == 1
    bank.carry_out(request(Kind.CREDIT, amount_centimes=1000))
    bank.carry_out(request(Kind.AUTH, "o-3", amount_centimes=7))
    assert bank.ledger.settle(NOW) == 2
    header, *rows = [line.split(",") for line in bank.ledger.settlement_csv().splitlines()]
    assert header == ["order_id", "transaction_number", "auth_code", "amount", "date", "type"]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        ("o-1", "50.00", "Auth"),
        ("o-1", "10.00", "Credit"),
        ("o-3", "0.07", "Auth"),
    ]
    assert [line.split(",")[0] for line in bank.ledger.settlement_csv(2).splitlines()[1:]] == ["o-1", "o-3"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Kind.AUTH, Kind.AUTH], "CORE-2507"),
        ([Kind.VOID], "CORE-2120"),
        ([Kind.AUTH, Kind.VOID], "00"),
        ([Kind.AUTH, Kind.VOID, Kind.VOID], "CORE-2120"),
        ([Kind.AUTH, Kind.VOID, Kind.AUTH], "CORE-2507"),
        ([Kind.CREDIT], "CORE-2123"),
        ([Kind.AUTH, Kind.CREDIT], "CORE-2508"),
        ([Kind.AUTH, None, Kind.VOID], "CORE-2511"),
        ([Kind.AUTH, None, Kind.CREDIT], "00"),
        ([Kind.AUTH, None, Kind.CREDIT, Kind.CREDIT], "CORE-2504"),
        ([Kind.PRE_AUTH], "00"),
        ([Kind.PRE_AUTH, Kind.POST_AUTH], "00"),
        ([Kind.PRE_AUTH, Kind.POST_AUTH, Kind.POST_AUTH], "CORE-2509"),
        ([Kind.POST_AUTH], "CORE-2509"),
    ],
)
def test_the_gateways_rules(bank: Bank, steps: list[Kind | None], expected: str) -> None:
    """None is the close of the day."""
    codes = [said(bank.carry_out(request(step))) if step else str(bank.ledger.settle(NOW)) for step in steps]
    assert codes[-1] == expected


def test_never_more_than_captured(bank: Bank) -> None:
    bank.carry_out(request(Kind.AUTH))
    bank.ledger.settle(NOW)
    assert said(bank.carry_out(request(Kind.CREDIT, amount_centimes=5001))) == "CORE-2503"
    assert said(bank.carry_out(request(Kind.CREDIT, amount_centimes=4999))) == "00"
    assert said(bank.carry_out(request(Kind.CREDIT, amount_centimes=2))) == "CORE-2503"
    assert bank.ledger.credited_centimes("o-1") == 4999


def test_captures_have_bounds() -> None:
    now = NOW
    bank = Bank(Ledger(), lambda: now)
    bank.carry_out(request(Kind.PRE_AUTH))
    assert said(bank.carry_out(request(Kind.POST_AUTH, amount_centimes=5001))) == "CORE-2505"
    now += timedelta(days=15, seconds=1)
    assert said(bank.carry_out(request(Kind.POST_AUTH))) == "CORE-2513"


def test_a_challenge_ends() -> None:
    now = NOW
    bank = Bank(Ledger(), lambda: now)
    assert bank.carry_out(request(Kind.AUTH, pan=PIN_CARD)).extra["CHALLENGEATTEMPTS"] == "3"
    assert said(bank.carry_out(request(Kind.AUTH))) == "CORE-2016"
    now += timedelta(minutes=5)
    assert bank.carry_out(request(Kind.QUERY)).extra["TRANS_STAT"] == "D"
    assert said(bank.carry_out(request(Kind.AUTH))) == "00"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount_centimes": None}, "13"),
        ({"amount_centimes": 0}, "13"),
        ({"currency_code": "978"}, "CORE-2105"),
        ({"order_id": ""}, "CORE-2301"),
        ({"order_id": "x" * 65}, "CORE-2301"),
        ({"pan": Secret("4000000000000011")}, "14"),
        ({"pan": Secret("4111111111111111")}, "14"),
        ({"expires": "10/26"}, "54"),
        ({"expires": "11/26"}, "00"),
        ({"expires": "11/2026"}, "00"),
        ({"expires": "13/30"}, "54"),
        ({"cvv": Secret("")}, "82"),
        ({"cvv": Secret("1234")}, "82"),
    ],
)
def test_what_a_charge_must_bring(bank: Bank, changes: dict[str, Any], expected: str) -> None:
    assert said(bank.carry_out(replace(request(Kind.AUTH), **changes))) == expected


def test_numbers_are_never_given_twice(bank: Bank) -> None:
    rows = [bank.ledger.next_number() for _ in range(3)]
    bank.ledger.put(Transaction(rows[0], "o", "S", "D", "05", 1, "2026-11-23T10:00:00+00:00"))
    assert len({*rows, bank.ledger.next_number()}) == 4
