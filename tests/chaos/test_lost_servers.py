"""PostgreSQL killed and restarted in the middle of payments; Redis killed and flushed in the middle of journeys."""

from pathlib import Path

import pytest
import redis

from core.database.migrate import upgrade
from lab.caller import VoicePhone
from lab.chaos.customer import PACE, customer
from lab.chaos.lost_servers import journeys_through_session_losses, payments_through_database_kills
from lab.chaos.world import give_bills, installation
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from lab.twilio.call import Call

PAYMENTS, JOURNEYS = 200, 40
STEPS_MAX = 30


async def test_a_database_killed_and_restarted_loses_no_payment(servers_folder: Path) -> None:
    with Postgres(servers_folder / "postgres-killed") as postgres:  # durable: commits must outlive a kill
        upgrade(postgres.url)
        assert await payments_through_database_kills(postgres, postgres.url, PAYMENTS) == []


async def test_sessions_lost_in_the_middle_lose_no_payment(
    servers_folder: Path, database_url: str, tmp_path: Path
) -> None:
    with Valkey(servers_folder / "valkey-killed") as valkey:
        faults, ends = await journeys_through_session_losses(valkey, database_url, tmp_path, JOURNEYS)
    assert faults == []
    assert ends["Paid"] + ends["NothingToPay"] == JOURNEYS
    assert ends["gave up"] == 0


@pytest.mark.parametrize("at", ["CardNumber", "CardCvv"])
async def test_the_next_call_has_the_bills_of_a_session_that_is_gone(
    database_url: str, redis_url: str, tmp_path: Path, at: str
) -> None:
    who, keys = customer(1), {"Service": "2", "CardNumber": "4000000000000010#", "CardExpiry": "1230#"}
    keys |= {"Reference": f"{customer(1).reference}#", "PaymentCode": f"{customer(1).code}#"}
    async with installation(database_url, redis_url, tmp_path) as house:
        await give_bills(house.database, [who])
        await house.start()
        async with VoicePhone(house.url, who.msisdn, pace=PACE) as phone:
            call = await phone.dial()
            await _walk(call, at, keys)
            with redis.Redis.from_url(redis_url) as client:
                client.flushall()
            call.hang_up()
            await call.finished()
            # a voice caller's number proves nothing: the line is named again, and the old basket is in nobody's way
            again = await phone.dial()
            await _walk(again, "CardNumber", keys)
        rows = await house.database.all("SELECT state FROM payments ORDER BY created_at")
    assert [row["state"] for row in rows] == ["expired", "created"]


async def _walk(call: Call, to: str, keys: dict[str, str]) -> None:
    for _ in range(STEPS_MAX):
        if call.screen == to:
            return
        call.press(keys.get(call.screen or "", "1"))
        await call.settled()
    raise AssertionError(f"{to} is not reached: {call.screen}")
