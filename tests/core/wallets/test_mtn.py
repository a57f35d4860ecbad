"""MTN's dialect, pure: what goes out, and what each answer means."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.cards import Secret
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletRecord
from core.wallets.http import BearerToken, HttpAsk
from core.wallets.mtn import MtnAccount, asked, push, standing, status_of, token_ask
from core.wallets.port import (
    Asked,
    NoSuchRequest,
    Pending,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletPaid,
    WalletTerms,
)
from tests.core.wallets.attempts import ATTEMPT, NOW, REFERENCE, answer, mtn

ACCOUNT = mtn()
PAID = {
    "amount": "769.20",
    "currency": "MAD",
    "financialTransactionId": "363440463",
    "externalId": REFERENCE,
    "status": "SUCCESSFUL",
}


def test_the_push_names_the_attempt_and_the_payer_without_a_plus() -> None:
    asking = push(ACCOUNT, ATTEMPT)
    told: dict[str, Any] = json.loads(asking.body)
    assert (asking.method, asking.path) == ("POST", "/collection/v1_0/requesttopay")
    assert asking.headers["X-Reference-Id"] == REFERENCE
    assert asking.headers["X-Target-Environment"] == "sandbox"
    assert asking.headers["X-Callback-Url"].endswith(f"/{REFERENCE}")
    assert told["payer"] == {"partyIdType": "MSISDN", "partyId": "212600000001"}
    assert (told["amount"], told["externalId"]) == ("769.20", REFERENCE)
    assert status_of(ACCOUNT, REFERENCE).path.endswith(REFERENCE)
    basic = token_ask(ACCOUNT).headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic) == b"user:key"


def test_no_attempt_goes_out_under_another_kind_of_name() -> None:
    with pytest.raises(ValueError, match="UUIDv4"):
        push(ACCOUNT, replace(ATTEMPT, reference="7d1f6c1e-7b1c-1b0e-9a51-2f6c0d9c4a10"))


def test_what_a_push_is_answered_by() -> None:
    assert asked(answer(202), ATTEMPT, NOW) == Asked(REFERENCE, NOW + timedelta(seconds=300))
    assert asked(answer(409, {"code": "RESOURCE_ALREADY_EXIST"}), ATTEMPT, NOW) == Pending()
    assert asked(answer(400, {"code": "RESOURCE_ALREADY_EXIST"}), ATTEMPT, NOW) == Pending()
    assert asked(answer(429), ATTEMPT, NOW) == WalletDecline("429", WalletDeclineKind.BUSY)
    assert asked(answer(400), ATTEMPT, NOW) == WalletDecline("400", WalletDeclineKind.OUR_FAULT)
    for status in (200, 201, 301, 404, 500, 502, 503):
        assert isinstance(asked(answer(status, PAID), ATTEMPT, NOW), UnknownOutcome)


def test_successful_is_paid() -> None:
    assert standing(answer(200, PAID)) == WalletPaid("363440463", 76920, "MAD", REFERENCE)
    assert standing(answer(200, {**PAID, "financialTransactionId": 363440463})) == standing(answer(200, PAID))
    for missing in ("amount", "currency", "financialTransactionId"):
        assert isinstance(standing(answer(200, {**PAID, missing: None})), UnknownOutcome)


@pytest.mark.parametrize("reason", ["PENDING", "ONGOING", "DELAYED", "PAYER_DELAYED"])
def test_a_failure_whose_reason_goes_on_is_asked_for_again(reason: str) -> None:
    assert standing(answer(200, {"status": "FAILED", "reason": reason})) == Pending()
    assert standing(answer(200, {"status": "FAILED", "reason": {"code": reason, "message": "x"}})) == Pending()


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("APPROVAL_REJECTED", WalletDeclineKind.REFUSED),
        ("REJECTED", WalletDeclineKind.REFUSED),
        ("EXPIRED", WalletDeclineKind.EXPIRED),
        ("COULD_NOT_PERFORM_TRANSACTION", WalletDeclineKind.EXPIRED),
        ("NOT_ENOUGH_FUNDS", WalletDeclineKind.FUNDS),
        ("INTERNAL_PROCESSING_ERROR", WalletDeclineKind.FUNDS),
        ("PAYER_NOT_FOUND", WalletDeclineKind.NO_WALLET),
        ("PAYER_LIMIT_REACHED", WalletDeclineKind.LIMIT),
        ("NOT_ALLOWED", WalletDeclineKind.OUR_FAULT),
        ("NOT_ALLOWED_TARGET_ENVIRONMENT", WalletDeclineKind.OUR_FAULT),
        ("INVALID_CALLBACK_URL_HOST", WalletDeclineKind.OUR_FAULT),
        ("INVALID_CURRENCY", WalletDeclineKind.OUR_FAULT),
        ("SERVICE_UNAVAILABLE", WalletDeclineKind.BUSY),
        ("A_NEW_REASON", WalletDeclineKind.BUSY),
    ],
)
def test_failed_declines_whether_its_reason_is_a_word_or_an_object(reason: str, kind: WalletDeclineKind) -> None:
    expected = WalletDecline(reason, kind)
    assert standing(answer(200, {"status": "FAILED", "reason": reason})) == expected
    assert standing(answer(200, {"status": "FAILED", "reason": {"code": reason, "message": "x"}})) == expected


def test_what_is_not_said_of_an_attempt_is_not_so() -> None:
    assert not WalletRecord(ATTEMPT, 1, 1, AttemptState.ASKED).accepted
    assert not AttemptUpdate(AttemptState.ASKED, None).accepted
    assert WalletTerms("MoMo", "MAD").window_s == 300
    bare = MtnAccount(ACCOUNT.url, "user", ACCOUNT.key, ACCOUNT.subscription_key, ACCOUNT.terms, "sandbox")
    assert bare.callback_url == ""


def test_a_push_that_the_provider_cannot_serve_now_is_no_fault_of_ours() -> None:
    busy = answer(400, {"code": "SERVICE_UNAVAILABLE"})
    assert asked(busy, ATTEMPT, NOW) == WalletDecline("SERVICE_UNAVAILABLE", WalletDeclineKind.BUSY)


def test_an_account_and_a_request_in_a_log_show_no_key() -> None:
    assert "key" not in repr(ACCOUNT)
    asking = HttpAsk("POST", "/x", {"X-Key": "secret"}, b"secret")
    assert repr(asking) == "HttpAsk(method='POST', path='/x')"
    assert repr(BearerToken(Secret("token"), 5.0)) == "BearerToken(life_s=5.0)"


def test_what_is_not_said_is_neither_paid_nor_declined() -> None:
    assert standing(answer(404, {"code": "RESOURCE_NOT_FOUND"})) == NoSuchRequest()
    for status in ("PENDING", "CREATED", "successful", "SUCCESS"):
        assert standing(answer(200, {**PAID, "status": status})) == Pending()
    for silent in (answer(200), answer(200, []), answer(500, PAID), answer(401)):
        assert isinstance(standing(silent), UnknownOutcome)
