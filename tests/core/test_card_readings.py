"""Texts that a card's number is read in or is not, each for a rule that no other text here shows.

Most were found by a search among thousands for what tells a changed rule from the rule.
"""

import pytest

from core.card_numbers import holds, masked
from core.cards import luhn

# A text with a number; with the number masked; and as a log has it. Words are read and not masked.
SEEN = [
    (
        " ستة  sept  خمسة  neuf  واحد  تلاتة  ستة  تسعة  cinq  three  خمسة  ثمانية  zero ",
        " ستة  sept  خمسة  neuf  واحد  تلاتة  ستة  تسعة  cinq  three  خمسة  ثمانية  zero ",
        " ستة  sept  خمسة  neuf  واحد  تلاتة  ستة  تسعة  cinq  three  خمسة  ثمانية  zero ",
    ),
    (
        "138543  five  oh  one  eight  تسعة  six  eight  سبعة  تسعود  un  nine  اربعة  four x",
        "138543  five  oh  one  eight  تسعة  six  eight  سبعة  تسعود  un  nine  اربعة  four x",
        "138543  five  oh  one  eight  تسعة  six  eight  سبعة  تسعود  un  nine  اربعة  four x",
    ),
    (
        "0582972797 / 5018000000 et 000009 exp 12/30",
        "0582972797 / 5018000000 et 000009 exp 12/30",
        "0582972797 / 5018000000 et 000009 exp 12/30",
    ),
    (
        "carte 2022, 02737, 14, 49, 63, 53, 98, 43, 1 212725352261",
        "carte 2022, 027# 212725352261",
        "carte 2022, 027# 212725352261",
    ),
    (
        " trois  six  deux  جوج  sept  deux  zero  six  two  sept  un  six  ستة  sept ",
        " trois  six  deux  جوج  sept  deux  zero  six  two  sept  un  six  ستة  sept ",
        " trois  six  deux  جوج  sept  deux  zero  six  two  sept  un  six  ستة  sept ",
    ),
    ("593760110.11734ab29865-79999", "593760110.11734ab29865-79999", "593760110.11734ab29865-79999"),
    ("104995 351329 278346 / 0533 661 226", "10#346 / 0533 661 226", "10# 226"),
    (
        " nine  seven  صفر  four  اربعة  huit  تلاتة  sept  ستة  two  ستة  un  un , 0871 710 252",
        " nine  seven  صفر  four  اربعة  huit  تلاتة  sept  ستة  two  ستة  un  un , 0871 710 252",
        " nine  seven  صفر  four  اربعة  huit  تلاتة  sept  ستة  two  ستة  un  un , 0871 710 252",
    ),
    ("1.2.2026, 4222222222222", "1.2.2026, #", "1.2.2026, #"),
    (
        "n° 37abc8282246310005 et 212658351633 123",
        "n° 37abc8282246310005 et 212658351633 123",
        "n° 37abc8282246310005 et 212658351633 123",
    ),
    ("35301-113333000-00", "#", "#"),
    ("carte 2221 puis 094575688306", "carte 2221 puis 094575688306", "carte 2221 puis 094575688306"),
    (
        "x29-11-2026 et 675 998.335, 125ab2993012123",
        "x29-11-2026 et 675 998.335, 125ab2993012123",
        "x29-11-2026 et 675 998.335, 125ab2993012123",
    ),
    (
        "1 ⑤①x⓪⑤, ensuite ①⓪ و ⑤① و ⓪⑤ ①⓪abc⑤①x⓪⓪1230",
        "1 ⑤①x⓪⑤, ensuite ①⓪ و ⑤① و ⓪⑤ ①⓪abc⑤①x⓪⓪1230",
        "1 ⑤①x⓪⑤, ensuite ①⓪ و ⑤① و ⓪⑤ ①⓪abc⑤①x⓪⓪1230",
    ),
    (
        "x=४ ثم १x१abc१abc१, ensuite १-१ १ then १ puis १x१-१ ثم १a१ puis १-१ 7",
        "x=४ ثم १x१abc१abc१, ensuite १-१ १ then १ puis १x१-१ ثم १a१ puis १-१ 7",
        "x=४ ثم १x१abc१abc१, ensuite १-१ १ then १ puis १x१-१ ثم १a१ puis १-१ 7",
    ),
    ("4484578551a311", "4484578551a311", "4484578551a311"),
    ("5018000000000009416", "#416", "#416"),
    ("8467596498ab26438453", "8467596498ab26438453", "8467596498ab26438453"),
    ("1 675946982528 x 7771", "1 675946982528 x 7771", "1 675946982528 x 7771"),
    ("8639964 475433 -- 235284 -- 42", "8#4 -- 42", "8#4 -- 42"),
    ("42498749410183514092191926012566", "##", "#"),
    ("123 ४००००० / ०००००० / ०००००० / ६", "123 #", "123 #"),
    (
        "67596498 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 26438453",
        "67596498 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 26438453",
        "67596498 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 26438453",
    ),
    ("carte 855 -- 1 -- 0 -- 5 -- 1 -- 0 -- 5 -- 1 -- 0 -- 5 -- 1 -- 0 -- 5 -- 1 -- 0 -- 0", "carte 85#", "carte 85#"),
    ("424643 894008 0607122030", "#122030", "#122030"),
    ("435466 118339, 58577700", "#0", "#0"),
    ("435466 118339, 585777", "#77", "#77"),
    ("435466 118339 585777", "#77", "#77"),
    ("435466x118339x585777", "435466x118339x585777", "435466x118339x585777"),
    ("12/05/1990 4000000000000010", "12/05/1990 #", "12/05/1990 #"),
    (
        "4000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0000 puis 0000 puis 0010",
        "4000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0000 puis 0000 puis 0010",
        "4000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0000 puis 0000 puis 0010",
    ),
    ("40000abc0000000ab0010", "40000abc0000000ab0010", "40000abc0000000ab0010"),
    ("4486 puis 2024 puis 8888 puis 9657", "4486 puis 2024 puis 8888 puis 9657", "4486 puis 2024 puis 8888 puis 9657"),
    ("4262 puis 1024 puis 3523 puis 3621", "4262 puis 1024 puis 3523 puis 3621", "4262 puis 1024 puis 3523 puis 3621"),
    ("497573 puis 1650145306", "497573 puis 1650145306", "497573 puis 1650145306"),
    (
        "12344000 puis 0000 puis 0000 fin 0010",
        "12344000 puis 0000 puis 0000 fin 0010",
        "12344000 puis 0000 puis 0000 fin 0010",
    ),
    (
        "4000 puis 0000 puis 0000 fin 00109999",
        "4000 puis 0000 puis 0000 fin 00109999",
        "4000 puis 0000 puis 0000 fin 00109999",
    ),
    ("40000000 puis 000000101", "40000000 puis 000000101", "40000000 puis 000000101"),
    ("46 32 01 0623972319", "#", "#"),
    ("40000000000000104000000000000010", "##", "#"),
    ("4755851284286239", "#", "#"),
    ("40000000 ab 00000010", "40000000 ab 00000010", "40000000 ab 00000010"),
    ("carte 371449635398431 et 30569309025904", "carte # et #", "carte # et #"),
]
# What people write about bills, and numbers that are too far apart or too mixed with others; and as a log has it.
UNSEEN = [
    ("06 5010 3931 et 617998", "06 5010 3931 et 617998"),
    ("2022\n701217\n2005116", "2022\n701217\n2005116"),
    ("07 64 26 80 60, 9565876, 0537 412 634", "07 64 26 80 60, 9565876, 0537 412 634"),
    ("994019\n738932\n579159\n735579", "994019\n738932\n579159\n735579"),
    ("575078 - 0575146166 - 6678608", "575078 - 0575146166 - 6678608"),
    ("770274008 856227731", "770274008 856227731"),
    ("06 4526 4145, 0749 067 926, 0571 577 379", "06 4526 4145, 0749 067 926, 0571 577 379"),
    ("0000454811523237 puis 5005644 puis 0000515518493035", "0000454811523237 puis 5005644 puis 0000515518493035"),
    (
        "le 212650517567 799215474 0586450955 00212666753973 +212517153031",
        "le 212650517567 799215474 0586450955 00212666753973 +212517153031",
    ),
    (
        "client 00212507709095 et 0835 625 687 et 6746744 et 0619 757 519 et 2020",
        "client 00212507709095 et 0835 625 687 et 6746744 et 0619 757 519 et 2020",
    ),
    ("4682 78 0693392981", "4682 78 0693392981"),
    ("453967790 0667122030", "453967790 0667122030"),
    ("4 0612345678 061230", "4 0612345678 061230"),
    ("435466, 118339, 585777", "435466, 118339, 585777"),
    ("212 623 333 157 5851782", "212 623 333 157 5851782"),
    ("4000 0000 12/05/1990 0000 0010", "4000 0000 12/05/1990 0000 0010"),
    (
        "4000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0000 puis 0000 puis 0010",
        "4000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0000 puis 0000 puis 0010",
    ),
    (
        "4000 puis 0000 puis 0000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0010",
        "4000 puis 0000 puis 0000 zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 0010",
    ),
    ("40000abcd0000000ab0010", "40000abcd0000000ab0010"),
    ("40000 a 0000000ab0010", "40000 a 0000000ab0010"),
    ("40000ab0000000 a 0010", "40000ab0000000 a 0010"),
    ("452998 puis 0661828258", "452998 puis 0661828258"),
    ("123454000 puis 0000 puis 0000 fin 0010", "123454000 puis 0000 puis 0000 fin 0010"),
    ("4000 puis 0000 puis 0000 fin 001099999", "4000 puis 0000 puis 0000 fin 001099999"),
    ("facture 0000437790330837 puis 5", "facture 0000437790330837 puis 5"),
    ("4692 puis 212666982604", "4692 puis 212666982604"),
    ("4486 puis 2024 et 8888 fin 9657", "4486 puis 2024 et 8888 fin 9657"),
    ("9123    4577 7777 7777", "9123    4577 7777 7777"),
    ("9123 4577 7777 7777      77", "#      77"),
]


@pytest.mark.parametrize(("text", "rest", "logged"), SEEN, ids=range(len(SEEN)))
def test_a_number_is_seen(text: str, rest: str, logged: str) -> None:
    assert holds(text)
    assert (masked(text, "#"), masked(text, "#", any_issuer=True)) == (rest, logged)


@pytest.mark.parametrize(("text", "logged"), UNSEEN, ids=range(len(UNSEEN)))
def test_what_is_no_number_of_a_card_is_left(text: str, logged: str) -> None:
    assert not holds(text)
    assert (masked(text, "#"), masked(text, "#", any_issuer=True)) == (text, logged)


WORDS = {
    "0": "zero zéro oh صفر",
    "1": "un une one واحد",
    "2": "deux two اثنان اثنين جوج",
    "3": "trois three ثلاثة تلاتة",
    "4": "quatre four اربعة أربعة ربعة",
    "5": "cinq five خمسة",
    "6": "six ستة",
    "7": "sept seven سبعة",
    "8": "huit eight ثمانية تمنية",
    "9": "neuf nine تسعة تسعود",
}


@pytest.mark.parametrize(("digit", "word"), [(digit, word) for digit, words in WORDS.items() for word in words.split()])
def test_every_word_for_a_digit_is_read(digit: str, word: str) -> None:
    body = "4" + digit * 14
    number = next(body + last for last in "0123456789" if luhn(body + last))
    for spelled in (word, word.upper(), f"{word},"):
        assert holds(" ".join(spelled if each == digit else each for each in number))


@pytest.mark.parametrize(
    ("number", "sizes"),
    [
        ("371449635398431", (4, 6, 5)),
        ("30569309025904", (4, 6, 4)),
        ("4000000000000010", (6, 10)),
        ("4000000000000010", (4, 12)),
        ("4000000000000010", (8, 4, 4)),
        ("4000000000000010", (4, 8, 4)),
        ("4222222222222", (4, 3, 3, 3)),
        ("4000000000000010", (5, 5, 5, 1)),
        ("4000000000000010", (8, 8)),
    ],
)
def test_groups_as_they_are_printed_are_seen_with_words_between(number: str, sizes: tuple[int, ...]) -> None:
    groups, at = [], 0
    for size in sizes:
        groups.append(number[at : at + size])
        at += size
    words = (" et aussi puis ", " , ensuite là ", " enfin voilà ")
    assert holds(groups[0] + "".join(word + group for word, group in zip(words, groups[1:], strict=False)))
