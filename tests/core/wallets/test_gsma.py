"""GSMA's dialect, pure: what goes out, and what each answer means."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from core.cards import Secret
from core.wallets.gsma import GsmaAccount, asked, get, lookup, push, reversal, reversed_by, settled
from core.wallets.port import (
    Asked,
    NoSuchRequest,
    Pending,
    ReversalRefused,
    Reversed,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletPaid,
)
from tests.core.wallets.attempts import ATTEMPT, NOW, REFERENCE, STATE_ID, answer, gsma

ACCOUNT = gsma()


def transaction(status: str = "completed", **more: object) -> dict[str, object]:
    told = {"transactionReference": "REF-1", "transactionStatus": status, "amount": "769.20", "currency": "MAD"}
    return {**told, "type": "merchantpay", "requestingOrganisationTransactionReference": REFERENCE, **more}


def error(code: str, category: str = "businessRule", **more: object) -> dict[str, object]:
    return {"errorCategory": category, "errorCode": code, **more}


def test_the_push_is_signed_by_its_hash_and_named_by_the_attempt() -> None:
    asking = push(ACCOUNT, ATTEMPT, NOW)
    told: dict[str, Any] = json.loads(asking.body)
    assert (asking.method, asking.path) == ("POST", "/transactions/type/merchantpay")
    assert asking.headers["X-CorrelationID"] == REFERENCE
    assert asking.headers["X-Content-Hash"] == hashlib.sha256(asking.body).hexdigest()
    assert asking.headers["X-Date"] == "2026-11-29T12:00:00Z"
    assert asking.headers["X-Callback-URL"] == f"https://pay.example/wallets/gsma/{REFERENCE}"
    assert (told["amount"], told["currency"]) == ("769.20", "MAD")
    assert told["debitParty"] == [{"key": "msisdn", "value": "+212600000001"}]
    assert told["creditParty"] == [{"key": "organisationid", "value": "khallas"}]
    assert told["requestingOrganisationTransactionReference"] == REFERENCE
    assert "482913" in told["descriptionText"]
    assert "X-Content-Hash" not in get(ACCOUNT, "/heartbeat").headers


# What the API's description asks of a request, in our words.
AMOUNT_SHAPE = {"type": "string", "maxLength": 23, "pattern": r"^(0|[1-9][0-9]{0,17})(\.[0-9]{0,3}[0-9])?$"}
PARTY_SHAPE = {
    "type": "array",
    "minItems": 1,
    "maxItems": 10,
    "items": {
        "type": "object",
        "required": ["key", "value"],
        "properties": {"key": {"type": "string"}, "value": {"type": "string", "minLength": 1, "maxLength": 256}},
    },
}
PUSH_SHAPE = {
    "type": "object",
    "required": ["amount", "currency", "debitParty", "creditParty"],
    "additionalProperties": False,
    "properties": {
        "amount": AMOUNT_SHAPE,
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "debitParty": PARTY_SHAPE,
        "creditParty": PARTY_SHAPE,
        "requestingOrganisationTransactionReference": {"type": "string", "minLength": 1, "maxLength": 256},
        "descriptionText": {"type": "string", "minLength": 1, "maxLength": 160},
        "requestDate": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"},
    },
}
REVERSAL_SHAPE = {
    "type": "object",
    "required": ["type"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["reversal", "adjustment"]},
        "amount": AMOUNT_SHAPE,
        "currency": PUSH_SHAPE["properties"]["currency"],  # type: ignore[index]
    },
}


@pytest.mark.parametrize("centimes", [1, 10, 99, 100, 76920, 500_000, 99_999_999])
def test_bodies_have_the_shape_that_the_api_describes(centimes: int) -> None:
    attempt = replace(ATTEMPT, amount_centimes=centimes, receipt="TX-1", payment_reference="4" * 200)
    pushed = push(ACCOUNT, attempt, NOW)
    jsonschema_rs.validate(PUSH_SHAPE, json.loads(pushed.body))
    for part in (centimes, 1):
        jsonschema_rs.validate(REVERSAL_SHAPE, json.loads(reversal(ACCOUNT, attempt, part, REFERENCE).body))
    for name in ("X-Date", "X-CorrelationID", "X-API-Key", "X-Client-Id", "X-Content-Hash", "X-Channel"):
        assert pushed.headers[name].isprintable()
    assert not jsonschema_rs.is_valid(PUSH_SHAPE, json.loads(pushed.body) | {"amount": "1,00"})
    assert not jsonschema_rs.is_valid(PUSH_SHAPE, json.loads(pushed.body) | {"pin": "0000"}), "it has no room for a PIN"


def test_accepted_is_asked_and_expires_when_the_provider_says() -> None:
    told = {"serverCorrelationId": STATE_ID, "status": "pending", "notificationMethod": "callback"}
    assert asked(ACCOUNT, answer(202, told), ATTEMPT) == Asked(STATE_ID, None)
    until = {**told, "expiryTime": "2026-11-29T12:05:00Z"}
    assert asked(ACCOUNT, answer(202, until), ATTEMPT) == Asked(STATE_ID, datetime(2026, 11, 29, 12, 5, tzinfo=UTC))
    assert asked(ACCOUNT, answer(202, {**told, "expiryTime": "soon"}), ATTEMPT) == Asked(STATE_ID, None)
    assert asked(ACCOUNT, answer(202), ATTEMPT) == Pending()
    assert asked(ACCOUNT, answer(202, {**told, "status": "completed"}), ATTEMPT) == Asked(STATE_ID, None)


@pytest.mark.parametrize("word", ["completed", "Completed", "COMPLETED"])
def test_the_configured_word_means_paid_in_any_case(word: str) -> None:
    expected = WalletPaid("REF-1", 76920, "MAD", REFERENCE)
    assert settled(ACCOUNT, answer(200, transaction(word)), ATTEMPT) == expected
    assert asked(ACCOUNT, answer(201, transaction(word)), ATTEMPT) == expected


@pytest.mark.parametrize("word", ["success", "successful", "complete", "paid", "failed", "reversed", "incompleted"])
def test_any_other_word_is_pending(word: str) -> None:
    assert settled(ACCOUNT, answer(200, transaction(word)), ATTEMPT) == Pending()


@pytest.mark.parametrize("amount", ["769.205", "-769.20", "", "7e2", None, True, [769]])
def test_a_paid_transaction_whose_amount_cannot_be_read_is_not_paid(amount: object) -> None:
    assert isinstance(settled(ACCOUNT, answer(200, transaction(amount=amount)), ATTEMPT), UnknownOutcome)


CODES = {
    WalletDeclineKind.FUNDS: "insufficientFunds",
    WalletDeclineKind.LIMIT: "dailyVolumeLimitExceeded dailyValueLimitExceeded weeklyVolumeLimitExceeded "
    "weeklyValueLimitExceeded monthlyVolumeLimitExceeded monthlyValueLimitExceeded accountMaxTotalVolumeExceeded "
    "accountMaxTotalValueExceeded lessThanTransactionMinValue greaterThanTransactionMaxValue maxBalanceExceeded",
    WalletDeclineKind.REFUSED: "requestDeclined",
    WalletDeclineKind.NO_WALLET: "identifierError",
    WalletDeclineKind.BUSY: "rateLimitError",
    WalletDeclineKind.OUR_FAULT: "clientAuthorisationError requestingPartyAuthorisationError "
    "servicingPartyAuthorisationError mandatoryValueNotSupplied formatError lengthError negativeValue "
    "currencyNotSupported transactionTypeError samePartiesError noMandateAuthority",
}


@pytest.mark.parametrize(("code", "kind"), [(code, kind) for kind, codes in CODES.items() for code in codes.split()])
def test_a_code_that_is_listed_declines_in_both_spellings_of_its_description(
    code: str, kind: WalletDeclineKind
) -> None:
    for spelling in ("errordescription", "errorDescription"):
        told = error(code, **{spelling: "words"})
        assert asked(ACCOUNT, answer(400, told), ATTEMPT) == WalletDecline(code, kind)
        state = {"serverCorrelationId": STATE_ID, "status": "failed", "error": told}
        assert lookup(answer(200, state), ATTEMPT, by_handle=True) == WalletDecline(code, kind)
        assert isinstance(asked(ACCOUNT, answer(500, told), ATTEMPT), UnknownOutcome), "a 5xx settles nothing"


def test_a_duplicate_is_looked_up_and_the_providers_trouble_is_no_decline() -> None:
    assert asked(ACCOUNT, answer(400, error("duplicateRequest")), ATTEMPT) == Pending()
    for told in (error("genericError", "internal"), error("insufficientFunds", "internal"), error("aNewCode"), None):
        assert isinstance(asked(ACCOUNT, answer(400, told), ATTEMPT), UnknownOutcome)
        failed = {"status": "failed", "error": told}
        assert isinstance(lookup(answer(200, failed), ATTEMPT, by_handle=True), UnknownOutcome)


def test_a_provider_that_is_away_declines_nothing_whatever_code_it_says() -> None:
    away = error("insufficientFunds", "serviceUnavailable")
    assert isinstance(asked(ACCOUNT, answer(400, away), ATTEMPT), UnknownOutcome)


def test_an_account_in_a_log_shows_no_key() -> None:
    told = repr(replace(ACCOUNT, bearer=Secret("token")))
    assert "api_key" not in told
    assert "bearer" not in told
    assert GsmaAccount(ACCOUNT.url, ACCOUNT.api_key, ACCOUNT.terms, "khallas", "https://x").client_id == ""


def test_the_inquiry_goes_from_the_state_over_our_own_reference_to_the_transaction() -> None:
    by_us = f"/responses/{REFERENCE}"
    assert lookup(answer(200, {"status": "pending"}), ATTEMPT, by_handle=True) == Pending()
    done = {"status": "completed", "objectReference": "REF/1"}
    assert lookup(answer(200, done), ATTEMPT, by_handle=True) == "/transactions/REF%2F1"
    assert lookup(answer(200, {"status": "completed"}), ATTEMPT, by_handle=True) == by_us
    for trouble in (404, 400, 429, 500):  # forgotten, or polled oftener than its pollLimit
        assert lookup(answer(trouble), ATTEMPT, by_handle=True) == by_us
    assert lookup(answer(404), ATTEMPT, by_handle=False) == NoSuchRequest()
    assert isinstance(lookup(answer(500), ATTEMPT, by_handle=False), UnknownOutcome)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("/transactions/REF-1", "/transactions/REF-1"),
        ("/v1.2/mm/transactions/REF-1", "/transactions/REF-1"),
        ("https://elsewhere.example/transactions/REF-1", "/transactions/REF-1"),  # its reference, never its host
        ("/transactions/..", Pending()),
        ("/transactions/%2e%2e", Pending()),
        ("/v1.2/mm/requeststates/S-1", "/requeststates/S-1"),  # of a request that came to no transaction
        ("/accounts/REF-1", Pending()),
        ("", Pending()),
    ],
)
def test_of_a_link_the_reference_is_taken_and_nothing_is_followed(link: str, expected: object) -> None:
    assert lookup(answer(200, {"link": link}), ATTEMPT, by_handle=False) == expected


def test_a_part_that_goes_back_names_its_amount_and_the_whole_does_not() -> None:
    paid = replace(ATTEMPT, receipt="REF-1")
    whole, part = reversal(ACCOUNT, paid, 76920, STATE_ID), reversal(ACCOUNT, paid, 10000, STATE_ID)
    assert whole.path == "/transactions/REF-1/reversals"
    assert whole.headers["X-CorrelationID"] == STATE_ID
    assert json.loads(whole.body) == {"type": "reversal"}
    assert json.loads(part.body) == {"type": "reversal", "amount": "100", "currency": "MAD"}
    done = {"transactionReference": "REV-1", "transactionStatus": "completed"}
    assert reversed_by(ACCOUNT, answer(201, done)) == Reversed("REV-1")
    assert reversed_by(ACCOUNT, answer(201, {**done, "transactionStatus": "queued"})) == Pending()
    refused = error("insufficientFunds")
    assert reversed_by(ACCOUNT, answer(400, refused)) == ReversalRefused("insufficientFunds")
    assert isinstance(reversed_by(ACCOUNT, answer(500, refused)), UnknownOutcome)
    assert isinstance(reversed_by(ACCOUNT, answer(200)), UnknownOutcome)
