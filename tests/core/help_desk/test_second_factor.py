"""Second factors: RFC 6238's own vectors, what rests, and what gets in once."""

import re

import pytest

from core.help_desk.second_factor import (
    CODE_CHARS_MAX,
    DIGITS,
    SEALED_FOR,
    STEP_S,
    code_at,
    fresh_recovery_codes,
    fresh_secret,
    recovery_hash,
    step_of,
    uri,
)
from core.sealing import Sealer

SEED = b"12345678901234567890"  # RFC 6238, appendix B


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(at_s: int, code: str) -> None:
    assert code_at(SEED, at_s // STEP_S) == code[-DIGITS:]
    assert step_of(SEED, code[-DIGITS:], at_s) == at_s // STEP_S


def test_a_step_before_and_after_are_taken_and_no_other() -> None:
    now_s, step = 1_000_000_010.0, 1_000_000_010 // STEP_S
    taken = [offset for offset in range(-4, 5) if step_of(SEED, code_at(SEED, step + offset), now_s) is not None]
    assert taken == [-1, 0, 1]
    code = code_at(SEED, step)
    assert step_of(SEED, f" {code[:3]} {code[3:]} ", now_s) == step
    for typed in ("", "000", code[:5], code + "0", "٠" * DIGITS, "x" * 5_000, "１２３４５６"):
        assert step_of(SEED, typed, now_s) is None


def test_the_clock_s_first_steps_and_a_code_of_many_signs() -> None:
    assert [step_of(SEED, code_at(SEED, step), 0.0) for step in range(3)] == [0, 1, None]
    assert step_of(SEED, code_at(SEED, 0), STEP_S - 0.5) == 0
    assert step_of(SEED, code_at(SEED, 0), 2 * STEP_S) is None
    code = code_at(SEED, 7)
    assert step_of(SEED, "-" * (CODE_CHARS_MAX - DIGITS) + code, 7.0 * STEP_S) == 7
    assert step_of(SEED, "-" * (CODE_CHARS_MAX - DIGITS + 1) + code, 7.0 * STEP_S) is None


def test_a_secret_is_long_and_new_each_time() -> None:
    first, second = fresh_secret(), fresh_secret()
    assert (len(first), len(second), first == second) == (20, 20, False)


def test_a_secret_rests_sealed_for_its_account_and_under_keys_that_rotate() -> None:
    secret = fresh_secret()
    old, new = Sealer(["yesterday's key"], SEALED_FOR), Sealer(["a new key", "yesterday's key"], SEALED_FOR)
    other = Sealer(["x"], SEALED_FOR)
    assert Sealer(["yesterday's key"], "something else").open("sami", old.seal("sami", secret)) is None
    sealed = old.seal("sami", secret)
    assert secret not in sealed
    assert old.open("sami", sealed) == (secret, False)
    assert new.open("sami", sealed) == (secret, True)
    assert new.open("amal", sealed) is None
    assert other.open("sami", sealed) is None
    assert other.open("sami", b"") is None


def test_a_secret_that_an_earlier_release_sealed_is_opened() -> None:
    kept = "f27f43493659c51e201246a1f9397c3d675481c60ac131f2c6b0cbf7a800fddad7486ecda33635ee77c602d02c468d76"
    secret = bytes(range(20))
    assert Sealer(["yesterday's key"], SEALED_FOR).open("sami", bytes.fromhex(kept)) == (secret, False)


def test_recovery_codes_are_long_readable_and_kept_as_digests() -> None:
    codes = fresh_recovery_codes()
    assert len(set(codes)) == len(codes) == 8
    assert all(re.fullmatch(r"(?:[A-HJ-NP-Z2-9]{4}-){5}[A-HJ-NP-Z2-9]{4}", code) for code in codes)
    # no place is the same in all: each letter is drawn
    assert [at for at, letters in enumerate(zip(*codes, strict=True)) if len(set(letters)) == 1] == [4, 9, 14, 19, 24]
    kept = recovery_hash("sami", codes[0])
    assert kept == recovery_hash("sami", f" {codes[0].lower().replace('-', ' ')} ")
    assert kept != recovery_hash("amal", codes[0])
    assert codes[0].replace("-", "") not in kept
    # as an earlier release kept it
    assert recovery_hash("sami", "ABCD-2345") == ("93ecd0af95674aa97c5637b3bb48ed8d67fbce159bb7fc1f2fa4b538f767f526")
    assert recovery_hash("sami", "half a sign: \ud800") == recovery_hash("sami", "half a sign: ?")
    assert recovery_hash("sami", "x" * CODE_CHARS_MAX + "y") == recovery_hash("sami", "x" * CODE_CHARS_MAX)
    assert recovery_hash("sami", "x" * (CODE_CHARS_MAX - 1) + "y") != recovery_hash("sami", "x" * CODE_CHARS_MAX)


def test_an_authenticator_is_told_everything_it_asks_for() -> None:
    told = uri(SEED, "sami")
    assert told == (
        "otpauth://totp/Khallas%3Asami?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Khallas&digits=6&period=30"
    )
