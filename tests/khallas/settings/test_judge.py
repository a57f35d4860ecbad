"""One secret weighed: what is typed is refused, what was drawn passes."""

import base64
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khallas.settings.strength.judge import Guessing, random_bytes, weak
from khallas.settings.strength.known import SHOWN, WORDS
from khallas.settings.strength.typed import is_digest

DRAWS = 4_000  # of each kind; twenty thousand of each were drawn by hand without a fault


def drawn(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("size", [16, 24, 32, 48])
def test_what_is_drawn_passes(size: int) -> None:
    """As `openssl rand -hex`, `-base64` and Python's secrets write it."""
    for seed in range(DRAWS // size):
        key = drawn(seed, size)
        for told in (key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")):
            assert weak(told, Guessing.OFFLINE) is None, told
    assert all(random_bytes(drawn(seed, 32)) for seed in range(DRAWS))


@pytest.mark.parametrize(
    "typed",
    [
        *("a-long-random-secret", "A-Long-Random-Secret", "1234567890123456", "12345678901234567890123456789012"),
        *("abcdefghijklmnop", "khallas-khallas-1", "Khallas-2026-Casablanca", "P@ssw0rdP@ssw0rd2026"),
        *("azertyuiop123456", "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaaaaaaaaaa", "changeme-changeme-changeme"),
        *("0123456789abcdef0123456789abcdef", "deadbeefdeadbeefdeadbeefdeadbeef", "zyxwvutsrqponmlkjihgfedc"),
        *("abababababababababababababababab", "secret-token-password-demo-2026", "xyxyzzyxyxyzzyxyxyzzyxyx"),
        *(
            "qazwsxedcrfvtgbyhnujmikolp",
            "1q2w3e4r5t6y7u8i9o0p1q2w",
            *("a1b2c3d4e5f6g7h8i9j0k1l2", "112233445566778899001122"),
            "zaq12wsxcde34rfvbgt56yhn",
        ),
        *("00112233445566778899aabbccddeeff", "0102030405060708090a0b0c0d0e0f10", "acegikmoqsuwybdfhjlnprtvxz"),
        *("correct horse battery staple", "lorem-ipsum-dolor-sit-amet-consectetur", "MonMotDePasseTresLong2026"),
        *(
            "InshaAllah2026Hamdoulillah",
            "khallas-prod-key-2026-11",
            "vault-key-prod-casablanca-01",
            "deadbeefcafebabefeedface",
        ),
        *("123e4567-e89b-12d3-a456-426614174000", "AKIAIOSFODNN7EXAMPLE", "sk_test_4eC39HqLyjWDarjtT1zdp7dc"),
        *("5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "21232f297a57a5a743894a0e4a801fc3"),
        *(
            "cGFzc3dvcmRwYXNzd29yZHBhc3N3b3Jk",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ),  # base64 of words, of bytes
        *("6b68616c6c61732d7365637265742d6b6579", "314159265358979323846264338327950"),
        *("0612345678", "20261129", " " * 32, "🙂" * 30, "MyS3cretKey-2026"),
    ],
)
@pytest.mark.parametrize("guessing", [Guessing.OFFLINE, Guessing.OURS])
def test_what_is_typed_is_refused(typed: str, guessing: Guessing) -> None:
    fault = weak(typed, guessing)
    assert fault is not None
    assert typed not in fault


@given(st.sampled_from(sorted(SHOWN)), st.booleans(), st.sampled_from(list(Guessing)))
def test_what_stands_in_a_page_is_refused_everywhere(shown: str, shouted: bool, guessing: Guessing) -> None:
    assert weak(shown.upper() if shouted else shown, guessing) is not None


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), st.sampled_from(["", "-", "_", "."]))
def test_words_of_examples_make_no_secret(words: list[str], between: str) -> None:
    assert weak(between.join(words), Guessing.FAST) is not None


@pytest.mark.parametrize("piece", ["k", "ab", "x9", "q7Z", "Tr0u", "aB3$x"])
@given(st.integers(2, 40))
def test_a_repeated_piece_is_not_made_longer_by_it(piece: str, times: int) -> None:
    assert weak(piece * times, Guessing.OURS) is not None


@pytest.mark.parametrize(
    ("value", "guessing", "good"),
    [
        ("vD8s3kQp0XzW1mNb7Ty4", Guessing.OFFLINE, False),  # 119 bits at most
        ("vD8s3kQp0XzW1mNb7Ty4Qe", Guessing.OFFLINE, True),
        ("vD8s3kQp0XzW1mNb", Guessing.OURS, True),
        ("vD8s3kQp0XzW1mN", Guessing.OURS, False),
        ("0714839265184730", Guessing.OURS, False),  # digits alone: 53 bits
        ("Zx8!kk29Lm", Guessing.PEERS, True),
        ("Zx8!kk2", Guessing.PEERS, False),
        ("gT7qLw", Guessing.SMPP, True),
        ("1", Guessing.SMPP, False),
        ("", Guessing.SMPP, False),
    ],
)
def test_how_long_depends_on_what_it_protects(value: str, guessing: Guessing, *, good: bool) -> None:
    assert (weak(value, guessing) is None) is good


@pytest.mark.parametrize("value", ["operator-xkq", "OPERATOR-XKQ", "qkx-rotarepo", "operator-xkq2026"])
def test_the_user_is_no_password(value: str) -> None:
    assert weak(value, Guessing.FAST, ("operator-xkq",)) == "is the name beside it"


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        bytes(range(32)),
        bytes(range(32, 0, -1)),
        bytes(range(0, 96, 3)),
        b"0123" * 8,
        b"kQ3vXz81LmPw07TyBn5RcJd2GhSf9AeU",  # printable: typed, whatever it is
        b"\x00\x01\xfe\x80" * 8,
        bytes(16) + drawn(1, 16),
        bytes(n * 17 % 256 for n in range(32)),
        hashlib.sha256(b"password").digest(),
    ],
)
def test_a_key_of_bytes_is_drawn_not_typed(key: bytes) -> None:
    assert not random_bytes(key)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
def test_the_digest_of_what_everybody_tries_is_known_in_either_case(name: str) -> None:
    for tried in (b"password", b"Password", b"SECRET", b"secret\n", b"", b"0", b"1234567890"):
        digest = hashlib.new(name, tried).hexdigest()
        assert is_digest(digest)
        assert is_digest(digest.upper())
        assert not is_digest(digest[:-1])
        assert not is_digest(digest[:-1] + "g")
    assert not is_digest(hashlib.new(name, b"zqx81 of nobody").hexdigest())
