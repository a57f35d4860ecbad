"""The wallets' clients against providers on a socket: how many requests one question makes, and what ends it."""

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.cards import Secret
from core.wallets.amounts import bare_digits, centimes_of
from core.wallets.daraja import DarajaWallet
from core.wallets.gsma import LOOKUPS_MAX, GsmaWallet
from core.wallets.http import BearerToken, TokenKeeper
from core.wallets.mtn import MtnWallet
from core.wallets.port import (
    Asked,
    NotSent,
    Pending,
    ReversalRefused,
    Reversed,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletPaid,
)
from lab.servers.serving import serving
from tests.core.wallets.attempts import ATTEMPT, HANDLE, REFERENCE, STATE_ID, WHOLE, daraja, gsma, mtn

REVERSAL = "1c9f4f7e-2a51-4c55-8f0e-9a3b1d2c4e5f"
NOWHERE = "http://127.0.0.1:9"
PAID = {"transactionReference": "REF-1", "transactionStatus": "completed", "amount": "769.20", "currency": "MAD"}
RECEIPT = replace(ATTEMPT, receipt="REF-1", handle=STATE_ID)


@dataclass
class Peer:
    """Answers requests in turn, the last one for ever; `heard` are their methods and paths."""

    url: str = ""
    answers: deque[tuple[int, object]] = field(default_factory=deque)
    heard: list[str] = field(default_factory=list)
    callbacks: list[str | None] = field(default_factory=list)

    def says(self, *answers: tuple[int, object]) -> None:
        self.answers.extend(answers)

    async def answer(self, request: Request) -> Response:
        self.heard.append(f"{request.method} {request.url.path}")
        self.callbacks.append(request.headers.get("x-callback-url"))
        status, told = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        return JSONResponse(told, status)

    async def token(self, _: Request) -> Response:
        return JSONResponse({"access_token": "t", "expires_in": 3599})


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    made = Peer()
    doors = [
        Route("/collection/token/", made.token, methods=["POST"]),
        Route("/oauth/v1/generate", made.token, methods=["GET"]),
        Route("/{path:path}", made.answer, methods=["GET", "POST"]),
    ]
    async with serving(Starlette(routes=doors)) as url:
        made.url = url
        yield made


# --- GSMA ------------------------------------------------------------------------------------------------------------


async def test_a_circle_of_links_is_left_after_so_many_requests(peer: Peer) -> None:
    """A state that names itself would be followed for ever."""
    peer.says((200, {"status": "pending", "link": f"/requeststates/{STATE_ID}"}))
    wallet = GsmaWallet(gsma(peer.url))
    assert await wallet.inquire(RECEIPT) == UnknownOutcome("the provider names no transaction")
    assert peer.heard == [f"GET /requeststates/{STATE_ID}"] * LOOKUPS_MAX
    await wallet.aclose()


async def test_a_transaction_is_found_behind_its_state_and_its_response(peer: Peer) -> None:
    peer.says(
        (200, {"status": "completed"}), (200, {"link": "/transactions/REF-1"}), (200, {**PAID, "type": "merchantpay"})
    )
    wallet = GsmaWallet(gsma(peer.url))
    assert await wallet.inquire(RECEIPT) == WalletPaid("REF-1", 76920, "MAD")
    assert peer.heard == [
        f"GET /requeststates/{STATE_ID}",
        f"GET /responses/{REFERENCE}",
        "GET /transactions/REF-1",
    ]
    await wallet.aclose()


async def test_an_amount_that_a_provider_cannot_take_is_not_sent(peer: Peer) -> None:
    peer.says((202, {"serverCorrelationId": STATE_ID}))
    for wallet in (GsmaWallet(gsma(peer.url)), MtnWallet(mtn(peer.url))):
        assert isinstance(await wallet.ask(replace(ATTEMPT, currency="EUR")), NotSent)
        await wallet.aclose()
    assert peer.heard == []


async def test_nobody_there_is_not_sent_and_tells_nothing_of_what_was() -> None:
    """Asking is certain then; an inquiry and a reversal that were not sent say nothing of the money."""
    gsma_wallet, mtn_wallet, mpesa = GsmaWallet(gsma(NOWHERE)), MtnWallet(mtn(NOWHERE)), DarajaWallet(daraja(NOWHERE))
    assert isinstance(await gsma_wallet.ask(ATTEMPT), NotSent)
    assert isinstance(await mtn_wallet.ask(ATTEMPT), NotSent)
    assert isinstance(await mpesa.ask(WHOLE), NotSent)
    assert isinstance(await gsma_wallet.inquire(RECEIPT), UnknownOutcome)
    assert isinstance(await mtn_wallet.inquire(ATTEMPT), UnknownOutcome)
    assert isinstance(await mpesa.inquire(WHOLE), UnknownOutcome)
    assert isinstance(await gsma_wallet.reverse(RECEIPT, 76920, REVERSAL), UnknownOutcome)
    for wallet in (gsma_wallet, mtn_wallet, mpesa):
        await wallet.aclose()


async def test_a_wallet_without_reversals_says_so_and_asks_nobody(peer: Peer) -> None:
    peer.says((200, {"transactionReference": "X", "transactionStatus": "completed"}))
    gsma_wallet, mtn_wallet, mpesa = (
        GsmaWallet(gsma(peer.url)),
        MtnWallet(mtn(peer.url)),
        DarajaWallet(daraja(peer.url)),
    )
    assert isinstance(await mtn_wallet.reverse(ATTEMPT, 76920, REVERSAL), ReversalRefused)
    assert isinstance(await mpesa.reverse(WHOLE, 76900, REVERSAL), ReversalRefused)
    for receipt in (None, "", "..", "two words"):
        answer = await gsma_wallet.reverse(replace(RECEIPT, receipt=receipt), 76920, REVERSAL)
        assert answer == ReversalRefused("no transaction to reverse")
    assert peer.heard == []
    for wallet in (gsma_wallet, mtn_wallet, mpesa):
        await wallet.aclose()


async def test_a_reversal_that_is_taken_is_looked_up_under_its_own_reference(peer: Peer) -> None:
    peer.says((202, {"status": "pending"}), (200, {"link": "/transactions/REV-1"}), (200, {**PAID, **reversal()}))
    wallet = GsmaWallet(gsma(peer.url))
    assert await wallet.reverse(RECEIPT, 76920, REVERSAL) == Reversed("REV-1")
    assert peer.heard == [
        "POST /transactions/REF-1/reversals",
        f"GET /responses/{REVERSAL}",
        "GET /transactions/REV-1",
    ]
    await wallet.aclose()


def reversal() -> dict[str, object]:
    return {"transactionReference": "REV-1", "type": "reversal"}


@pytest.mark.parametrize(
    "found",
    [(404, {}), (200, {}), (200, {"link": f"/requeststates/{STATE_ID}"}), (503, {"link": "/transactions/REV-1"})],
    ids=["unknown", "nothing", "a-state", "in-trouble"],
)
async def test_a_repeated_reversal_that_nobody_finds_yet_is_under_way(peer: Peer, found: tuple[int, object]) -> None:
    peer.says((409, {"errorCategory": "identification", "errorCode": "duplicateRequest"}), found)
    wallet = GsmaWallet(gsma(peer.url))
    assert await wallet.reverse(RECEIPT, 76920, REVERSAL) == Pending()
    assert len(peer.heard) == 2
    await wallet.aclose()


async def test_a_provider_of_one_paid_word_less_than_one_cannot_work() -> None:
    with pytest.raises(ValueError, match="paid"):
        GsmaWallet(replace(gsma(), paid_words=frozenset()))


# --- MTN and Daraja --------------------------------------------------------------------------------------------------


async def test_no_callback_is_asked_for_where_none_is_registered(peer: Peer) -> None:
    peer.says((202, None))
    for account in (mtn(peer.url), replace(mtn(peer.url), callback_url="")):
        wallet = MtnWallet(account)
        assert isinstance(await wallet.ask(ATTEMPT), Asked)
        await wallet.aclose()
    assert peer.callbacks == [f"https://pay.example/wallets/mtn/{REFERENCE}", None]


async def test_callbacks_name_their_attempt_by_their_address_alone() -> None:
    wallets = (MtnWallet(mtn()), GsmaWallet(gsma()))
    for body in (b"", b"{", b'{"externalId": "x", "serverCorrelationId": "x", "CheckoutRequestID": "x"}'):
        assert [wallet.handle_of(body) for wallet in wallets] == [None, None]


async def test_a_token_that_daraja_never_takes_ends_after_two(peer: Peer) -> None:
    peer.says((404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}))
    wallet = DarajaWallet(daraja(peer.url))
    assert await wallet.ask(WHOLE) == WalletDecline("404.001.03", WalletDeclineKind.OUR_FAULT)
    assert len(peer.heard) == 2
    await wallet.aclose()


async def test_daraja_is_asked_by_its_handle_and_by_no_other_word(peer: Peer) -> None:
    peer.says((200, {"ResponseCode": "0", "CheckoutRequestID": HANDLE, "ResultCode": "0"}))
    wallet = DarajaWallet(daraja(peer.url))
    assert await wallet.inquire(WHOLE) == WalletPaid(HANDLE, 76900, "KES")
    assert isinstance(await wallet.inquire(replace(WHOLE, handle="../x")), UnknownOutcome)
    assert peer.heard == ["POST /mpesa/stkpushquery/v1/query"]
    await wallet.aclose()


async def test_a_shop_of_centimes_cannot_be_an_account_of_daraja() -> None:
    account = daraja()
    with pytest.raises(ValueError, match="centimes"):
        DarajaWallet(replace(account, terms=replace(account.terms, whole_units=False)))


# --- tokens, amounts, numbers ----------------------------------------------------------------------------------------


async def test_a_refused_token_that_somebody_renewed_meanwhile_stays_renewed() -> None:
    made = [BearerToken(Secret(f"t{number}"), 3_600.0) for number in range(3)]

    async def fetch() -> BearerToken:
        return made.pop(0)

    keeper = TokenKeeper(fetch, clock=lambda: 0.0)
    old = await keeper.token()
    assert isinstance(old, Secret)
    keeper.refused(old)
    new = await keeper.token()
    keeper.refused(old)  # the second of two requests that went out with the old one
    assert await keeper.token() is new
    assert len(made) == 1


@pytest.mark.parametrize("told", [None, True, False, [], {}, b"1"])
def test_what_is_no_number_is_no_amount(told: object) -> None:
    assert centimes_of(told) is None


@pytest.mark.parametrize("told", ["212600000001", "+0212600000001", "+2126", "+2126000000010000", "+21260000000a", ""])
def test_what_is_no_number_of_a_telephone_is_not_sent(told: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        bare_digits(told)
