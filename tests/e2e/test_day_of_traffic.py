"""The till after a day of mixed traffic: customers call, the bank lies, the desk gives back, disputes and ends by hand.

Everything comes in by the doors that customers and the desk's people use; `khallas balance`, `khallas ledger verify`
and `khallas reconcile` are then run as processes of their own, as an auditor would.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import psycopg
import pytest

from core.database.help_desk.accounts import PgUsers
from core.database.wake import TaskName
from core.help_desk.accounts import Accounts, Role
from core.money import decimal_text
from core.payments.table import PaymentState
from lab.chaos.customer import Customer, customer, pay_by_voice
from lab.chaos.judging import ledger_differences
from lab.chaos.world import give_bills
from lab.cmi.cards import lying_card
from lab.cmi.lies import Kind, Manner
from tests.channels.web.desk_site import Seat
from tests.e2e.demo import Said, khallas
from tests.support.world import World, world

PEOPLE = {"sami": Role.SUPERVISOR, "sofia": Role.SUPERVISOR}
EVIDENCE = "Lettre de la banque du 29/11/2026, n° 117"
PASSWORD = "thirteen or more letters 7"
NO_MONEY = "4000009900005102"
DAY_S = 86_400
FOREVER = 1_000_000
LOOKS_MAX, LOOK_S = 60, 0.1


@dataclass
class Day:
    """The house, its customers and its desk."""

    here: World
    database_url: str

    async def pays(self, number: int, card: str | None = None) -> tuple[str, Customer]:
        """A call; the payment's id."""
        who = replace(customer(number), card=card or customer(number).card)
        await give_bills(self.here.house.database, [who])
        await pay_by_voice(self.here.url, who)
        row = await self.here.house.database.one(
            "SELECT id FROM payments WHERE line_reference = %(r)s", r=who.reference
        )
        assert row is not None
        return row["id"], who

    async def comes_to(self, payment_id: str, state: PaymentState) -> None:
        """By the sweep, or by the worker that hurries beside it."""
        for _ in range(LOOKS_MAX):
            found = await self.here.house.till.payment(payment_id)
            if found is not None and found.state is state:
                return
            await asyncio.sleep(LOOK_S)
            await self.later(1)
        raise AssertionError(f"it is {found and found.state}, not {state}")

    async def later(self, seconds: float) -> None:
        """So much time, and whatever is due then."""
        await self.here.later(seconds)
        await self.here.house.jobs().tasks[TaskName.SWEEP](timestamp=0)

    async def parts_are_back(self, count: int) -> None:
        for _ in range(LOOKS_MAX):
            await self.later(600)
            if (
                len(
                    await self.here.house.database.all(
                        "SELECT FROM refunds WHERE state = 'told' AND request_id IS NOT NULL"
                    )
                )
                == count
            ):
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(await self.here.house.database.all("SELECT state FROM refunds"))

    @asynccontextmanager
    async def seat(self, name: str) -> AsyncIterator[Seat]:
        async with aiohttp.ClientSession(self.here.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            seat = Seat(http)
            assert await seat.login(name, PASSWORD) == 200
            yield seat

    async def gives_back(self, payment_id: str, centimes: int | None = None) -> None:
        """One supervisor's word, below the limit."""
        path = f"/desk/payments/{payment_id}"
        part = {"parts": "1", "part-0": decimal_text(centimes)} if centimes else {}
        async with self.seat("sami") as sami:
            await sami.get(path)
            await sami.post(f"{path}/undo", reason="wrong_amount", sure="1", **part)
            assert sami.notice.startswith("Remboursement lancé"), sami.notice

    async def ended_by_hand(self, payment_id: str, end: str, **told: str) -> None:
        path = f"/desk/payments/{payment_id}/by-hand"
        async with self.seat("sami") as sami, self.seat("sofia") as sofia:
            await sami.get(path)
            await sami.post(path, subject="", end=end, evidence=EVIDENCE, **told)
            assert sami.notice.startswith("Demande enregistrée"), sami.notice
            await sofia.get("/desk/by-hand")
            row = await self.here.house.database.one("SELECT max(id) AS id FROM hand_requests")
            assert row is not None
            await sofia.post(f"/desk/by-hand/{row['id']}/approve", sure="1")
            assert sofia.notice == "Validé et appliqué.", sofia.notice

    async def verb(self, *arguments: str | Path) -> Said:
        return await khallas(*arguments, KHALLAS_DATABASE_URL=self.database_url)

    def settled(self, file: Path) -> None:
        """The acquirer ends its day and sends its file."""
        batch = self.here.cmi.ledger.settle(self.here.clock.now())
        file.write_text(self.here.cmi.ledger.settlement_csv(batch))


@pytest.fixture
async def day(redis_url: str, database_url: str) -> AsyncIterator[Day]:
    async with world(redis_url, database_url, bank_timeout_s=1.0, in_browser=True) as here:
        accounts = Accounts(PgUsers(here.house.database), here.clock)
        for name, role in PEOPLE.items():
            await accounts.add(name, role, PASSWORD)
        yield Day(here, database_url)


async def test_the_books_balance_after_a_mixed_day_and_name_one_centime(day: Day, tmp_path: Path) -> None:
    cmi, ledger = day.here.cmi, day.here.cmi.ledger
    ids = [(await day.pays(number))[0] for number in range(7)]
    kept, whole, part, doubtful, lost, won, open_ = ids
    wrong, _ = await day.pays(10, lying_card(Manner.WRONG_AMOUNT))
    refused, _ = await day.pays(11, NO_MONEY)
    taken, payer = await day.pays(12, lying_card(Manner.SILENT_AFTER_CHARGING))
    absent, _ = await day.pays(13, lying_card(Manner.SILENT_WITHOUT_CHARGING))
    for order_id in (taken, absent):
        cmi.lie(Manner.SERVER_ERROR_AFTER_CHARGING, order_id, times=FOREVER, on=frozenset({Kind.QUERY}))
    await day.later(31)
    await day.comes_to(wrong, PaymentState.VOIDED)
    await day.comes_to(refused, PaymentState.DECLINED)
    await day.gives_back(whole)
    await day.later(61)
    await day.comes_to(whole, PaymentState.VOIDED)
    assert (await day.verb("balance")).code == 0
    file = tmp_path / "settlement.csv"
    day.settled(file)
    first = await day.verb("reconcile", file)
    assert "1  missing here" in first.out  # the bank settles what stays unknown
    cmi.lie(Manner.BUSY_AFTER_CHARGING, doubtful, on=frozenset({Kind.CREDIT}))
    await day.gives_back(part, 3_000)
    await day.gives_back(doubtful, 5_000)
    await day.parts_are_back(2)
    claims = [
        f"CB-{n},{order},10.4,{decimal_text(10_004 + n)},2026-11-20,2026-12-05"
        for n, order in enumerate((lost, won, open_))
    ]
    disputes = tmp_path / "disputes.csv"
    disputes.write_text("\n".join(("case_id,order_id,reason_code,amount,received_on,deadline", *claims)) + "\n")
    assert (await day.verb("chargeback", "import", disputes)).code == 0
    async with day.seat("sofia") as sofia:
        await sofia.get("/desk/chargebacks")
        for number, after in ((1, "lost"), (2, "won")):
            await sofia.post(f"/desk/chargebacks/{number}", after=after, note="")
            assert sofia.notice == "Étape enregistrée."
    await day.later(DAY_S + 1)
    paid = ledger.success(taken)
    assert paid is not None
    amount = decimal_text(payer.amount_centimes)
    await day.ended_by_hand(taken, "charged", auth_code=paid.auth_code, transaction_number=paid.number, amount=amount)
    await day.ended_by_hand(absent, "not_charged")
    await day.later(61)
    for order_id in (*ids, taken):
        await day.comes_to(order_id, PaymentState.VOIDED if order_id == whole else PaymentState.CAPTURED)
    again = tmp_path / "the next day.csv"
    day.settled(again)
    for each in (again, file):  # the first one once more: what was missing here is no more
        said = await day.verb("reconcile", each)
        assert (said.code, "0  missing here" in said.out) == (0, True), said.out
    await _balances(day)
    assert ledger.credited_centimes(part) == 3_000
    assert ledger.credited_centimes(doubtful) == 5_000
    await _one_centime_is_named(day, kept=kept, part=part)


async def _balances(day: Day) -> None:
    told = await day.verb("balance", "--json")
    sheet = json.loads(told.out)
    assert (told.code, sheet["ok"]) == (0, True), told.out
    assert {each["name"] for each in sheet["equations"]} >= {"E1", "E2", "E3", "E4", "E5", "E6"}
    closing = {each["account"]: each["closing_centimes"] for each in sheet["accounts"]}
    assert closing["losses"] == 10_004
    assert closing["chargebacks:cmi"] == 10_006
    assert closing.get("doubt:credits", 0) == closing.get("doubt:captures", 0) == 0
    assert closing.get("customers:to_refund", 0) == 0
    database = day.here.house.database
    charged_back = await database.all("SELECT payment_id FROM chargebacks")
    differing = [
        each
        for each in await ledger_differences(database, day.here.cmi.ledger)
        if not any(row["payment_id"] in each for row in charged_back)  # the lab's bank knows no disputes
    ]
    assert differing == []
    verified = await day.verb("ledger", "verify")
    assert (verified.code, verified.out[:3]) == (0, "ok:"), verified.out


# A centime in each table that holds money; whose payment it is.
CHANGES = {
    "UPDATE payment_lines SET amount_centimes = amount_centimes + %(more)s WHERE payment_id = %(id)s": "kept",
    "UPDATE payments SET approved_centimes = approved_centimes + %(more)s WHERE id = %(id)s": "kept",
    "UPDATE refunds SET amount_centimes = amount_centimes + %(more)s WHERE payment_id = %(id)s": "part",
    """UPDATE ledger_transfers SET amount_centimes = amount_centimes + %(more)s
       WHERE id = (SELECT min(id) FROM ledger_transfers WHERE payment_id = %(id)s)""": "kept",
}


async def _one_centime_is_named(day: Day, **payments: str) -> None:
    def change(statement: str, more: int) -> None:
        with psycopg.connect(day.database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            assert connection.execute(statement, {"more": more, "id": payments[CHANGES[statement]]}).rowcount == 1

    for statement, which in CHANGES.items():
        change(statement, 1)
        said = await day.verb("ledger", "verify")
        assert (said.code, payments[which] in said.out) == (1, True), (statement, said.out)
        change(statement, -1)
    assert (await day.verb("ledger", "verify")).code == 0
