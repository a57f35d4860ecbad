"""The books over one database."""

from core.database.messaging.messages import PgMessages
from core.database.payments.credits import PgCredits
from core.database.payments.postings import PgPostings
from core.database.payments.repository import PgPayments
from core.database.pool import Database
from core.database.refunds.repository import PgRefunds
from core.database.subscribers.people import PgPeople
from core.database.wake import Waker
from core.repositories import Repositories


def books_on(database: Database) -> Repositories:
    """The repositories of core.payments.service.PaymentService, over PostgreSQL."""
    waker = Waker()
    messages, people = PgMessages(database, waker), PgPeople(database)
    payments, postings = PgPayments(database), PgPostings(database)
    return Repositories(payments, postings, messages, people, PgRefunds(database), PgCredits(database))
