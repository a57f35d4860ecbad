"""What the bare public address shows: how bills are paid here. A bank may send a browser there that gave up."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.web.pages import Pages, language_asked
from core.languages import LanguageCode


def routes(pages: Pages) -> list[BaseRoute]:
    """GET /, in the three languages."""

    async def home(request: Request) -> Response:
        return pages.html("notice.html", language_asked(request) or LanguageCode.FR, notice="home")

    return [Route("/", home, methods=["GET"])]
