"""A household pays its bills in one evening, each in a call of its own, from one telephone and by one card."""

from dataclasses import replace

from core.payments.table import PaymentState
from lab.chaos.customer import customer, pay_by_voice
from lab.chaos.world import give_bills
from lab.twilio.dialled import SCRIPTED
from tests.support.world import world

BILLS = 20


async def test_twenty_bills_by_one_card_in_one_evening(redis_url: str, database_url: str) -> None:
    async with world(redis_url, database_url, in_browser=True) as here:
        head = customer(0)
        family = [replace(customer(number), msisdn=head.msisdn, card=head.card) for number in range(BILLS)]
        await give_bills(here.house.database, family)
        assert [await pay_by_voice(here.url, who, pace=SCRIPTED) for who in family] == ["Paid"] * BILLS
        rows = await here.house.database.all("SELECT state, payer_msisdn FROM payments")
        assert {(row["state"], row["payer_msisdn"]) for row in rows} == {(PaymentState.CAPTURED, head.msisdn)}
        assert sum(here.cmi.captured_centimes(order_id) for order_id, _ in here.cmi.ledger.orders()) == sum(
            who.amount_centimes for who in family
        )
