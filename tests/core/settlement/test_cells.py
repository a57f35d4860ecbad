"""One bad cell of a settlement file costs one row, whatever it holds, and never the run."""

from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.database.settlement.reconciliation import NoSettlementFile
from core.settlement.file import rows_of
from core.settlement.findings import FindingQueue
from core.settlement.rows import Columns, UnreadableRow, settled_row
from core.spreadsheets import ENCODING, UNDECODED
from tests.core.settlement.test_reconciliation import HEADER, Office, office

__all__ = ["office"]
GOOD = "nobody,1,,12.00,2026-11-29,Auth\n"
HOSTILE = [
    b"a\x00b,1,,1.00,2026-11-29,Auth",
    b"a,1,,1.00,0001-01-01T00:00:00+14:00,Auth",
    b"a,1,,1.00,9999-12-31T23:59:59-14:00,Auth",
    b"a,1,,--5,2026-11-29,Auth",
    b"a,1,,1_000,2026-11-29,Auth",
    b"a,1,," + b"9" * 30 + b",2026-11-29,Auth",
    b"a,1,,1.165,2026-11-29,Auth",
    b"a,1,,-5.00,2026-11-29,Auth",
    b"\xed\xa0\x80,1,,1.00,2026-11-29,Auth",
    b"\xe9t\xe9,1,,1.00,2026-11-29,Auth",
    b'"a,1,,1.00,2026-11-29,Auth',
    b'a"b"",1,,"1.00,2026-11-29,Auth',
    b"a,1,,1.00,29/11/2026,Auth",
    b"a,1,,1.00,2026-11-29",
    b"a" * 100 + b",1,,1.00,2026-11-29,Auth",
    b"a,1," + b"x" * 100_000 + b",1.00,2026-11-29,Auth",
]


@pytest.mark.parametrize("bad", HOSTILE, ids=range(len(HOSTILE)))
async def test_a_bad_cell_costs_its_row_and_is_told_with_its_line(office: Office, bad: bytes) -> None:
    office.file.write_bytes(HEADER.encode() + GOOD.encode() + bad + b"\n" + GOOD.replace("nobody", "else").encode())
    run = await office.run()
    found = await office.queues(run)
    assert (run.rows_read, run.unreadable, run.missing_here) == (3, 1, 2)
    assert [each.line for each in found if each.queue is FindingQueue.UNREADABLE] == [3]


@pytest.mark.parametrize("minor", ["--5", "9" * 30, "9" * 20, "1_000", "+5"])
async def test_centimes_that_are_none(office: Office, minor: str) -> None:
    office.file.write_text(f"order_id,amount,date\na,{minor},2026-11-29\n")
    run = await office.run(Columns(minor_units=True))
    assert (run.rows_read, run.unreadable) == (1, 1)


@pytest.mark.parametrize("twice", ["amount", "order_id", "type", " amount "])
async def test_a_header_that_names_a_column_twice_is_refused(office: Office, twice: str) -> None:
    office.file.write_text(f"{HEADER.strip()},{twice}\n")
    with pytest.raises(NoSettlementFile, match="twice"):
        await office.run()


async def test_cells_of_several_lines_and_a_spreadsheet_s_empty_ones(office: Office) -> None:
    rows = 'nobody;"1 165,80";2026-11-29;Auth;"two\nlines"\n;;;;\nx;1,00;2026-11-29;Auth;;;\n'
    office.file.write_text(f"order_id;amount;date;type;note\n{rows}")
    run = await office.run()
    assert (run.rows_read, run.unreadable, run.missing_here) == (2, 0, 2)


def test_dates_without_a_zone_are_morocco_s() -> None:
    row = settled_row(Columns(), {"order_id": "o", "amount": "1.00", "date": "2025-11-29T00:30:00"})
    assert row.at == datetime(2025, 11, 28, 23, 30, tzinfo=UTC)


@given(st.dictionaries(st.sampled_from(("order_id", "amount", "date", "type", "net")), st.text(max_size=70)))
def test_any_cells_are_a_row_or_none(cells: dict[str, str]) -> None:
    row = {"order_id": "o", "amount": "1.00", "date": "2026-11-29"} | cells
    try:
        read = settled_row(Columns(), row)
    except UnreadableRow:
        return
    assert 0 <= read.amount_centimes < 10**13
    assert "\x00" not in read.order_id + read.batch
    read.order_id.encode()


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_rows_by_line_and_end(data: bytes) -> None:
    file = TextIOWrapper(BytesIO(HEADER.encode() + data), encoding=ENCODING, errors=UNDECODED, newline="")
    lines = [line for line, _ in rows_of(file, Columns())]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize("merchant", ["600001234", "0600001234", " 600 001 234 ", ""])
def test_our_merchant_number_however_it_is_written(merchant: str) -> None:
    cells = {"order_id": "o", "amount": "1.00", "date": "2026-11-29", "merchant": merchant}
    assert settled_row(Columns(merchants=("600001234",)), cells).amount_centimes == 100


def test_a_row_of_another_merchant_is_told_and_none_of_ours() -> None:
    cells = {"order_id": "o", "amount": "1.00", "date": "2026-11-29", "merchant": "600009999"}
    assert settled_row(Columns(), cells).merchant == "600009999"  # nobody said which are ours
    with pytest.raises(UnreadableRow, match="KHALLAS_SETTLEMENT__MERCHANTS"):
        settled_row(Columns(merchants=("600001234", "600005678")), cells)
