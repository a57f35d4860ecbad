"""The ports that the payment service is joined with."""

from dataclasses import dataclass

from core.ports import Acquirers, BillingSystem, Clock, CodeLimits
from core.repositories import Repositories


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that the payment service is joined with; khallas/bootstrap/ names what stands behind each."""

    books: Repositories
    billing: BillingSystem
    acquirers: Acquirers
    limits: CodeLimits
    clock: Clock
