"""Languages of the latest customers: bounded, and nothing is unlearned by silence."""

from redis.asyncio import Redis

from core.languages import LanguageCode
from sessions.screens.opening import Language
from sessions.store.codec import Record
from sessions.store.protocol import Key
from sessions.store.redis import RedisStore
from sessions.turn.context import SPOKEN_MAX, LanguagesSpoken
from sessions.turn.inbound import Inbound
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.sessions.fakes import CALLER, CASABLANCA, MASTER_KEYS, NUMBERS, Stage


def test_what_is_not_known_changes_nothing() -> None:
    languages = LanguagesSpoken()
    languages.keep("+212600000001", LanguageCode.AR)
    languages.keep("+212600000001", None)
    assert languages.find("+212600000001") is LanguageCode.AR
    assert languages.find("+212600000002") is None


def test_the_least_recent_is_forgotten_first() -> None:
    languages = LanguagesSpoken()
    for number in range(SPOKEN_MAX):
        languages.keep(str(number), LanguageCode.FR)
    assert languages.find("0") is LanguageCode.FR
    languages.keep("0", LanguageCode.EN)
    languages.keep("one more", LanguageCode.FR)
    assert languages.find("0") is LanguageCode.EN
    assert (languages.find("1"), languages.find("2")) == (None, LanguageCode.FR)


def process(on: Stage, redis: Redis | None = None) -> Turns:
    """One of the server's that has spoken to nobody yet; its own language is no customer's."""
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS))
    store = RedisStore(redis or on.redis)
    return Turns(store, performer, on.clock, NUMBERS, zone=CASABLANCA, default_language=LanguageCode.EN)


async def language_in(turns: Turns, dialog: str) -> LanguageCode:
    return await turns.language_of(Inbound(dialog, CALLER, 3, "1"), "ussd")


async def test_an_apology_is_in_the_language_that_was_spoken_last(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    assert await language_in(process(on), phone.dialog) is LanguageCode.EN  # none is chosen yet
    await phone.choose("ar")
    assert await language_in(on.turns, "another") is LanguageCode.AR
    assert await language_in(process(on), phone.dialog) is LanguageCode.AR
    assert await language_in(process(on), "another") is LanguageCode.AR  # of the dialog before
    await on.redis.flushdb()
    assert await language_in(on.turns, phone.dialog) is LanguageCode.AR  # remembered, whatever is stored
    assert await language_in(process(on), phone.dialog) is LanguageCode.EN


async def test_the_dialog_s_own_language_goes_before_that_of_the_last_one(on: Stage) -> None:
    store = RedisStore(on.redis)
    for dialog, language in (("d1", LanguageCode.FR), ("d2", LanguageCode.AR)):
        record = Record(1, 1, Language(), language)
        assert await store.save(Key(CALLER, "ussd", dialog), record, expected=0, seal={}, erase=False)
    assert await language_in(process(on), "d1") is LanguageCode.FR
    assert await language_in(process(on), "d2") is LanguageCode.AR


async def test_where_nothing_can_be_asked_it_is_the_house_s_language(on: Stage) -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nobody:
        assert await language_in(process(on, nobody), "d1") is LanguageCode.EN
    assert await language_in(process(on), "d1") is LanguageCode.EN
