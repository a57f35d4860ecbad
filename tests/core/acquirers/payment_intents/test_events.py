"""A webhook's signature: ours, theirs as others make it, and everybody else's. Pure."""

import hashlib
import hmac
import json

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from core.acquirers.payment_intents.events import SIGNATURES_MAX, TOLERANCE_S, SignedNotices
from core.cards import Secret
from lab.payment_intents import hooks

OLD, NEW, OTHER = Secret("whsec_old"), Secret("whsec_new"), Secret("whsec_other")
AT = 1_790_000_000
BODY = """{
  "id": "evt_1", "type": "payment_intent.succeeded",
 "data": {"object": {"metadata": {"order_id": "o-1", "n": "é"}}}}""".encode()
OURS = SignedNotices((NEW, OLD))


def v1(secret: Secret, body: bytes = BODY, at: int = AT) -> str:
    return hmac.new(secret.reveal().encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_secret_signs_while_it_is_changed(secret: Secret) -> None:
    assert OURS.genuine(BODY, f"t={AT},v1={v1(secret)}", AT)
    assert OURS.genuine(BODY, f"t={AT},v1={v1(OTHER)},v1={v1(secret)},v0=00", AT + TOLERANCE_S)
    assert OURS.order_of(BODY) == "o-1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={AT}",
        f"v1={v1(NEW)}",
        f"t={AT},v1=",
        f"t={AT},v1={v1(OTHER)}",
        f"t={AT},v0={v1(NEW)}",
        f"t={AT},t={AT},v1={v1(NEW)}",
        f"t={AT + 1},v1={v1(NEW)}",
        f"t=x,v1={v1(NEW)}",
        f"t=-{AT},v1={v1(NEW)}",
        f"t={AT},v1={v1(NEW).upper()}",
        f"t={AT},v1={v1(NEW)[:-1]}",
        f"t={AT},v1=é",
        f"t={AT}," + "v1=00," * SIGNATURES_MAX + f"v1={v1(NEW)}",
        "t=" + "9" * 5_000,
    ],
)
def test_a_forged_signature_is_none(header: str) -> None:
    assert not OURS.genuine(BODY, header, AT)


@pytest.mark.parametrize("by_s", [-TOLERANCE_S - 1, TOLERANCE_S + 1, 86_400])
def test_an_old_one_is_a_replay(by_s: int) -> None:
    assert not OURS.genuine(BODY, f"t={AT},v1={v1(NEW)}", AT + by_s)


@given(st.binary(max_size=40))
def test_one_other_byte_is_another_body(more: bytes) -> None:
    assert OURS.genuine(BODY + more, f"t={AT},v1={v1(NEW)}", AT) == (more == b"")


def test_an_empty_secret_signs_nothing() -> None:
    for secrets in ((), (Secret(""),), (Secret("  "),)):
        assert not SignedNotices(secrets).genuine(BODY, f"t={AT},v1={v1(Secret(''))}", AT)
    assert SignedNotices((Secret(" "), NEW)).genuine(BODY, f"t={AT},v1={v1(NEW)}", AT), "the others sign on"


@pytest.mark.parametrize(("at", "read"), [(10**12 - 1, True), (10**12, False)])
def test_a_moment_has_twelve_digits_at_most(at: int, read: bool) -> None:
    assert OURS.genuine(BODY, f"t={at},v1={v1(NEW, at=at)}", at) is read


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        json.dumps({"id": "e", "type": "t", "data": {"object": {}}}).encode(),
        json.dumps({"id": "e", "type": "t", "data": {"object": {"metadata": None}}}).encode(),
        json.dumps({"id": "e", "type": "t", "data": {"object": {"metadata": {"order_id": 7}}}}).encode(),
    ],
)
def test_an_event_about_nothing_of_ours(body: bytes) -> None:
    assert OURS.order_of(body) is None


def test_others_agree_on_the_stand_in_s_signature() -> None:
    """The gateway's own library takes what the stand-in signs, and refuses what it does not."""
    header = hooks.header([NEW, OLD], BODY, AT)
    for secret in (NEW, OLD):
        assert stripe.WebhookSignature.verify_header(BODY.decode(), header, secret.reveal(), tolerance=None)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY.decode(), header, OTHER.reveal(), tolerance=None)
