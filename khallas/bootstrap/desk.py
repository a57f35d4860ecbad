"""The help desk's rooms, joined: a part of the composition root (khallas/bootstrap/container.py), for the server and
the CLI.
"""

import logging
from collections.abc import Sequence

from redis.asyncio import Redis
from starlette.routing import BaseRoute

from channels.limits import Hit, Limits
from channels.web.desk import account, login_pages
from channels.web.desk import disputes as desk_disputes
from channels.web.desk import events as desk_events
from channels.web.desk import lists as desk_lists
from channels.web.desk import log as desk_log
from channels.web.desk import office as desk_office
from channels.web.desk import pages as desk
from channels.web.desk import report as desk_report
from channels.web.desk import users as desk_users
from channels.web.desk.browsers import Browsers
from channels.web.desk.entry import Threshold
from channels.web.desk.events import EventBooksAtDesk
from channels.web.desk.half_way import HalfWayLogins
from channels.web.desk.log import LogBooks
from channels.web.desk.login import Doorkeeper, LoginLimits
from channels.web.desk.report import ReportBooks
from channels.web.desk.sessions import Cookies, DeskSessions, FormTokens
from channels.web.operations import page as ops
from channels.web.pages import Pages
from core.chargebacks.service import Chargebacks
from core.database.events.endpoints import SEALED_FOR as SEALED_FOR_EVENTS
from core.database.events.endpoints import PgEventEndpoints
from core.database.help_desk.access_log import PgAccessLog
from core.database.help_desk.accounts import PgUsers
from core.database.help_desk.desk import PgDesk
from core.database.help_desk.evidence import PgEvidence
from core.database.help_desk.lists import PgPaymentLists
from core.database.help_desk.operations import PgOps
from core.database.help_desk.transcripts import PgTranscripts
from core.database.ledger.day_report import PgDayReports
from core.database.payments.repository import PgPayments
from core.database.plans import PlannedAnew
from core.database.pool import Database
from core.database.refunds.requests import PgRefundRequests
from core.database.settlement.chargebacks import PgChargebacks
from core.database.settlement.findings import PgFindings
from core.database.settlement.resolving import PgResolving
from core.database.wake import Waker
from core.help_desk.access_log import Actor
from core.help_desk.accounts import IDLE_DAYS, Accounts
from core.help_desk.administration import Administration
from core.help_desk.enrolment import SecondFactors
from core.help_desk.lists import DeskLists
from core.help_desk.office import Office
from core.help_desk.second_factor import SEALED_FOR
from core.help_desk.service import HelpDesk, PayLink
from core.help_desk.transcripts import Pseudonymiser
from core.ids import Ids
from core.payments.service import PaymentService
from core.ports import Clock
from core.refunds.requests import Alarm, Bounds, RefundRequests, Sign
from core.refunds.resolving import Resolving
from core.sealing import Sealer
from core.settlement.findings import Findings
from khallas.bootstrap.acquirers import has_page
from khallas.bootstrap.hosted_page import pay_links
from khallas.settings.model import Settings
from khallas.settings.parts import DeskSettings
from khallas.telemetry.usage import UsageCounters

log = logging.getLogger(__name__)

CENTIMES = 100


def accounts_on(database: Database, clock: Clock, idle_days: int = IDLE_DAYS) -> Accounts:
    """Returns who may sit at the help desk."""
    return Accounts(PgUsers(database), clock, idle_days)


def second_factors_on(database: Database, clock: Clock, keys: Sequence[str]) -> SecondFactors:
    """The second factors of the help desk's people. `keys` are the settings' secret keys, of which the first seals."""
    return SecondFactors(PgUsers(database), Sealer(keys, SEALED_FOR), clock)


def desk_on(
    database: Database,
    till: PaymentService,
    clock: Clock,
    blind: Pseudonymiser,
    desk: DeskSettings,
    alarm: Alarm | None = None,
    pay_link: PayLink | None = None,
    *,
    late: Database | None = None,
    mail_utf8: bool = False,
) -> HelpDesk:
    """The help desk's use cases over PostgreSQL."""
    waker = Waker()
    books = PgRefundRequests(database, PgPayments(database))
    bounds = Bounds(
        desk.alone_max_dh * CENTIMES,
        desk.alone_day_max_dh * CENTIMES,
        desk.alone_day_max_count,
        desk.watch_day_dh * CENTIMES,
    )
    undoing = RefundRequests(books, clock, bounds, alarm)
    transcripts = PgTranscripts(database, blind)
    desk_books = PgDesk(database, waker, blind, late)
    accesses = PgAccessLog(database)
    return HelpDesk(
        books=desk_books,
        transcripts=transcripts,
        log=accesses,
        till=till,
        undoing=undoing,
        clock=clock,
        pay_link=pay_link,
        mail_utf8=mail_utf8,
    )


def _alarm(hit: Hit | None) -> Alarm:
    def tell(sign: Sign, actor: Actor) -> None:
        log.warning("desk: %s: %s", sign, actor.name)
        if hit is not None:
            hit("desk", sign)

    return tell


def office_on(database: Database, clock: Clock, blind: Pseudonymiser) -> Office:
    """The office's use cases: lists, and what two people decide together."""
    resolving = Resolving(PgResolving(database, PgPayments(database)), clock, Ids())
    findings, chargebacks = Findings(PgFindings(database), clock), Chargebacks(PgChargebacks(database), clock)
    evidence = PgEvidence(database, PgTranscripts(database, blind))
    return Office(
        findings=findings,
        resolving=resolving,
        chargebacks=chargebacks,
        evidence=evidence,
        log=PgAccessLog(database),
        clock=clock,
    )


def desk_routes(
    settings: Settings,
    pages: Pages,
    database: Database,
    redis: Redis,
    till: PaymentService,
    clock: Clock,
    tally: UsageCounters,
    hit: Hit | None = None,
    late: Database | None = None,
) -> Sequence[BaseRoute]:
    """/desk and /ops behind one threshold. Cookies are Secure unless the public URL is plain http: the demo.

    `late`: where search, lists, operations and day reports are read. `hit` hears what turns somebody away, and what
    somebody should look at.
    """
    late = late or database
    late_anew = PlannedAnew(late)
    keys = settings.signing_keys()
    accesses = PgAccessLog(database)
    lists = DeskLists(PgPaymentLists(late_anew), accesses, clock)
    use_cases = _use_cases(settings=settings, database=database, late=late, till=till, clock=clock, hit=hit)
    threshold = _threshold(
        settings=settings,
        pages=pages,
        database=database,
        redis=redis,
        clock=clock,
        use_cases=use_cases,
        lists=lists,
        hit=hit,
    )
    office = office_on(database, clock, Pseudonymiser(keys))
    endpoints = PgEventEndpoints(database, Sealer(keys, SEALED_FOR_EVENTS))
    return [
        *login_pages.routes(threshold, FormTokens(keys[0]), HalfWayLogins(redis)),
        *account.routes(threshold),
        *desk.routes(use_cases, threshold),
        *desk_lists.routes(lists, threshold),
        *desk_office.routes(office, threshold),
        *desk_disputes.routes(office, threshold, pages.operator),
        *desk_report.routes(ReportBooks(PgDayReports(late_anew), accesses, clock), threshold, pages.operator),
        *desk_users.routes(_administration(settings, database, clock), threshold),
        *desk_events.routes(EventBooksAtDesk(endpoints, accesses, clock), threshold),
        *desk_log.routes(LogBooks(accesses, accesses, clock), threshold),
        *ops.routes(PgOps(late_anew), tally, threshold, clock),
    ]


def _use_cases(
    settings: Settings, database: Database, late: Database, till: PaymentService, clock: Clock, hit: Hit | None
) -> HelpDesk:
    blind = Pseudonymiser(settings.signing_keys())
    link = pay_links(settings).of if has_page(settings) else None
    return desk_on(
        database=database,
        till=till,
        clock=clock,
        blind=blind,
        desk=settings.desk,
        alarm=_alarm(hit),
        pay_link=link,
        late=late,
        mail_utf8=settings.mail_utf8,
    )


def _threshold(
    settings: Settings,
    pages: Pages,
    database: Database,
    redis: Redis,
    clock: Clock,
    use_cases: HelpDesk,
    lists: DeskLists,
    hit: Hit | None,
) -> Threshold:
    doorkeeper = Doorkeeper(
        accounts_on(database, clock, settings.desk.account_idle_days),
        second_factors_on(database, clock, settings.signing_keys()),
        LoginLimits(Limits(redis, "desk", hit)),
        Browsers(redis),
        use_cases,
    )
    sessions = DeskSessions(redis, clock, idle_s=settings.desk.idle_s, absolute_s=settings.desk.absolute_s)
    cookies = Cookies(secure=not settings.public_url.startswith("http://"))
    return Threshold(pages, doorkeeper, sessions, cookies, lists.books.head)


def _administration(settings: Settings, database: Database, clock: Clock) -> Administration:
    return Administration(
        accounts_on(database, clock, settings.desk.account_idle_days),
        second_factors_on(database, clock, settings.signing_keys()),
        PgAccessLog(database),
        clock,
    )
