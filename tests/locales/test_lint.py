"""Every text a customer reads or hears: the same in every language, used, and within its alphabet."""

import string
from functools import cache

import pytest

from channels.ussd.speaker import BRIEF, SECTION
from core.languages import LanguageCode
from core.messaging.gsm7 import Coding, coding_of
from core.messaging.texts import load_texts
from sessions.screens.journey import Shown, advance
from sessions.screens.menu import Again, Capabilities, Digits, Menu, Noted, Say, Text, Worded, Words
from tests.locales.used import asked_for
from tests.sessions.events import events_of
from tests.sessions.samples import EVERYWHERE, ON_USSD_ALONE, SAMPLES, USSD, VOICE, visit

TEXTS = load_texts()
SECTIONS = sorted(TEXTS.sections())
OF_THE_SPEAKER = {"next", "back", "apology"}
BESIDES = {"not-heard", "restarted", "heard-twice"}  # said by the machine on any channel
# tests/sessions/screens/test_wallet.py looks at these: no sample has a wallet set up
WITH_A_WALLET_ONLY = {
    "confirm-total.wallet",
    "confirm-total.card",
    "confirm-total.other-wallet",
    "wallet-too-often",
    "wallet-not-now",
}
# notices above screens that USSD never shows, and of keys that no telephone line carries
WITH_A_CARD_ONLY = {"call-back", "card-gone", "bank-pin.refused", "heard-twice"}
BRANDS = {"brand.visa", "brand.mastercard", "brand.card"}
VARIANTS = (BRIEF, ".ticked", ".unticked")
PLURALS = (".zero", ".one", ".two")  # forms that may say their number by themselves


def values_of(template: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(template) if name is not None})


@pytest.mark.parametrize("section", SECTIONS)
def test_same_keys_and_values_in_every_language(section: str) -> None:
    for key in TEXTS.keys(LanguageCode.FR, section):
        french = values_of(TEXTS.get(LanguageCode.FR, section, key))
        for language in LanguageCode:
            own = values_of(TEXTS.get(language, section, key))
            assert own == french or (key.endswith(PLURALS) and {*own, "n"} == {*french, "n"}), f"{language} {key}"


@pytest.mark.parametrize("section", SECTIONS)
def test_no_text_is_empty_or_unused(section: str) -> None:
    for key in TEXTS.keys(LanguageCode.FR, section):
        assert all(TEXTS.get(language, section, key).strip() for language in LanguageCode), key
    unasked = {key for key in TEXTS.keys(LanguageCode.FR, section) if key not in said() and not asked_for(key)}
    unused = {key for key in unasked if not (key.endswith(VARIANTS) and key.rpartition(".")[0] in said())}
    assert not unused


@cache
def said() -> frozenset[str]:
    """Every key that any screen says, on every event."""
    return frozenset().union(*(on_screen(screen, can) for screen in SAMPLES for can in (USSD, VOICE)))


def on_screen(screen: Shown, can: Capabilities) -> frozenset[str]:
    """What a screen says on a channel, its notices too."""
    words = screen.ask(visit(can))
    keys = set(keys_of(words))
    for event in events_of(words):
        following = advance(screen, event, visit(can))
        if isinstance(following, Again | Noted):
            keys |= spoken(following.notice)
    return frozenset(keys)


def keys_of(words: Words) -> set[str]:
    keys = spoken(words.text)
    if isinstance(words, Digits | Text):
        keys |= spoken(words.wrong)
    if isinstance(words, Menu):
        for option in words.every:
            tick = {None: "", True: ".ticked", False: ".unticked"}[option.ticked]
            keys |= {key + tick for key in spoken(option.label)}
    return keys


def spoken(what: Say) -> set[str]:
    return {what.key, *(value.key for _, value in what.values if isinstance(value, Worded))}


def test_ussd_has_the_texts_of_its_screens_and_no_other() -> None:
    on_ussd = (
        BESIDES.union(OF_THE_SPEAKER, WITH_A_WALLET_ONLY, *(on_screen(screen, USSD) for screen in EVERYWHERE))
        - WITH_A_CARD_ONLY
    )
    ussd = TEXTS.keys(LanguageCode.FR, SECTION)
    assert {key for key in ussd if not key.endswith(BRIEF)} == on_ussd
    assert {key.removesuffix(BRIEF) for key in ussd if key.endswith(BRIEF)} <= on_ussd


def test_voice_has_the_texts_of_its_screens() -> None:
    screens = [screen for screen in SAMPLES if not isinstance(screen, ON_USSD_ALONE)]
    on_voice = BESIDES.union(BRANDS, *(on_screen(screen, VOICE) for screen in screens))
    assert on_voice - TEXTS.keys(LanguageCode.FR, "ivr") <= {"resume"}  # a number that may be forged resumes no dialog


@pytest.mark.parametrize("language", [LanguageCode.FR, LanguageCode.EN])
def test_latin_ussd_texts_stay_within_gsm7(language: LanguageCode) -> None:
    for key in TEXTS.keys(language, SECTION):
        if not key.startswith("language"):
            text = TEXTS.get(language, SECTION, key)
            assert coding_of(text) is Coding.GSM7, f"{key}: {text}"


def test_arabic_is_arabic() -> None:
    for section in SECTIONS:
        for key in TEXTS.keys(LanguageCode.AR, section):
            text = TEXTS.get(LanguageCode.AR, section, key)
            latin = TEXTS.get(LanguageCode.FR, section, key)
            if all(line.startswith("[") for line in text.split("\n")):
                continue  # said in every language, each line by its own voice
            words = [word for word in text.split() if word.isalpha() and word.isascii()]
            assert text != latin or len(words) <= 3, f"{section} {key} is not translated"


def test_a_text_nobody_asks_for_would_be_found() -> None:
    assert not asked_for("no-such-text-anywhere-at-all")
    assert asked_for("terms.accept")
    assert asked_for("service.fixed")
