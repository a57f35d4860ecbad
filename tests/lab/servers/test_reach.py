"""What is public is reached where it really is, and nothing else is moved."""

import pytest

from lab.servers.reach import Reach


@pytest.mark.parametrize(
    ("reach", "url", "reached"),
    [
        (Reach("https://pay.example", "http://127.0.0.1:9"), "https://pay.example/a?b=c", "http://127.0.0.1:9/a?b=c"),
        (
            Reach("https://pay.example", "http://127.0.0.1:9"),
            "https://pay.example.evil/a",
            "https://pay.example.evil/a",
        ),
        (Reach("https://pay.example", "http://127.0.0.1:9"), "http://bank.example/a", "http://bank.example/a"),
        (Reach(), "https://pay.example/a", "https://pay.example/a"),
    ],
)
def test_only_the_public_address_is_moved(reach: Reach, url: str, reached: str) -> None:
    assert reach(url) == reached
