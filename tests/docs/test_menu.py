"""docs/extending/menu.md followed to the letter, in a copy of the application, and dialled."""

from pathlib import Path

from tests.docs.joining import copied, joined, run

FRENCH, RECEIPT, BY_SMS = "1", "6", "1"


def test_the_new_menu_is_offered_shown_and_left(tmp_path: Path, redis_url: str, database_url: str) -> None:
    at = copied(tmp_path)
    joined("menu.md", at)
    told = run(at, "-m", "tests.docs.dialled", redis_url, database_url, FRENCH, RECEIPT, BY_SMS)
    assert told.returncode == 0, told.stderr[-4_000:]
    _, service, ways, left, _ = told.stdout.split("\f")
    assert f"{RECEIPT}. Envoi du recu" in service
    assert ways == "CON Comment recevoir votre recu ?\n1. Par SMS"
    assert left == "END C'est noté. Merci."
