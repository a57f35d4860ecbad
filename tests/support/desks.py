"""A help desk over a shop's real database, and who sits there."""

from dataclasses import dataclass
from datetime import timedelta

from core.database.help_desk.access_log import PgAccessLog
from core.database.help_desk.accounts import PgUsers
from core.database.help_desk.desk import PgDesk
from core.database.help_desk.transcripts import PgTranscripts
from core.database.payments.repository import PgPayments
from core.database.refunds.requests import PgRefundRequests
from core.database.wake import Waker
from core.help_desk.access_log import Action, Actor
from core.help_desk.accounts import Accounts, Role
from core.help_desk.service import HelpDesk
from core.help_desk.transcripts import Pseudonymiser
from core.refunds.requests import RefundRequests
from tests.support.shop import Shop

AGENT = Actor("amal", Role.AGENT, "127.0.0.1")
SUPERVISOR = Actor("sami", Role.SUPERVISOR, "127.0.0.1")
SECRET = "a-secret-of-the-tests"
BLIND = Pseudonymiser((SECRET, "the key of yesterday"))
OTHER_SUPERVISOR = Actor("sofia", Role.SUPERVISOR, "127.0.0.1")
PASSWORD = "twelve or more characters"


@dataclass
class DeskShop:
    """The desk and the shop around it."""

    desk: HelpDesk
    shop: Shop

    async def log(self) -> list[tuple[str, str, str | None, str | None]]:
        """(who, action, payment, detail), in order."""
        rows = await self.shop.database.all("SELECT who, action, payment_id, detail FROM access_log ORDER BY id")
        return [(row["who"], row["action"], row["payment_id"], row["detail"]) for row in rows]

    async def actions(self) -> list[Action]:
        return [Action(action) for _, action, _, _ in await self.log()]


async def desk_of(shop: Shop) -> DeskShop:
    """With one agent and two supervisors; a cheap hash, for nobody logs in here."""
    for actor in (AGENT, SUPERVISOR, OTHER_SUPERVISOR):
        await PgUsers(shop.database).add(actor.name, actor.role, "no hash", shop.clock.now())
    return DeskShop(make_desk(shop), shop)


def make_desk(shop: Shop) -> HelpDesk:
    waker = Waker()
    undoing = RefundRequests(PgRefundRequests(shop.database, PgPayments(shop.database)), shop.clock)
    transcripts = PgTranscripts(shop.database, BLIND)
    return HelpDesk(
        PgDesk(shop.database, waker, BLIND), transcripts, PgAccessLog(shop.database), shop.till, undoing, shop.clock
    )


async def shown_to(shop: Shop, number: str) -> None:
    """A dialog of two screens."""
    who, dialog, at = BLIND.who(number), BLIND.dialog(number, "dialog"), shop.clock.now()
    lines = [
        f"{who}\t{at + timedelta(seconds=second)}\t{dialog}\tussd\tinfobip\tfr\t{screen}\t\tanswered\t1\t{said}\tr1"
        for second, (screen, said) in enumerate(
            (("Service", '["service",{}]'), ("PickInvoices", '["unpaid-bills",{"count":1,"of":3}]'))
        )
    ]
    await PgTranscripts(shop.database, BLIND).write(lines)


def make_accounts(shop: Shop) -> Accounts:
    return Accounts(PgUsers(shop.database), shop.clock)
