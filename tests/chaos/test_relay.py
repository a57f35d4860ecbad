"""Relays killed while customers pay (`./run chaos --only relay`: ten thousand payments, a hundred kills)."""

from dataclasses import replace
from pathlib import Path

from core.database.pool import Database, open_database
from lab.chaos.relay.judging import Consumed, judged
from lab.chaos.relay.storm import relay_storm
from lab.chaos.relay.topics import read_all
from lab.servers.kafka import Tansu

PAYMENTS, KILLS = 45, 6


async def test_every_event_comes_and_each_payment_s_in_order_however_often_a_relay_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    with Tansu(tmp_path / "broker") as broker:
        storm = await relay_storm(database_url, broker.url, tmp_path, PAYMENTS, KILLS)
        assert storm.verdict.faults == []
        assert sum(storm.ends.values()) >= PAYMENTS
        assert storm.deaths.total() >= KILLS
        assert storm.verdict.events > 3 * PAYMENTS
        assert storm.verdict.repeats > 0  # one died between the broker's word and its own
        assert storm.payment_us > 0
        messages = await read_all(broker.url, "khallas.payment", 6)
        async with open_database(database_url) as database:
            await _each_fault_is_seen(database, messages)


async def _each_fault_is_seen(database: Database, messages: list[Consumed]) -> None:
    """The judge is no friend: one event less, one of nobody's, one changed on its second coming, two that changed
    places."""
    its = [each for each in messages if each.key == messages[0].key]
    first, ids = its[0], {each.headers["ce_id"] for each in its}
    assert len(ids) > 2
    without = [each for each in messages if each.headers["ce_id"] != first.headers["ce_id"]]
    stranger = replace(first, headers=first.headers | {"ce_id": "evt_0"})
    changed = replace(first, offset=10**9, body=first.body + b" ")
    swapped = [replace(each, offset=-each.offset) for each in messages]
    for wrong, words in (
        (without, "never came"),
        ([*messages, stranger], "is no event of the books"),
        ([*messages, changed], "came again as another event"),
        (swapped, "came in the order"),
        ([replace(each, headers=each.headers | {"ce_type": "payment.paid"}) for each in messages], "differs in"),
        ([replace(each, key="01") for each in messages], "bears the key 01"),
    ):
        verdict = await judged(database, wrong)
        assert any(words in fault for fault in verdict.faults), words
