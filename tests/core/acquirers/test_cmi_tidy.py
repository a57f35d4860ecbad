"""What is nearly XML is made XML where its meaning is certain, and nothing else is touched."""

import pytest

from core.acquirers.cmi_tidy import spellings

WHOLE = b"<CC5Response><ErrMsg>%s</ErrMsg></CC5Response>"


def mended(body: bytes) -> str:
    """The second spelling: characters mended."""
    trimmed, text = spellings(body)
    assert isinstance(trimmed, bytes)
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("declared", "codec", "word"),
    [
        ("UTF-8", "utf-8", "سلمى"),
        ("US-ASCII", "ascii", "Salma"),
        ("ISO-8859-1", "iso8859-1", "refusé"),
        ("latin1", "iso8859-1", "refusé"),
        ("ISO-8859-9", "iso8859-9", "ğ"),
        ("ISO-8859-15", "iso8859-15", "12 €"),
        ("windows-1252", "cp1252", "12 €"),
        ("windows-1254", "cp1254", "ğ"),
        ("windows-1256", "cp1256", "سلمى"),
    ],
)
def test_an_answer_is_read_in_the_alphabet_that_it_declares(declared: str, codec: str, word: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?>'.encode() + WHOLE % word.encode(codec)
    assert f"<ErrMsg>{word}</ErrMsg>" in mended(body)


@pytest.mark.parametrize("declared", ["utf-7", "utf-16", "cp1255", "unheard"])
def test_an_alphabet_that_no_host_uses_is_not_guessed_at(declared: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?>'.encode() + WHOLE % b"x"
    assert list(spellings(body)) == [body]


@pytest.mark.parametrize("entity", ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#233;", "&#xE9;"])
def test_what_is_an_entity_of_xml_stays_one(entity: str) -> None:
    assert mended(WHOLE % entity.encode()) == (WHOLE % entity.encode()).decode()


@pytest.mark.parametrize(
    ("said", "read"), [("&eacute;", "é"), ("A & B", "A &amp; B"), ("&lt", "&amp;lt"), ("&unheard;", "&amp;unheard;")]
)
def test_what_is_none_is_mended(said: str, read: str) -> None:
    assert mended(WHOLE % said.encode()) == (WHOLE % read.encode()).decode()


@pytest.mark.parametrize("around", [b" ", b"\t", b"\r", b"\n", b"\x00", b"\r\n\x00 \t"])
def test_blanks_and_zeros_around_an_answer_say_nothing(around: bytes) -> None:
    body = WHOLE % b"x"
    assert next(iter(spellings(around + body + around))) == body
    assert next(iter(spellings(around + b"\xef\xbb\xbf" + around + body))) == body


@pytest.mark.parametrize(
    ("behind", "read"),
    [(b"<!-- host 7 -->", True), (b"<CC5Respons>", True), (b"<CC5Response>", False), (b"</CC5Response>", False)],
)
def test_two_answers_are_none(behind: bytes, read: bool) -> None:
    assert bool(list(spellings(WHOLE % b"x" + behind))) is read
