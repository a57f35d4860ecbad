"""The pages of the web door, of templates/bills. Pure, but for the clock on the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from starlette.responses import Response

from channels.web.bills.fields import FieldError
from channels.web.bills.view import SECTION, WebWords, bills_view
from channels.web.bills.visits import Visit, VisitReader
from channels.web.pages import CSP_FORM, Pages
from core.languages import LanguageCode
from core.ports import Clock
from core.subscribers.lines import ServiceType
from core.zone import ZONE
from sessions.screens.choosing import NothingToPay, PickInvoices
from sessions.turn.forms import FormState

SESSION_TTL_S = 1_800  # of a journey in a browser, from its last request on
SERVICES = (ServiceType.FIXED, ServiceType.MOBILE, ServiceType.INTERNET)  # in the order of the operator's guide
ALL_FROM = 4  # with as many bills, one button ticks or unticks them all
STEPS = 4  # the last one is the bank's page
# the browser tells our own pages where it comes from, so that a form's origin can be looked at
HEADERS = {"Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Controller:
    """Who answers for the data that is asked (law 09-08)."""

    name: str
    address: str = ""
    declaration: str = ""  # the CNDP's number; empty: the sentence is left out
    contact: str = ""  # where rights are exercised; empty: the help number


@dataclass(frozen=True, slots=True)
class Asking:
    """What the first page asks. `fixed`: the kind of bill that its address names, `service` the one that was chosen;
    `wrong`: what must be mended, each with its field; `texted`: a code was asked for by text.
    """

    fixed: ServiceType | None
    service: ServiceType | None
    version: int
    values: Mapping[str, str] = field(default_factory=dict)
    wrong: Sequence[FieldError] = ()
    texted: bool = False

    def told(self, wrong: Sequence[FieldError]) -> "Asking":
        """The first page again, with what must be mended."""
        return replace(self, wrong=wrong)


class Rendering:
    """Renders the web door's pages. Raises MissingText."""

    def __init__(
        self, pages: Pages, words: WebWords, visits: VisitReader, controller: Controller, clock: Clock, short_code: str
    ) -> None:
        self._pages = pages
        self._words = words
        self._visits = visits
        self._controller = controller
        self._clock = clock
        self._short_code = short_code

    def identify(self, visit: Visit, asking: Asking, *, status: int = 200) -> Response:
        """Renders step 1, where the line is identified."""
        return self._page(
            "identify",
            visit,
            visit.language,
            status=status,
            step=1,
            fixed=asking.fixed.value if asking.fixed else "",
            chosen=asking.service.value if asking.service else asking.values.get("service", ""),
            services=SERVICES,
            values=asking.values,
            version=asking.version,
            wrong=asking.wrong,
            faulty={error.field for error in asking.wrong},
            texted=asking.texted,
            controller=self._controller,
            short_code=self._short_code,
        )

    def bills(self, visit: Visit, state: FormState, pick: PickInvoices, *, none_ticked: bool = False) -> Response:
        """Renders step 2, where bills are ticked."""
        view = bills_view(pick, state, ticked_only=False)
        return self._page(
            "bills",
            visit,
            self._language(visit, state),
            status=422 if none_ticked else 200,
            step=2,
            view=view,
            version=state.version,
            notice=self._words.notice(state),
            wrong=(FieldError("bill-1", "bills.none-ticked"),) if none_ticked else (),
            many=view.of >= ALL_FROM,
            until=self._until(),
        )

    def review(self, visit: Visit, state: FormState, pick: PickInvoices, *, changed: bool = False) -> Response:
        """Renders step 3, the basket. `changed`: another window was faster, and this is what stands now."""
        return self._page(
            "review",
            visit,
            self._language(visit, state),
            step=3,
            view=bills_view(pick, state, ticked_only=True),
            version=state.version,
            changed=changed,
            until=self._until(),
        )

    def end(self, visit: Visit, state: FormState | None, *, status: int = 200) -> Response:
        """The page of a journey that ended before the bank; with None, of one that nobody knows."""
        language = visit.language if state is None else self._language(visit, state)
        words = None if state is None else self._words.end(state)
        fine = state is not None and isinstance(state.screen, NothingToPay)
        return self._page("end", visit, language, status=status, step=0, said=words, fine=fine)

    def busy(self, visit: Visit, status: int) -> Response:
        """Try again in a minute."""
        return self._page("end", visit, visit.language, status=status, step=0, said=None, fine=False, busy=True)

    def _page(
        self, name: str, visit: Visit, language: LanguageCode, *, status: int = 200, step: int, **values: object
    ) -> Response:
        shared = {"wrong": (), "notice": "", "busy": False, "steps": STEPS, "step": step}
        answer = self._pages.html(
            f"bills/{name}.html",
            language,
            status=status,
            csp=CSP_FORM,
            headers=HEADERS,
            section=SECTION,
            state=self._visits.state_of(visit),
            by_cookie=visit.visitor.by_cookie,
            **(shared | values),
        )
        self._visits.remember(answer, visit)
        return answer

    @staticmethod
    def _language(visit: Visit, state: FormState) -> LanguageCode:
        return visit.asked or state.language

    def _until(self) -> str:
        return (self._clock.now() + timedelta(seconds=SESSION_TTL_S)).astimezone(ZONE).strftime("%H:%M")
