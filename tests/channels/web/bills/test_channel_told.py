"""The channel web where operations and the help desk look: metrics, the funnel, what was shown, a payment's story."""

from collections.abc import Callable

from core.help_desk.lookup import Lookup
from khallas.bootstrap.container import blind_of
from lab.browser import ScreenlessBrowser
from tests.channels.web.bills.test_journey import bills_of, pays, to_the_bank
from tests.support.waiting import until
from tests.support.world import World

Opens = Callable[..., ScreenlessBrowser]
SHOWN = "SELECT screen, channel FROM transcript_turns WHERE who = %(who)s"


async def test_metrics_funnel_transcripts_and_story_know_the_channel(opens: Opens, here: World) -> None:
    browser = opens()
    await pays(browser, here, await to_the_bank(browser, await bills_of(browser)))
    row = await here.house.database.one("SELECT id, payer_msisdn FROM payments")
    assert row is not None
    metrics = (await browser.get("/metrics")).html
    assert 'channel="web"' in metrics
    moves = [move for move in here.house.metrics.moves() if move[0] == "web"]
    assert {move[2:4] for move in moves} >= {("Reference", "PickInvoices"), ("PickInvoices", "ConfirmTotal")}
    story = await Lookup(here.house.database).story(row["id"])
    assert [told.detail for told in story if told.what == "create"] == ["web"]
    who = blind_of(here.house.settings).who(row["payer_msisdn"])

    async def noted() -> bool:
        return len(await here.house.database.all(SHOWN, who=who)) >= 3

    await until(noted)
    shown = await here.house.database.all(SHOWN, who=who)
    assert {each["channel"] for each in shown} == {"web"}
    assert {each["screen"] for each in shown} >= {"PickInvoices", "ConfirmTotal", "HandOver"}
