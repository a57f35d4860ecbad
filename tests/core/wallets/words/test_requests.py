"""MTN and Daraja, word for word: what is sent, what is made of one answer after another, and the settings."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from yarl import URL

from core.cards import Secret
from core.wallets import daraja, gsma, mtn
from core.wallets.http import WalletHttp
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    NotSent,
    Pending,
    ReversalRefused,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)
from tests.core.scripted_peer import Answer
from tests.core.wallets import attempts
from tests.core.wallets.attempts import ATTEMPT, HANDLE, NOW, REFERENCE, STATE_ID, WHOLE
from tests.core.wallets.words.scripted import AWAY, CALLBACK, LONG, LOST, TOKEN, body_of, http, told

MTN = attempts.mtn()
HEADERS = {"X-Target-Environment": "sandbox", "Ocp-Apim-Subscription-Key": "subscription"}
TAKEN = {"status": "SUCCESSFUL", "amount": "769.20", "currency": "MAD", "financialTransactionId": 7, "externalId": "e"}


def test_mtns_requests() -> None:
    ask = mtn.push(MTN, replace(ATTEMPT, payment_reference=LONG))
    assert (ask.method, ask.path) == ("POST", "/collection/v1_0/requesttopay")
    assert body_of(ask) == {
        "amount": "769.20",
        "currency": "MAD",
        "externalId": REFERENCE,
        "payer": {"partyIdType": "MSISDN", "partyId": "212600000001"},
        "payerMessage": "x" * 160,
        "payeeNote": "x" * 160,
    }
    posted = {"X-Reference-Id": REFERENCE, "Content-Type": "application/json"}
    assert ask.headers == HEADERS | posted | {"X-Callback-Url": f"{CALLBACK}/mtn/{REFERENCE}"}
    assert mtn.push(replace(MTN, callback_url=""), ATTEMPT).headers == HEADERS | posted
    look = mtn.status_of(MTN, REFERENCE)
    assert (look.method, look.path, look.headers) == ("GET", f"/collection/v1_0/requesttopay/{REFERENCE}", HEADERS)
    token = mtn.token_ask(MTN)
    basic = base64.b64encode(b"user:key").decode()
    assert (token.method, token.path) == ("POST", "/collection/token/")
    assert token.headers == {"Authorization": f"Basic {basic}", "Ocp-Apim-Subscription-Key": "subscription"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(409), Pending()),
        (told(400, {"code": "x"}), WalletDecline("X", WalletDeclineKind.OUR_FAULT)),
        (told(400, {"reason": "PAYER_NOT_FOUND"}), WalletDecline("PAYER_NOT_FOUND", WalletDeclineKind.NO_WALLET)),
        (told(403), WalletDecline("403", WalletDeclineKind.OUR_FAULT)),
        (told(402), UnknownOutcome("HTTP 402")),
        (told(404), UnknownOutcome("HTTP 404")),
        (told(200), UnknownOutcome("HTTP 200")),
        (LOST, LOST),
        (AWAY, AWAY),
    ],
)
async def test_what_mtn_says_to_a_push(said: Answer, outcome: Asking) -> None:
    made, peer = http(TOKEN, said)
    assert await mtn.MtnWallet(MTN, made).ask(ATTEMPT) == outcome
    assert [each.headers.get("Authorization") for each in peer.sent][1:] == ["Bearer t1"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(200, TAKEN), WalletPaid("7", 76920, "MAD", "e")),
        (told(200, TAKEN | {"externalId": ""}), WalletPaid("7", 76920, "MAD")),
        *(
            (told(200, TAKEN | {name: ""}), UnknownOutcome("paid, without its number or its amount"))
            for name in ("amount", "currency", "financialTransactionId")
        ),
        (told(200, {"status": "FAILED"}), WalletDecline("FAILED", WalletDeclineKind.BUSY)),
        (told(200, {"status": "FAILED", "reason": "new"}), WalletDecline("NEW", WalletDeclineKind.BUSY)),
        (told(200, {"status": "FAILED", "reason": "ongoing"}), Pending()),
        (told(200, {"status": "CREATED"}), Pending()),
        (told(200, {}), UnknownOutcome("an answer without a status")),
        (told(404, TAKEN), NoSuchRequest()),
        (told(202, TAKEN), UnknownOutcome("HTTP 202")),
        (LOST, LOST),
        (AWAY, UnknownOutcome("away")),
    ],
)
async def test_what_mtn_says_became_of_it(said: Answer, outcome: WalletInquiry) -> None:
    made, peer = http(TOKEN, said)
    assert await mtn.MtnWallet(MTN, made).inquire(ATTEMPT) == outcome
    assert peer.sent[1].url.path.endswith(REFERENCE)


async def test_mtn_is_told_once_more_with_a_new_token() -> None:
    made, peer = http(TOKEN, told(401), TOKEN, told(401))
    assert await mtn.MtnWallet(MTN, made).ask(ATTEMPT) == WalletDecline("401", WalletDeclineKind.OUR_FAULT)
    assert len(peer.sent) == 4


def test_mtns_settings() -> None:
    terms = WalletTerms("x", "MAD")
    needed = {"url": " http://peer.example ", "user": " u ", "environment": " e ", "key": "k", "subscription_key": "s"}
    made = mtn.connect({name: Secret(text) for name, text in needed.items()}, terms, CALLBACK)._account
    assert (made.url, made.user, made.environment, made.callback_url, made.terms) == (
        *("http://peer.example", "u", "e", CALLBACK),
        terms,
    )
    assert (made.key.reveal(), made.subscription_key.reveal()) == ("k", "s")


DARAJA = attempts.daraja()
SIGNED = {
    "BusinessShortCode": "174379",
    "Password": base64.b64encode(b"174379passkey20261129150000").decode(),
    "Timestamp": "20261129150000",
}
ANSWERED = {"ResponseCode": "0", "CheckoutRequestID": HANDLE, "ResultCode": "0"}


def test_darajas_requests() -> None:
    ask = daraja.push(DARAJA, replace(WHOLE, payment_reference=LONG), NOW)
    assert (ask.method, ask.path) == ("POST", "/mpesa/stkpush/v1/processrequest")
    assert ask.headers == {"Content-Type": "application/json"}
    assert body_of(ask) == SIGNED | {
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 769,
        "PartyA": "254708374149",
        "PartyB": "174379",
        "PhoneNumber": "254708374149",
        "CallBackURL": f"{CALLBACK}/daraja/{REFERENCE}",
        "AccountReference": "x" * 12,
        "TransactionDesc": "x" * 13,
    }
    look = daraja.query(DARAJA, HANDLE, NOW)
    assert (look.method, look.path) == ("POST", "/mpesa/stkpushquery/v1/query")
    assert body_of(look) == SIGNED | {"CheckoutRequestID": HANDLE}
    token = daraja.token_ask(DARAJA)
    assert (token.method, token.path) == ("GET", "/oauth/v1/generate?grant_type=client_credentials")
    assert token.headers == {"Authorization": f"Basic {base64.b64encode(b'consumer:secret').decode()}"}


def test_daraja_is_asked_for_one_whole_unit_at_least() -> None:
    assert body_of(daraja.push(DARAJA, replace(WHOLE, amount_centimes=100), NOW))["Amount"] == 1
    for centimes in (0, 99, 101):
        with pytest.raises(ValueError, match="no centimes"):
            daraja.push(DARAJA, replace(WHOLE, amount_centimes=centimes), NOW)
    with pytest.raises(ValueError, match="no centimes"):
        daraja.DarajaWallet(replace(DARAJA, terms=WalletTerms("x", "KES")))


LOCKED = {"errorCode": "500.001.1001", "errorMessage": "Unable to lock subscriber"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(201, ANSWERED), UnknownOutcome("HTTP 201 0")),
        (told(200, ANSWERED | {"ResponseCode": "1"}), UnknownOutcome("HTTP 200 1")),
        (told(200, ANSWERED | {"CheckoutRequestID": ""}), UnknownOutcome("HTTP 200 0")),
        (told(200, ANSWERED | {"CheckoutRequestID": "x" * 101}), UnknownOutcome("HTTP 200 0")),
        (told(500, {"errorCode": "500.003.02"}), WalletDecline("500.003.02", WalletDeclineKind.BUSY)),
        (told(429), WalletDecline("429", WalletDeclineKind.BUSY)),
        (told(429, {"errorCode": "x"}), WalletDecline("x", WalletDeclineKind.BUSY)),
        (told(500, LOCKED), WalletDecline("500.001.1001", WalletDeclineKind.UNREACHABLE)),
        (told(500, LOCKED | {"errorMessage": "busy"}), UnknownOutcome("HTTP 500 500.001.1001")),
        (told(500, LOCKED | {"errorCode": "x"}), UnknownOutcome("HTTP 500 x")),
        *(
            (told(status, {"errorCode": "x"}), WalletDecline("x", WalletDeclineKind.OUR_FAULT))
            for status in (400, 401, 403, 404)
        ),
        (told(400), UnknownOutcome("HTTP 400")),
        (told(405, {"errorCode": "x"}), UnknownOutcome("HTTP 405 x")),
        (LOST, LOST),
        (AWAY, AWAY),
    ],
)
async def test_what_daraja_says_to_a_push(said: Answer, outcome: Asking) -> None:
    made, peer = http(TOKEN, said)
    assert await daraja.DarajaWallet(DARAJA, made).ask(WHOLE) == outcome
    assert [each.headers.get("Authorization") for each in peer.sent][1:] == ["Bearer t1"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (told(200, ANSWERED), WalletPaid(HANDLE, WHOLE.amount_centimes, "KES")),
        (told(200, ANSWERED | {"CheckoutRequestID": "x"}), UnknownOutcome("an answer to another request")),
        (told(200, ANSWERED | {"ResponseCode": "1"}), UnknownOutcome("an answer to another request")),
        (told(200, ANSWERED | {"ResultCode": "4999"}), Pending()),
        (told(200, ANSWERED | {"ResultCode": ""}), Pending()),
        (told(200, ANSWERED | {"ResultCode": "17"}), WalletDecline("17", WalletDeclineKind.LIMIT)),
        (told(200, ANSWERED | {"ResultCode": "5"}), UnknownOutcome("result 5")),
        (told(500, {"errorCode": "500.001.1001"}), Pending()),
        (told(400, {"errorCode": "500.001.1001"}), UnknownOutcome("HTTP 400")),
        (told(500, {"errorCode": "x"}), UnknownOutcome("HTTP 500")),
        (told(201, ANSWERED), UnknownOutcome("HTTP 201")),
        (LOST, LOST),
        (AWAY, UnknownOutcome("away")),
    ],
)
async def test_what_daraja_says_became_of_it(said: Answer, outcome: WalletInquiry) -> None:
    made, _ = http(TOKEN, said)
    assert await daraja.DarajaWallet(DARAJA, made).inquire(WHOLE) == outcome


@pytest.mark.parametrize("code", ["404.001.03", "401.003.01", "401.002.01"])
async def test_a_token_that_daraja_refuses_is_renewed(code: str) -> None:
    made, peer = http(TOKEN, told(401, {"errorCode": code}), TOKEN, told(200, ANSWERED))
    assert isinstance(await daraja.DarajaWallet(DARAJA, made).ask(WHOLE), Asked)
    assert len(peer.sent) == 4


@pytest.mark.parametrize("handle", [None, "", "../x", "a b", "x" * 101])
async def test_daraja_is_not_asked_by_what_is_no_handle(handle: str | None) -> None:
    made, peer = http()
    assert isinstance(await daraja.DarajaWallet(DARAJA, made).inquire(replace(WHOLE, handle=handle)), UnknownOutcome)
    assert peer.sent == []


def test_darajas_settings() -> None:
    terms = WalletTerms("x", "KES", whole_units=True)
    needed = {"url": " http://peer.example ", "consumer_key": " c ", "consumer_secret": "s", "short_code": " 1 "}
    made = daraja.connect({name: Secret(text) for name, text in (needed | {"passkey": "p"}).items()}, terms, CALLBACK)
    account = made._account
    assert (account.url, account.consumer_key, account.short_code) == ("http://peer.example", "c", "1")
    assert (account.consumer_secret.reveal(), account.passkey.reveal()) == ("s", "p")
    assert (account.terms, account.callback_url, account.buy_goods, account.party) == (terms, CALLBACK, False, "")
    more = needed | {"passkey": "p", "buy_goods": " 1 ", "party": "6"}
    account = daraja.connect({name: Secret(text) for name, text in more.items()}, terms, CALLBACK)._account
    assert (account.buy_goods, account.party) == (True, "6")


MAKERS: tuple[Callable[[WalletHttp], gsma.GsmaWallet | mtn.MtnWallet | daraja.DarajaWallet], ...] = (
    lambda made: gsma.GsmaWallet(attempts.gsma(), made),
    lambda made: mtn.MtnWallet(MTN, made),
    lambda made: daraja.DarajaWallet(DARAJA, made),
)


@pytest.mark.parametrize("maker", MAKERS)
async def test_what_a_wallet_cannot_be_asked_for_is_not_sent(
    maker: Callable[[WalletHttp], gsma.GsmaWallet | mtn.MtnWallet | daraja.DarajaWallet],
) -> None:
    made, peer = http()
    wallet = maker(made)
    for attempt in (replace(ATTEMPT, currency="EUR"), replace(WHOLE, amount_centimes=0)):
        assert isinstance(await wallet.ask(attempt), NotSent)
    assert peer.sent == []
    assert wallet.handle_of(b"{}") is None


async def test_those_that_cannot_give_back_say_so_at_once() -> None:
    made, peer = http()
    momo, mpesa = mtn.MtnWallet(MTN, made), daraja.DarajaWallet(DARAJA, made)
    told_by = [await momo.reverse(ATTEMPT, 1, STATE_ID), await mpesa.reverse(ATTEMPT, 1, STATE_ID)]
    assert told_by == [
        ReversalRefused("the collection API gives nothing back"),
        ReversalRefused("a reversal has no key for repeats"),
    ]
    assert peer.sent == []


@pytest.mark.parametrize(
    "wallet",
    [lambda: gsma.GsmaWallet(attempts.gsma()), lambda: mtn.MtnWallet(MTN), lambda: daraja.DarajaWallet(DARAJA)],
)
async def test_each_has_a_connection_to_its_provider_and_closes_it(
    wallet: Callable[[], gsma.GsmaWallet | mtn.MtnWallet | daraja.DarajaWallet],
) -> None:
    made = wallet()
    assert made._http._peer.url == URL(made._account.url)
    session = made._http._peer._open_session()
    await made.aclose()
    assert session.closed
    assert made.terms is made._account.terms
