"""Handsets tell what is no answer in their dialect, and pace themselves where a gateway counts nothing."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.caller import SAME_KEY_S, UssdPhone
from lab.servers.serving import serving
from lab.twilio.webhooks import Answer
from lab.ussd_wires import DIALECTS, Dialog

MSISDN = "+212600000001"
ENDED_BADLY = b'<dialog type="End"><processUnstructuredSSRequest_Response string="x"/></dialog>'


@pytest.mark.parametrize("wire", DIALECTS)
@pytest.mark.parametrize(
    "body", [b"", b"Hello", b"[]", b"{}", b"<dialog/>", b'{"Type": "no", "data": 1, "statusCode": "0000"}', ENDED_BADLY]
)
def test_what_is_no_answer(wire: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        DIALECTS[wire].read(Dialog(MSISDN, "*1117#"), Answer(200, body, "text/plain", None, 0.0))


@pytest.mark.parametrize("wire", DIALECTS)
def test_the_same_request_is_made_twice(wire: str) -> None:
    dialog = Dialog(MSISDN, "*1117#", ["1"])
    for make in (DIALECTS[wire].dial, DIALECTS[wire].answer, DIALECTS[wire].drop):
        assert make(dialog) == make(dialog)


def test_a_code_may_hold_keys() -> None:
    assert Dialog(MSISDN, "*1117#", ["2", "1"]).dialled == "*1117*2*1#"
    assert b'string="*1117*2*1#"' in (DIALECTS["restcomm"].dial(Dialog(MSISDN, "*1117#", ["2", "1"])).body or b"")


async def answer(request: Request) -> Response:
    return Response("x", headers={"Freeflow": "FC"})


async def test_the_same_key_waits_where_nothing_is_counted() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    app = Starlette(routes=[Route("/ussd/comviva", answer)])
    async with serving(app) as url, UssdPhone(url, MSISDN, wire="comviva", wait=wait) as phone:
        with pytest.raises(ValueError, match="nothing was dialled"):
            await phone.repeat()
        await phone.dial()
        await phone.send("1")
        await phone.repeat()
        await phone.send("2")
        assert not waited
        await phone.send("2")
    assert len(waited) == 1
    assert 0 < waited[0] <= SAME_KEY_S
