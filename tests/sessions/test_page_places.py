"""The place of a page in a long list, the page before another, and the one that holds an option."""

import msgspec
import pytest

from sessions.pages import PagePosition, PageRow, find, page_at
from sessions.screens.menu import Listing, Menu, Option, Tell, say
from tests.sessions.paged import pages
from tests.sessions.test_pages import compose, cut, layout, menu, page_of


class Bills(Listing):
    """One option that is no bill, and then the bills."""

    def __init__(self, bills: int) -> None:
        self.bills = bills

    @property
    def uncounted(self) -> int:
        return 1

    def __len__(self) -> int:
        return 1 + self.bills

    def at(self, place: int) -> Option:
        return Option(f"o{place}", say("o"))

    def place(self, option: str) -> int | None:
        return int(option[1:])


def test_a_long_list_ends_where_its_length_says() -> None:
    """What makes its options may make any: what walks over them must come to an end."""
    listing = Bills(3)
    assert [option.id for option in listing] == ["o0", "o1", "o2", "o3"]
    for place in (4, -5):
        with pytest.raises(IndexError):
            listing[place]


def test_a_page_of_a_long_list_says_which_of_it_it_shows() -> None:
    made = msgspec.structs.replace(layout(90), where=lambda place: f"no {place}")
    at = cut(Menu(say("m"), Bills(12), back=False), made)
    told = [(page.text.split("\n")[0], page.begin, page.end) for page in pages(at)]
    assert told == [("title (no 1-7)", 0, 8), ("title (no 8-12)", 8, 13)]
    nameless = page_at(Menu(say("m"), Bills(12), back=False), "", lambda option: option.id, made)
    assert nameless is not None
    assert nameless.text.split("\n")[0] == f"no 1-{nameless.end - 1}/12"


def test_the_place_in_a_list_is_left_out_sooner_than_a_whole_page() -> None:
    words = Menu(say("m"), Bills(3), back=False)
    seen: set[tuple[int, bool]] = set()
    for room in range(20, 70):
        made = msgspec.structs.replace(layout(room), where=lambda place: f"no {place}")
        for begin in range(4):

            def composed(end: int, begin: int = begin, *, placed: bool = True) -> str:
                first, last = max(begin - 1, 0) + 1, end - 1
                told = placed and last >= first and (begin, end) != (0, 4)
                rows = [PageRow(str(n), f"o{place}") for n, place in enumerate(range(begin, end), 1)]
                ways = ([PageRow("9", "next")] if end < 4 else []) + ([PageRow("0", "back")] if begin else [])
                return compose(f"title (no {first}-{last})" if told else "title", [*rows, *ways])

            fitting = [composed(end) for end in range(4, begin, -1)] + [composed(begin + 1, placed=False)]
            whole = next((text for text in fitting if len(text) <= room), None)
            page = page_at(words, "title", lambda option: option.id, made, begin)
            assert (None if page is None else page.text) == whole
            if page is not None:
                seen.add((page.end - page.begin, "(no" in page.text))
    assert seen >= {(1, False), (1, True), (2, True), (4, False)}


def test_a_page_that_would_begin_behind_the_list_begins_with_its_last() -> None:
    at = cut(menu(3, 1, back=True), layout(200))
    assert [at(begin).begin for begin in (-5, 0, 2, 3, 9)] == [0, 0, 2, 2, 2]
    assert at(9) == at(2)


def test_a_list_of_one_page_says_no_place() -> None:
    made = msgspec.structs.replace(layout(200), where=lambda place: f"no {place}")
    assert cut(Menu(say("m"), Bills(3), back=False), made)(0).text.startswith("title\n")
    assert cut(menu(12, 0, back=False), made)(0).text.startswith("title\n"), "no list that is counted"


def test_the_page_before_is_the_longest_that_leads_on_and_a_held_option_is_found() -> None:
    for room in (45, 53, 60, 90):
        at = cut(
            menu(12, 1, back=True), layout(room), lambda option: "x" * (1 + len(option.id) * (option.id[-1] < "5"))
        )
        for end in range(1, 13):
            leading = [begin for begin in range(end) if all(at(later).end >= end for later in range(begin, end))]
            assert find(PagePosition(end, before=True), at) == at(min(leading))
        for begin in range(12):
            for holds in range(begin, 12):
                page = find(PagePosition(begin, holds), at)
                assert page.begin <= holds < page.end
    tell = page_of(Tell(say("x")))
    assert find(PagePosition(0, 0), lambda _: tell) == tell
