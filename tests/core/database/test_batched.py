"""Shared statements: fewer of them, each caller its own answer and its own error, and nobody is taken along."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import psycopg
import pytest

from core.database.messaging import messages as messages_module
from core.database.pool import Connection, Database, open_database
from core.database.repositories import books_on
from core.database.statements import BATCHES_MAX, QUESTIONS_MAX, Batched
from core.languages import LanguageCode
from core.repositories import DatabaseUnavailable, Delivery, MessageKind

MANY = 500
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Doubler:
    """Doubles numbers, several at once; refuses 13, and is away when told. Waits at its gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.down = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0

    async def ask(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.down:
            raise DatabaseUnavailable("away")
        if 13 in numbers:
            raise ValueError("13 brings bad luck")
        return [2 * number for number in numbers]


async def test_questions_of_one_tick_are_asked_together_and_answered_in_order() -> None:
    doubler = Doubler()
    doubled = Batched(doubler.ask, "double")
    assert await asyncio.gather(*(doubled.ask(n) for n in range(100, 100 + MANY))) == [
        2 * n for n in range(100, 100 + MANY)
    ]
    assert sum(map(len, doubler.batches)) == MANY
    assert max(map(len, doubler.batches)) == QUESTIONS_MAX
    assert len(doubler.batches) == -(-MANY // QUESTIONS_MAX)
    assert doubler.most_under_way == BATCHES_MAX


async def test_what_is_asked_meanwhile_is_the_next_batch() -> None:
    doubler = Doubler()
    doubled = Batched(doubler.ask, "double")
    doubler.gate.clear()
    first: list[asyncio.Task[int]] = []
    for n in range(BATCHES_MAX + 3):
        first.append(asyncio.create_task(doubled.ask(n)))
        await asyncio.sleep(0.01)
    assert doubler.batches == [[n] for n in range(BATCHES_MAX)]
    doubler.gate.set()
    assert await asyncio.gather(*first) == [2 * n for n in range(BATCHES_MAX + 3)]
    assert doubler.batches[BATCHES_MAX:] == [[2, 3, 4]]


async def test_a_bad_question_hears_its_error_and_nobody_else_does() -> None:
    doubled = Batched(Doubler().ask, "double")
    heard = await asyncio.gather(*(doubled.ask(n) for n in (12, 13, 14)), return_exceptions=True)
    assert [heard[0], heard[2]] == [24, 28]
    assert isinstance(heard[1], ValueError)


async def test_a_database_that_is_away_is_an_error_for_each() -> None:
    doubler = Doubler()
    doubler.down = True
    doubled = Batched(doubler.ask, "double")
    heard = await asyncio.gather(*(doubled.ask(n) for n in range(3)), return_exceptions=True)
    assert [type(error) for error in heard] == [DatabaseUnavailable] * 3
    assert len({id(error) for error in heard}) == 3
    assert doubler.batches == [[0, 1, 2]]  # nobody is asked again alone
    doubler.down = False
    assert await doubled.ask(1) == 2


async def test_who_gives_up_takes_nobody_along() -> None:
    doubler = Doubler()
    doubled = Batched(doubler.ask, "double")
    doubler.gate.clear()
    under_way = [asyncio.create_task(doubled.ask(n)) for n in (1, 2)]
    await asyncio.sleep(0.01)
    under_way.append(asyncio.create_task(doubled.ask(3)))
    await asyncio.sleep(0.01)
    waiting = [asyncio.create_task(doubled.ask(n)) for n in (4, 5)]
    await asyncio.sleep(0.01)
    under_way[0].cancel()
    waiting[0].cancel()
    doubler.gate.set()
    assert list(await asyncio.gather(under_way[1], under_way[2], waiting[1])) == [4, 6, 10]
    assert [task.cancelled() for task in (under_way[0], waiting[0])] == [True, True]
    assert doubler.batches == [[1, 2], [3], [5]]  # who had given up before is not asked for


async def test_a_bound_on_those_who_wait() -> None:
    doubled = Batched(Doubler().ask, "double", waiting_max=3)
    heard = await asyncio.gather(*(doubled.ask(n) for n in range(4)), return_exceptions=True)
    assert {type(answer) for answer in heard} == {int, DatabaseUnavailable}
    assert str(heard[3]) == "too many questions wait for the database"


async def test_a_bound_on_how_long_they_wait() -> None:
    doubler = Doubler()
    doubled = Batched(doubler.ask, "double", wait_max_s=0.005)
    doubler.gate.clear()
    under_way = []
    for n in range(BATCHES_MAX + 1):
        under_way.append(asyncio.create_task(doubled.ask(n)))
        await asyncio.sleep(0.01)
    doubler.gate.set()
    *answered, late = await asyncio.gather(*under_way, return_exceptions=True)
    assert answered == [0, 2]
    assert (type(late), str(late)) == (DatabaseUnavailable, "the database is too slow")


async def test_an_answer_too_few_is_our_mistake_and_leaves_nobody_waiting() -> None:
    async def forgets(numbers: Sequence[int]) -> list[int]:
        return []

    heard = await asyncio.gather(*(Batched(forgets, "x").ask(n) for n in range(2)), return_exceptions=True)
    assert [type(error) for error in heard] == [ValueError] * 2


# --- on a real server ------------------------------------------------------------------------------------------------


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


async def test_a_connection_lost_under_a_batch_is_replaced(database: Database, database_url: str) -> None:
    async def doubled(connection: Connection, numbers: Sequence[int]) -> list[int]:
        cursor = await connection.execute(
            "SELECT 2 * n AS twice FROM unnest(%(n)s::int[]) WITH ORDINALITY AS given (n, place) ORDER BY place",
            {"n": list(numbers)},
        )
        return [row["twice"] for row in await cursor.fetchall()]

    double = database.batched(doubled, "double")
    assert await asyncio.gather(*(double.ask(n) for n in (3, 1, 2))) == [6, 2, 4]
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await asyncio.gather(*(double.ask(n) for n in (3, 1, 2))) == [6, 2, 4]


async def test_people_asked_about_together(database: Database) -> None:
    people = books_on(database).people
    callers = [f"+2126000000{n:02d}" for n in range(20)]
    for n, caller in enumerate(callers):
        if n % 4:
            await people.remember_language(caller, list(LanguageCode)[n % 3], NOW)
    asked = [*callers, callers[1]]
    assert await asyncio.gather(*(people.remembered(caller) for caller in asked)) == [
        (list(LanguageCode)[n % 3] if n % 4 else None, None) for n in [*range(20), 1]
    ]


async def test_messages_recorded_together(database: Database) -> None:
    """The same one twice, and one that PostgreSQL cannot write, are nobody else's business."""
    messages = books_on(database).messages

    async def record(reference: str, recipient: str, route: str | None, kind: str = "code_sms") -> None:
        await messages.record(reference, kind, recipient, NOW, status=Delivery.SENT, route=route)

    heard = await asyncio.gather(
        record("twilio-2", "+212600000002", None, MessageKind.ANSWER_SMS),
        record("twilio-1", "+212600000001", "twilio"),
        record("twilio-1", "+212600000001", "twilio"),
        record("twilio-3", "+2126\x00", "twilio"),
        return_exceptions=True,
    )
    assert [type(each) for each in heard] == [type(None)] * 3 + [psycopg.DataError]
    rows = await database.all("SELECT reference, kind, recipient, status, route FROM messages ORDER BY reference")
    assert [tuple(row.values()) for row in rows] == [
        ("twilio-1", "code_sms", "+212600000001", "sent", "twilio"),
        ("twilio-2", "answer_sms", "+212600000002", "sent", None),
    ]


async def test_messages_of_several_kinds_are_one_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    together = "core.database.messaging.messages._record"
    inner = messages_module._record

    async def counted(connection: Connection, rows: Sequence[messages_module.Row]) -> Sequence[None]:
        sizes.append(len(rows))
        return await inner(connection, rows)

    monkeypatch.setattr(together, counted)
    messages = books_on(database).messages
    kinds = ("code_sms", MessageKind.ANSWER_SMS, MessageKind.CODE_SMS)
    await asyncio.gather(
        *(
            messages.record(f"m-{kind}-{n}", kind, "+212600000001", NOW, status=status)
            for n, (kind, status) in enumerate(zip(kinds, (Delivery.SENT, Delivery.QUEUED, Delivery.SENT), strict=True))
        )
    )
    assert sizes == [3]
