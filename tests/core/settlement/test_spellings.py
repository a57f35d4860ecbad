"""Settlement files as French offices, Excel and banks' systems really write them: read right, or told by their line."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.settlement.file import NoSettlementFile, open_text, rows_of
from core.settlement.findings import FindingQueue
from core.settlement.rows import Columns, RowKind, SettledRow, UnreadableRow, settled_row
from core.zone import ZONE
from tests.core.settlement.test_reconciliation import HEADER, Office, office

__all__ = ["office"]
FRENCH = Columns(
    "Référence commande", "N° transaction", "Autorisation", "Montant brut", "Date opération", "Sens",
    ("Crédit", "Remboursement"), "%d/%m/%Y", sales=("Débit", "Vente"), commission=("Commission HT", "TVA"),
    net="Net à payer", value_date="Date de valeur", batch="N° remise", merchant="N° commerçant",
)  # fmt: skip
FRENCH_HEADER = (
    "Référence commande;N° transaction;Autorisation;Montant brut;Date opération;Sens;Commission HT;TVA;"
    "Net à payer;Date de valeur;N° remise;N° commerçant"
)
FRENCH_ROW = "7f3c;100001;390059;1 165,80 DH;29/11/2026 10:08;Vente;10,00;2,00;1 153,80;30/11/26;118;600001234"
EXPECTED = SettledRow(
    "7f3c", "100001", "390059", 116_580, datetime(2026, 11, 29, 10, 8, tzinfo=ZONE).astimezone(UTC), RowKind.SALE,
    1_200, 115_380, date(2026, 11, 30), "118", "600001234",
)  # fmt: skip


def read(path: Path, columns: Columns = FRENCH) -> list[tuple[int, SettledRow | str]]:
    found: list[tuple[int, SettledRow | str]] = []
    with open_text(path) as file:
        for line, cells in rows_of(file, columns):
            try:
                found.append((line, cells if isinstance(cells, str) else settled_row(columns, cells)))
            except UnreadableRow as error:
                found.append((line, str(error)))
    return found


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("space", [" ", "\u00a0"])
def test_a_french_file_however_it_was_saved(tmp_path: Path, encoding: str, ends: str, space: str) -> None:
    file = tmp_path / "f.csv"
    row = FRENCH_ROW.replace(" 165", f"{space}165").replace(" 153", f"{space}153")
    file.write_bytes(ends.join((FRENCH_HEADER, row, ";" * 11, "", "  ", row, "")).encode(encoding))
    assert read(file) == [(2, EXPECTED), (6, EXPECTED)]


@pytest.mark.parametrize(
    "before",
    ["sep=;\n", "\n\n", "Relevé de règlement;;;\n\nCommerçant;600001234\n", "sep=;\r\nTitre\r\n", "\ufeff"],
)
def test_what_stands_before_the_header(tmp_path: Path, before: str) -> None:
    file = tmp_path / "f.csv"
    file.write_text(before + FRENCH_HEADER + "\n" + FRENCH_ROW + "\n", newline="")
    ((line, row),) = read(file)
    assert (line, row) == (len(before.splitlines()) + 2 if "\n" in before else 2, EXPECTED)


@pytest.mark.parametrize(
    "header",
    [
        FRENCH_HEADER.upper(),
        FRENCH_HEADER.replace("é", "e\u0301").replace("à", "a\u0300"),
        FRENCH_HEADER.replace(" ", "\u00a0"),
        FRENCH_HEADER.replace("é", "e").replace("à", "a").replace("ç", "c").replace(" ", "  "),
        ";".join(f'"{name} "' for name in FRENCH_HEADER.split(";")),
    ],
)
def test_a_column_is_the_same_however_it_is_spelled(tmp_path: Path, header: str) -> None:
    file = tmp_path / "f.csv"
    file.write_text(f"{header}\n{FRENCH_ROW}\n")
    assert read(file) == [(2, EXPECTED)]


def test_the_exact_name_of_two_alike_is_meant_and_one_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("order_id,Date,date,amount\no,2026-11-29,2026-11-30,1.00\n")
    columns = Columns(date="Date", value_date="date")
    ((_, row),) = read(file, columns)
    assert isinstance(row, SettledRow)
    assert (row.at.astimezone(ZONE).day, row.value_date) == (29, date(2026, 11, 30))
    file.write_text("order_id,AMOUNT,date,Amount\no,1.00,2026-11-29,2.00\n")
    with pytest.raises(NoSettlementFile, match="twice"):
        read(file, Columns())


def test_headers_again_in_the_middle_are_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("\n".join((FRENCH_HEADER, FRENCH_ROW, "\ufeff" + FRENCH_HEADER, FRENCH_ROW)))
    assert read(file) == [(2, EXPECTED), (4, EXPECTED)]


@pytest.mark.parametrize("said", ["Crédit", "CREDIT", "cre\u0301dit", " crédit\u00a0", "remboursement"])
def test_types_in_any_capitals_and_accents(tmp_path: Path, said: str) -> None:
    file = tmp_path / "f.csv"
    file.write_text(f"{FRENCH_HEADER}\n{FRENCH_ROW.replace('Vente', said)}\n")
    ((_, row),) = read(file)
    assert isinstance(row, SettledRow)
    assert row.kind is RowKind.CREDIT


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d/%m/%Y", "29/11/2026", (2026, 11, 29, 0, 0, 0)),
        ("%d/%m/%Y", "29/11/26", (2026, 11, 29, 0, 0, 0)),
        ("%d/%m/%Y", "5/1/2026", (2026, 1, 5, 0, 0, 0)),
        ("%d/%m/%Y", "29/11/2026 10:08", (2026, 11, 29, 10, 8, 0)),
        ("%d/%m/%Y", "29/11/2026 10:08:36", (2026, 11, 29, 10, 8, 36)),
        ("%d/%m/%Y", "29-11-2026", (2026, 11, 29, 0, 0, 0)),
        ("%d/%m/%Y", "29.11.26 10:08", (2026, 11, 29, 10, 8, 0)),
        ("%d/%m/%Y", "29/11/2026\u00a010:08", (2026, 11, 29, 10, 8, 0)),
        ("%d/%m/%y", "29/11/2026", (2026, 11, 29, 0, 0, 0)),
        ("%d/%m/%Y %H:%M:%S", "29/11/2026", (2026, 11, 29, 0, 0, 0)),
        ("%d/%m/%Y %H:%M:%S", "29/11/26 10:08", (2026, 11, 29, 10, 8, 0)),
        ("%Y%m%d %H:%M:%S", "20261129 10:08:36", (2026, 11, 29, 10, 8, 36)),
        ("%Y%m%d", "20261129", (2026, 11, 29, 0, 0, 0)),
        ("", "2026-11-29", (2026, 11, 29, 0, 0, 0)),
        ("", "2026-11-29 10:08", (2026, 11, 29, 10, 8, 0)),
    ],
)
def test_dates_with_and_without_a_time_and_with_short_years(
    form: str, text: str, expected: tuple[int, int, int, int, int, int]
) -> None:
    row = settled_row(Columns(date_format=form), {"order_id": "o", "amount": "1.00", "date": text})
    assert row.at == datetime(*expected, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("", "29/11/2026"), ("", "05/11/2026"), ("%d/%m/%Y", "11/29/2026"), ("%d/%m/%Y", "32/01/2026"),
        ("%Y-%m-%d", "29-11-26"), ("%Y%m%d", "261129"), ("%d/%m/%Y", "29/11"), ("%d/%m/%Y", "46355"),
        ("%d/%m/%Y", "29/11/0026"), ("%d/%m/%Y", "29/11/1926"), ("%d/%m/%Y", "29/11/2026 25:00"), ("%d/%m/%Y", ""),
    ],
)  # fmt: skip
def test_a_day_that_could_be_another_is_told(form: str, text: str) -> None:
    with pytest.raises(UnreadableRow, match="the date is not"):
        settled_row(Columns(date_format=form), {"order_id": "o", "amount": "1.00", "date": text})


@pytest.mark.parametrize("spoilt", ["7,1E+15", "7.16820E+11", "#####", "#N/A"])
@pytest.mark.parametrize("column", ["order_id", "transaction_number"])
def test_a_number_that_a_spreadsheet_changed_is_told_as_that(column: str, spoilt: str) -> None:
    cells = {"order_id": "o", "amount": "1.00", "date": "2026-11-29", column: spoilt}
    with pytest.raises(UnreadableRow, match="spreadsheet"):
        settled_row(Columns(), cells)


def test_what_a_spreadsheet_was_made_to_keep_as_text_is_that_text(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text('order_id,transaction_number,amount,date\n="007","=""0123""","=""1 165,80""",2026-11-29\n')
    ((_, row),) = read(file, Columns())
    assert isinstance(row, SettledRow)
    assert (row.order_id, row.transaction_number, row.amount_centimes) == ("007", "0123", 116_580)


def test_bytes_that_are_no_utf_8_are_read_and_spoil_no_name(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    rows = [
        b"7f3c,1,1\xa0165,80,caf\xe9",  # a cell too many
        b"7f3c,1,\"1\xa0165,80\",caf\xe9",
        b"\xe97f3,1,1.00,x",
        b"7f3c,1\x81,1.00,x",
        b"7f3c,1,1.00,\x81",
    ]  # fmt: skip
    file.write_bytes(b"order_id,transaction_number,amount,note,date\n" + b"".join(r + b",2026-11-29\n" for r in rows))
    told = [row if isinstance(row, str) else row.amount_centimes for _, row in read(file, Columns())]
    no_text = "the row is not UTF-8 text"
    assert told == ["5 columns are needed", 116_580, no_text, no_text, no_text]


@pytest.mark.parametrize("word", ["TOTAL", "Total général", "Totaux :", "Sous-total", "المجموع", "Total du 29/11/2026"])
@pytest.mark.parametrize("place", ["{},,,{}", ",{},,{}"])
async def test_a_total_is_checked_and_is_no_order(office: Office, word: str, place: str) -> None:
    rows = "o1,,1,100.00,2026-11-29,Auth\no2,,2,50.50,2026-11-29,Auth\no1,,3,-20.00,2026-11-29,Credit\n"
    for total in ("130.50", '"150,50 DH"', "", "131.50", "much"):
        office.file.write_text(f"{HEADER}{rows}{place.format(word, total)},,\n")
        run = await office.run()
        found = [each for each in await office.queues(run) if each.queue is FindingQueue.UNREADABLE]
        wrong = total in ("131.50", "much")
        assert [each.line for each in found] == ([5] if wrong else [])
        assert (run.rows_read, run.sales_centimes) == (3 + wrong, 15_050)


async def test_a_total_shows_that_rows_are_missing(office: Office) -> None:
    office.file.write_text(f"{HEADER}o1,,,100.00,2026-11-29,Auth\no2,,,1.165,2026-11-29,Auth\nTotal,,,101.16,,\n")
    found = {each.line: each.why for each in await office.queues(await office.run()) if each.line}
    assert set(found) == {3, 4}
    assert "rows are missing" in found[4]


CELL = st.sampled_from(["x", "", "1 165,80", 'a "b" c', "two\nlines", "a;b"])


@given(
    st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6),
    st.integers(0, 5),
    st.sampled_from(["order_id", "amount", "note"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_an_unclosed_quote_costs_its_own_row(
    tmp_path: Path, notes: list[tuple[str, str]], at: int, column: str
) -> None:
    """Whatever quoted cells stand around it, every row whose own quotes are closed is read."""
    names = ["order_id", "amount", "date", "note", "more"]

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if set(cell) & set('";\n') else cell

    lines, broken = [], at % len(notes)
    for number, (note, more) in enumerate(notes):
        cells = {"order_id": f"o{number}", "amount": "1,00", "date": "2026-11-29", "note": note, "more": more}
        if number == broken:
            cells |= {"note": "x", "more": "y"}
        written = {name: quoted(cell) for name, cell in cells.items()}
        if number == broken:
            written[column] = '"' + written[column]
        lines.append(";".join(written[name] for name in names))
    file = tmp_path / "f.csv"
    file.write_text(";".join(names) + "\n" + "\n".join(lines) + "\n")
    read_ids = {row.order_id for _, row in read(file, Columns()) if isinstance(row, SettledRow)}
    assert {f"o{number}" for number in range(len(notes)) if number != broken} <= read_ids
