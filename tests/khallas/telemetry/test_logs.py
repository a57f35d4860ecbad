"""The second net: what a log line must not show is masked, whoever logs it and wherever in the line it stands."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.http.front import RequestIds
from core.card_numbers import AUTHORISATION_DIGITS
from core.cards import luhn
from core.tracing import about
from khallas.telemetry import masking
from khallas.telemetry.logs import configure, formatter
from lab.servers.serving import serving

PAN = "5453010000066100"
MSISDN = "+212600000001"


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """What the application would have written since, as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter("json"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [_untimed(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def _untimed(line: str) -> dict[str, object]:
    """A time may hold any digits."""
    told: dict[str, object] = json.loads(line)
    del told["timestamp"]
    return told


Lines = Callable[[], list[dict[str, object]]]
apart = st.sampled_from(["", " ", "-", ".", ", ", "  ", "_"])


def _luhn(stem: str) -> str:
    return next(stem + digit for digit in "0123456789" if luhn(stem + digit))


@given(
    stem=st.from_regex(r"[1-9][0-9]{11,17}", fullmatch=True),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    gap=apart,
    before=st.sampled_from(["", "card=", "a 7 ", "№", "\n"]),
)
def test_no_card_is_read_however_it_is_spelled(stem: str, sizes: list[int], gap: str, before: str) -> None:
    pan = _luhn(stem)
    groups: list[str] = []
    rest = pan
    while rest:
        size = sizes[len(groups) % len(sizes)]
        groups.append(rest[:size])
        rest = rest[size:]
    # six digits each and not merely grouped: a list of authorisations (tests/core/test_card_numbers.py)
    assume(len(gap) < 2 or {len(group) for group in groups} != {AUTHORISATION_DIGITS})
    written = before + gap.join(groups)
    assert masking.CARD in masking.cards(written), written
    assert pan not in masking.cards(written).replace(gap or " ", "")


@given(run=st.from_regex(r"[0-9]{0,12}", fullmatch=True))
def test_short_numbers_stay(run: str) -> None:
    assert masking.cards(f"bill {run}") == f"bill {run}"


def test_numbers_that_are_no_cards_stay() -> None:
    text = "order 01JABCDEF0000 took 1769.20 ms, bill 5453010000066101"
    assert masking.cards(text) == text


@given(text=st.text(max_size=80))
def test_masking_never_raises_and_masks_once(text: str) -> None:
    once = masking.telephones(masking.cards(text))
    assert masking.telephones(masking.cards(once)) == once


@pytest.mark.parametrize("number", ["+212600000001", "212612345678", "0600000001", "00212600000001", "+33612345678"])
def test_telephones_lose_their_middle(number: str) -> None:
    shown = masking.telephones(f"from {number}, again")
    assert number not in shown
    assert shown.endswith(number[-3:] + ", again")


def test_words_arguments_and_extras_are_masked(lines: Lines) -> None:
    log = logging.getLogger("khallas.tests")
    log.info("card %s of %s", PAN, MSISDN)
    log.warning("asked", extra={"caller": MSISDN, "deep": {"list": [PAN, int(PAN)], PAN: 1}})
    written = json.dumps(lines())
    assert PAN not in written
    assert MSISDN not in written
    assert "+21260****001" in written
    assert written.count(masking.CARD) >= 4


def test_msisdns_are_whole_at_debug_alone_and_cards_never(lines: Lines) -> None:
    log = logging.getLogger("khallas.tests")
    log.debug("from %s card %s", MSISDN, PAN)
    (line,) = lines()
    assert MSISDN in str(line["event"])
    assert PAN not in str(line["event"])


@pytest.mark.parametrize(
    "name", ["uvicorn.error", "uvicorn.access", "aiohttp.client", "redis", "psycopg.pool", "asyncio", "mail.log", "any"]
)
def test_libraries_loggers_go_through_the_same_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    library = logging.getLogger(name)
    library.addHandler(logging.StreamHandler())
    try:
        configure("DEBUG", "json")
        library.error("refused %s", PAN, extra={"peer": MSISDN})
        written = capsys.readouterr().err
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
        library.handlers.clear()
    assert PAN not in written
    assert [json.loads(line)["logger"] for line in written.splitlines() if masking.CARD in line] == [name]


def _broken(digits: str) -> int:
    number = f"x{digits}"
    return int(number)


def _broken_twice(digits: str) -> None:
    try:
        _broken(digits)
    except ValueError as error:
        raise RuntimeError(f"while {digits}") from error


def test_a_traceback_shows_where_and_not_what(lines: Lines) -> None:
    for secret in (PAN, "7391", "862"):
        try:
            _broken(secret)
        except ValueError as error:
            logging.getLogger("khallas.tests").exception("failed")
            logging.getLogger("khallas.tests").warning("again", exc_info=error)
        try:
            _broken_twice(secret)
        except RuntimeError:
            logging.getLogger("khallas.tests").exception("chained")
    written = json.dumps(lines())
    for secret in (PAN, "7391", "862"):
        assert secret not in written
    assert "test_logs.py" in written
    assert "_broken" in written
    assert "ValueError" in written


class _Border(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True, strict=True)

    cvv: int


def test_a_record_without_an_exception_is_a_line_however_that_is_said(lines: Lines) -> None:
    """A library writes `exc_info=False`, which logging keeps as it is."""
    for nothing in (False, None, True, (None, None, None)):
        logging.getLogger("a.library").info("a job is done", exc_info=nothing)
    told = {"event": "a job is done", "logger": "a.library", "level": "info"}
    assert lines() == [told] * 4


def test_a_validation_error_hides_its_input(lines: Lines) -> None:
    try:
        _Border.model_validate({"cvv": "7391"})
    except ValidationError:
        logging.getLogger("khallas.tests").exception("malformed")
    (line,) = lines()
    assert "7391" not in json.dumps(line)


def test_every_model_at_a_border_hides_its_input() -> None:
    """Ours all; whatever model is added later too."""
    import channels.http.openapi
    import khallas.server.app  # the whole server is loaded by it

    assert khallas.server.app
    assert channels.http.openapi
    rooms, besides = ("channels.", "core.", "sessions."), ("khallas.cli.terminal.", "khallas.cli.")
    ours = [kind for kind in _all(BaseModel) if kind.__module__.startswith(rooms)]
    ours = [kind for kind in ours if not kind.__module__.startswith(besides)]  # those read our own files
    assert len(ours) > 10
    assert [kind.__name__ for kind in ours if not kind.model_config.get("hide_input_in_errors")] == []


def _all(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for sub in kind.__subclasses__():
        yield sub
        yield from _all(sub)


async def test_a_requests_lines_share_an_id_that_no_peer_chooses_freely(lines: Lines) -> None:
    async def door(request: Request) -> Response:
        logging.getLogger("khallas.tests").info("first")
        await asyncio.sleep(0)
        await asyncio.create_task(_inside())
        return PlainTextResponse("ok")

    async def _inside() -> None:
        logging.getLogger("khallas.tests").info("second")

    theirs = "0b5c1f0e-4a9d-4c8b-9a52-3f6d2e7a1b90"
    told = []
    app = Starlette(routes=[Route("/", door)], middleware=[Middleware(RequestIds)])
    async with serving(app) as url, aiohttp.ClientSession() as client:
        for given in (PAN, "a" * 5_000, theirs, theirs.replace("-", "")):
            async with client.get(url, headers={"X-Request-Id": given}) as answer:
                assert answer.status == 200
                told.append(answer.headers["X-Request-Id"])
    ids = [line["request"] for line in lines() if line.get("logger") == "khallas.tests"]
    assert [*ids[::2]] == [*ids[1::2]] == told
    assert [len(each) for each in told[:2]] == [12, 12]
    assert told[0] != told[1]
    assert told[2:] == [theirs, theirs.replace("-", "")]


async def test_the_line_of_a_request_that_broke_bears_its_id(lines: Lines) -> None:
    async def door(_: Request) -> Response:
        raise LookupError

    app = Starlette(routes=[Route("/", door)], middleware=[Middleware(RequestIds)])
    async with serving(app) as url, aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.status == 500
    (broke,) = [line for line in lines() if "LookupError" in str(line.get("exception"))]
    assert len(str(broke["request"])) == 12


def test_a_calls_lines_bear_its_name(lines: Lines) -> None:
    with about(call="171.1"):
        logging.getLogger("khallas.tests").info("inside")
    logging.getLogger("khallas.tests").info("outside")
    assert [line.get("call") for line in lines()] == ["171.1", None]
