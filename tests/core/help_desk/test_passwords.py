"""Where a password stops being one: bounds at, below and above (what everybody tries is in test_accounts)."""

import pytest

from core.help_desk.passwords import PASSWORD_CHARS_MAX, WORDS, PasswordFault, fault

LENGTH, KINDS, COMMON = PasswordFault.LENGTH, PasswordFault.KINDS, PasswordFault.COMMON
OWN = "b7kwxm"  # six characters that no list, run or year holds


@pytest.mark.parametrize(
    ("password", "name", "why"),
    [
        ("kX9-mVq2-tt", "", LENGTH),
        ("kX9-mVq2-ttR", "", None),
        (OWN + " " * 122, "", None),
        (OWN + " " * 123, "", LENGTH),
        ("kwxmzpvt brnd", "", KINDS),
        ("7204 8351 9627", "", KINDS),
        ("kwxmzpvt brnd²", "", KINDS),
        ("kwxmzpvt brn٧", "", None),
        # how many characters differ
        ("kw7mzkw7zmk7", "", COMMON),
        ("kw7mzxkw7zmk", "", None),
        # what is left without well-known words, in any letters
        ("password b7kwx", "", COMMON),
        ("password b7kwxm", "", None),
        ("PASSWORD b7kwx", "", COMMON),
        ("Pásswörd b7kwx", "", COMMON),
        ("p4$$w0rd b7kwx", "", COMMON),
        ("password_b7_kwx", "", COMMON),
        # the account's own name, where it is long enough to be one
        ("zkvt b7kwx 2026", "", None),
        ("zkvt b7kwx 2026", "zkvt.b", COMMON),
        ("ZKVT b7kwx 2026", "b.zkvt", COMMON),
        ("zkvb7kwx 2026", "zkv", COMMON),
        ("zkb7kwx 2026", "zk", None),
        # years
        ("1999 b7kwx ...", "", COMMON),
        ("2026 b7kwx ...", "", COMMON),
        ("1899 b7k w ...", "", None),
        # runs of three: forwards, backwards, of one character, of a keyboard
        ("ab b7kw ......", "", None),
        ("abc b7kwx ....", "", COMMON),
        ("ZYX b7kwm ....", "", COMMON),
        ("zz b7kw ......", "", None),
        ("b7kw ...... ab", "", None),
        ("zzz b7kwx ....", "", COMMON),
        ("azertyuiop b7kwx", "", COMMON),
        ("890 b7kwx ....", "", COMMON),
        ("xyz b7kwm ....", "", COMMON),
        ("bnm b7kwx ....", "", COMMON),
        ("iop b7kwx ....", "", COMMON),
        ("wertyuiop b7kwx", "", COMMON),
        ("zertyuiop b7kwx", "", COMMON),
        ("asdfghjkl b7kwx", "", COMMON),
        ("lkjhgfdsa b7kwx", "", COMMON),
        ("sdfghjklm b7kwx", "", COMMON),
        ("abcd.b7kwx.mlk", "", COMMON),
        # one piece over and over
        (OWN * 2, "", COMMON),
        (OWN + OWN.upper(), "", COMMON),
        (OWN * 2 + "b", "", COMMON),
        (OWN + "b7kwxq", "", None),
        ("b7kwxmq" * 2, "", COMMON),
        ("b7kwxmqb7kwxm", "", None),
    ],
)
def test_the_bounds_of_a_password(password: str, name: str, why: PasswordFault | None) -> None:
    assert fault(password, name) is why


def test_each_fault_has_its_words() -> None:
    assert set(WORDS) == set(PasswordFault)
    assert WORDS[PasswordFault.LENGTH] == "a password has 12 to 128 characters"
    assert WORDS[PasswordFault.KINDS] == "a password has letters and digits"
    assert WORDS[PasswordFault.COMMON] == "this password, or one like it, is among the first that are tried"
    assert WORDS[PasswordFault.USED] == "another password than the last 4"
    assert (len(OWN + " " * 122), PASSWORD_CHARS_MAX) == (128, 128)
