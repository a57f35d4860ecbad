"""Card numbers as people, keyboards and copies spell them: for every test that nothing of them is kept."""

from random import Random

CARDS = (
    *("4000000000000010", "5453010000066100", "4242424242424242", "4111111111111111", "4222222222222"),
    *("4000000000000000006", "5555555555554444", "5105105105105100", "2223003122003222", "2720992222222229"),
    *("378282246310005", "371449635398431", "30569309025904", "36227206271667", "6011111111111117"),
    *("3530111333300000", "6200000000000005", "6205500000000000004", "6759649826438453", "5018000000000009"),
)
SCRIPTS = tuple(
    str.maketrans("0123456789", digits)
    for digits in (
        "0123456789",
        "٠١٢٣٤٥٦٧٨٩",
        "۰۱۲۳۴۵۶۷۸۹",
        "0123456789",
        "०१२३४५६७८९",
        "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "߀߁߂߃߄߅߆߇߈߉",
        "⓪①②③④⑤⑥⑦⑧⑨",
        "⁰¹²³⁴⁵⁶⁷⁸⁹",
        "〇一二三四五六七八九",
    )
)
GAPS = (
    *("", " ", "  ", "-", ".", "/", ",", "_", "\n", "\r\n", "\t", " - ", " / ", "\u00a0", "\u202f", "\u200b", "\u2060"),
    *(
        "\u2013",
        "\u2014",
        "\u2212",
        ":",
        ";",
        "|",
        "*",
        "+",
        "'",
        "·",
        "\ufe0f\u20e3",
        "\u202e",
        "\u00ad",
        "...",
        " , ",
        "~",
    ),
)
BEFORE = ("", "carte ", "CB:", "0 ", "1 ", "9", "12", "n° ", "\u202e", "الرقم ", "(", "12/30 ", "123 ", "x=")
AFTER = (
    "",
    " 12 30 123",
    " 12/30",
    "1230",
    "1230123",
    " svp",
    "7",
    " 7",
    ")",
    "\n12/2030\n123",
    "122030123",
    " exp 12/30 cvv 123",
)


WORDS = (" puis ", "x", " then ", " و ", "a", "abc", " espace ", " et encore ", ", ensuite ", " tiret ", " ثم ", "_ou_")


def spelled_with_words(card: str, random: Random) -> str:
    """One way to write a number in groups of one size with words or letters between them."""
    size = random.choice((1, 2, 3, 4, 4, 4, 5, 8))
    groups = [card[at : at + size] for at in range(0, len(card), size)]
    word, same = random.choice(WORDS), random.random() < 0.5
    gaps = [word, *(word if same else random.choice((*WORDS, " ", "-")) for _ in groups[2:])]
    text = groups[0] + "".join(gap + group for gap, group in zip(gaps, groups[1:], strict=True))
    return random.choice(BEFORE) + text.translate(random.choice(SCRIPTS)) + random.choice(AFTER)


def spelling(card: str, random: Random) -> str:
    """One way to write a card's number."""
    size = random.choice((1, 2, 3, 4, 4, 4, 5, 6, 8, 19))
    groups = [card[at : at + size] for at in range(0, len(card), size)]
    if random.random() < 0.2:  # anyhow
        cuts = sorted(random.sample(range(1, len(card)), random.randint(1, 5)))
        groups = [card[a:b] for a, b in zip([0, *cuts], [*cuts, len(card)], strict=True)]
    gap = random.choice(GAPS)
    gaps = [gap if random.random() < 0.8 else random.choice(GAPS) for _ in groups[1:]]
    written = groups[0] + "".join(a + b for a, b in zip(gaps, groups[1:], strict=True))
    script = random.choice(SCRIPTS)
    mixed = random.random() < 0.2
    text = "".join(char.translate(random.choice(SCRIPTS) if mixed else script) for char in written)
    return random.choice(BEFORE) + text + random.choice(AFTER)


def spellings(count: int, *, words: bool = True) -> list[tuple[str, str]]:
    """As many, each with the card it spells; the same ones at every call. `words`: in a fourth words stand between."""
    random, made = Random(14), list[tuple[str, str]]()
    for n in range(count):
        way = spelled_with_words if words and n % 4 == 3 else spelling
        card = CARDS[n % len(CARDS)] if n % 4 != 3 else random.choice(CARDS)
        made.append((card, way(card, random)))
    return made
