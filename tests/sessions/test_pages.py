"""Menus of any length and any labels, cut into pages of any size; answers of any kind, read."""

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.typed import TYPED_CHARS_MAX
from sessions.pages import Keys, Layout, Page, PagePosition, PageRow, Turned, find, page_at
from sessions.screens.menu import (
    Back,
    CardTaken,
    Charge,
    Chose,
    Digits,
    Event,
    HeardTwice,
    HelpMe,
    Menu,
    Option,
    Restart,
    Silence,
    Taken,
    Tell,
    Text,
    Typed,
    TypedSecret,
    Unclear,
    Words,
    say,
)
from tests.sessions.paged import pages

KEYS = Keys(next="9", back="0")
VOICE = Keys(next="8", back="9", help="0", restart="*")
ARABIC_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
NUMBER = Digits(say("n"), say("w"), 4, 10)
CODE = Digits(say("n"), say("w"), 3, 4, secret=True)
LETTERS = Text(say("t"), say("w"), 20)
BARE = Menu(say("m"), (Option("a", say("a")), Option("b", say("b"))))


def compose(text: str, rows: Sequence[PageRow]) -> str:
    return "\n".join((text, *(f"{row.key}. {row.label}" for row in rows)))


def layout(room: int, keys: Keys = KEYS, options_max: int = 8) -> Layout:
    return Layout(
        compose,
        lambda text: len(text) <= room,
        room,
        4,
        keys,
        options_max,
        PageRow(keys.next, "next"),
        PageRow(keys.back, "back"),
    )


def menu(loose: int, pinned: int, *, back: bool) -> Menu:
    options = tuple(Option(f"o{n}", say("o")) for n in range(loose))
    return Menu(say("m"), options, back, tuple(Option(f"p{n}", say("p")) for n in range(pinned)))


def page_of(words: Words, keys: Keys = VOICE) -> Page:
    return cut(words, layout(1000, keys))(0)


def cut(words: Words, made: Layout, label: Callable[[Option], str] = lambda option: option.id) -> Callable[[int], Page]:
    def at(begin: int) -> Page:
        page = page_at(words, "title", label, made, begin)
        assert page is not None
        return page

    return at


label = st.text(st.characters(exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), min_size=1, max_size=30)


@given(labels=st.lists(label, max_size=60), pinned=st.integers(0, 2), back=st.booleans(), room=st.integers(160, 400))
def test_pages_show_all_cut_nothing_and_lead_on(labels: list[str], pinned: int, back: bool, room: int) -> None:
    words = menu(len(labels), pinned, back=back)
    at = cut(words, layout(room), lambda option: labels[int(option.id[1:])] if option.id[0] == "o" else "pay")
    made = pages(at)
    seen: list[str] = []
    for index, page in enumerate(made):
        assert len(page.text) <= room
        lines = page.text.split("\n")
        chosen = [event.id for event in page.meaning.values() if isinstance(event, Chose)]
        assert chosen[:pinned] == [f"p{n}" for n in range(pinned)]
        assert chosen[pinned:] == [f"o{n}" for n in range(page.begin, page.end)]
        seen += chosen[pinned:]
        for key, event in page.meaning.items():
            assert page.read(key) == event
            if isinstance(event, Chose) and event.id.startswith("o"):
                assert f"{key}. {labels[int(event.id[1:])]}" in lines
        assert len(set(page.meaning.values())) == len(page.meaning)
        onward, backward = page.meaning.get("9"), page.meaning.get("0")
        assert onward == (Turned(made[index + 1].begin) if index + 1 < len(made) else None)
        if index:
            assert backward == Turned(page.begin, before=True)
            before = find(PagePosition(page.begin, before=True), at)
            assert before.begin < page.begin <= before.end, "back skips nothing"
        else:
            assert backward == (Back() if back else None)
    assert seen == [f"o{n}" for n in range(len(labels))]


@given(labels=st.lists(label, min_size=1, max_size=60), room=st.integers(160, 400), data=st.data())
def test_back_comes_to_the_first_page_wherever_one_stands(labels: list[str], room: int, data: st.DataObject) -> None:
    at = cut(menu(len(labels), 1, back=True), layout(room), lambda option: labels[int(option.id[1:])])
    page = at(data.draw(st.integers(0, len(labels) - 1)))
    for _ in labels:
        backward = page.meaning["0"]
        if not isinstance(backward, Turned):
            break
        before = find(PagePosition(backward.option, before=backward.before), at)
        assert before.begin < page.begin <= before.end
        page = before
    assert page.begin == 0
    assert page.meaning["0"] == Back()


@given(count=st.integers(1, 60), room=st.integers(60, 200), option=st.integers(0, 59), begin=st.integers(0, 59))
def test_an_option_is_on_the_page_that_holds_it(count: int, room: int, option: int, begin: int) -> None:
    option, begin = min(option, count - 1), min(begin, option, count - 1)
    page = find(PagePosition(begin, option), cut(menu(count, 1, back=True), layout(room)))
    assert Chose(f"o{option}") in page.meaning.values()
    assert page == cut(menu(count, 1, back=True), layout(room))(page.begin), "drawn again it is the same"


DIGITS_TYPED = st.integers(0, 12).flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length))
ANSWERS = st.one_of(
    st.none(),
    st.text(max_size=300),
    DIGITS_TYPED,
    DIGITS_TYPED.map(lambda digits: digits.translate(ARABIC_INDIC)),
    st.builds("{}*{}".format, DIGITS_TYPED, DIGITS_TYPED),
    st.sampled_from(["0", "1", "8", "9", "*", "#", " "]),
)


@given(typed=ANSWERS, keys=st.sampled_from([KEYS, VOICE]))
def test_no_answer_breaks_a_page(typed: str | None, keys: Keys) -> None:
    for words in (BARE, NUMBER, CODE, LETTERS, Tell(say("x")), Tell(say("x"), wait_s=1)):
        event = page_of(words, keys).read(typed)
        assert isinstance(event, Event | Turned)
        if isinstance(event, TypedSecret):
            assert words is CODE
            assert 3 <= len(event.digits) <= 4
        if isinstance(event, Typed) and words is NUMBER:
            assert 4 <= len(event.text) <= 10
            assert event.text.isascii()
            assert event.text.isdecimal()


@pytest.mark.parametrize("length", range(13))
def test_a_field_takes_digits_of_its_lengths_and_no_others(length: int) -> None:
    digits = "123456789012"[:length]
    for keys, typed in (
        (KEYS, digits),
        (VOICE, digits),
        (VOICE, digits.translate(ARABIC_INDIC)),
        (VOICE, f"7*{digits}"),
    ):
        number, code = page_of(NUMBER, keys).read(typed), page_of(CODE, keys).read(typed)
        if typed == "7*":
            assert (number, code) == (Restart(), Restart())
            continue
        assert number == (Typed(digits) if 4 <= length <= 10 else Unclear())
        assert (isinstance(code, TypedSecret), code == Unclear()) == (length in (3, 4), length not in (3, 4))
        assert not isinstance(code, TypedSecret) or code.digits.reveal() == digits


@given(digits=st.from_regex(r"[0-9]{4,10}", fullmatch=True), gap=st.sampled_from(["", " ", "-", ".", "\u00a0"]))
def test_digits_are_read_however_they_are_written(digits: str, gap: str) -> None:
    page = page_of(NUMBER)
    assert page.read(gap.join(digits)) == Typed(digits)
    assert page.read(digits.translate(ARABIC_INDIC)) == Typed(digits)
    assert page.read(f" {digits}\n") == Typed(digits)
    assert page.read(f"+{digits}") == Typed(digits)
    assert page.read(f"{digits}x") == Unclear()
    assert page.read(f"99*{digits}") == Typed(digits)


@pytest.mark.parametrize(
    ("typed", "event"),
    [
        (None, Silence()),
        ("1", Chose("a")),
        (" 2 ", Chose("b")),
        ("٢", Chose("b")),
        ("2", Chose("b")),
        ("3", Unclear()),
        ("", Unclear()),
        ("a", Unclear()),
        ("1x", Unclear()),
        ("12", Unclear()),
        ("²", Unclear()),
        ("0", HelpMe()),
        ("*", Restart()),
    ],
)
def test_a_menu_is_read(typed: str | None, event: Event) -> None:
    assert page_of(BARE).read(typed) == event


@pytest.mark.parametrize(
    ("words", "typed", "event"),
    [
        (NUMBER, "0", HelpMe()),
        (NUMBER, "9", Back()),
        (NUMBER, "*", Restart()),
        (NUMBER, "123*", Restart()),
        (NUMBER, "123", Unclear()),
        (NUMBER, "12345678901", Unclear()),
        (NUMBER, "", Unclear()),
        (LETTERS, "me@example.com", Typed("me@example.com")),
        (LETTERS, "x" * 20, Typed("x" * 20)),
        (LETTERS, "x" * 21, Unclear()),
        (LETTERS, " ", Unclear()),
        (LETTERS, "x" * (TYPED_CHARS_MAX + 5), Unclear()),
        (Tell(say("x"), wait_s=2), "5", Silence()),
        (Tell(say("x"), wait_s=2), "0", HelpMe()),
        (Digits(say("n"), say("w"), 4, 4, back=False), "9", Unclear()),
    ],
)
def test_a_field_is_read(words: Words, typed: str, event: Event) -> None:
    assert page_of(words).read(typed) == event


@pytest.mark.parametrize(
    ("typed", "once", "by_tone"),
    [
        ("12341234", False, False),
        ("1122334455", False, True),
        ("11223344", False, True),
        ("112233", False, False),  # of three digits the field has none
        ("112233445", False, False),
        ("112233445566", True, False),  # more than the field takes: each was heard twice
        ("112233445567", None, False),
    ],
)
def test_digits_of_a_telephone_may_be_heard_twice(typed: str, *, once: bool | None, by_tone: bool) -> None:
    event = Unclear() if once is None else Typed(typed[::2] if once else typed)
    assert page_of(NUMBER).read(typed) == event
    by_sound = page_of(NUMBER, msgspec.structs.replace(VOICE, by_tone=True)).read(typed)
    assert by_sound == (HeardTwice(event) if by_tone and isinstance(event, Typed) else event)


def test_of_an_answer_a_named_part_is_looked_at() -> None:
    page = page_of(NUMBER)
    assert page.read("7" * TYPED_CHARS_MAX + "*") == Restart()
    assert page.read("7" * TYPED_CHARS_MAX + "7*") == Unclear()


def test_secret_digits_are_a_secret() -> None:
    event = page_of(CODE).read("987")
    assert isinstance(event, TypedSecret)
    assert "987" not in repr(event)


def test_where_a_choice_stands() -> None:
    page = page_of(menu(3, 1, back=False))
    assert page.place_of(Chose("o2")) == 2
    assert page.place_of(Chose("p0")) == 0
    assert page.place_of(Silence()) == 0
    assert page_of(NUMBER).place_of(Chose("o2")) == 0


def test_what_cannot_be_shown_is_told() -> None:
    assert page_at(menu(3, 0, back=False), "title", lambda _: "x" * 50, layout(40)) is None
    assert page_at(menu(0, 1, back=False), "title", lambda _: "x" * 50, layout(40)) is None


def test_a_menu_without_options_is_one_page() -> None:
    assert len(pages(cut(menu(0, 0, back=False), layout(40)))) == 1


def test_a_page_of_a_long_list_looks_at_no_other_page() -> None:
    looked: set[str] = set()

    def label(option: Option) -> str:
        looked.add(option.id)
        return "label"

    page = cut(menu(500, 1, back=True), layout(90, options_max=50), label)(300)
    assert len(looked) <= page.end - page.begin + 2
    assert 5 < page.end - page.begin < 8


@pytest.mark.parametrize("tells_back", [True, False])
@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("pinned", [0, 2])
def test_a_page_holds_all_that_fits_and_tells_the_ways_on(pinned: int, *, back: bool, tells_back: bool) -> None:
    words = menu(9, pinned, back=back)
    for room in range(45, 105, 2):
        made = msgspec.structs.replace(layout(room, options_max=6), tells_back=tells_back)

        def composed(begin: int, end: int) -> str:
            shown = [f"p{n}" for n in range(pinned)] + [f"o{n}" * 3 for n in range(begin, end)]
            rows = [PageRow(str(n), label) for n, label in enumerate(shown, 1)]
            way_back = begin > 0 or (back and tells_back)
            if end < 9:
                return compose(
                    "title", [*rows, PageRow("9", "next"), *[PageRow("0", "back")] * (way_back and tells_back)]
                )
            return compose("title", [*rows, *[PageRow("0", "back")] * way_back])

        at = cut(words, made, lambda option: option.id if option.id[0] == "p" else option.id * 3)
        for page in map(at, range(9)):
            assert page.text == composed(page.begin, page.end)
            more = range(page.end + 1, min(9, page.begin + 6 - pinned) + 1)
            assert all(len(composed(page.begin, end)) > room for end in more), "nothing more would have fitted"


@pytest.mark.parametrize("taken", Taken)
def test_what_came_of_a_card_that_was_typed_elsewhere_is_read_and_nothing_else(taken: Taken) -> None:
    page = page_of(Charge(say("x"), "p", 76920))
    assert page.read(f" {taken} ") == CardTaken(taken)
    for typed in ("", "1", "0", "*", f"{taken}x", taken.upper()):
        assert page.read(typed) == Unclear()
    assert page.read(None) == Silence()
