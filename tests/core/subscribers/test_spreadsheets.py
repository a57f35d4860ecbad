"""Imports of files that a spreadsheet has changed: zeros lost, numbers in exponents, dates as words."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.database.pool import Database
from core.database.subscribers.importing import Completeness, ImportFailed
from core.money import parse_centimes
from core.subscribers.import_rows import RowError, invoice, subscriber
from tests.core.subscribers.test_importing import INVOICES, SUBSCRIBERS, database, load, owed

__all__ = ["database"]

LINES = (
    SUBSCRIBERS
    + "mobile,0600000001,Salma,0600000001,,012345,fr\n"
    + "internet,7710345,Nadia,0600000002,,482913,fr\n"
    + "internet,00771034,Omar,0600000003,,482914,fr\n"
)


@pytest.mark.parametrize(
    "row",
    [
        "7710345,4.00215E+11,2026-08-01,299.00,2026-09-25",
        "7710345,4.00215e+11,2026-08-01,299.00,2026-09-25",
        "7710345,4E+11,2026-08-01,299.00,2026-09-25",
        '7710345,"4,00215E+11",2026-08-01,299.00,2026-09-25',
        "7710345,400215000000.0,2026-08-01,299.00,2026-09-25",
        "7710345,400215000000.00,2026-08-01,299.00,2026-09-25",
        '7710345,"=HYPERLINK(""http://x"")",2026-08-01,299.00,2026-09-25',
        "7710345,@SUM(1+9),2026-08-01,299.00,2026-09-25",
        "7710345,-2+3,2026-08-01,299.00,2026-09-25",
        "7710345,#NAME?,2026-08-01,299.00,2026-09-25",
        "7710345,#####,2026-08-01,299.00,2026-09-25",
        "7710345,01-févr,2026-08-01,299.00,2026-09-25",
        "7710345,oct-26,2026-08-01,299.00,2026-09-25",
        "7.71E+06,400215000000,2026-08-01,299.00,2026-09-25",
        "7710345.0,400215000000,2026-08-01,299.00,2026-09-25",
        "7710345,400215000000,01/08/2026,299.00,2026-09-25",
        '7710345,400215000000,2026-08-01,"1,165",2026-09-25',
        "7710345,400215000000,2026-08-01,1.17E+05,2026-09-25",
    ],
)
async def test_a_bill_that_a_spreadsheet_changed_is_refused(database: Database, row: str) -> None:
    await load(database, LINES)
    report = await load(database, INVOICES + row + "\n")
    assert (report.added, report.problems_count) == (0, 1)
    assert await database.all("SELECT number FROM invoices") == []


@pytest.mark.parametrize(
    "row",
    [
        "internet,7.710345E+06,Nadia,0600000002,,482913,fr",
        "internet,7710345.0,Nadia,0600000002,,482913,fr",
        "internet,tel. 77/10345,Nadia,0600000002,,482913,fr",
        "internet,7710345 (old 12),Nadia,0600000002,,482913,fr",
        "internet,771034,Omar,0600000003,,482914,fr",
        "mobile,0600000001,Salma,0600000001,,12345,fr",
        "mobile,0600000001,Salma,0600000001,,12345.0,fr",
        "mobile,0600000001,Salma,0600000001,,1.2345E+4,fr",
        "mobile,6.00000001E+08,Salma,0600000001,,012345,fr",
        "mobile,0600000001,Salma,2.12600E+11,,012345,fr",
        "mobile,0600000001,=Salma,0600000001,,012345,fr",
        "mobile,0600000001,#N/A,0600000001,,012345,fr",
        "mobile,0600000001,????,0600000001,,012345,fr",
        "mobile,0600000001,Salma\ufffd,0600000001,,012345,fr",
    ],
)
async def test_a_line_that_a_spreadsheet_changed_is_refused(database: Database, row: str) -> None:
    await load(database, LINES)
    report = await load(database, SUBSCRIBERS + row + "\n")
    assert (report.added, report.changed, report.problems_count) == (0, 0, 1)
    assert len(await database.all("SELECT * FROM lines")) == 3


@pytest.mark.parametrize(
    "number", ["7710345", "7 710 345", "7\u00a0710\u00a0345", "ADSL-7710345", "77-10-345", "\u200f7710345"]
)
async def test_a_customer_number_may_be_written_in_groups(database: Database, number: str) -> None:
    await load(database, LINES)
    report = await load(database, SUBSCRIBERS + f"internet,{number},Nadia,0600000002,,482913,fr\n")
    assert (report.unchanged, report.problems) == (1, [])


async def test_a_bill_that_lost_its_zeros_is_no_second_bill(database: Database) -> None:
    await load(database, LINES)
    bill = "0600000001,{},2026-09-01,10.00,2026-10-25\n"
    true, lost = bill.format("0000171682062019"), bill.format("171682062019")
    both = await load(database, INVOICES + lost + true)
    assert [(p.line, p.why) for p in both.problems] == [
        (2, "number: a known one of this line but for leading zeros, 0000171682062019")
    ]
    assert (await load(database, INVOICES + lost)).problems_count == 1
    assert (await load(database, INVOICES + true)).unchanged == 1
    assert await owed(database) == ["0000171682062019"]


async def test_a_whole_file_puts_right_what_was_imported_without_its_zeros(database: Database) -> None:
    await load(database, LINES)
    bill = "0600000001,{},2026-09-01,10.00,2026-10-25\n"
    await load(database, INVOICES + bill.format("171682062019"))
    assert (await load(database, INVOICES + bill.format("0000171682062019"))).problems_count == 1
    right = await load(database, INVOICES + bill.format("0000171682062019"), whole=Completeness.SURELY)
    assert (right.added, right.withdrawn) == (1, 1)
    assert await owed(database) == ["0000171682062019"]


async def test_a_code_that_may_have_lost_its_zero_is_told(database: Database) -> None:
    report = await load(
        database,
        SUBSCRIBERS
        + "mobile,611000004,Salma,0600000001,,12345,fr\n"
        + "internet,611000005,Salma,0600000001,,12345,fr\n"
        + "fixed,537000103,Salma,0600000001,,012345,fr\n",
    )
    assert (report.added, report.problems_count, report.warnings_count) == (3, 0, 1)
    assert [(w.line, w.why.partition(":")[0]) for w in report.warnings] == [(2, "payment_code")]


@pytest.mark.parametrize(
    ("header", "says"),
    [("reference,number,period,amount,amount,due_date\n", "amount twice"), ("Export du 29/11;;;\n", "line 1")],
)
async def test_a_header_that_says_one_thing_twice_or_nothing_is_refused(
    database: Database, header: str, says: str
) -> None:
    with pytest.raises(ImportFailed, match=says):
        await load(database, header)


# What a spreadsheet may write for a cell that it opened; the last two only of what it took for a number.
CHANGES: list[Callable[[str], str]] = [
    lambda cell: cell,
    lambda cell: f"{cell}\u00a0",
    lambda cell: f"\u200f{cell}\u200e",
    lambda cell: f'="{cell}"',
    lambda cell: f"{cell}.0" if cell.isdigit() else cell,
    lambda cell: f"{float(cell):.5E}" if cell.isdigit() else cell,
    lambda cell: f"{float(cell):.2E}".replace(".", ",") if cell.isdigit() else cell,
    lambda cell: f"{int(cell):,}".replace(",", "\u202f") if cell.isdigit() and cell[0] != "0" else cell,
    lambda cell: "/".join(reversed(cell.split("-"))) if cell.count("-") == 2 else cell,
]


@given(
    st.from_regex(r"[0-9]{6,16}", fullmatch=True),
    st.sampled_from(["1.00", "769.20", "99999.99"]),
    st.lists(st.sampled_from(CHANGES), min_size=5, max_size=5),
)
def test_no_bill_changes_its_meaning_by_way_of_a_spreadsheet(
    number: str, amount: str, changes: list[Callable[[str], str]]
) -> None:
    row = {
        "reference": "0600000001",
        "number": number,
        "period": "2026-10-01",
        "amount": amount,
        "due_date": "2026-11-25",
    }
    changed = {name: change(cell) for (name, cell), change in zip(row.items(), changes, strict=True)}
    try:
        reference, bill = invoice(changed)
    except RowError:
        return
    grouped = bill.number.replace(" ", "")  # a twin of the known one: refused by what is known, not by its look
    assert (reference.replace(" ", ""), grouped, bill.amount_centimes) == ("0600000001", number, parse_centimes(amount))
    assert (bill.period, bill.due_date) == (date(2026, 10, 1), date(2026, 11, 25))


@given(
    st.sampled_from(["0600000001", "0537000103", "7710345"]),
    st.from_regex(r"[0-9]{4,10}", fullmatch=True),
    st.lists(st.sampled_from(CHANGES), min_size=3, max_size=3),
)
def test_no_line_changes_its_meaning_by_way_of_a_spreadsheet(
    reference: str, code: str, changes: list[Callable[[str], str]]
) -> None:
    service = {"06": "mobile", "05": "fixed"}.get(reference[:2], "internet")
    cells = [change(cell) for change, cell in zip(changes, (reference, "0600000001", code), strict=True)]
    row = {"service": service, "holder": "Salma", "email": "", "language": "fr"}
    try:
        line, kept = subscriber({**row, "reference": cells[0], "contact_msisdn": cells[1], "payment_code": cells[2]})
    except RowError:
        return
    assert (line.reference, line.contact_msisdn, kept) == (reference, "+212600000001", code)
