"""Long lists of bills: what travels with the session, and what happens where the list is not at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.billing.invoices import total
from core.languages import LanguageCode
from sessions.bill_cache import NONE_LEFT, SHELVED_BILLS_MAX, SHORT_LISTS, SHORT_MAX, BillCache, all_left, unpaid_of
from sessions.store.codec import Record, encode
from tests.sessions.fakes import Converse, Stage, stage
from tests.sessions.samples import FIVE_HUNDRED, bills
from tests.support.till import FakeTill

SESSION_BYTES_MAX = 1_024
LINE = "0600000001"


@given(st.integers(1, 600), st.data())
def test_what_is_left_out_is_counted_as_it_is_ticked(count: int, data: st.DataObject) -> None:
    listed = bills(count, 8_017)
    left, out = NONE_LEFT, set[int]()
    for place in data.draw(st.lists(st.integers(0, count - 1), max_size=40)):
        left = left.toggled(place, listed[place])
        out ^= {place}
        assert (left.count, left.centimes) == (len(out), total(listed[n] for n in out))
    assert [n for n in range(count) if left.has(n)] == sorted(out)
    assert (left == NONE_LEFT) is (not out), "however it came to be, one choice is one value"


@given(st.integers(0, 600))
def test_all_may_be_left_out(count: int) -> None:
    left, ticked = all_left(unpaid_of(bills(count))), NONE_LEFT
    for place, bill in enumerate(bills(count)):
        assert left.has(place)
        ticked = ticked.toggled(place, bill)
    assert left == ticked
    assert not left.has(count)


@given(st.integers(0, 3 * SHORT_MAX))
def test_a_short_list_travels_and_a_long_one_is_told_by_its_digest(count: int) -> None:
    shelf, other = BillCache(), BillCache()
    unpaid = shelf.keep(bills(count))
    assert (unpaid.count, unpaid.total_centimes) == (count, total(bills(count)))
    found, elsewhere = shelf.find(unpaid), other.find(unpaid)
    assert found is not None
    assert found.bills == bills(count)
    assert [found.place(bill.number) for bill in bills(count)] == list(range(count))
    assert found.place("no bill") is None
    assert (elsewhere is None) is (count > SHORT_MAX)
    assert shelf.keep(bills(count, 1)) != unpaid or count == 0


def test_a_shelf_holds_forty_thousand_bills_and_puts_the_least_used_list_away() -> None:
    shelf = BillCache()
    lists = [bills(1_000, centimes) for centimes in range(1, 41)]
    kept = [shelf.keep(each) for each in lists]
    assert shelf.keep(lists[0]) == kept[0]  # which counts once, and is used by that
    assert all(map(shelf.has, kept))
    shelf.keep(bills(7))
    assert [shelf.has(each) for each in kept] == [True, False, *(True for _ in kept[2:])]


def test_a_shelf_is_bounded_and_keeps_what_is_looked_at() -> None:
    shelf = BillCache()
    first = shelf.keep(bills(1_000, 1))
    for centimes in range(2, SHELVED_BILLS_MAX // 1_000 + 2):
        shelf.keep(bills(1_000, centimes))
        assert shelf.find(first) is not None
    assert shelf.find(unpaid_of(bills(1_000, 2))) is None


def shelved(shelf: BillCache, *centimes: int) -> list[bool]:
    """Whether a list of ten bills of each price is at hand; no look counts as a use of it."""
    return [shelf.has(unpaid_of(bills(10, each))) for each in centimes]


def test_a_shelf_takes_exactly_its_bound_and_a_list_counts_once() -> None:
    shelf = BillCache(bills_max=30)
    for centimes in (1, 1, 1, 2, 3):
        shelf.keep(bills(10, centimes))
    shelf.keep(bills(SHORT_MAX, 9))
    assert shelved(shelf, 1, 2, 3) == [True, True, True], "a short list takes no room"
    shelf.keep(bills(SHORT_MAX + 1, 9))
    assert shelved(shelf, 1, 2, 3) == [False, True, True]


def test_a_list_that_comes_again_is_used() -> None:
    shelf = BillCache(bills_max=20)
    for centimes in (1, 2, 1, 3):
        shelf.keep(bills(10, centimes))
    assert shelved(shelf, 1, 2, 3) == [True, False, True]


def test_of_lists_beyond_the_bound_the_latest_alone_is_kept() -> None:
    shelf = BillCache(bills_max=5)
    for centimes in (1, 2):
        shelf.keep(bills(10, centimes))
        assert shelved(shelf, 1, 2) == [centimes == 1, centimes == 2]


def test_six_bills_travel_and_are_at_hand_without_a_shelf() -> None:
    for unpaid in (unpaid_of(()), unpaid_of(bills(6))):
        found = SHORT_LISTS.find(unpaid)
        assert found is not None
        assert found.bills == bills(unpaid.count)
    assert SHORT_LISTS.find(unpaid_of(bills(7))) is None


def test_five_hundred_bills_weigh_no_more_than_a_kibibyte() -> None:
    assert len(encode(Record(9, 9, FIVE_HUNDRED, terms=True))) <= SESSION_BYTES_MAX


@pytest.fixture
def till(on: Stage) -> FakeTill:
    on.till.memory.bills[LINE] = on.till.memory.bills["0600000006"]
    return on.till


async def listing(on: Stage) -> Converse:
    phone = on.ussd()
    await phone.dial()
    for option in ("fr", "own:0", "accept"):
        await phone.choose(option)
    assert phone.screen == "PickInvoices"
    return phone


def elsewhere(on: Stage, phone: Converse) -> None:
    """The next request of this phone reaches another worker, or this one after a restart."""
    other = stage(on.redis, on.texts)
    other.till.memory = on.till.memory
    phone.turns = other.turns


async def test_another_worker_reads_the_list_again(on: Stage, till: FakeTill) -> None:
    phone = await listing(on)
    await phone.key("9")
    shown = phone.page
    key = next(
        key for key, event in shown.meaning.items() if getattr(event, "id", "") == till.memory.bills[LINE][3].number
    )
    elsewhere(on, phone)
    await phone.key(key)
    assert "[ ]" in phone.page.text
    elsewhere(on, phone)
    await phone.choose("pay")
    assert phone.screen == "ConfirmTotal"
    elsewhere(on, phone)
    await phone.choose("pay")
    paid = till.only_payment()
    assert paid.invoices == tuple(b for n, b in enumerate(till.memory.bills[LINE]) if n != 3)


@pytest.mark.parametrize("at", ["PickInvoices", "ConfirmTotal"])
async def test_a_list_that_is_another_by_now_is_shown_before_a_key_counts(on: Stage, till: FakeTill, at: str) -> None:
    phone = await listing(on)
    if at == "ConfirmTotal":
        await phone.choose("pay")
    elsewhere(on, phone)
    till.memory.bills[LINE] = till.memory.bills[LINE][1:]
    await phone.key("1")
    assert phone.screen == "PickInvoices"
    assert on.texts.get(LanguageCode.FR, "ussd", "bills-changed") in phone.page.text
    assert not till.memory.payments
    await phone.choose("pay")
    await phone.choose("pay")
    assert till.only_payment().invoices == till.memory.bills[LINE]


@pytest.mark.parametrize("changed", [False, True])
async def test_a_dropped_list_is_taken_up_elsewhere_as_it_is_by_now(on: Stage, till: FakeTill, changed: bool) -> None:
    phone = await listing(on)
    elsewhere(on, phone)
    if changed:
        till.memory.bills[LINE] = till.memory.bills[LINE][1:]
    assert (await phone.dial()).screen == "Resume"
    await phone.choose("resume")
    assert phone.screen == "PickInvoices"
    assert (on.texts.get(LanguageCode.FR, "ussd", "bills-changed") in phone.page.text) is changed
    await phone.choose("pay")
    await phone.choose("pay")
    assert till.only_payment().invoices == till.memory.bills[LINE]


async def test_after_a_tick_the_page_with_it_is_shown(on: Stage, till: FakeTill) -> None:
    phone = await listing(on)
    for _ in range(3):
        await phone.key("9")
    before = phone.page
    number = till.memory.bills[LINE][before.begin].number
    await phone.choose(number)
    assert before.begin > 0
    assert phone.page.begin <= before.begin < phone.page.end
    assert "[ ]" in phone.page.text


async def test_a_request_heard_twice_is_answered_though_the_list_is_gone(on: Stage, till: FakeTill) -> None:
    phone = await listing(on)
    first = phone.page.text
    elsewhere(on, phone)
    assert (await phone.again()).page.text == first
    elsewhere(on, phone)
    till.memory.bills[LINE] = till.memory.bills[LINE][5:]
    kept = await on.values()
    again = await phone.again()
    assert again.replayed
    assert on.texts.get(again.language, "ussd", "bills-changed") in again.page.text
    assert await on.values() == kept, "a copy changes nothing"


async def test_a_line_with_nothing_left_to_pay_says_so(on: Stage, till: FakeTill) -> None:
    phone = await listing(on)
    elsewhere(on, phone)
    del till.memory.bills[LINE]
    assert (await phone.key("1")).screen == "NothingToPay"
