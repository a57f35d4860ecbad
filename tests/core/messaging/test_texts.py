"""Texts from locales/: all there when the server starts, or it does not start."""

from pathlib import Path

import pytest

from core.languages import LanguageCode
from core.messaging.texts import MissingText, Section, Texts, load_texts, read_texts


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "mail", **sections: str) -> None:
    """locales/<language>/<name>.toml with these contents."""
    for language, content in sections.items():
        (folder / language).mkdir()
        (folder / language / f"{name}.toml").write_text(content, encoding="utf-8")
        (folder / language / "notes.md").write_text("not a section")
    monkeypatch.setattr("core.messaging.texts.resources.files", lambda _: folder)


def test_what_is_shipped_is_complete() -> None:
    texts = load_texts()
    assert {"ussd", "ivr", "sms"} <= texts.sections()
    for section in texts.sections():
        assert len({texts.keys(language, section) for language in LanguageCode}) == 1


def test_flat_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = 'a = "1"\n"b.c" = "{x} 2"\n[b]\nd = """\n3\n"""\nnumber = 4\n'
    written(tmp_path, monkeypatch, fr=toml, ar=toml, en=toml)
    texts = read_texts()
    assert texts.keys(LanguageCode.AR, "mail") == {"a", "b.c", "b.d"}
    assert texts.get(LanguageCode.FR, "mail", "b.d") == "3"
    assert texts.fill(LanguageCode.FR, "mail", "b.c", x="y") == "y 2"
    assert texts.has(LanguageCode.FR, "mail", "a")
    assert not texts.has(LanguageCode.FR, "mail", "z")
    assert texts.sections() == {"mail"}


@pytest.mark.parametrize("lacking", LanguageCode)
def test_a_key_that_one_language_lacks_stops_the_start(
    lacking: LanguageCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {language.value: 'a = "1"\nb = "2"\n' for language in LanguageCode} | {lacking.value: 'a = "1"\n'}
    written(tmp_path, monkeypatch, **sections)
    with pytest.raises(MissingText, match=rf"locales/{lacking}/mail\.toml lacks b"):
        read_texts()


def test_a_section_that_one_language_lacks_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, fr='a = "1"', ar='a = "1"', en='a = "1"')
    (tmp_path / "en" / "mail.toml").unlink()
    with pytest.raises(MissingText, match="locales/en/mail"):
        read_texts()


@pytest.mark.parametrize("name", ["ussd", "ivr"])
@pytest.mark.parametrize("lacking", LanguageCode)
def test_where_languages_are_chosen_each_has_its_name(
    name: str, lacking: LanguageCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = "".join(f'"language.{other}" = "x"\n' for other in LanguageCode if other is not lacking)
    written(tmp_path, monkeypatch, name, fr=named, ar=named, en=named)
    with pytest.raises(MissingText, match=rf"{name}\.toml lacks language\.{lacking}"):
        read_texts()


@pytest.mark.parametrize(
    ("section", "said"),
    [("ussd", "a\u200e*1#"), ("sms", "a\u200e*1#"), ("ivr", "a*1#"), ("pay", "a*1#"), ("numbers", "a*1#")],
)
def test_a_section_fills_in_what_all_may_name_in_order_where_it_is_seen(section: str, said: str) -> None:
    texts = Texts({(LanguageCode.AR, section): {"k": "{every}{own}"}})
    assert Section(texts, section, {LanguageCode.AR: {"every": "a"}}).say(LanguageCode.AR, "k", own="*1#") == said


def test_what_is_missing_is_named() -> None:
    texts = Texts({(LanguageCode.FR, "mail"): {}})
    with pytest.raises(MissingText, match=r"locales/en/sms\.toml has no 'x'"):
        texts.get(LanguageCode.EN, "sms", "x")
