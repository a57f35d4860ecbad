"""The storms' customer on the web: as patient at a door that cannot answer as a person with a reload button."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lab.chaos.customer import customer
from lab.chaos.doors.customers import CONFIRM, pay_on_the_web
from lab.servers.serving import serving

FIRST = """<form method="post" action="/bills"><input name="service"><input name="reference"><input name="code">
<input name="email"><input type="checkbox" name="terms" value="yes"></form>"""
REVIEW = f'<form method="post" action="{CONFIRM}"><button name="act" value="pay"></form>'


async def test_who_pressed_pay_in_vain_reloads_and_is_led_on_to_what_was_committed() -> None:
    """In the same window: a basket that was committed holds its bills against whoever begins anew."""
    seen: list[str] = []

    async def door(request: Request) -> Response:
        seen.append(f"{request.method} {request.url.path}")
        match seen[-1]:
            case "GET /":
                return HTMLResponse(FIRST)
            case "POST /bills":
                return RedirectResponse(CONFIRM, 303)
            case "POST /bills/confirm":
                return HTMLResponse("busy", 503)
            case "GET /bills/confirm" if "POST /bills/confirm" in seen[:-2]:
                return RedirectResponse("/pay/one", 303)
            case "GET /bills/confirm":
                return HTMLResponse(REVIEW) if "POST /bills/confirm" not in seen else HTMLResponse("busy", 503)
        return HTMLResponse("paid already")

    methods = ["GET", "POST"]
    async with serving(Starlette(routes=[Route("/{path:path}", door, methods=methods)])) as url:
        assert await pay_on_the_web(url, customer(1), "127.0.0.1") == "/pay/one"
    assert seen[2:] == [f"GET {CONFIRM}", f"POST {CONFIRM}", f"GET {CONFIRM}", f"GET {CONFIRM}", "GET /pay/one"]
