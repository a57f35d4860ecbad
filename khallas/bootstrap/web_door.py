"""The web door, joined: a part of the composition root (khallas/bootstrap/container.py)."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from channels.web import home
from channels.web.bills import endpoint as bills
from channels.web.bills import routing
from channels.web.bills.rendering import SESSION_TTL_S, Controller, Rendering
from channels.web.bills.texted_codes import TextedCodeLimits, TextedCodes
from channels.web.bills.tokens import VisitorTokens
from channels.web.bills.view import CAN, WebWords, words_of
from channels.web.bills.visits import Visit, VisitReader
from channels.web.pages import Pages
from core.clock import ZONE
from core.payments.hosted_page import HostedPagePayments
from khallas.bootstrap.container import Container
from khallas.bootstrap.hosted_page import pay_links
from khallas.settings.model import Settings
from sessions.pages import Keys, Page
from sessions.screens.journey import name_of
from sessions.screens.menu import Tell
from sessions.store.redis import RedisStore
from sessions.turn.forms import FormState, FormTurns
from sessions.turn.turns import TurnAnswer

WIRE = "html"
NO_KEYS = Keys(next="", back="")


def door_routes(house: Container, pages: Pages, hosting: HostedPagePayments | None) -> Sequence[BaseRoute]:
    """GET / and /bills; where no bank's page is configured, the words that say how bills are paid here."""
    settings = house.settings
    if hosting is None:
        return home.routes(pages)
    tokens = VisitorTokens(settings.signing_keys())
    visits = VisitReader(tokens, secure=settings.public_url.startswith("https://"))
    turns = FormTurns(
        store=RedisStore(house.redis, SESSION_TTL_S),
        performer=house.performer,
        clock=house.clock,
        numbers=house.numbers,
        zone=ZONE,
        can=CAN,
        mail_utf8=settings.mail_utf8,
    )
    rendering = Rendering(
        pages=pages,
        words=WebWords(house.texts),
        visits=visits,
        controller=controller_of(settings),
        clock=house.clock,
        short_code=settings.short_code,
    )
    door = bills.WebDoor(
        turns=turns,
        visits=visits,
        rendering=rendering,
        leaving=hosting,
        links=pay_links(settings),
        tell=_telling(house),
        count=house.metrics.refused,
    )
    limits = TextedCodeLimits(house.redis, house.counted.limit)
    return routing.routes(door, TextedCodes(limits, house.code_texts.send))


def controller_of(settings: Settings) -> Controller:
    """Returns who the page says answers for the data."""
    web = settings.web
    return Controller(
        web.controller or settings.operator_name, web.controller_address, web.cndp_number, web.rights_contact
    )


def _telling(house: Container) -> bills.Tells:
    """Counted like every other channel's turns, and noted down for the help desk under the payer's name."""
    counted, note = house.metrics.wire(CAN.channel, WIRE), house.transcripts.door(CAN.channel, WIRE)

    def tell(visit: Visit, line: str, before: str, state: FormState, seconds: float) -> None:
        words, screen = words_of(state), name_of(state.screen)
        ends = isinstance(words, Tell)
        counted.turn(screen, "ended" if ends else "answered", seconds, before)
        page = Page("", words, NO_KEYS)
        note(visit.heard(line), TurnAnswer(page, screen, state.language, state.version, ends, came_from=before))

    return tell
