"""The rows of a whole paid bill: a bill is paid for real, and its traffic asked again bare."""

from collections.abc import Iterator

import pytest

from bench.baselines.journey import ROUTINE, Bare, Recorded, bare
from bench.journey.house import PAID, WAITING, Parts
from bench.journey.ways import Way
from bench.rows.journey import alone, copied, middle, shares, told
from bench.stage import Backends
from lab.chaos.customer import customer
from lab.servers.postgres import Postgres

# Statements of a bill that was paid, by way. The number may only fall; SLACK is for a look more at what is under way.
MOST = {Way.CALL: 37, Way.WALLET: 31, Way.WEB: 21}
SLACK = 2
# Asked as time passes, once or several times a bill: jobs that are looked for, and transcripts that are written.
AS_TIME_PASSES = ("procrastinate_fetch_job", "abort_requested", "INSERT INTO transcript_turns")
# Of a job that another worker had: asked bare, they fail.
OF_A_JOB = ("procrastinate_fetch_job", "procrastinate_finish_job")


@pytest.fixture
def two(
    redis_url: str, database_url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Backends]]:
    """Two databases that a journey has not seen; the suite keeps its cores."""
    monkeypatch.setattr("os.sched_setaffinity", lambda pid, cores: None)
    names = [f"{database_url.rpartition('/')[2]}_journey_{n}" for n in range(2)]
    at = Backends(redis_url, database_url, 0, postgres.pid)
    yield [copied(at, name) for name in names]
    for name in names:
        postgres.drop(name)


@pytest.mark.parametrize("way", list(Way))
def test_a_bill_is_paid_recorded_and_asked_again_bare(
    two: list[Backends], way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Recorded] = []

    async def noted(backends: Backends, what: Recorded, times: int) -> Bare:
        kept.append(what)
        return await bare(backends, what, times)

    monkeypatch.setattr("bench.rows.journey.bare", noted)
    found = alone(two[0], two[1], way, map(customer, range(2)), 2)
    asked = "\n".join(str(each.query) for each in kept[0].statements)
    assert "INSERT INTO receipts" in asked
    for routine in ("procrastinate_defer_periodic", PAID, WAITING, *ROUTINE):
        assert routine not in asked, "what is done without a bill, too, is no part of one"
    asked_of_it = [each for each in kept[0].statements if not any(part in str(each.query) for part in AS_TIME_PASSES)]
    assert len(asked_of_it) <= MOST[way] + SLACK, "\n".join(
        " ".join(str(each.query).split())[:90] for each in asked_of_it
    )
    assert found.sql > 0
    of_a_job = [each for each in kept[0].statements if any(part in str(each.query) for part in OF_A_JOB)]
    assert found.left_out <= len(of_a_job), "all else can be asked again"


def test_the_parts_add_up_to_a_bill() -> None:
    ours, yours = Parts(0.003, 0.002, 0.001, 0.002), Bare(0.001, 0.001, 0.0005, 0.0005, 0.001, 3)
    found = told(ours, yours, ours.times(2))
    figures = {each.what: each.value for each in found}
    assert figures["CPU a paid bill"] == pytest.approx(8)
    assert figures["the same requests, SQL and commands, bare"] == pytest.approx(4)
    assert figures["CPU a paid bill, times the bare one's"] == pytest.approx(2)
    assert figures["CPU a paid bill, times the tree before's"] == pytest.approx(0.5)
    assert [each.verdict for each in found if each.goal] == ["met"]
    assert "the web worker 38%, the job worker 25%" in shares(ours)
    assert told(ours, yours)[-1].what == "CPU a paid bill, times the bare one's"


def test_parts_are_compared_one_by_one() -> None:
    assert Parts(2, 2, 2, 2).less(Parts(1, 1, 1, 1)).times(0.5) == Parts(0.5, 0.5, 0.5, 0.5)
    assert middle([Parts(1, 9, 1, 1), Parts(2, 1, 2, 2), Parts(3, 3, 0, 3)]) == Parts(2, 3, 1, 2)
