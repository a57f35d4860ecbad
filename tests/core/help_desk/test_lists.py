"""A list of payments: its filter in the log, and the log before the list."""

from dataclasses import replace
from datetime import UTC, datetime

from core.help_desk.access_log import Access, Action, Actor
from core.help_desk.accounts import Role
from core.help_desk.lists import (
    PAGES_MAX,
    DeskLists,
    HeadCounts,
    ListedPayments,
    PaymentFilter,
    PaymentList,
    QueueName,
)
from core.payments.table import PaymentState
from lab.clocks import NOON, StillClock

AMAL = Actor("amal", Role.AGENT, "10.0.0.7")
BEGINS, ENDS = datetime(2024, 11, 22, 23, 0, tzinfo=UTC), datetime(2024, 11, 23, 22, 59, tzinfo=UTC)
WHOLE = PaymentFilter(
    PaymentList.ANSWERED,
    BEGINS,
    ENDS,
    "ussd",
    frozenset({PaymentState.UNKNOWN, PaymentState.CAPTURED}),
    "visa",
    "cmi",
    0,
    769_20,
    "declined",
    "51",
    QueueName.SMS,
    "p1",
)


def test_the_log_has_the_whole_filter_but_whom_it_is_of() -> None:
    assert WHOLE.logged() == (
        "list answered 2024-11-23T00:00 2024-11-23T23:59 ussd captured unknown visa cmi >=0 <=76920 declined 51 sms"
    )
    assert PaymentFilter(PaymentList.OPEN).logged() == "list open"
    assert replace(PaymentFilter(PaymentList.PAID, begins=BEGINS), high_centimes=5).logged() == (
        "list paid 2024-11-23T00:00 <=5"
    )


class Books:
    """Notes the lines of the log and the lists that are read."""

    def __init__(self) -> None:
        self.noted: list[object] = []

    async def write(self, access: Access) -> None:
        self.noted.append(access)

    async def of_payment(self, payment_id: str, limit: int) -> tuple[Access, ...]:
        raise NotImplementedError

    async def listed(self, wanted: PaymentFilter, now: datetime, page: int) -> ListedPayments:
        self.noted.append((wanted, now, page))
        return ListedPayments((), 3, 5)

    async def tenders(self, now: datetime) -> tuple[str, ...]:
        raise NotImplementedError

    async def acquirers(self, now: datetime) -> tuple[str, ...]:
        raise NotImplementedError

    async def head(self) -> HeadCounts:
        raise NotImplementedError


async def test_a_list_is_written_down_before_it_is_read_and_has_a_last_page() -> None:
    books = Books()
    lists = DeskLists(books, books, StillClock())
    for wanted, page, of in ((WHOLE, PAGES_MAX - 1, "p1"), (PaymentFilter(PaymentList.OPEN), PAGES_MAX, None)):
        books.noted.clear()
        assert await lists.listed(AMAL, wanted, page) == ListedPayments((), 3, 5)
        assert books.noted == [
            Access(NOON, "amal", "agent", Action.QUEUE, of, wanted.logged(), "10.0.0.7"),
            (wanted, NOON, PAGES_MAX - 1),
        ]
    await lists.listed(AMAL, WHOLE, 4)
    assert books.noted[-1] == (WHOLE, NOON, 4)
