"""What `./run demo` prints, as who starts it reads it."""

from tests.browser.demo import Demo


def test_the_page_comes_first(demo: Demo) -> None:
    kinds = [line.split()[0] for line in demo.said if line.split()]
    assert kinds[0] == "web", demo.said
    assert demo.said[0].split()[1] == f"{demo.url}/"
    assert {"desk", "phone"} == set(kinds[1:])
