"""Nothing but the documented words ever means paid, and nothing but an explicit word declines: of anything at all."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from core.wallets import daraja, gsma, mtn
from core.wallets.amounts import amount_text, centimes_of
from core.wallets.http import HttpAnswer
from core.wallets.port import Asked, Pending, UnknownOutcome, WalletDecline, WalletPaid
from tests.core.wallets import attempts
from tests.core.wallets.attempts import ATTEMPT, HANDLE, NOW, WHOLE

NAMES = (
    *("transactionStatus", "transactionReference", "amount", "currency", "status", "errorCode", "errorCategory"),
    *("error", "objectReference", "serverCorrelationId", "link", "reason", "financialTransactionId", "externalId"),
    *("ResultCode", "ResponseCode", "CheckoutRequestID", "errorMessage", "expiryTime", "code"),
)
WORDS = (
    *("completed", "success", "SUCCESSFUL", "SUCCESSFULL", "TS", "FAILED", "failed", "pending", "PENDING", "0", "00"),
    *("1032", "2001", "769.20", "MAD", "KES", HANDLE, "insufficientFunds", "internal", "500.001.1001", "REJECTED"),
    *("EXPIRED", "TA", "ambiguous", "", "unable to lock"),
)
SCALARS = st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.floats())
TOLD = st.dictionaries(st.sampled_from(NAMES), st.one_of(SCALARS, st.dictionaries(st.sampled_from(NAMES), SCALARS)))
STATUSES = st.sampled_from([200, 201, 202, 400, 401, 404, 409, 429, 500, 503, 302])
BODIES = st.one_of(TOLD.map(lambda told: json.dumps(told).encode()), st.binary(max_size=40))
ANYTHING = st.builds(HttpAnswer, STATUSES, BODIES)
Told = dict[str, object]


@st.composite
def nearly(draw: st.DrawFn, *right: tuple[int, Told]) -> HttpAnswer:
    """An answer that is right, or is but for one thing; and now and then anything at all."""
    status, told = draw(st.sampled_from(right))
    match draw(st.sampled_from(("right", "word", "word", "word", "more", "gone", "status", "anything"))):
        case "word":
            told = {**told, draw(st.sampled_from(sorted(told))): draw(SCALARS)}
        case "more":
            told = {**told, draw(st.sampled_from(NAMES)): draw(SCALARS)}
        case "gone":
            name = draw(st.sampled_from(sorted(told)))
            told = {other: said for other, said in told.items() if other != name}
        case "status":
            status = draw(STATUSES)
        case "anything":
            return draw(ANYTHING)
    return HttpAnswer(status, json.dumps(told).encode())


GSMA, DONE = attempts.gsma(), frozenset({"completed"})
TRANSACTION: Told = {
    "transactionReference": "T1",
    "transactionStatus": "completed",
    "amount": "769.20",
    "currency": "MAD",
    "requestingOrganisationTransactionReference": ATTEMPT.reference,
}
FAILURE: Told = {"status": "failed", "error": {"errorCode": "insufficientFunds", "errorCategory": "businessRule"}}
REFUSAL: Told = {"errorCode": "insufficientFunds", "errorCategory": "businessRule"}
TAKEN: Told = {"status": "pending", "serverCorrelationId": HANDLE}
OF_GSMA = nearly((200, TRANSACTION), (201, TRANSACTION), (200, FAILURE), (202, FAILURE), (400, REFUSAL), (202, TAKEN))
MOMO: Told = {"status": "SUCCESSFUL", "financialTransactionId": "7", "amount": "769.20", "currency": "MAD"}
OF_MTN = nearly(
    (200, MOMO), (200, MOMO | {"status": "FAILED", "reason": "EXPIRED"}), (202, {"a": 1}), (400, {"code": "X"})
)
DONE_THERE: Told = {"ResponseCode": "0", "CheckoutRequestID": HANDLE, "ResultCode": "0"}
OF_DARAJA = nearly(
    (200, DONE_THERE), (200, DONE_THERE | {"ResultCode": "1032"}), (400, {"errorCode": "400.002.02"}), (429, {"a": 1})
)


def field(answer: HttpAnswer, name: str) -> object:
    return answer.json().get(name)


@settings(max_examples=200)
@given(OF_GSMA)
def test_gsma(answer: HttpAnswer) -> None:
    for outcome in (gsma.settled(GSMA, answer, ATTEMPT), gsma.asked(GSMA, answer, ATTEMPT)):
        if isinstance(outcome, WalletPaid):
            assert answer.status in {200, 201}
            assert str(field(answer, "transactionStatus")).strip().casefold() in DONE
            assert outcome.amount_centimes == centimes_of(field(answer, "amount"))
        if isinstance(outcome, WalletDecline):
            assert answer.status == 202 or 400 <= answer.status < 500
    for by_handle in (True, False):
        further = gsma.lookup(answer, ATTEMPT, by_handle=by_handle)
        assert not isinstance(further, WalletPaid)
        assert not isinstance(further, WalletDecline) or field(answer, "status") == "failed"


@settings(max_examples=200)
@given(OF_MTN)
def test_mtn(answer: HttpAnswer) -> None:
    outcome = mtn.standing(answer)
    if isinstance(outcome, WalletPaid):
        assert (answer.status, str(field(answer, "status")).strip()) == (200, "SUCCESSFUL")
        assert outcome.amount_centimes == centimes_of(field(answer, "amount"))
    if isinstance(outcome, WalletDecline):
        assert (answer.status, str(field(answer, "status")).strip()) == (200, "FAILED")
    pushed = mtn.asked(answer, ATTEMPT, NOW)
    assert isinstance(pushed, Asked) == (answer.status == 202 and not isinstance(pushed, Pending))
    assert not isinstance(pushed, WalletDecline) or answer.status in {400, 401, 403, 429}


@settings(max_examples=200)
@given(OF_DARAJA)
def test_daraja(answer: HttpAnswer) -> None:
    outcome = daraja.standing(answer, WHOLE)
    if isinstance(outcome, WalletPaid):
        assert (answer.status, str(field(answer, "ResultCode")).strip()) == (200, "0")
        assert (field(answer, "CheckoutRequestID"), outcome.amount_centimes) == (HANDLE, WHOLE.amount_centimes)
    if isinstance(outcome, WalletDecline):
        assert (answer.status, field(answer, "CheckoutRequestID")) == (200, HANDLE)
    pushed = daraja.asked(answer, NOW)
    assert isinstance(pushed, Asked | UnknownOutcome | WalletDecline)
    assert not isinstance(pushed, Asked) or str(field(answer, "ResponseCode")).strip() == "0"


@settings(max_examples=60)
@given(st.integers(min_value=1, max_value=10**12))
def test_amounts_come_back_as_they_went(centimes: int) -> None:
    assert centimes_of(amount_text(centimes)) == centimes


@settings(max_examples=60)
@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none()))
def test_an_amount_is_exact_or_none(told: object) -> None:
    centimes = centimes_of(told)
    assert centimes is None or centimes >= 0


def test_an_answer_that_is_right_comes_to_its_end() -> None:
    """What is drawn above is one of these, or but one thing away from it: so the checks there are reached."""

    def said(status: int, told: Told) -> HttpAnswer:
        return HttpAnswer(status, json.dumps(told).encode())

    paid = (
        gsma.settled(GSMA, said(200, TRANSACTION), ATTEMPT),
        gsma.asked(GSMA, said(201, TRANSACTION), ATTEMPT),
        mtn.standing(said(200, MOMO)),
        daraja.standing(said(200, DONE_THERE), WHOLE),
    )
    declined = (
        gsma.asked(GSMA, said(202, FAILURE), ATTEMPT),
        gsma.asked(GSMA, said(400, REFUSAL), ATTEMPT),
        gsma.lookup(said(200, FAILURE), ATTEMPT, by_handle=True),
        mtn.standing(said(200, MOMO | {"status": "FAILED", "reason": "EXPIRED"})),
        daraja.standing(said(200, DONE_THERE | {"ResultCode": "1032"}), WHOLE),
    )
    assert {type(each) for each in paid} == {WalletPaid}
    assert {type(each) for each in declined} == {WalletDecline}


def test_of_all_these_words_one_is_paid() -> None:
    def paid(outcome: object) -> bool:
        return isinstance(outcome, WalletPaid)

    def said(told: Told) -> HttpAnswer:
        return HttpAnswer(200, json.dumps(told).encode())

    for word in WORDS:
        assert paid(gsma.settled(GSMA, said(TRANSACTION | {"transactionStatus": word}), ATTEMPT)) is (word in DONE)
        assert paid(mtn.standing(said(MOMO | {"status": word}))) is (word == "SUCCESSFUL")
        assert paid(daraja.standing(said(DONE_THERE | {"ResultCode": word}), WHOLE)) is (word == "0")
