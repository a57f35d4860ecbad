"""One row, one day and one file of settlement, without a database: each rule and bound at, below and above."""

from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.settlement.dates import NoMoment, moment_of
from core.settlement.file import LINE_MAX_CHARS, NoSettlementFile, folded, open_text, rows_of
from core.settlement.findings import FindingQueue, FindingRefusal, Findings, SettlementFinding
from core.settlement.rows import CREDITS, SALES, Columns, RowKind, SettledRow, UnreadableRow, settled_row, total_of
from core.zone import ZONE
from lab.clocks import StillClock
from tests.support.port import port

ROW = {
    "order_id": "o", "transaction_number": "t", "auth_code": "a", "amount": "769.20", "date": "2026-11-29T10:08:36Z",
    "type": "sale", "commission": "-1.00", "net": "768.20", "value_date": "2026-11-30", "batch": "b", "merchant": "m",
}  # fmt: skip
READ = SettledRow(
    "o", "t", "a", 76_920, datetime(2026, 11, 29, 10, 8, 36, tzinfo=UTC), RowKind.SALE, 100, 76_820, date(2026, 11, 30),
    "b", "m",
)  # fmt: skip


def row_of(columns: Columns | None = None, /, **changes: str) -> SettledRow:
    return settled_row(columns or Columns(), ROW | changes)


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "moment"),
    [
        ("2000-01-01", "", datetime(2000, 1, 1, tzinfo=ZONE)),
        ("2099-12-31", "", datetime(2099, 12, 31, tzinfo=ZONE)),
        ("2026-11-29T10:08:36+02:00", "", datetime(2026, 11, 29, 8, 8, 36, tzinfo=UTC)),
        ("  2026-11-29   10:08 ", "", datetime(2026, 11, 29, 10, 8, tzinfo=ZONE)),
        ("29/11/2026", "%d/%m/%Y", datetime(2026, 11, 29, tzinfo=ZONE)),
        ("29.11.26", "%d-%m-%Y", datetime(2026, 11, 29, tzinfo=ZONE)),
        ("29-11-2026 10:08:36", "%d/%m/%y", datetime(2026, 11, 29, 10, 8, 36, tzinfo=ZONE)),
        ("29112026", "%d%m%Y", datetime(2026, 11, 29, tzinfo=ZONE)),
        ("2026/11/29 10:08", "%Y-%m-%d", datetime(2026, 11, 29, 10, 8, tzinfo=ZONE)),
        ("29/11/2026 22:08", "%d/%m/%Y %I:%M", datetime(2026, 11, 29, 22, 8, tzinfo=ZONE)),
        ("29/11/2026", "%d/%m/%YT%H:%M", datetime(2026, 11, 29, tzinfo=ZONE)),
    ],
)
def test_a_moment(text: str, form: str, moment: datetime) -> None:
    assert moment_of(text, form) == moment


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1999-12-31", ""), ("2100-01-01", ""), ("29/11/2026", ""), ("", ""), ("", "%d/%m/%Y"),
        ("29/11/2026 10:08:36:01", "%d/%m/%Y"), ("29/11/2026 10", "%d/%m/%Y"), ("11/29/2026", "%d/%m/%Y"),
        ("291126", "%d%m%Y"), ("26/11/29", "%Y-%m-%d"), ("29/11/1999", "%d/%m/%Y"),
    ],
)  # fmt: skip
def test_what_is_no_moment(text: str, form: str) -> None:
    with pytest.raises(NoMoment) as told:
        moment_of(text, form)
    year = "is not of this century"
    shown = form or "2026-11-29, with or without a time"
    form_told = f"is not written like {shown}: see KHALLAS_SETTLEMENT__DATE_FORMAT"
    others = {"1999-12-31", "2100-01-01", "29/11/1999", "291126"}  # the last one: the 2nd of September 1126
    assert str(told.value) == (year if text in others else form_told)


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_with_everything_and_one_with_the_least() -> None:
    assert row_of() == READ
    least = {"order_id": " o ", "amount": " 769.20 ", "date": " 2026-11-29T10:08:36Z "}
    bare = replace(READ, transaction_number="", auth_code="", commission_centimes=None, net_centimes=None,
                   value_date=None, batch="", merchant="")  # fmt: skip
    assert settled_row(Columns(), least) == bare
    assert row_of(net="") == replace(READ, net_centimes=None)
    assert row_of(commission="0") == replace(READ, commission_centimes=0)


def test_a_value_date_is_the_day_in_morocco() -> None:
    """Which was an hour ahead of UTC in 2025."""
    assert row_of(value_date="2025-11-29T23:30:00Z").value_date == date(2025, 11, 30)


def test_commissions_are_added_up() -> None:
    columns = Columns(commission=("commission", "vat", "more"))
    assert settled_row(columns, ROW | {"vat": "-0.20", "more": ""}).commission_centimes == 120
    assert settled_row(columns, ROW | {"commission": "", "vat": ""}).commission_centimes is None


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("order_id", "order's id"), ("transaction_number", "transaction number"), ("auth_code", "authorisation"),
        ("type", "type"), ("batch", "batch"), ("merchant", "merchant number"),
    ],
)  # fmt: skip
def test_a_text_is_so_long_at_most(column: str, what: str) -> None:
    kinds = Columns(sales=("s" * 64,))
    longest = ROW | ({"type": "s" * 64} | {column: "s" * 64})
    assert "s" * 64 in map(str, vars_of(settled_row(kinds, longest))) or column == "type"
    for wrong in ("s" * 65, "a\x00b", "a\nb"):
        with pytest.raises(UnreadableRow, match=f"^the {what} is too long, or holds characters that are no text$"):
            settled_row(kinds, longest | {column: wrong})


def vars_of(row: SettledRow) -> list[object]:
    return [getattr(row, name) for name in SettledRow.__slots__]


@pytest.mark.parametrize("column", ["order_id", "transaction_number"])
def test_what_a_spreadsheet_made_of_a_number_is_told(column: str) -> None:
    with pytest.raises(UnreadableRow, match=r"^the (order's id|transaction number): "):
        row_of(**{column: "7,1E+15"})
    for name in ("=1", "@x", "+1", "-1", "＝1", "7E15", "a-1"):
        assert name in map(str, vars_of(row_of(**{column: name})))


def test_what_is_missing_or_unreadable_is_named() -> None:
    for changes, words in (
        ({"order_id": " "}, "^the order's id is missing$"),
        ({"amount": "much"}, "^the amount cannot be read: "),
        ({"amount": ""}, "^the amount cannot be read: "),
        ({"commission": "much"}, "^the commission cannot be read: "),
        ({"net": "much"}, "^the net amount cannot be read: "),
        ({"date": "soon"}, "^the date is not written like "),
        ({"value_date": "soon"}, "^the value date is not written like "),
    ):
        with pytest.raises(UnreadableRow, match=words):
            row_of(**changes)


@pytest.mark.parametrize("word", SALES)
def test_every_word_for_a_sale(word: str) -> None:
    assert row_of(type=word.upper()).kind is RowKind.SALE
    with pytest.raises(UnreadableRow, match=r"^the type says sale and the sign says credit$"):
        row_of(type=word, amount="-0.01")


@pytest.mark.parametrize("word", CREDITS)
def test_every_word_for_a_credit(word: str) -> None:
    assert [row_of(type=word, amount=amount).kind for amount in ("1", "-1")] == [RowKind.CREDIT] * 2


def test_without_a_type_the_sign_tells_and_another_type_is_neither() -> None:
    assert [row_of(type="", amount=amount).kind for amount in ("-0.01", "0", "0.01")] == [
        RowKind.CREDIT, RowKind.SALE, RowKind.SALE
    ]  # fmt: skip
    assert row_of(type="sale", amount="0").kind is RowKind.SALE
    with pytest.raises(UnreadableRow, match="neither a sale nor a credit: see KHALLAS_SETTLEMENT__SALES and __CREDITS"):
        row_of(type="sal")


@pytest.mark.parametrize(("written", "ours"), [("0 600", "600"), ("600", "06 00"), ("AB 1", "ab1")])
def test_a_merchant_is_ours_without_zeros_spaces_and_capitals(written: str, ours: str) -> None:
    assert row_of(Columns(merchants=("1", ours)), merchant=written).merchant == written
    with pytest.raises(UnreadableRow, match="KHALLAS_SETTLEMENT__MERCHANTS"):
        row_of(Columns(merchants=("1", ours + "0")), merchant=written)


def test_minor_units_and_another_currency() -> None:
    assert row_of(Columns(minor_units=True), amount="76920", commission="100", net="76820") == READ
    assert row_of(Columns(currency="EUR"), amount="769,20 EUR").amount_centimes == 76_920
    with pytest.raises(UnreadableRow):
        row_of(amount="769,20 EUR")


def test_the_columns_that_count() -> None:
    assert Columns().needed == {"order_id", "amount", "date"}
    assert Columns().mapped == set(ROW)
    names = {"order_id", "transaction_number", "auth_code", "batch", "merchant"}
    assert Columns().names == names
    bare = Columns(
        transaction_number="", auth_code="", kind="", commission=(), net="", value_date="", batch="", merchant=""
    )
    assert (bare.mapped, bare.names) == (bare.needed, frozenset({"order_id"}))
    assert Columns().told == ": see the settings KHALLAS_SETTLEMENT__…"


@pytest.mark.parametrize(
    ("cells", "total"),
    [
        ({"order_id": "Total", "amount": "10.00"}, 1_000),
        ({"order_id": "Total", "amount": ""}, 0),
        ({"order_id": "GRAND TOTAL :", "amount": "1"}, 100),
        ({"order_id": "sous-total", "amount": "1"}, 100),
        ({"order_id": "Totaux du 29/11/2026", "amount": "1"}, 100),
        ({"order_id": "", "amount": "1", "note": "Total général"}, 100),
        ({"order_id": "", "amount": "1", "note": "x"}, None),
        ({"order_id": "tot", "amount": "1"}, None),
        ({"order_id": "total1", "amount": "1"}, None),
        ({"order_id": "o-1", "amount": "1", "note": "total"}, None),
        ({"order_id": "المجموع", "amount": "1"}, 100),
        ({"order_id": "é", "amount": "1", "note": "total"}, None),
        ({"order_id": "", "amount": "1", "note": "total du " + "x" * 30, "more": "y" * 65}, 100),
        ({"order_id": "", "amount": "1", "note": "total du " + "x" * 31}, None),
        ({"amount": "1"}, None),
        ({"amount": "1", "note": "total"}, 100),
        ({"order_id": "", "amount": "1", "note": "total".ljust(64)}, 100),
        ({"order_id": "", "amount": "1", "note": "total".ljust(65)}, None),
    ],
)
def test_a_row_that_adds_up_those_above_it(cells: dict[str, str], total: int | None) -> None:
    assert total_of(Columns(), cells) == total
    if total:
        with pytest.raises(UnreadableRow, match=r"^the total cannot be read: "):
            total_of(Columns(), cells | {"amount": "much"})


# --- the file ---------------------------------------------------------------------------------------------------------

HEADER = "order_id,amount,date\n"


def rows(text: str, columns: Columns | None = None) -> list[tuple[int, Any]]:
    return list(rows_of(StringIO(text, newline=""), columns or Columns()))


def cells(*values: str) -> dict[str, str]:
    return dict(zip(("order_id", "amount", "date"), values, strict=False))


def test_rows_by_their_line() -> None:
    assert rows(HEADER + "a,1,d\n\nb , 2,d\n") == [(2, cells("a", "1", "d")), (4, cells("b", "2", "d"))]
    assert rows(HEADER + "a,1,\n") == [(2, cells("a", "1", ""))]
    assert rows(HEADER + "a,1\nb,2,d,\nc,3,d,x\n") == [
        (2, "3 columns are needed"), (3, cells("b", "2", "d")), (4, "3 columns are needed")
    ]  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_delimiter_and_a_spreadsheets_own_word_for_it(delimiter: str) -> None:
    plain = (HEADER + "a,1,d\n").replace(",", delimiter)
    assert rows(plain) == [(2, cells("a", "1", "d"))]
    assert rows(f"sep={delimiter}\n{plain}") == [(3, cells("a", "1", "d"))]
    others = Columns(order_id="or,d;e|r", amount="a,m,t", date="d,t,e;x")  # the most frequent is not always the one
    quoted = delimiter.join(f'"{name}"' for name in ("or,d;e|r", "a,m,t", "d,t,e;x"))
    told = f"sep={delimiter}\n{quoted}\n" + delimiter.join("a1d") + "\n"
    ((line, found),) = rows(told, others)
    assert (line, list(found.values())) == (3, ["a", "1", "d"])


def test_a_line_that_only_begins_like_a_separator_is_a_title() -> None:
    for title in ("sep=x\n", "sep\n", "sep=\n", "sep=,,\n", "=,\n"):
        assert rows(title + HEADER + "a,1,d\n") == [(3, cells("a", "1", "d"))]


@pytest.mark.parametrize(("titles", "found"), [(19, True), (20, False)])
def test_so_many_lines_may_stand_before_the_header(titles: int, *, found: bool) -> None:
    text = "Relevé,x\n" * titles + HEADER + "a,1,d\n"
    if found:
        assert rows(text) == [(titles + 2, cells("a", "1", "d"))]
    else:
        with pytest.raises(NoSettlementFile, match=r"^the header lacks amount, date, order_id: see the settings"):
            rows(text)


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "amount, date, order_id"),
        ("\n\n", "amount, date, order_id"),
        ("amount,x\n", "date, order_id"),
        (" , \namount;date;\nx\n", "order_id"),  # the first line that says anything is meant
    ],
)
def test_a_header_that_lacks_a_column_is_told(text: str, lacks: str) -> None:
    with pytest.raises(NoSettlementFile, match=f"^the header lacks {lacks}: see"):
        rows(text)


def test_a_header_that_names_a_column_twice_is_told_and_others_may_repeat() -> None:
    with pytest.raises(NoSettlementFile, match=r"^the header names amount, date twice: which column is meant\?$"):
        rows("order_id,amount,date,Date,AMOUNT,x,x\n")
    assert len(rows("order_id,amount,date,x,x\na,1,d,y,z\n")) == 1


def test_a_line_is_so_long_at_most() -> None:
    for size, whole in ((LINE_MAX_CHARS - 1, True), (LINE_MAX_CHARS, False), (3 * LINE_MAX_CHARS, False)):
        row = "a,1," + "d" * (size - 5)
        found = rows(f"{HEADER}{row}\nb,2,d\n")
        assert [line for line, _ in found] == [2, 3]
        assert (found[0][1] == cells("a", "1", "d" * (size - 5))) is whole
        assert found[1][1] == cells("b", "2", "d")


TAKEN_APART = "the row cannot be taken apart: look at its quotes and its length"


def test_a_note_of_several_lines_and_a_quote_that_nobody_closes() -> None:
    header = "order_id,amount,date,note\n"
    noted = rows(header + 'a,1,d,"two\nlines"\nb,2,d,x\n')
    assert [(line, row["note"]) for line, row in noted] == [(2, "two\nlines"), (4, "x")]
    for text in ('a,1,"d\nd",x\n', 'a,1,"d\rd",x\n', 'a,1,"d,x\n'):
        found = rows(header + text + "b,2,d,x\n")
        assert found[0] == (2, TAKEN_APART)
        assert found[-1][1]["order_id"] == "b"


def test_a_header_again_is_no_row_and_one_that_only_ends_alike_is() -> None:
    assert rows(HEADER + HEADER + "\ufeff" + HEADER + "a,1,date\n") == [(4, cells("a", "1", "date"))]


@pytest.mark.parametrize(
    ("cell", "meant"),
    [('"=""0123"""', "0123"), ('"="" 7 """', "7"), ('="x', '="x'), ("=x", "=x"), ('x="1"', 'x="1"'), ("é ", "é")],
)
def test_a_cell_as_it_is_meant(cell: str, meant: str) -> None:
    found = rows(f"{HEADER}a,1,{cell}\n") if cell != '="x' else [(2, cells("a", "1", '="x'))]
    assert found == [(2, cells("a", "1", meant))]


def test_bytes_that_are_no_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(HEADER.replace("date", "date,note").encode() + b"a,1,d,\xe9t\xe9\n\xe9,1,d,x\na,1,d,\x81\n")
    with open_text(file) as text:
        found: list[tuple[int, Any]] = list(rows_of(text, Columns()))
    assert (found[0][1]["note"], [row for _, row in found[1:]]) == ("été", ["the row is not UTF-8 text"] * 2)


def test_names_are_compared_without_accents_capitals_and_kinds_of_space() -> None:
    assert folded(" Réfé\u00a0rence\t  N° ") == folded("REFE rence n°") == "refe rence n°"
    assert folded("ab") != folded("a b")


# --- findings ---------------------------------------------------------------------------------------------------------

FINDING = SettlementFinding(FindingQueue.DIFFERENT, "o", None, None, 1, 2, "amounts", closing_by="nadia")


@pytest.mark.parametrize(
    ("name", "role", "proposed", "may"),
    [
        ("omar", Role.SUPERVISOR, "nadia", True),
        ("nadia", Role.SUPERVISOR, "nadia", False),
        ("omar", Role.AGENT, "nadia", False),
        ("omar", Role.SUPERVISOR, None, False),
    ],
)
async def test_who_ends_a_finding(name: str, role: Role, proposed: str | None, *, may: bool) -> None:
    finding, actor = replace(FINDING, closing_by=proposed), Actor(name, role)
    assert finding.may_close(actor) is may
    books = port(get=finding, close=True, keep=True)
    rules = Findings(books, StillClock())
    assert (await rules.close(actor, 1) is None) is may
    kept = actor.decides or proposed == name
    assert await rules.keep(actor, 1) == (None if kept else FindingRefusal.NOT_ALLOWED)


async def test_open_findings_are_the_books() -> None:
    books = port(open=[(FINDING,)])
    assert await Findings(books, StillClock()).open(7) == (FINDING,)
    assert books.asked == [("open", 7)]
