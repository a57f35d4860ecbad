"""Where each number of the operations page leads: the list that it counts, or the place on the page that explains it.

Pure.
"""

from datetime import datetime, timedelta

from channels.web.desk.list_filter import list_link, moment_text
from core.help_desk.lists import PaymentList

ANSWERS, SPEEDS, QUEUES = "#answers", "#speeds", "#queues"
FINDINGS = "/desk/findings"
STUCK_QUEUE = "posting"


class OpsLinks:
    """The links of one period, which goes on."""

    def __init__(self, since: datetime) -> None:
        self._since = moment_text(since)

    def of(self, kind: PaymentList) -> str:
        """A list of what is so now."""
        return list_link(kind=kind)

    def paid(self, channel: str = "") -> str:
        """The list of what was taken."""
        return list_link(kind=PaymentList.PAID, since=self._since, channel=channel)

    def hour(self, hour: datetime, channel: str = "") -> str:
        """The list of what was taken in one hour."""
        until = moment_text(hour + timedelta(hours=1))
        return list_link(kind=PaymentList.PAID, since=moment_text(hour), until=until, channel=channel)

    def back(self) -> str:
        """The list of what went back."""
        return list_link(kind=PaymentList.BACK, since=self._since)

    def answered(self, answer: str, code: str) -> str:
        """Payments of which the bank said so."""
        return list_link(kind=PaymentList.ANSWERED, since=self._since, answer=answer, code=code)

    def queued(self, queue: str) -> str:
        """Payments with something that waits to go out."""
        return list_link(kind=PaymentList.WAITING, queue=queue)

    def failed(self, queue: str) -> str:
        """Payments with something that could not be delivered; a posting that failed is stuck."""
        if queue == STUCK_QUEUE:
            return self.of(PaymentList.STUCK)
        return list_link(kind=PaymentList.FAILED, since=self._since, queue=queue)
