"""The first page of the web door: which kind of bill, which line, and what proves it, asked at once.

/ asks for everything, /bills/{service} for one kind of bill; both forms go the same way. A mobile line's code may be
texted to that line instead of being known.
"""

import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from channels.web.bills import answers
from channels.web.bills.endpoint import DOOR, HOME, BillsEndpoint, WebDoor
from channels.web.bills.fields import (
    FieldError,
    Identification,
    PostedForm,
    identification,
    line_to_text,
    service_of,
    shown_again,
)
from channels.web.bills.rendering import Asking
from channels.web.bills.texted_codes import TextedCodes
from channels.web.bills.visits import Visit
from core.subscribers.lines import ServiceType
from sessions.screens.opening import PaymentCode, Reference

TEXT_ACT = "text"


class NoSuchService(LookupError):
    """The address names no kind of bill."""


@dataclass(frozen=True, slots=True)
class IdentifyEndpoint:
    """The handlers of that page."""

    door: WebDoor
    pages: BillsEndpoint
    codes: TextedCodes

    async def home(self, request: Request) -> Response:
        """GET /: everything is asked."""
        return await self._ask(request, None)

    async def ask(self, request: Request) -> Response:
        """GET /bills/{service}: a link to one kind of bill."""
        return await self._ask(request, _service(request))

    async def service(self, request: Request) -> Response:
        """GET /bills: a kind of bill chosen by a form, or none."""
        asked = service_of(request.query_params.get("service", ""))
        return self.pages.go(HOME if asked is None else f"/bills/{asked.value}", self.door.visits.reading(request))

    async def identify(self, request: Request) -> Response:
        """POST: the code is tried once for each page that was shown."""
        return await self._identify(request, _service(request))

    async def identify_any(self, request: Request) -> Response:
        """POST /bills: of the page that asks for everything."""
        return await self._identify(request, None)

    async def _ask(self, request: Request, fixed: ServiceType | None) -> Response:
        visit = self.door.visits.reading(request)
        if fixed is None and not visit.visitor.by_cookie:
            return self.door.rendering.identify(visit, Asking(None, None, 0))  # there is nothing to read
        loaded = await self.pages.load(visit)
        state = await self.door.turns.show(visit.key, loaded, visit.heard())
        wrong: tuple[FieldError, ...] = ()
        values: dict[str, str] = {}
        screen = None if state is None else state.screen
        if state is not None and isinstance(screen, PaymentCode) and fixed in {None, screen.service}:
            values = {"service": screen.service.value, "reference": screen.reference}
            if state.notice is not None:
                wrong = (FieldError("code", state.notice.key),)
        return self.door.rendering.identify(visit, Asking(fixed, fixed, loaded.version, values, wrong))

    async def _identify(self, request: Request, fixed: ServiceType | None) -> Response:
        began, form = time.perf_counter(), await self.pages.form(request)
        service = fixed or service_of(form.text("service"))
        visit = self.door.visits.sending(request, form)
        if visit is None:
            return self._unknown(request, fixed, service, form)
        loaded = await self.pages.load(visit)
        asking = Asking(fixed, service, loaded.version, shown_again(form))
        if form.text("act") == TEXT_ACT:
            return await self._text(visit, asking, form)
        identified = identification(service, form, utf8=self.door.turns.mail_utf8)
        if not isinstance(identified, Identification):
            return self.door.rendering.identify(visit, asking.told(identified), status=422)
        if loaded.record is not None and form.version != loaded.version:
            return await self.pages.stands(visit)
        fields, begin = answers.identified(identified), Reference(identified.service)
        state = await self.pages.fill(visit, loaded, identified.line, fields, begin=begin, language=visit.language)
        self.door.tell(visit, identified.line, "Reference", state, time.perf_counter() - began)
        if isinstance(state.screen, PaymentCode):
            why = (FieldError("code", "payment-code.refused"),)
            again = Asking(fixed, service, state.version, shown_again(form), why)
            return self.door.rendering.identify(visit, again, status=422)
        return await self.pages.next_page(visit, state)

    async def _text(self, visit: Visit, asking: Asking, form: PostedForm) -> Response:
        """The code of a mobile line is texted; the page says the same of every number."""
        line = line_to_text(asking.service, form)
        if isinstance(line, FieldError):
            return self.door.rendering.identify(visit, asking.told((line,)), status=422)
        await self.codes.ask(visit.address, line)
        values = dict(asking.values) | {"service": ServiceType.MOBILE.value}
        asked = Asking(asking.fixed, ServiceType.MOBILE, asking.version, values, texted=True)
        return self.door.rendering.identify(visit, asked)

    def _unknown(
        self, request: Request, fixed: ServiceType | None, service: ServiceType | None, form: PostedForm
    ) -> Response:
        """A form that no page of this browser made: nothing is done, and it may be sent again."""
        visit = self.door.visits.reading(request)
        self.door.count(DOOR, "forbidden")
        why = (FieldError("reference", "form-too-old"),)
        return self.door.rendering.identify(visit, Asking(fixed, service, 0, shown_again(form), why), status=403)


def _service(request: Request) -> ServiceType:
    service = service_of(request.path_params["service"])
    if service is None:
        raise NoSuchService
    return service
