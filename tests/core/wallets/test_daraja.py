"""Daraja's dialect, pure: what goes out, and what each answer means."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.wallets.daraja import DarajaWallet, asked, push, query, standing
from core.wallets.port import Asked, NotSent, Pending, UnknownOutcome, WalletDecline, WalletDeclineKind, WalletPaid
from tests.core.wallets.attempts import HANDLE, NOW, REFERENCE, WHOLE, answer, daraja

ACCOUNT = daraja()
PROCESSING = {"requestId": "1", "errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"}


def result(code: object, **more: object) -> dict[str, object]:
    told = {"ResponseCode": "0", "MerchantRequestID": "m", "CheckoutRequestID": HANDLE, "ResultDesc": "words"}
    return {**told, "ResultCode": code, **more}


def test_the_push_is_in_whole_units_and_signed_by_the_hour_of_nairobi() -> None:
    told: dict[str, Any] = json.loads(push(ACCOUNT, WHOLE, NOW).body)
    assert told["Timestamp"] == "20261129150000"
    assert base64.b64decode(told["Password"]) == b"174379passkey20261129150000"
    assert (told["Amount"], told["PartyA"], told["PhoneNumber"]) == (769, "254708374149", "254708374149")
    assert (told["TransactionType"], told["PartyB"]) == ("CustomerPayBillOnline", "174379")
    assert told["CallBackURL"] == f"https://pay.example/wallets/daraja/{REFERENCE}"
    assert (told["AccountReference"], len(told["TransactionDesc"]) <= 13) == ("482913", True)
    till = replace(ACCOUNT, buy_goods=True, party="600000")
    sold: dict[str, Any] = json.loads(push(till, WHOLE, NOW).body)
    assert (sold["TransactionType"], sold["PartyB"]) == ("CustomerBuyGoodsOnline", "600000")
    assert json.loads(query(ACCOUNT, HANDLE, NOW).body)["CheckoutRequestID"] == HANDLE


async def test_centimes_never_leave() -> None:
    odd = replace(WHOLE, amount_centimes=76920)
    with pytest.raises(ValueError, match="centimes"):
        push(ACCOUNT, odd, NOW)
    wallet = DarajaWallet(ACCOUNT)
    assert isinstance(await wallet.ask(odd), NotSent)
    await wallet.aclose()


async def test_a_lost_answer_without_a_handle_is_unknown_and_the_callback_brings_it() -> None:
    wallet = DarajaWallet(ACCOUNT)
    assert isinstance(await wallet.inquire(replace(WHOLE, handle=None)), UnknownOutcome)
    callback = {"Body": {"stkCallback": {"CheckoutRequestID": HANDLE, "ResultCode": 0}}}
    assert wallet.handle_of(json.dumps(callback).encode()) == HANDLE
    for nonsense in (b"", b"[]", b"{", b'{"Body": 1}', b'{"Body": {"stkCallback": {"CheckoutRequestID": "../x"}}}'):
        assert wallet.handle_of(nonsense) is None
    await wallet.aclose()


def test_what_a_push_is_answered_by() -> None:
    told = {"ResponseCode": "0", "CheckoutRequestID": HANDLE, "MerchantRequestID": "m"}
    assert asked(answer(200, told), NOW) == Asked(HANDLE, NOW + timedelta(seconds=60))
    assert asked(answer(200, {**told, "ResponseCode": 0}), NOW) == Asked(HANDLE, NOW + timedelta(seconds=60))
    for silent in (
        answer(200),
        answer(200, {**told, "ResponseCode": "1"}),
        answer(200, {"ResponseCode": "0"}),
        answer(500, told),
        answer(500, PROCESSING),
        answer(503),
    ):
        assert isinstance(asked(silent, NOW), UnknownOutcome)
    locked = {"errorCode": "500.001.1001", "errorMessage": "[STK] - Unable to lock subscriber, a transaction is open"}
    assert asked(answer(500, locked), NOW) == WalletDecline("500.001.1001", WalletDeclineKind.UNREACHABLE)
    assert asked(answer(500, {"errorCode": "500.003.02"}), NOW) == WalletDecline("500.003.02", WalletDeclineKind.BUSY)
    quota = answer(500, {"errorCode": "500.003.03"})
    assert asked(quota, NOW) == WalletDecline("500.003.03", WalletDeclineKind.BUSY)
    lost = {**PROCESSING, "errorMessage": "Unable to locate the subscriber"}
    assert isinstance(asked(answer(500, lost), NOW), UnknownOutcome)
    bad = {"errorCode": "400.002.02", "errorMessage": "Bad Request - Invalid PhoneNumber"}
    assert asked(answer(400, bad), NOW) == WalletDecline("400.002.02", WalletDeclineKind.OUR_FAULT)


def test_an_account_in_a_log_shows_no_key() -> None:
    assert "secret" not in repr(ACCOUNT)
    assert "passkey" not in repr(ACCOUNT)


@pytest.mark.parametrize("code", [0, "0"])
def test_result_0_is_paid_as_text_and_as_a_number(code: object) -> None:
    assert standing(answer(200, result(code)), WHOLE) == WalletPaid(HANDLE, 76900, "KES")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("1", WalletDeclineKind.FUNDS),
        ("17", WalletDeclineKind.LIMIT),
        ("1001", WalletDeclineKind.UNREACHABLE),
        ("1019", WalletDeclineKind.EXPIRED),
        ("1025", WalletDeclineKind.UNREACHABLE),
        ("1032", WalletDeclineKind.REFUSED),
        ("1037", WalletDeclineKind.UNREACHABLE),
        ("2001", WalletDeclineKind.REFUSED),
        ("9999", WalletDeclineKind.UNREACHABLE),
    ],
)
def test_a_listed_result_declines_as_text_and_as_a_number(code: str, kind: WalletDeclineKind) -> None:
    for spelled in (code, int(code)):
        assert standing(answer(200, result(spelled)), WHOLE) == WalletDecline(code, kind)


def test_a_500_that_is_being_processed_is_pending_and_what_is_not_said_is_unknown() -> None:
    assert standing(answer(500, PROCESSING), WHOLE) == Pending()
    assert standing(answer(200, result("4999")), WHOLE) == Pending()
    assert standing(answer(200, result(None)), WHOLE) == Pending()
    for silent in (
        answer(500),
        answer(500, {"errorCode": "500.001.1002"}),
        answer(500, result("0")),
        answer(200, result("8006")),
        answer(200, result("0", CheckoutRequestID="of another")),
        answer(200, result("0", ResponseCode="1")),
        answer(200),
    ):
        assert isinstance(standing(silent, WHOLE), UnknownOutcome)
