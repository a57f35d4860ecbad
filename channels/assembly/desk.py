"""The help desk's rooms, joined: a part of the composition root (channels/app.py), for the server and the CLI."""

from collections.abc import Sequence

from redis.asyncio import Redis
from starlette.routing import BaseRoute

from channels.limits import Limits
from channels.observe.tally import Tally
from channels.settings import Settings
from channels.web import desk, ops
from channels.web.desk_door import Threshold
from channels.web.desk_login import Doorkeeper, LoginLimits
from channels.web.desk_sessions import Cookies, DeskSessions, FormTokens
from channels.web.pages import Pages
from core.accounts import Accounts
from core.billpay import Till
from core.database.access_log import PgAccessLog
from core.database.accounts import PgUsers
from core.database.desk import PgDesk
from core.database.ops import PgOps
from core.database.payments import PgPayments
from core.database.pool import Database
from core.database.transcripts import PgTranscripts
from core.database.undoing import PgUndoings
from core.database.wake import Waker
from core.desk import Desk
from core.ports import Clock
from core.transcripts import Blind
from core.undoing import Undoing

CENTIMES = 100


def accounts_on(database: Database, clock: Clock) -> Accounts:
    """Who may sit at the help desk."""
    return Accounts(PgUsers(database), clock)


def desk_on(database: Database, till: Till, clock: Clock, blind: Blind, alone_max_dh: int) -> Desk:
    """Its use cases."""
    waker = Waker()
    books = PgUndoings(database, PgPayments(database))
    undoing = Undoing(books, clock, alone_max_dh * CENTIMES)
    transcripts = PgTranscripts(database, blind)
    return Desk(PgDesk(database, waker), transcripts, PgAccessLog(database), till, undoing, clock)


def desk_routes(
    settings: Settings, pages: Pages, database: Database, redis: Redis, till: Till, clock: Clock, tally: Tally
) -> Sequence[BaseRoute]:
    """/desk and /ops behind one threshold. Cookies are Secure unless the public URL is plain http: the demo."""
    own = settings.desk
    keys = [key.get_secret_value() for key in settings.secret_keys]
    use_cases = desk_on(database, till, clock, Blind(keys), own.alone_max_dh)
    doorkeeper = Doorkeeper(accounts_on(database, clock), LoginLimits(Limits(redis, "desk")), use_cases)
    threshold = Threshold(
        pages,
        doorkeeper,
        DeskSessions(redis, clock, idle_s=own.idle_s, absolute_s=own.absolute_s),
        Cookies(secure=not settings.public_url.startswith("http://")),
        FormTokens(keys[0]),
    )
    return [*desk.routes(use_cases, threshold), *ops.routes(PgOps(database), tally, threshold, clock)]
