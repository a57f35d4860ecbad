"""The words that rest in tables, events and sessions: an old row is read by a new release, so a word never changes."""

import importlib
import pkgutil
from collections.abc import Iterator
from enum import StrEnum

import pytest

import core
import sessions

# Every other word is its name in small letters.
OTHERS = {
    "core.acquirers.payment_intents.codes.IntentStatus": {
        "NO_METHOD": "requires_payment_method",
        "UNCONFIRMED": "requires_confirmation",
        "ACTION": "requires_action",
        "HELD": "requires_capture",
    },
    "core.acquirers.payment_intents.codes.RefundStatus": {"ACTION": "requires_action"},
    "core.database.wake.Queue": {"MONEY": "default"},
    "core.database.wake.TaskName": {
        "ATTEND": "khallas.attend",
        "WALLET": "khallas.wallet",
        "POST": "khallas.post",
        "REFUND": "khallas.refund",
        "DELIVER": "khallas.deliver",
        "SWEEP": "khallas.sweep",
        "SWEEP_TEXTS": "khallas.sweep_texts",
        "UNSTICK": "khallas.unstick",
        "RETAIN": "khallas.retain",
        "SETTLEMENT": "khallas.settlement",
        "CLOSE_DAY": "khallas.close_day",
        "AUDIT": "khallas.audit",
    },
    "core.events.catalogue.EventType": {
        "CREATED": "payment.created",
        "SENDING": "payment.sending",
        "CHALLENGED": "payment.challenged",
        "CAPTURED": "payment.captured",
        "DECLINED": "payment.declined",
        "UNKNOWN": "payment.unknown",
        "EXPIRED": "payment.expired",
        "MISMATCHED": "payment.amount_differs",
        "VOIDED": "payment.voided",
        "REFUNDED_PART": "payment.refunded.part",
        "REFUNDED": "payment.refunded",
        "BILL_POSTED": "bill.posted",
        "BILL_REFUSED": "bill.posting_refused",
    },
    "core.refunds.requests.Sign": {"DAY_FULL": "alone_day", "DAY_WATCH": "day_sum"},
}


def kinds() -> Iterator[type[StrEnum]]:
    """Every set of words of core and sessions."""
    for package in (core, sessions):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in found.name:
                continue
            for thing in vars(importlib.import_module(found.name)).values():
                if isinstance(thing, type) and issubclass(thing, StrEnum) and thing.__module__ == found.name:
                    yield thing


KINDS = {f"{kind.__module__}.{kind.__name__}": kind for kind in kinds()}


@pytest.mark.parametrize("name", KINDS)
def test_a_word_is_its_name_or_stands_here(name: str) -> None:
    others = OTHERS.get(name, {})
    words = {member: value.value for member, value in KINDS[name].__members__.items()}
    assert words == {member: others.get(member, member.lower()) for member in words}


def test_no_word_stands_here_for_nothing() -> None:
    assert OTHERS.keys() <= KINDS.keys()
    for name, others in OTHERS.items():
        assert others.keys() <= KINDS[name].__members__.keys()
