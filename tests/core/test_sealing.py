"""What rests sealed opens after an upgrade too, under any key that is still known, and for what it is about alone."""

import pytest

from core.sealing import Sealer

# sealed by an earlier release
RESTED = bytes.fromhex("cec19741e1ccadfbebbf61999f7be49adc744d00b22bb61dfa6d91030328215e32")


def test_what_an_earlier_release_sealed_opens() -> None:
    assert Sealer(["an old key"], "second factor 1").open("sami", RESTED) == (b"clear", False)
    rotated = Sealer(["new", "newer", "an old key"], "second factor 1")
    assert rotated.open("sami", RESTED) == (b"clear", True)
    assert rotated.open("amal", RESTED) is None
    assert Sealer(["an old key"], "second factor 2").open("sami", RESTED) is None


def test_it_is_sealed_under_the_first_key_and_never_twice_alike() -> None:
    box, first = Sealer(["one", "two"], "p"), Sealer(["one"], "p")
    sealed = box.seal("about \ud800", b"")
    assert sealed != box.seal("about \ud800", b"")
    assert first.open("about \ud800", sealed) == (b"", False)
    assert Sealer(["two", "one"], "p").open("about \ud800", sealed) == (b"", True)
    assert Sealer(["two"], "p").open("about \ud800", sealed) is None
    for length in range(len(sealed)):
        assert first.open("about \ud800", sealed[:length]) is None
    with pytest.raises(IndexError):
        Sealer([], "p").seal("x", b"")
