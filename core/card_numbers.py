"""Card numbers in whatever was typed or is about to be written: the one place that knows them (PCI DSS 3.3, 3.5). Pure.

People write a number with any digits and any signs between them, glue it to the expiry and the code, or put a digit
before it. Every window of 13 to 19 digits is looked at whose first digits an issuer has and whose check digit is right.
Bills, lines and authorisations are numbers too: a window that cuts through one of theirs counts only where what is cut
off looks like an expiry or is short. Letters and days part numbers. Time grows with the text and with nothing else.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from core.cards import PAN_MAX, PAN_MIN

MASK = "[carte]"
ROUNDS_MAX = 8  # of masking: what is left beside a masked number is looked at again
BEFORE_MAX = 4  # digits glued before a number that has gaps of its own
AFTER_MAX = 4  # and after it; more must begin with an expiry
AFTER_EXPIRY_MAX = 10  # MMYYYY and a code of four
GAP_MAX = 3  # characters between groups of what no known issuer has
ISSUER_DIGITS = 6
NEIGHBOURS_MAX = 3  # numbers one beside another, a telephone's among them
KEPT_MAX = 1_024

_ALL = frozenset(range(PAN_MIN, PAN_MAX + 1))
_LONG = frozenset(range(16, PAN_MAX + 1))
_16 = frozenset({16})

# ISO/IEC 7812 issuers by their first six digits, and how long their numbers are.
ISSUERS = (
    (220000, 220599, _LONG),  # Mir, Borica
    (222100, 272099, _16),  # Mastercard
    (300000, 305999, frozenset({14}) | _LONG),  # Diners
    (309500, 309599, frozenset({14}) | _LONG),
    (340000, 349999, frozenset({15})),  # American Express
    (352800, 358999, _LONG),  # JCB
    (360000, 369999, frozenset({14}) | _LONG),  # Diners
    (370000, 379999, frozenset({15})),  # American Express
    (380000, 399999, frozenset({14}) | _LONG),  # Diners
    (400000, 499999, frozenset({13, 16, 19})),  # Visa
    (500000, 509999, _ALL),  # Maestro, Dankort, Elo, Verve
    (510000, 559999, _16),  # Mastercard
    (560000, 589999, _ALL),  # Maestro
    (601100, 601199, _LONG),  # Discover
    (603000, 609999, _16),  # RuPay, Hipercard
    (620000, 629999, _LONG),  # UnionPay
    (630400, 630499, _ALL),  # Maestro
    (636000, 639999, _LONG),  # Elo, InstaPayment
    (644000, 659999, _LONG),  # Discover, Troy
    (670000, 679999, _ALL),  # Maestro
    (810000, 817199, _LONG),  # UnionPay
    (860000, 860099, _16),  # Uzcard
    (970400, 970499, _LONG),  # NAPAS
    (979200, 979299, _16),  # Troy
    (986000, 986099, _16),  # Humo
)
_FROM = [low for low, _, _ in ISSUERS]
_BANKING = "3456"  # ISO/IEC 7812 industries: enough for a number that stands alone

_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])(?:20)?[2-4]\d|[2-4]\d(?:0[1-9]|1[0-2])")
_ENOUGH = re.compile(r"\d(?:[^A-Za-z\d]*\d){12}")  # of an ASCII text: most have no such run
_DAY = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([-/.])(?:0\d|1[0-2])\1[0-3]\d|[0-3]?\d([-/.])(?:0?\d|1[0-2])\2(?:19|20)\d\d)(?!\d)"
)
_LINE = re.compile(r"0[5-8]\d{8}|(?:00)?212[5-8]\d{8}")
_BILL = re.compile(r"0{4}[1-9]\d{11}")  # as the operator numbers them
_YEAR = re.compile(r"20[2-4]\d")  # of a receipt's number
_LINE_SHORT = re.compile(r"[5-8]\d{8}")
# Lines at the beginning of a run, as people space them.
_LINES = re.compile(
    r"(?:(?:0[5-8](?: ?\d\d){4}|0[5-8]\d\d \d{3} \d{3}|0[5-8] \d{4} \d{4}"
    r"|(?:00 ?)?212 ?[5-8](?:(?: ?\d\d){4}|\d\d \d{3} \d{3}|\d\d \d\d \d\d \d\d))(?: |$))*"
)
# What a copy or a person makes of them: O for 0, I and l for 1, and few letters between its groups.
_LOOK = str.maketrans("OoIl", "0011")
_LOOKS = re.compile(r"(?<![^\W\dOoIl_])[\dOoIl]{3,}(?![^\W\dOoIl_])")
_APART = re.compile(r"(?<!\d)\d{1,19}(?P<gap>\D{1,6}?)\d{1,19}(?:(?P=gap)\d{1,19}){1,17}(?!\d)")
_FOURS = re.compile(r"(?<!\d)(\d{4})\D{1,8}(\d{4})\D{1,8}(\d{4})\D{1,8}(\d{4})(?!\d)")


@dataclass(slots=True)
class _Run:
    """Digits with no letter between them; where each stands, and the groups they are written in."""

    digits: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)  # where each group begins
    group_of: list[int] = field(default_factory=list)

    def add(self, digits: str, at: int) -> None:
        if not self.at or at - self.at[-1] > 1:
            self.groups.append(len(self.digits))
        for digit in digits:
            self.digits.append(digit)
            self.at.append(at)
            self.group_of.append(len(self.groups) - 1)


def holds(text: str) -> bool:
    """Whether a card's number can be read in a text, also where letters stand between its groups or for its digits."""
    if next(_found(text, any_issuer=False), None) is not None:
        return True
    read = _FOURS.sub(r"\1 \2 \3 \4", _APART.sub(_spaced, _LOOKS.sub(_as_digits, text)))
    return read != text and next(_found(read, any_issuer=False), None) is not None


def masked(text: str, mask: str = MASK, *, any_issuer: bool = False) -> str:
    """The text with each card's number replaced. `any_issuer`: for logs, where a number too many may be masked."""
    for _ in range(ROUNDS_MAX):
        spans = _joined(_found(text, any_issuer=any_issuer))
        if not spans:
            break
        parts, done = [], 0
        for begin, end in spans:
            parts += [text[done:begin], mask]
            done = end
        text = "".join((*parts, text[done:]))
    return text


def _found(text: str, *, any_issuer: bool) -> Iterator[tuple[int, int]]:
    """Where numbers begin and end in the text, the earliest first; they may overlap."""
    if text.isascii() and _ENOUGH.search(text) is None:
        return
    for run in _runs(_DAY.sub(_letters, text)):
        yield from ((run.at[begin], run.at[end - 1] + 1) for begin, end in _windows(run, any_issuer=any_issuer))


def _as_digits(group: re.Match[str]) -> str:
    return group[0].translate(_LOOK)


def _spaced(groups: re.Match[str]) -> str:
    """One number whose groups are parted by one word or letter."""
    return groups[0].replace(groups["gap"], " ")


def _letters(day: re.Match[str]) -> str:
    return "d" * len(day[0])


def _joined(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def _runs(text: str) -> Iterator[_Run]:
    run = _Run()
    for at, char in enumerate(text):
        digits = char if "0" <= char <= "9" else "" if char.isascii() else _digits_of(char)
        if digits:
            run.add(digits, at)
        elif char.isalpha():
            if len(run.digits) >= PAN_MIN:
                yield run
            if run.at:
                run = _Run()
    if len(run.digits) >= PAN_MIN:
        yield run


@lru_cache(maxsize=KEPT_MAX)
def _digits_of(char: str) -> str:
    """The digits a character stands for in any script, circled, full-width or Chinese; empty for all others."""
    value = unicodedata.numeric(char, -1)
    return str(int(value)) if 0 <= value < 100 and value == int(value) else ""


def _windows(run: _Run, *, any_issuer: bool) -> Iterator[tuple[int, int]]:
    digits = "".join(run.digits)
    sums = _luhn_sums(digits)
    for begin in range(_after_lines(run, digits), len(digits) - PAN_MIN + 1):
        lengths = _lengths(int(digits[begin : begin + ISSUER_DIGITS]))
        if not lengths and not any_issuer and (begin or digits[0] not in _BANKING):
            continue
        for end in range(begin + PAN_MIN, min(begin + PAN_MAX, len(digits)) + 1):
            sum_ = sums[(end - 1) % 2]
            right = (sum_[end] - sum_[begin]) % 10 == 0
            if right and _stands(run, digits, begin, end, known=end - begin in lengths, any_issuer=any_issuer):
                yield begin, end


def _stands(run: _Run, digits: str, begin: int, end: int, *, known: bool, any_issuer: bool) -> bool:
    """Whether a window is a number by itself rather than a piece of neighbours."""
    first, last = run.group_of[begin], run.group_of[end - 1]
    before, after = digits[run.groups[first] : begin], digits[end : _end_of(run, last)]
    if first < last and _holds_lines(run, digits, first, last):
        return False
    if begin == 0 and end == len(digits) and digits[0] in _BANKING:
        return True
    if not known:
        if not any_issuer or digits[begin] == "0":
            return False
        near = all(run.at[at] - run.at[at - 1] <= GAP_MAX for at in run.groups[first + 1 : last + 1])
        return near and (not (before or after) or len(_group(run, digits, first)) > PAN_MAX)
    if first == last or not (before or after):
        return True
    cut = [group for group, rest in ((first, before), (last, after)) if rest]
    if len(before) > BEFORE_MAX or any(_ours(_group(run, digits, group)) for group in cut):
        return False
    return len(after) <= AFTER_MAX or (len(after) <= AFTER_EXPIRY_MAX and _EXPIRY.match(after) is not None)


def _ours(group: str) -> bool:
    return any(number.fullmatch(group) for number in (_LINE, _BILL, _YEAR))


def _holds_lines(run: _Run, digits: str, first: int, last: int) -> bool:
    """Neighbours of a telephone number, or two of them without their zeros, may be as long as a card's number."""
    groups = [_group(run, digits, group) for group in range(first, last + 1)]
    some = len(groups) <= NEIGHBOURS_MAX and any(_LINE.fullmatch(group) for group in groups)
    return some or all(_LINE_SHORT.fullmatch(group) for group in groups)


def _after_lines(run: _Run, digits: str) -> int:
    """How many digits at the run's beginning are telephone numbers: no card's number begins like one."""
    if digits[0] not in "02":
        return 0
    spaced = " ".join(_group(run, digits, group) for group in range(len(run.groups)))
    found = _LINES.match(spaced)
    return 0 if found is None else len(found[0].replace(" ", ""))


def _group(run: _Run, digits: str, group: int) -> str:
    return digits[run.groups[group] : _end_of(run, group)]


def _end_of(run: _Run, group: int) -> int:
    return run.groups[group + 1] if group + 1 < len(run.groups) else len(run.digits)


def _lengths(issuer: int) -> frozenset[int]:
    place = bisect_right(_FROM, issuer) - 1
    if place < 0 or issuer > ISSUERS[place][1]:
        return frozenset()
    return ISSUERS[place][2]


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Running sums with every second digit doubled: those of even places as they are, then those of odd places."""
    sums: tuple[list[int], list[int]] = ([0], [0])
    for place, digit in enumerate(digits):
        value = int(digit)
        twice = value * 2 - 9 if value > 4 else value * 2
        for parity, running in enumerate(sums):
            running.append(running[-1] + (value if place % 2 == parity else twice))
    return sums
