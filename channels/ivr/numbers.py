"""A number -> the recorded words that say it, one after the other (locales/*/numbers.toml). Pure.

0 to 99 are one word each: French soixante-dix and quatre-vingts, English hyphens and Arabic units before tens are data,
not rules. What is left are the rules of hundreds and thousands. Arabic is said in one case throughout and in the forms
that count masculine nouns, for nothing else is counted aloud (dirhams, centimes, bills of a list).
"""

from dataclasses import dataclass

from core.languages import LANGUAGES, LanguageCode, NumberGrammar

SECTION = "numbers"
NUMBER_MAX = 999_999  # larger ones are read digit by digit
HUNDRED = 100
THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Word:
    """A key of numbers.toml; a joined one follows another word ("and sixty-nine", "وتسعة")."""

    key: str
    joined: bool = False


WORD_KEYS = (
    *(f"n.{n}" for n in range(HUNDRED)),
    *(f"h.{n}" for n in range(1, 10)),
    "h.2.of",
    "t.one",
    "t.two",
    "t.two.of",
    "t.few",
    "t.many",
)


def number_words(
    number: int, language: LanguageCode, *, joined: bool = False, counts: bool = False
) -> tuple[Word, ...]:
    """The words of 0..NUMBER_MAX. `joined`: it follows "and"; `counts`: the noun it counts follows it.

    Raises ValueError outside of the bounds.
    """
    if not 0 <= number <= NUMBER_MAX:
        raise ValueError("a number that is read digit by digit")
    grammar = LANGUAGES[language].numbers
    groups = _arabic(number, counts=counts) if grammar is NumberGrammar.ARABIC else _western(number, grammar)
    words: list[Word] = []
    for at, (group, follows) in enumerate(groups):
        head = Word(group[0], joined if at == 0 else follows)
        words += [head, *(Word(key) for key in group[1:])]
    return tuple(words)


Group = tuple[tuple[str, ...], bool]  # words said together; whether the first of them is joined to what came before


def _western(number: int, grammar: NumberGrammar) -> list[Group]:
    """French and English: "mille" has no "one" before it; English joins what is below a hundred."""
    thousands, rest = divmod(number, THOUSAND)
    groups: list[Group] = []
    if thousands:
        if thousands > 1 or grammar is NumberGrammar.ONE_THOUSAND:
            groups += _below_thousand(thousands, follows=False)
        groups.append((("t.one",), False))
    if rest or not thousands:
        groups += _below_thousand(rest, follows=bool(thousands))
    return groups


def _below_thousand(number: int, *, follows: bool) -> list[Group]:
    hundreds, rest = divmod(number, HUNDRED)
    groups: list[Group] = [((f"h.{hundreds}",), False)] if hundreds else []
    if rest or not hundreds:
        groups.append(((f"n.{rest}",), follows or bool(hundreds)))
    return groups


def _arabic(number: int, *, counts: bool) -> list[Group]:
    """Every group after the first has its waw; duals lose their noon, and thousands their ending, before the noun."""
    thousands, rest = divmod(number, THOUSAND)
    groups = _arabic_thousands(thousands, of=counts and not rest) if thousands else []
    hundreds, units = divmod(rest, HUNDRED)
    if hundreds:
        groups.append((_hundreds(hundreds, of=counts and not units),))
    if units or not number:
        groups.append((f"n.{units}",))
    return [(group, True) for group in groups]


def _arabic_thousands(thousands: int, *, of: bool) -> list[tuple[str, ...]]:
    """100 and 1,000 said as "a hundred and a thousand" would be 1,100: 101,000 is said 100,000 and 1,000."""
    hundreds, units = divmod(thousands, HUNDRED)
    if not hundreds:
        return [_counted_thousand(units, of=of)]
    if not units:
        return [(_hundreds(hundreds, of=True), "t.one")]
    if units <= 2:
        return [(_hundreds(hundreds, of=True), "t.one"), _counted_thousand(units, of=of)]
    return [(_hundreds(hundreds, of=False),), _counted_thousand(units, of=of)]


def _counted_thousand(units: int, *, of: bool) -> tuple[str, ...]:
    if units == 1:
        return ("t.one",)
    if units == 2:
        return ("t.two.of" if of else "t.two",)
    if units <= 10:
        return (f"n.{units}", "t.few")
    return (f"n.{units}", "t.one" if of else "t.many")


def _hundreds(hundreds: int, *, of: bool) -> str:
    return "h.2.of" if hundreds == 2 and of else f"h.{hundreds}"
