"""What the till is joined with."""

from dataclasses import dataclass

from core.ports import Acquirers, BillingSystem, Clock, CodeLimits
from core.repositories import Repositories


@dataclass(frozen=True, slots=True)
class Ports:
    """What the till is joined with; khallas/server/app.py names what stands behind each."""

    books: Repositories
    billing: BillingSystem
    acquirers: Acquirers
    limits: CodeLimits
    clock: Clock
