"""Card numbers in whatever was typed or is about to be written: the one place that knows them (PCI DSS 3.3, 3.5). Pure.

People write a number with any digits and any signs between them, glue it to the expiry and the code, or put a digit
before it. Every window of 13 to 19 digits is looked at whose first digits an issuer has and whose check digit is right.
Bills, lines and authorisations are numbers too: a window that cuts through one of theirs counts only where what is cut
off looks like an expiry or is short. Letters and days part numbers; what is spelled with words, card_words.py reads.
Time grows with the text and with nothing else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.card_issuers import BANKING, ISSUER_DIGITS, lengths_of, luhn_sums
from core.card_words import digits_of, readings
from core.cards import PAN_MAX, PAN_MIN

MASK = "[carte]"
ROUNDS_MAX = 8  # of masking: what is left beside a masked number is looked at again
BEFORE_MAX = 4  # digits glued before a number that has gaps of its own
AFTER_MAX = 4  # and after it; more must begin with an expiry
AFTER_EXPIRY_MAX = 10  # MMYYYY and a code of four
GAP_MAX = 3  # characters between groups of what no known issuer has
AUTHORISATION_DIGITS = 6  # of payment codes as well
CUSTOMER_BESIDE = ([6, 7], [7, 6])  # a customer's number and an authorisation; a Visa's 13 digits stand so as well
LISTED_MIN = 4  # such numbers, one beside another: no card's number has as many
NEIGHBOURS_MAX = 3  # numbers one beside another, a telephone's among them

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
    """Returns whether a card's number can be read in a text, also where letters stand between its groups or for its
    digits.
    """
    read = (text, *readings(text))
    return any(next(_found(each, any_issuer=False), None) is not None for each in read)


def masked(text: str, mask: str = MASK, *, any_issuer: bool = False) -> str:
    """The text with each card's number replaced. `any_issuer`: for logs, where a number too many may be masked."""
    for _ in range(ROUNDS_MAX):
        spans = _joined(_found(text, any_issuer=any_issuer))
        if not spans:
            break
        parts, end_of_last = [], 0
        for begin, end in spans:
            parts += [text[end_of_last:begin], mask]
            end_of_last = end
        text = "".join((*parts, text[end_of_last:]))
    return text


def _found(text: str, *, any_issuer: bool) -> Iterator[tuple[int, int]]:
    """Where numbers begin and end in the text, the earliest first; they may overlap."""
    if text.isascii() and _ENOUGH.search(text) is None:
        return
    for run in _runs(_DAY.sub(_letters, text)):
        yield from ((run.at[begin], run.at[end - 1] + 1) for begin, end in _windows(run, any_issuer=any_issuer))


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
        digits = digits_of(char)
        if digits:
            run.add(digits, at)
        elif char.isalpha():
            if len(run.digits) >= PAN_MIN:
                yield run
            if run.at:
                run = _Run()
    if len(run.digits) >= PAN_MIN:
        yield run


def _windows(run: _Run, *, any_issuer: bool) -> Iterator[tuple[int, int]]:
    digits = "".join(run.digits)
    sums = luhn_sums(digits)
    for begin in range(_after_lines(run, digits), len(digits) - PAN_MIN + 1):
        lengths = lengths_of(int(digits[begin : begin + ISSUER_DIGITS]))
        if not lengths and not any_issuer and (begin or digits[0] not in BANKING):
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
    groups = [_group(run, digits, group) for group in range(first, last + 1)]
    dated = _EXPIRY.fullmatch(after) is not None  # glued to a last group that may look like one of ours then
    if first < last and (_holds_ours(groups, dated=dated) or _listed(run, digits, first, end)):
        return False
    if begin == 0 and end == len(digits) and digits[0] in BANKING:
        return True
    if not known:
        if not any_issuer or digits[begin] == "0":
            return False
        near = all(run.at[at] - run.at[at - 1] - 1 <= GAP_MAX for at in run.groups[first + 1 : last + 1])
        return near and (not (before or after) or len(_group(run, digits, first)) > PAN_MAX)
    if first == last or not (before or after):
        return True
    cut = [group for group, rest in ((groups[0], before), (groups[-1], after)) if rest]
    if dated and _LINE.fullmatch(groups[-1]):
        cut.remove(groups[-1])
    if len(before) > BEFORE_MAX or any(map(_ours, cut)):
        return False
    return len(after) <= AFTER_MAX or (len(after) <= AFTER_EXPIRY_MAX and _EXPIRY.match(after) is not None)


def _ours(group: str) -> bool:
    return any(number.fullmatch(group) for number in (_LINE, _BILL, _YEAR))


def _holds_ours(groups: list[str], *, dated: bool) -> bool:
    """Neighbours of a telephone number, two of them without their zeros, a customer's number beside an authorisation,
    or a bill and what stands beside it, may be as long as a card's number. `dated`: the last ends with an expiry."""
    whole = groups[:-1] if dated and len(groups) > 2 else groups
    lines = len(groups) <= NEIGHBOURS_MAX and any(map(_LINE.fullmatch, whole))
    customer = [len(group) for group in groups] in CUSTOMER_BESIDE and groups[0][0] != "4"
    return lines or customer or all(map(_LINE_SHORT.fullmatch, groups)) or any(map(_BILL.fullmatch, groups))


def _listed(run: _Run, digits: str, first: int, end: int) -> bool:
    """Authorisations one after the other: many, or further apart than a number's groups are."""
    last = run.group_of[end - 1]
    near = range(max(0, first - LISTED_MIN), min(len(run.groups), last + 1 + LISTED_MIN))
    alike = {group for group in near if _end_of(run, group) - run.groups[group] == AUTHORISATION_DIGITS}
    if not alike.issuperset(range(first, last + 1)) or _EXPIRY.match(digits, end):
        return False
    return len(alike) >= LISTED_MIN or all(run.at[at] - run.at[at - 1] > 2 for at in run.groups[first + 1 : last + 1])


def _after_lines(run: _Run, digits: str) -> int:
    """How many digits at the run's beginning are telephone numbers: no card's number begins like one."""
    if digits[0] not in "02":
        return 0
    spaced = " ".join(_group(run, digits, group) for group in range(len(run.groups)))
    match = _LINES.match(spaced)
    return 0 if match is None else len(match[0].replace(" ", ""))


def _group(run: _Run, digits: str, group: int) -> str:
    return digits[run.groups[group] : _end_of(run, group)]


def _end_of(run: _Run, group: int) -> int:
    return run.groups[group + 1] if group + 1 < len(run.groups) else len(run.digits)
