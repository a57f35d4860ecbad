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
BODIES = st.one_of(TOLD.map(lambda told: json.dumps(told).encode()), st.binary(max_size=40))
ANSWERS = st.builds(HttpAnswer, st.sampled_from([200, 201, 202, 400, 401, 404, 409, 429, 500, 503, 302]), BODIES)

GSMA, DONE = attempts.gsma(), frozenset({"completed"})


def field(answer: HttpAnswer, name: str) -> object:
    return answer.json().get(name)


@settings(max_examples=60)
@given(ANSWERS)
def test_gsma(answer: HttpAnswer) -> None:
    for outcome in (gsma.settled(GSMA, answer, ATTEMPT), gsma.asked(GSMA, answer, ATTEMPT)):
        if isinstance(outcome, WalletPaid):
            assert answer.status in {200, 201}
            assert str(field(answer, "transactionStatus")).strip().casefold() in DONE
            assert outcome.amount_centimes == centimes_of(field(answer, "amount"))
    for by_handle in (True, False):
        further = gsma.lookup(answer, ATTEMPT, by_handle=by_handle)
        assert not isinstance(further, WalletPaid)
        assert not isinstance(further, WalletDecline) or field(answer, "status") == "failed"


@settings(max_examples=60)
@given(ANSWERS)
def test_mtn(answer: HttpAnswer) -> None:
    outcome = mtn.standing(answer)
    if isinstance(outcome, WalletPaid):
        assert (answer.status, str(field(answer, "status")).strip()) == (200, "SUCCESSFUL")
    if isinstance(outcome, WalletDecline):
        assert (answer.status, str(field(answer, "status")).strip()) == (200, "FAILED")
    pushed = mtn.asked(answer, ATTEMPT, NOW)
    assert isinstance(pushed, Asked) == (answer.status == 202 and not isinstance(pushed, Pending))
    assert not isinstance(pushed, WalletDecline) or answer.status in {400, 401, 403, 429}


@settings(max_examples=60)
@given(ANSWERS)
def test_daraja(answer: HttpAnswer) -> None:
    outcome = daraja.standing(answer, WHOLE)
    if isinstance(outcome, WalletPaid):
        assert (answer.status, str(field(answer, "ResultCode")).strip()) == (200, "0")
        assert field(answer, "CheckoutRequestID") == HANDLE
    if isinstance(outcome, WalletDecline):
        assert answer.status == 200
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
