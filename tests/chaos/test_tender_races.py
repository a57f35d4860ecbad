"""A card, a wallet and a biller for one bill at once: `./run chaos --only tenders` is longer."""

from collections import Counter

from lab.chaos.wallets.races import run_tender_races

RACES = 8


async def test_exactly_one_is_kept_and_the_others_money_goes_back(database_url: str) -> None:
    races = await run_tender_races(database_url, RACES)
    assert races.differences == []
    assert races.kept == Counter({1: RACES})
    assert set(races.won) <= {"card", "wallet", "biller"}
