"""Attempts to be paid by a wallet that lies, by workers that are killed: `./run chaos --only wallets` is longer."""

from lab.chaos.wallets.storm import wallet_storm

ATTEMPTS = 60


async def test_nothing_is_debited_twice_and_nothing_is_lost(database_url: str) -> None:
    storm = await wallet_storm(database_url, ATTEMPTS)
    assert storm.differences == []
    assert storm.attempts >= ATTEMPTS
    assert storm.killed > 0
