"""The books over one database."""

from core.books import Books
from core.database.credits import PgCredits
from core.database.messages import PgMessages
from core.database.payments import PgPayments
from core.database.people import PgPeople
from core.database.pool import Database
from core.database.postings import PgPostings
from core.database.refunds import PgRefunds
from core.database.wake import Waker


def books_on(database: Database) -> Books:
    """What core.billpay.Till keeps its books in."""
    waker = Waker()
    messages, people = PgMessages(database, waker), PgPeople(database)
    payments, postings = PgPayments(database), PgPostings(database)
    return Books(payments, postings, messages, people, PgRefunds(database), PgCredits(database))
