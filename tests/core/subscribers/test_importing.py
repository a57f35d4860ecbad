"""Imports: the demo's files, repeats, wrong rows with their lines, and bills that were paid here."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from core.billing.embedded import EmbeddedBilling
from core.database.pool import Database, make_pool, open_database
from core.database.subscribers.importing import Completeness, FileKind, ImportFailed, ImportReport, import_csv
from core.import_text import open_table
from core.ports import Posting
from core.repositories import DatabaseUnavailable
from core.subscribers.lines import ServiceType
from lab.clocks import NOON, StillClock
from tests.support.shop import Shop

DEMO = Path(__file__).parents[3] / "lab" / "demo"
SUBSCRIBERS = "service,reference,holder,contact_msisdn,email,payment_code,language\n"
INVOICES = "reference,number,period,amount,due_date\n"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened


async def load(
    database: Database, text: str, *, dry_run: bool = False, whole: Completeness = Completeness.NO
) -> ImportReport:
    return await import_csv(database, io.StringIO(text), NOON, dry_run=dry_run, whole=whole)


async def demo(database: Database, name: str) -> ImportReport:
    return await load(database, (DEMO / name).read_text(encoding="utf-8"))


async def test_the_demo_files_go_in_once(database: Database) -> None:
    first = await demo(database, "subscribers.csv")
    assert (first.kind, first.rows, first.added, first.problems_count) == (FileKind.SUBSCRIBERS, 11, 11, 0)
    bills = await demo(database, "invoices.csv")
    assert (bills.kind, bills.added, bills.problems) == (FileKind.INVOICES, bills.rows, [])
    for name in ("subscribers.csv", "invoices.csv"):
        again = await demo(database, name)
        assert (again.added, again.changed, again.unchanged) == (0, 0, again.rows)
    row = await database.one("SELECT * FROM lines WHERE reference = '0600000008'")
    assert row is not None
    assert (row["payment_code"], row["contact_msisdn"]) == ("012345", "+212600000008")
    cents = await database.all("SELECT amount_centimes FROM invoices WHERE line_reference = '0600000008' ORDER BY 1")
    assert [row["amount_centimes"] for row in cents] == [1, 9999999]


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(database: Database) -> None:
    report = await load(database, SUBSCRIBERS + "mobile,0600000001,Salma,0600000001,,482913,fr\n", dry_run=True)
    assert (report.added, report.dry_run) == (1, True)
    assert await database.all("SELECT * FROM lines") == []


async def test_another_code_is_told_and_kept_and_nothing_else_moves(database: Database) -> None:
    line = "mobile,0600000001,Salma,0600000001,,{code},fr\n"
    await load(database, SUBSCRIBERS + line.format(code="482913"))
    bill = INVOICES + "0600000001,1,2026-09-01,10.00,2026-10-25\n"
    await load(database, bill)
    dry = await load(database, SUBSCRIBERS + line.format(code="048291"), dry_run=True)
    # of two rows about one line the last counts: this one gets one new code
    changed = await load(database, SUBSCRIBERS + line.format(code="482913") + line.format(code="048291"))
    again = await load(database, SUBSCRIBERS + line.format(code="048291"))
    assert [report.codes_changed for report in (dry, changed, again)] == [1, 1, 0]
    assert (changed.changed, again.unchanged, (await load(database, bill)).unchanged) == (1, 1, 1)
    row = await database.one("SELECT payment_code, holder FROM lines")
    assert row == {"payment_code": "048291", "holder": "Salma"}


@pytest.mark.parametrize("told", [False, True])
async def test_an_address_beyond_ascii_is_taken_where_the_mail_server_takes_it(database: Database, told: bool) -> None:
    text = SUBSCRIBERS + "mobile,0600000001,Salma,0600000001,h\u00e9l\u00e8ne@b\u00fccher.example,482913,fr\n"
    report = await import_csv(database, io.StringIO(text), NOON, mail_utf8=told)
    assert [problem.why for problem in report.problems] == ([] if told else ["email: not an e-mail address"])
    kept = [row["email"] for row in await database.all("SELECT email FROM lines")]
    assert kept == (["h\u00e9l\u00e8ne@xn--bcher-kva.example"] if told else [])


async def test_wrong_rows_are_left_out_with_their_lines(database: Database) -> None:
    good = "mobile,0600000001,Salma,0600000001,,482913,fr\n"
    report = await load(
        database,
        SUBSCRIBERS
        + good
        + "pigeon,0600000001,Salma,0600000001,,482913,fr\n"
        + "\n"
        + "mobile,0537000103,Salma,0600000001,,482913,fr\n"
        + "mobile,0600000002,,0600000001,,482913,fr\n"
        + "mobile,0600000002,Salma,none,,482913,fr\n"
        + "mobile,0600000002,Salma,0600000001,no address,482913,fr\n"
        + "mobile,0600000002,Salma,0600000001,,48x913,fr\n"
        + "mobile,0600000002,Salma,0600000001,,482913,de\n"
        + "mobile,0600000002\n"
        + 'mobile,"0600000002"x,Salma,0600000001,,482913,fr\n'
        + "mobile,0600000002,Youssef,0600000002,,771204,ar\n",
    )
    assert [problem.line for problem in report.problems] == [3, 5, 6, 7, 8, 9, 10, 11, 12]
    assert [problem.why.split(":")[0] for problem in report.problems][:7] == [
        "service", "reference", "holder", "contact_msisdn", "email", "payment_code", "language",
    ]  # fmt: skip
    assert (report.added, report.problems_count, report.rows) == (2, 9, 11)


async def test_wrong_bills_are_left_out_with_their_lines(database: Database) -> None:
    await load(
        database,
        SUBSCRIBERS
        + "mobile,0600000001,Salma,0600000001,,482913,fr\n"
        + "internet,0600000001,Other,0600000001,,482913,fr\n"
        + "mobile,0600000002,Youssef,0600000002,,771204,ar\n",
    )
    report = await load(
        database,
        "reference;number;period;amount;due_date\n"
        "0600000001;1;2026-09-01;10,00;2026-10-25\n"
        "0600000002;1;2026-09-01;10,00;2026-10-25\n"
        "0600000099;2;2026-09-01;10.00;2026-10-25\n"
        "0600000002;3;September;10.00;2026-10-25\n"
        "0600000002;4;2026-09-01;0.00;2026-10-25\n"
        "0600000002;5;2026-09-01;-1;2026-10-25\n"
        "0600000002;1;2026-09-01;12.00;2026-10-25\n",
    )
    assert [(problem.line, problem.why) for problem in report.problems] == [
        (2, "reference: several lines of this reference"),
        (4, "reference: no line of this reference"),
        (5, "period: Invalid isoformat string: 'September'"),
        (6, "amount: a bill is more than nothing, and not this much"),
        (7, "amount: an amount is written like 769.20"),
    ]
    bills = await database.all("SELECT service, number, amount_centimes FROM invoices")
    assert [tuple(bill.values()) for bill in bills] == [("mobile", "1", 1200)]


@pytest.mark.parametrize("text", ["", "name,colour\na,b\n", "\x00\n"])
async def test_a_file_of_another_kind_is_refused(database: Database, text: str) -> None:
    with pytest.raises(ImportFailed, match="header"):
        await load(database, text)


@pytest.mark.parametrize(
    "bad",
    [
        'mobile,0600000003,"Imane,0600000003,,300518,fr',  # the quote is never closed
        'mobile,0600000003,"Imane",x",0600000003,,300518,fr',
        'mobile,0600000003,Im"ane",0600000003,,300518,"fr',
        '"mobile,0600000003,Imane,0600000003,,300518,fr',
    ],
)
@pytest.mark.parametrize("rows_after", [0, 1, 4, 40])
async def test_a_quote_that_nobody_closes_costs_its_row_alone(database: Database, bad: str, rows_after: int) -> None:
    good = [f'mobile,06000{number:05},"Salma {number}",0600000001,,482913,fr' for number in range(rows_after)]
    first = 'mobile,0699999999,"Salma ""S."", dite la Grande",0600000001,,482913,fr'
    report = await load(database, "\n".join((SUBSCRIBERS.strip(), first, bad, *good)) + "\n")
    assert [problem.line for problem in report.problems] == [3]
    assert (report.rows, report.added) == (rows_after + 2, rows_after + 1)


def test_a_cell_of_several_lines_is_one() -> None:
    table = open_table(io.StringIO('a,b,c\n1,"two\nlines, or\nthree",3\n4,"5\n6,7,8\n9,10,11\n'))
    rows = [(row.line, row.values if isinstance(row.values, str) else [*row.values.values()]) for row in table.rows()]
    assert rows[0] == (2, ["1", "two\nlines, or\nthree", "3"])
    assert [line for line, _ in rows] == [2, 5, 6, 7]
    assert (isinstance(rows[1][1], str), rows[2][1], rows[3][1]) == (True, ["6", "7", "8"], ["9", "10", "11"])


async def test_a_file_that_is_no_text_is_refused_whole(database: Database) -> None:
    content = SUBSCRIBERS.encode() + b"mobile,0600000001,S\xe9lma,0600000001,,482913,fr\n"
    with pytest.raises(ImportFailed, match="UTF-8"):
        await import_csv(database, io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline=""), NOON)


async def test_only_the_first_problems_are_kept_and_all_are_counted(database: Database) -> None:
    heard: list[int] = []
    text = SUBSCRIBERS + "mobile,1,Salma,0600000001,,482913,fr\n" * 1_200
    report = await import_csv(database, io.StringIO(text), NOON, progress=heard.append)
    assert (len(report.problems), report.problems_count) == (1_000, 1_200)
    assert heard == [1_000, 1_200]


async def test_a_bill_that_was_paid_here_stays_paid(shop: Shop) -> None:
    await shop.paid()
    await shop.work()
    report = await load(shop.database, INVOICES + "0600000001,0000171682062019,2019-05-01,800.00,2019-06-25\n")
    assert (report.added, report.changed, report.kept_paid, report.unchanged) == (0, 0, 1, 1)
    row = await shop.database.one("SELECT amount_centimes, paid_at FROM invoices WHERE number = '0000171682062019'")
    assert row is not None
    assert (row["amount_centimes"], row["paid_at"]) == (76920, NOON)


def bills(*numbers: int) -> str:
    return INVOICES + "".join(f"0600000001,{number},2026-09-01,10.00,2026-10-25\n" for number in numbers)


async def owed(database: Database) -> list[str]:
    return [
        bill.number for bill in await EmbeddedBilling(database, StillClock()).unpaid(ServiceType.MOBILE, "0600000001")
    ]


async def test_what_a_whole_file_no_longer_names_is_not_owed_until_it_is_named_again(database: Database) -> None:
    await load(database, SUBSCRIBERS + "mobile,0600000001,Salma,0600000001,,482913,fr\n")
    await load(database, bills(1, 2, 3))
    assert (await load(database, bills(1))).withdrawn == 0  # a file that is one of several
    dry = await load(database, bills(2, 3), dry_run=True, whole=Completeness.CAREFULLY)
    assert (dry.withdrawn, await owed(database)) == (1, ["1", "2", "3"])
    for withdrawn in (1, 0):
        assert (await load(database, bills(2, 3), whole=Completeness.CAREFULLY)).withdrawn == withdrawn
        assert await owed(database) == ["2", "3"]
    back = await load(database, bills(1, 2, 3), whole=Completeness.CAREFULLY)
    assert (back.changed, back.withdrawn, await owed(database)) == (1, 0, ["1", "2", "3"])


async def test_a_file_that_may_be_cut_off_withdraws_nothing_unasked(database: Database) -> None:
    await load(database, SUBSCRIBERS + "mobile,0600000001,Salma,0600000001,,482913,fr\n")
    await load(database, bills(1, 2, 3))
    with pytest.raises(ImportFailed, match="2 of 3 open bills"):
        await load(database, bills(1), whole=Completeness.CAREFULLY)
    with pytest.raises(ImportFailed, match="1 rows cannot be used"):
        await load(database, bills(1) + "0600000001,2\n", whole=Completeness.SURELY)
    assert await owed(database) == ["1", "2", "3"]
    assert (await load(database, bills(1), whole=Completeness.SURELY)).withdrawn == 2
    assert await owed(database) == ["1"]


async def test_a_bill_withdrawn_under_a_charge_is_refused_so_that_its_money_goes_back(shop: Shop) -> None:
    paid = await shop.paid()
    await load(shop.database, INVOICES, whole=Completeness.SURELY)
    billing = EmbeddedBilling(shop.database, StillClock())
    assert {await billing.post(paid, invoice) for invoice in paid.invoices} == {Posting.REFUSED}


async def test_a_lost_database_imports_nothing(database_url: str) -> None:
    pool = make_pool(database_url)
    await pool.open()
    database = Database(pool)
    await load(database, SUBSCRIBERS)

    def cut(rows: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    text = SUBSCRIBERS + "mobile,0600000001,Salma,0600000001,,482913,fr\n" * 1_500
    with pytest.raises(DatabaseUnavailable):
        await import_csv(database, io.StringIO(text), NOON, progress=cut)
    assert await database.all("SELECT * FROM lines") == []
    await pool.close()
