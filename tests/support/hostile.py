"""Spellings that handsets, gateways and people make of one and the same thing: every wire meets all of them.

A new wire meets them by itself, and fails until it reads them: test_hostile.py in tests/channels/ussd, sms and ivr
play these tables over every wire of their WIRES, and over SMPP.
"""

ARABIC_INDIC, EASTERN, DEVANAGARI, WIDE, THAI = "\u0660", "\u06f0", "\u0966", "\uff10", "\u0e50"
DIGIT_SCRIPTS = ("0", ARABIC_INDIC, EASTERN, DEVANAGARI, WIDE, THAI)

# every mark that shows nothing: of direction (LRM, RLM, ALM, embeddings, isolates), joiners, BOM, soft hyphen
UNSEEN = (
    *("\u200e", "\u200f", "\u061c", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e"),
    *("\u2066", "\u2067", "\u2068", "\u2069", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"),
)
GAPS = (
    *("", " ", "-", ".", "/", "\u00a0", "\u202f", "\u2009", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014"),
    *("\u2212", "_", ",", ", ", " - ", "\u00b7", "\u2022", "\t"),
)
PADDING = ("@", "\x00", "\r", "\r\n", "@\x00")


def in_script(digits: str, zero: str) -> str:
    """ASCII digits in another script."""
    return "".join(chr(ord(zero) + int(digit)) for digit in digits)


KEYS_OF_ONE = (
    *(in_script("1", zero) for zero in DIGIT_SCRIPTS),
    *(mark + "1" for mark in UNSEEN),
    *("1" + mark for mark in UNSEEN),
    *("1" + padding for padding in PADDING),
    *("1#", "1.", "1)", "(1)", '"1"', "'1'", "01", "1,", "1;", "1:", "1-", " 1 ", "[1]", "«1»", "“1”", "\u202b1\u202c"),
    *("1\ufe0f\u20e3", "\u00a01", "1!", "1/", "-1", "<1>"),
)

NUMBER = "0600000003"
NUMBERS = (
    *(in_script(NUMBER, zero) for zero in DIGIT_SCRIPTS),
    *(mark + NUMBER for mark in UNSEEN),
    *(gap.join(("06", "00", "00", "00", "03")) for gap in GAPS),
    *("(06)00000003", "+212 (0)6 00 00 00 03", "+212600000003", "00212600000003", "212600000003", "+212-600-000003"),
    *("0600000003#", "0600000003.", "tel:+212600000003", "tel: 0600000003", "N° 0600000003", "0600000003,"),
    *("\u202a+212 600-000003\u202c", "\u2068\u206606 00 00 00 03\u2069\u2069", "002120600000003", "Tél. 0600000003"),
    *("(+212) 600 000 003", "[0600000003]", '"0600000003"', "0600000003\x00", "0600000003\r"),
)

# of 7 and 15 letters, which is when an eighth septet is left over
PADDED = ("7710345", "123456789012345")

# the word CODE, as telephones and people make it
WORDS = (
    *(
        "CODE",
        "code",
        " Code ",
        "CODE.",
        "CODE!",
        "C\u00d4DE",
        "cod\u00e9",
        "\uff23\uff2f\uff24\uff25",
        "c o d e",
        "C.O.D.E",
        "C0DE",
    ),
    *(
        "\u00abCODE\u00bb",
        '"CODE"',
        "'code'",
        "(code)",
        "code\n",
        "code\r\n",
        "CODE\x00",
        "CODE@",
        "\U0001f600 CODE",
        "#code",
        "*code*",
    ),
    *(mark + "CODE" for mark in UNSEEN),
    *("CODE" + mark for mark in UNSEEN),
    *("CO" + mark + "DE" for mark in UNSEEN),
    *(
        "\u0643\u0648\u062f",
        "\u0627\u0644\u0631\u0645\u0632",
        "\u0643\u0640\u0648\u062f",
        "\ufedb\ufeee\ufea9",
        "\u0441ode",
    ),
    *(gap.join("CODE") for gap in GAPS),
)

# what people, mails and messengers put behind a link
PASTED = (
    *(
        ".",
        ")",
        "),",
        "!",
        "?",
        ";",
        ":",
        ",",
        '"',
        "'",
        ">",
        "]",
        "}",
        "\u00bb",
        "\u2019",
        "\u201d",
        "\u2026",
        "\u060c",
        "\u061f",
    ),
    *UNSEEN,
    *("\u00a0", "\u202f", " ", "*", "_", "~", "`", "|", "-", "\u2014", "/", ").", "*_~", "\u0964", "\U0001f44d"),
)

# the telephone +212600000003 as networks, SIP and phone books write it: where a request names its customer
CALLER = "+212600000003"
CALLERS = (
    *(
        "+212600000003",
        "212600000003",
        "00212600000003",
        "0600000003",
        "600000003",
        " 212600000003",
        "+212 600-000-003",
    ),
    *("+212 (0)6 00 00 00 03", "(+212) 600 000 003", "tel:+212600000003", "tel:+212-600-000-003;phone-context=ma"),
    *("sip:+212600000003@10.0.0.9", "sip:0600000003@x.ma;user=phone", "+212600000003;npdi", "<sip:+212600000003@x.ma>"),
    *('"Salma" <0600000003>', "Salma <sip:+212600000003@10.0.0.9:5060>", "sips:+212600000003@x.ma:5061;transport=tls"),
    *(
        "06/00/00/00/03",
        "06.00.00.00.03",
        "06_00_00_00_03",
        "0600000003#",
        "0600000003,",
        '"0600000003"',
        "[0600000003]",
    ),
    *(gap.join(("+212", "600", "000", "003")) for gap in GAPS),
    *(mark + "+212600000003" + mark for mark in UNSEEN),
    *("+" + in_script("212600000003", zero) for zero in DIGIT_SCRIPTS[1:]),
)
NOBODY = ("MAROCTEL", "0600FLOWERS", "+212 OOO", "", "12 34", "sip:salma@10.0.0.9", "<sip:khallas@x.ma>", "\u200f", "+")
