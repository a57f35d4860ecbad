"""The help desk's rooms, joined: a part of the composition root (channels/app.py), for the server and the CLI."""

import logging
from collections.abc import Sequence

from redis.asyncio import Redis
from starlette.routing import BaseRoute

from channels.limits import Hit, Limits
from channels.observe.tally import Tally
from channels.setting_parts import Desk as DeskSettings
from channels.settings import Settings
from channels.web import desk, desk_disputes, desk_office, ops
from channels.web.desk_door import Threshold
from channels.web.desk_login import Doorkeeper, LoginLimits
from channels.web.desk_sessions import Cookies, DeskSessions, FormTokens
from channels.web.pages import Pages
from core.access import Actor
from core.accounts import IDLE_DAYS, Accounts
from core.billpay import Till
from core.chargebacks import Chargebacks
from core.database.access_log import PgAccessLog
from core.database.accounts import PgUsers
from core.database.chargebacks import PgChargebacks
from core.database.desk import PgDesk
from core.database.evidence import PgEvidence
from core.database.findings import PgFindings
from core.database.ops import PgOps
from core.database.payments import PgPayments
from core.database.pool import Database
from core.database.resolving import PgResolving
from core.database.transcripts import PgTranscripts
from core.database.undoing import PgUndoings
from core.database.wake import Waker
from core.desk import Desk
from core.findings import Findings
from core.ids import Ids
from core.office import Office
from core.ports import Clock
from core.resolving import Resolving
from core.transcripts import Blind
from core.undoing import Alarm, Bounds, Sign, Undoing

log = logging.getLogger(__name__)

CENTIMES = 100


def accounts_on(database: Database, clock: Clock, idle_days: int = IDLE_DAYS) -> Accounts:
    """Who may sit at the help desk."""
    return Accounts(PgUsers(database), clock, idle_days)


def desk_on(
    database: Database, till: Till, clock: Clock, blind: Blind, own: DeskSettings, alarm: Alarm | None = None
) -> Desk:
    """Its use cases."""
    waker = Waker()
    books = PgUndoings(database, PgPayments(database))
    bounds = Bounds(
        own.alone_max_dh * CENTIMES,
        own.alone_day_max_dh * CENTIMES,
        own.alone_day_max_count,
        own.watch_day_dh * CENTIMES,
    )
    undoing = Undoing(books, clock, bounds, alarm)
    transcripts = PgTranscripts(database, blind)
    return Desk(PgDesk(database, waker, blind), transcripts, PgAccessLog(database), till, undoing, clock)


def _alarm(hit: Hit | None) -> Alarm:
    def tell(sign: Sign, actor: Actor) -> None:
        log.warning("desk: %s: %s", sign, actor.name)
        if hit is not None:
            hit("desk", sign)

    return tell


def office_on(database: Database, clock: Clock, blind: Blind) -> Office:
    """What finance and two people do there."""
    resolving = Resolving(PgResolving(database, PgPayments(database)), clock, Ids())
    findings, chargebacks = Findings(PgFindings(database), clock), Chargebacks(PgChargebacks(database), clock)
    evidence = PgEvidence(database, PgTranscripts(database, blind))
    return Office(findings, resolving, chargebacks, evidence, PgAccessLog(database), clock)


def desk_routes(
    settings: Settings,
    pages: Pages,
    database: Database,
    redis: Redis,
    till: Till,
    clock: Clock,
    tally: Tally,
    hit: Hit | None = None,
) -> Sequence[BaseRoute]:
    """/desk and /ops behind one threshold. Cookies are Secure unless the public URL is plain http: the demo.

    `hit` hears what turns somebody away, and what somebody should look at.
    """
    own = settings.desk
    keys = [key.get_secret_value() for key in settings.secret_keys]
    use_cases = desk_on(database, till, clock, Blind(keys), own, _alarm(hit))
    doorkeeper = Doorkeeper(
        accounts_on(database, clock, own.account_idle_days), LoginLimits(Limits(redis, "desk", hit)), use_cases
    )
    threshold = Threshold(
        pages,
        doorkeeper,
        DeskSessions(redis, clock, idle_s=own.idle_s, absolute_s=own.absolute_s),
        Cookies(secure=not settings.public_url.startswith("http://")),
        FormTokens(keys[0]),
    )
    the_office = office_on(database, clock, Blind(keys))
    office = [*desk_office.routes(the_office, threshold), *desk_disputes.routes(the_office, threshold, pages.operator)]
    return [*desk.routes(use_cases, threshold), *office, *ops.routes(PgOps(database), tally, threshold, clock)]
