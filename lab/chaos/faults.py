"""Where a process is killed: wrappers around the ports that a test arms by a file.

Rule of this file: nothing of it is known outside lab and tests; an unarmed wrapper does nothing but pass on.
"""

import os
import signal
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.cards import Card, Secret
from core.payments.service import Ports
from core.payments.table import Payment
from core.ports import Authorisation, Order
from core.repositories import Change, Message, MessageKind, Repositories


class Point(StrEnum):
    """Named points between "pay" and "receipt". AFTER_SEND is seen from outside: the acquirer has the request."""

    BEFORE_SEND = "before_send"
    AFTER_SEND = "after_send"
    AFTER_ANSWER = "after_answer"
    AFTER_COMMIT = "after_commit"
    BEFORE_RECEIPT = "before_receipt"


class Fuse:
    """A file that names the point at which the next process to reach it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arm(self, point: StrEnum) -> None:
        """Let the server die there, once."""
        self.path.write_text(point)

    def disarm(self) -> None:
        self.path.unlink(missing_ok=True)

    def reached(self, point: StrEnum) -> None:
        """Die here when armed for this point: what kill -9 or the out-of-memory killer does."""
        try:
            armed = self.path.read_text() == point
        except FileNotFoundError:
            return
        if armed:
            self.path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


class Instead:
    """An object with some of its methods replaced."""

    def __init__(self, inner: object, **methods: Any) -> None:
        self.__dict__.update(methods)
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def mortal(world: Ports, fuse: Fuse) -> Ports:
    """The world, with a fuse at each point that lies inside the process."""
    acquirers: Any = Instead(world.acquirers, of=lambda acquirer_id: _mortal_acquirer(world, fuse, acquirer_id))
    return replace(world, acquirers=acquirers, books=_mortal_books(world.books, fuse))


def _mortal_acquirer(world: Ports, fuse: Fuse, acquirer_id: str) -> Any:
    acquirer = world.acquirers.of(acquirer_id)

    async def authorise(order: Order, card: Card, cvv: Secret) -> Authorisation:
        fuse.reached(Point.BEFORE_SEND)
        answer = await acquirer.authorise(order, card, cvv)
        fuse.reached(Point.AFTER_ANSWER)
        return answer

    return Instead(acquirer, authorise=authorise)


def _mortal_books(books: Repositories, fuse: Fuse) -> Repositories:
    async def capture(payment_id: str, change: Change, now: datetime, token: str) -> Payment:
        payment = await books.payments.capture(payment_id, change, now, token)
        fuse.reached(Point.AFTER_COMMIT)
        return payment

    async def claim(reference: str, now: datetime, until: datetime) -> Message | None:
        message = await books.messages.claim(reference, now, until)
        if message is not None and message.kind is MessageKind.RECEIPT_SMS:
            fuse.reached(Point.BEFORE_RECEIPT)
        return message

    payments: Any = Instead(books.payments, capture=capture)
    messages: Any = Instead(books.messages, claim=claim)
    return replace(books, payments=payments, messages=messages)
