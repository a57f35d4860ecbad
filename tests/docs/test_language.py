"""docs/extending/language.md followed to the letter, in a copy of the application, and dialled."""

from pathlib import Path

from tests.docs.joining import ROOT, copied, joined, run

OFFERED = {"ussd": '"language.es" = "Español"\n', "ivr": '"language.es" = "[es] continuar en español"\n'}
GREETING = "¿Que factura?"


def spanish(to: Path) -> None:
    """Texts: English ones under another name, but for the first question. Each first menu offers it."""
    locales = to / "locales"
    (locales / "es").mkdir()
    for file in sorted((locales / "en").glob("*.toml")):
        (locales / "es" / file.name).write_text(file.read_text().replace('"Which bill?"', f'"{GREETING}"'))
    for section, line in OFFERED.items():
        for language in ("fr", "ar", "en", "es"):
            file = locales / language / f"{section}.toml"
            said = file.read_text()
            at = said.index('"language.en"')
            end = said.index("\n", at) + 1
            file.write_text(said[:end] + line + said[end:])


def test_spanish_is_spoken(tmp_path: Path, redis_url: str, database_url: str) -> None:
    at = copied(tmp_path)
    joined("language.md", at)
    spanish(at)
    told = run(at, "-m", "tests.docs.dialled", redis_url, database_url, "4")
    assert told.returncode == 0, told.stderr[-4_000:]
    menu, service, code = told.stdout.split("\f")
    assert "4. Español" in menu
    assert GREETING in service
    assert code.strip() == "es"
    assert "'es'" in run(at, "-c", "from channels.sms.keywords import read; print(read('lang espanol'))").stdout


def test_what_is_left_out_stops_the_start(tmp_path: Path) -> None:
    at = copied(tmp_path)
    joined("language.md", at)
    start = ("-c", "from core.messaging.texts import load_texts; load_texts()")
    assert "locales/es is missing" in run(at, *start).stderr
    spanish(at)
    assert run(at, *start).returncode == 0
    menu = at / "locales/ar/ivr.toml"
    menu.write_text(menu.read_text().replace(OFFERED["ivr"], ""))
    assert "locales/ar/ivr.toml lacks language.es" in run(at, *start).stderr
    row = at / "core/languages.py"
    row.write_text(row.read_text().replace('spellings=("es",', 'spellings=("espana",'))
    assert "the spellings of es lack 'es'" in run(at, *start).stderr
    code = '    EN = "en"\n'
    row.write_text((ROOT / "core/languages.py").read_text().replace(code, f'{code}    ES = "es"\n', 1))
    assert "core/languages.py has no row for es" in run(at, *start).stderr
