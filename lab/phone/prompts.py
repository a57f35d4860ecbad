"""The wallet network's prompts on a handset: shown, answered, refused, let run out.

Rule of this file: these doors are the network's, though the demo has one port; a PIN goes to the network, is kept
nowhere and told to nobody.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.web.pages import language_asked
from core.languages import LanguageCode
from lab.phone.orders import StrictOrder, read_order
from lab.phone.people import people
from lab.twilio.server import Refused
from lab.wallets.network import PushRequest, WalletNetwork
from lab.wallets.words import shown

PIN_DIGITS_MAX = 8


class PromptAct(StrEnum):
    """What a payer does about a prompt."""

    LOOK = "look"
    ANSWER = "answer"
    REFUSE = "refuse"
    LAPSE = "lapse"  # nobody answers: the network's time for it is over now


class PromptOrder(StrictOrder):
    """`pin`: what was typed, of an answer."""

    act: PromptAct
    pin: Annotated[SecretStr, Field(max_length=PIN_DIGITS_MAX)] = SecretStr("")


def _of_the_demo() -> dict[str, LanguageCode]:
    return {person.msisdn: LanguageCode(person.language) for person in people()}


@dataclass(frozen=True, slots=True)
class WalletPrompts:
    """Of all handsets. `name`: what payers know the network's wallet by; `languages`: a number's, where its handset
    does not tell one.
    """

    network: WalletNetwork
    name: str
    languages: Mapping[str, LanguageCode] = field(default_factory=_of_the_demo)

    def of(self, msisdn: str, language: LanguageCode | None) -> dict[str, object] | None:
        """What a handset shows now: the oldest prompt that waits."""
        waiting = self.network.prompts_of(msisdn)
        return self._told(waiting[0], language) if waiting else None

    def routes(self, prefix: str) -> list[Route]:
        return [
            Route(prefix + "/prompts/{number}", self.look, methods=["GET"]),
            Route(prefix + "/prompts/{number}/{id}", self.act, methods=["POST"]),
        ]

    async def look(self, request: Request) -> Response:
        """What a handset shows, null between prompts."""
        return JSONResponse(self.of(request.path_params["number"], language_asked(request)))

    async def act(self, request: Request) -> Response:
        """What the handset shows after that; of a prompt that had ended before, how it ended."""
        try:
            order = await read_order(request, PromptOrder)
            push = self._asked(request.path_params["number"], request.path_params["id"])
        except Refused as refused:
            return JSONResponse({"error": refused.message}, refused.status)
        with suppress(KeyError):  # it had ended
            self._do(push.id, order)
        return JSONResponse(self._told(push, language_asked(request)))

    def _asked(self, msisdn: str, request_id: str) -> PushRequest:
        push = self.network.requests.get(request_id)
        if push is None or push.payer != msisdn:
            raise Refused(404, 0, "no such prompt")
        return push

    def _do(self, request_id: str, order: PromptOrder) -> None:
        match order.act:
            case PromptAct.LOOK:
                self.network.expire()
            case PromptAct.ANSWER:
                self.network.answer(request_id, order.pin.get_secret_value())
            case PromptAct.REFUSE:
                self.network.refuse(request_id)
            case PromptAct.LAPSE:
                self.network.lapse(request_id)

    def _told(self, push: PushRequest, handset: LanguageCode | None) -> dict[str, object]:
        language = handset or self.languages.get(push.payer, LanguageCode.FR)
        return {"id": push.id, "text": shown(push, self.name, language.value), "over": not push.waits}
