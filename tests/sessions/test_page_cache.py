"""Pages drawn lately: found for exactly the record they were drawn from, bounded, the least used forgotten first."""

import msgspec

from core.languages import LanguageCode
from sessions.page_cache import DRAWN_MAX, PageCache
from sessions.pages import Keys, Page
from sessions.screens.menu import Tell, say
from sessions.screens.opening import Language
from sessions.store.codec import Record
from sessions.store.protocol import Key

RECORD = Record(1, 1, Language(), LanguageCode.FR)


def page(text: str) -> Page:
    return Page(text, Tell(say("x")), Keys(next="9", back="0"))


def dialog(number: int) -> Key:
    return Key("+212600000001", "ussd", str(number))


def test_a_page_is_found_for_an_equal_record_of_its_dialog_alone() -> None:
    cache = PageCache()
    cache.keep(dialog(1), RECORD, page("one"))
    assert cache.find(dialog(1), RECORD) == page("one")
    assert cache.find(dialog(1), msgspec.structs.replace(RECORD)) == page("one")
    assert cache.find(dialog(1), msgspec.structs.replace(RECORD, order=2)) is None, "began anew under the same id"
    assert cache.find(dialog(2), RECORD) is None


def test_the_latest_page_takes_the_place_of_the_one_before() -> None:
    cache, later = PageCache(), msgspec.structs.replace(RECORD, version=2)
    cache.keep(dialog(1), RECORD, page("one"))
    cache.keep(dialog(1), later, page("two"))
    assert (cache.find(dialog(1), RECORD), cache.find(dialog(1), later)) == (None, page("two"))


def test_the_least_used_is_forgotten_first() -> None:
    cache = PageCache()
    for number in range(DRAWN_MAX):
        cache.keep(dialog(number), RECORD, page(str(number)))
    assert cache.find(dialog(0), RECORD) == page("0"), "as many as that are kept"
    cache.keep(dialog(0), RECORD, page("again"))
    cache.keep(dialog(DRAWN_MAX), RECORD, page("one more"))
    assert cache.find(dialog(0), RECORD) == page("again")
    assert cache.find(dialog(1), RECORD) is None
    assert cache.find(dialog(2), RECORD) == page("2")
