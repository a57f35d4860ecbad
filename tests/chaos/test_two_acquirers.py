"""Two acquirers that lie, each with a ledger: circuits open, replies are lost, one is drained or off in the middle.
The books are what both say, a bill is paid once over both, and what one may have charged the other is never sent."""

from core.acquirers.terms import FIRST
from core.payments.table import Payment
from core.ports import Approved, Authorisation, ChallengeRequired
from lab.chaos.sim_bank import SECOND
from lab.chaos.sim_world import Process
from lab.chaos.simulation import Story, failures, sweep_up
from lab.chaos.virtual import VirtualLoop

BOTH = (FIRST, SECOND)
SEEDS = 25  # ./run chaos tells more of them
FOUND_WITHIN_SEEDS = 60


def test_every_story_ends_well_over_both() -> None:
    opened = rerouted = 0
    paid_at: set[str] = set()
    for seed in range(SEEDS):
        loop = VirtualLoop()
        try:
            story = Story(seed, acquirers=BOTH)
            assert loop.run_until_complete(story.run()) == [], f"seed {seed}"
            loop.run_until_complete(sweep_up())
        finally:
            loop.close()
        opened, rerouted = opened + story.world.sent.opened, rerouted + story.world.sent.rerouted
        paid_at |= {row.payment.acquirer for row in story.world.rows.values() if row.payment.paid_at}
    assert paid_at == set(BOTH)
    assert opened, "no circuit ever opened"
    assert rerouted, "nothing ever went on to the other"


def goes_on_after_silence(process: Process) -> None:
    """The fault there is to fear: a lost reply taken for "not sent"."""

    async def careless(payment: Payment, answer: Authorisation) -> bool:
        return not isinstance(answer, Approved | ChallengeRequired)

    process.till._charger._nothing_there = careless  # type: ignore[method-assign]  # the planted fault


def test_a_card_that_goes_on_after_silence_is_found() -> None:
    found = (faults for _, faults in failures(range(FOUND_WITHIN_SEEDS), goes_on_after_silence, BOTH))
    assert any("has not answered, and it is sent to" in told for faults in found for told in faults)
