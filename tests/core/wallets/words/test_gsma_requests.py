"""GSMA, word for word: what is sent, what its client makes of one answer after another, and its settings."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.cards import Secret
from core.wallets import gsma
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    Pending,
    ReversalRefused,
    Reversed,
    Reversing,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)
from tests.core.scripted_peer import Answer
from tests.core.wallets import attempts
from tests.core.wallets.attempts import ATTEMPT, NOW, REFERENCE, STATE_ID, answer
from tests.core.wallets.words.scripted import AWAY, CALLBACK, LONG, LOST, body_of, http, told

GSMA = replace(attempts.gsma(), client_id="c" * 300, bearer=Secret("b"))
TRANSACTION = {
    "transactionReference": "REF-1",
    "transactionStatus": "completed",
    "amount": "769.20",
    "currency": "MAD",
    "requestingOrganisationTransactionReference": REFERENCE,
}
PAID = WalletPaid("REF-1", 76920, "MAD", REFERENCE)
DONE = {"status": "completed", "objectReference": "REF-1"}


def test_gsmas_push() -> None:
    ask = gsma.push(GSMA, replace(ATTEMPT, payment_reference=LONG), NOW)
    assert (ask.method, ask.path) == ("POST", "/transactions/type/merchantpay")
    assert body_of(ask) == {
        "amount": "769.20",
        "currency": "MAD",
        "debitParty": [{"key": "msisdn", "value": "+212600000001"}],
        "creditParty": [{"key": "organisationid", "value": "khallas"}],
        "requestingOrganisationTransactionReference": REFERENCE,
        "descriptionText": "x" * 160,
        "requestDate": "2026-11-29T12:00:00Z",
    }
    assert ask.headers == {
        "X-Date": "2026-11-29T12:00:00Z",
        "X-API-Key": "key",
        "X-Channel": "USSD",
        "X-Content-Hash": hashlib.sha256(ask.body).hexdigest(),
        "X-Client-Id": "c" * 256,
        "X-User-Bearer": "b",
        "Content-Type": "application/json",
        "X-CorrelationID": REFERENCE,
        "X-Callback-URL": f"{CALLBACK}/gsma/{REFERENCE}",
    }


def test_gsmas_look_and_what_an_account_need_not_have() -> None:
    ask = gsma.get(replace(GSMA, client_id="", bearer=None), "/x")
    assert (ask.method, ask.path, ask.body, sorted(ask.headers)) == (
        "GET",
        "/x",
        b"",
        ["X-API-Key", "X-Channel", "X-Date"],
    )


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(201, TRANSACTION), PAID),
        (told(201, {}), UnknownOutcome("an answer that is no transaction")),
        (told(201, TRANSACTION | {"transactionStatus": ""}), UnknownOutcome("an answer that is no transaction")),
        (told(201, TRANSACTION | {"transactionReference": ""}), UnknownOutcome("an answer that is no transaction")),
        (told(201, TRANSACTION | {"currency": ""}), UnknownOutcome("a paid transaction without its amount")),
        (told(201, TRANSACTION | {"amount": "x"}), UnknownOutcome("a paid transaction without its amount")),
        (told(202, {"serverCorrelationId": STATE_ID}), Asked(STATE_ID)),
        (told(202, {"serverCorrelationId": "x" * 256}), Asked("x" * 256)),
        (told(202, {"serverCorrelationId": STATE_ID, "expiryTime": "2026-11-29T12:05:00"}), Asked(STATE_ID)),
        (
            told(202, {"serverCorrelationId": STATE_ID, "expiryTime": "2026-11-29T12:05:00Z"}),
            Asked(STATE_ID, datetime(2026, 11, 29, 12, 5, tzinfo=UTC)),
        ),
        (told(202, {"serverCorrelationId": "x" * 257}), Pending()),
        (told(202, {}), Pending()),
        (told(202, {"serverCorrelationId": "a b"}), Pending()),
        (told(400, {"errorCode": "duplicateRequest"}), Pending()),
        (told(400, {"errorCode": "formatError"}), WalletDecline("formatError", WalletDeclineKind.OUR_FAULT)),
        (told(499, {"errorCode": "formatError"}), WalletDecline("formatError", WalletDeclineKind.OUR_FAULT)),
        (told(399, {"errorCode": "formatError"}), UnknownOutcome("HTTP 399")),
        (told(500, {"errorCode": "formatError"}), UnknownOutcome("HTTP 500")),
        (LOST, LOST),
        (AWAY, AWAY),
    ],
)
async def test_what_gsma_says_to_a_push(said: Answer, outcome: Asking) -> None:
    made, peer = http(said)
    assert await gsma.GsmaWallet(GSMA, made).ask(ATTEMPT) == outcome
    assert [each.url.path for each in peer.sent] == ["/transactions/type/merchantpay"]


STATE, OURS, THERE = f"/requeststates/{STATE_ID}", f"/responses/{REFERENCE}", "/transactions/REF-1"


@pytest.mark.parametrize(
    ("handle", "answers", "outcome", "paths"),
    [
        (STATE_ID, [told(200, DONE), told(200, TRANSACTION)], PAID, [STATE, THERE]),
        (STATE_ID, [told(404), told(200, DONE), told(200, TRANSACTION)], PAID, [STATE, OURS, THERE]),
        (None, [told(200, DONE), told(200, TRANSACTION)], PAID, [OURS, THERE]),
        (None, [told(404)], NoSuchRequest(), [OURS]),
        (None, [told(200, {"status": "failed"})], Pending(), [OURS]),
        (None, [told(200, {"status": "completed"})], Pending(), [OURS]),
        (None, [told(500)], UnknownOutcome("HTTP 500"), [OURS]),
        (None, [LOST], LOST, [OURS]),
        (None, [AWAY], UnknownOutcome("away"), [OURS]),
        (None, [told(200, DONE), told(404)], NoSuchRequest(), [OURS, THERE]),
        (None, [told(200, DONE), told(500)], UnknownOutcome("HTTP 500"), [OURS, THERE]),
        (
            STATE_ID,
            [told(404), told(200, {"link": STATE}), told(200, DONE), told(200, TRANSACTION)],
            PAID,
            [STATE, OURS, STATE, THERE],
        ),
        (
            STATE_ID,
            [told(404), told(200, {"link": STATE})] * 2,
            UnknownOutcome("the provider names no transaction"),
            [STATE, OURS] * 2,
        ),
        ("a/b", [told(500), told(404)], NoSuchRequest(), ["/requeststates/a%2Fb", OURS]),
    ],
)
async def test_how_gsma_is_asked_what_became_of_it(
    handle: str | None, answers: list[Answer], outcome: WalletInquiry, paths: list[str]
) -> None:
    made, peer = http(*answers)
    assert await gsma.GsmaWallet(GSMA, made).inquire(replace(ATTEMPT, handle=handle)) == outcome
    assert [each.url.raw_path for each in peer.sent] == paths
    assert peer.answers == []


BACK = {"transactionReference": "REV-1", "transactionStatus": "completed"}


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([told(201, BACK)], Reversed("REV-1")),
        ([told(200, BACK)], Reversed("REV-1")),
        ([told(201, {})], UnknownOutcome("HTTP 201")),
        ([told(202), told(200, {"link": "/transactions/REV-1"}), told(200, BACK)], Reversed("REV-1")),
        ([told(400, {"errorCode": "duplicateRequest"}), told(200, DONE), told(200, BACK)], Reversed("REV-1")),
        ([told(202), told(200, {"link": STATE})], Pending()),
        ([told(202), told(404, DONE)], Pending()),
        ([told(202), LOST], Pending()),
        ([told(202), told(200, DONE), LOST], LOST),
        ([told(400, {"errorCode": "insufficientFunds"})], ReversalRefused("insufficientFunds")),
        ([told(429, {"errorCode": "rateLimitError"})], UnknownOutcome("HTTP 429")),
        ([AWAY], UnknownOutcome("away")),
        ([LOST], LOST),
    ],
)
async def test_what_gsma_says_to_a_reversal(answers: list[Answer], outcome: Reversing) -> None:
    made, peer = http(*answers)
    paid = replace(ATTEMPT, receipt="R/1")
    assert await gsma.GsmaWallet(GSMA, made).reverse(paid, 76920, STATE_ID) == outcome
    first = peer.sent[0]
    assert (first.method, first.url.raw_path, first.headers["X-CorrelationID"]) == (
        "POST",
        "/transactions/R%2F1/reversals",
        STATE_ID,
    )
    assert [each.url.path for each in peer.sent[1:2]] == [f"/responses/{STATE_ID}"] * (len(answers) > 1)


@pytest.mark.parametrize("receipt", [None, "", "a b", "..", ".", "x" * 257])
async def test_without_a_transaction_nothing_is_reversed(receipt: str | None) -> None:
    made, peer = http()
    refused = await gsma.GsmaWallet(GSMA, made).reverse(replace(ATTEMPT, receipt=receipt), 1, STATE_ID)
    assert (refused, peer.sent) == (ReversalRefused("no transaction to reverse"), [])


def test_gsmas_settings() -> None:
    terms = WalletTerms("x", "MAD")
    needed = {"url": " http://peer.example ", "api_key": "k", "account": " us "}
    made = gsma.connect({name: Secret(text) for name, text in needed.items()}, terms, CALLBACK)._account
    assert (made.url, made.api_key.reveal(), made.credit_value) == ("http://peer.example", "k", "us")
    assert (made.terms, made.callback_url, made.credit_key) == (terms, CALLBACK, "organisationid")
    assert (made.client_id, made.bearer, made.transaction_type) == ("", None, "merchantpay")
    assert made.paid_words == {"completed"}
    more = {
        "account_kind": "till",
        "client_id": "c",
        "bearer": "b",
        "transaction_type": "billpay",
        "paid_words": "a, b,",
    }
    made = gsma.connect({name: Secret(text) for name, text in (needed | more).items()}, terms, CALLBACK)._account
    assert (made.credit_key, made.client_id, made.transaction_type) == ("till", "c", "billpay")
    assert made.bearer is not None
    assert (made.bearer.reveal(), sorted(made.paid_words)) == ("b", ["a", "b"])
    assert [made.says_paid(word) for word in ("A", "b", "c", "")] == [True, True, False, False]
    with pytest.raises(ValueError, match="no word means paid"):
        gsma.GsmaWallet(replace(made, paid_words=frozenset()))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"objectReference": "x" * 256}, "/transactions/" + "x" * 256),
        ({"objectReference": "x" * 257}, Pending()),
        ({"link": "/transactions/" + "x" * 256}, "/transactions/" + "x" * 256),
        ({"link": "/transactions/" + "x" * 257}, Pending()),
        ({"link": "/" + "a" * 1_008 + "/transactions/R1"}, Pending()),
        ({"link": "/" + "a" * 1_007 + "/transactions/R1"}, "/transactions/R1"),
    ],
)
def test_a_name_that_is_too_long_is_none_and_never_cut(said: dict[str, str], named: object) -> None:
    """A part of a transaction's name may be another's."""
    assert gsma.lookup(answer(200, said), ATTEMPT, by_handle=False) == named
