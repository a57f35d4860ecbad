"""Every text that arrives is counted once, with what became of it."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from channels.sms.deduplication import AlreadyAnswered, MemoryDown
from channels.sms.inbox import Inbox, InboxDependencies, NotStored
from channels.sms.message import MoMessage
from khallas.telemetry.metrics import Metrics

CUSTOMER, MACHINE = "+212600000001", "INFO"


class Memory:
    """Answered before, away, or broken."""

    def __init__(self, claim: AlreadyAnswered | Exception) -> None:
        self._claim = claim

    async def claim(self, reference: str) -> AlreadyAnswered:
        if isinstance(self._claim, Exception):
            raise self._claim
        return self._claim


class Nothing:
    """Answers with words, writes nothing down."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def unavailable(self, text: str) -> str:
        return "later, please"

    async def release(self, reference: str, at: datetime) -> None: ...


@pytest.mark.parametrize(
    ("sender", "claim", "outcome"),
    [
        (CUSTOMER, AlreadyAnswered("the same as before"), "answered"),
        (CUSTOMER, AlreadyAnswered(None), "silent"),
        (MACHINE, AlreadyAnswered("never asked"), "silent"),
        (CUSTOMER, MemoryDown("away"), "later"),
        (CUSTOMER, RuntimeError("nobody foresaw it"), "failed"),
    ],
)
@pytest.mark.parametrize("door", ["take", "store"])
async def test_one_text_is_one_count(sender: str, claim: AlreadyAnswered | Exception, outcome: str, door: str) -> None:
    metrics, nothing = Metrics(), cast("Any", Nothing())
    post = InboxDependencies(cast("Any", Memory(claim)), nothing, nothing, nothing, counts=metrics.texts_received)
    inbox = Inbox(nothing, post)
    message = MoMessage(provider="kannel", provider_id="1", sender=sender, to="1117", text="CODE")
    try:
        await getattr(inbox, door)(message)
    except (NotStored, RuntimeError):
        assert outcome in {"later", "failed"}
    name, labels = "khallas_sms_received_total", {"wire": "kannel", "outcome": outcome}
    assert metrics.registry.get_sample_value(name, labels) == 1
    counted = [s for family in metrics.registry.collect() for s in family.samples if s.name == name]
    assert sum(sample.value for sample in counted) == 1
