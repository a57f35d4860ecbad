"""The back office at the desk: findings of reconciliation and what people end by hand. Logged before it is done."""

from dataclasses import dataclass, replace

from core.chargebacks.evidence import Evidence, EvidenceBooks
from core.chargebacks.service import Chargeback, ChargebackRefusal, Chargebacks, ChargebackState, Claim
from core.help_desk.access_log import Access, AccessLog, Action, Actor
from core.help_desk.service import without_card
from core.payments.janitor import NoSuchPayment
from core.ports import Clock
from core.refunds.resolving import HandRefusal, HandRequest, Matter, Proposed, Resolving
from core.settlement.findings import FindingRefusal, Findings, SettlementFinding

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Office:
    """What the desk's office can do. Every method raises DatabaseUnavailable; those about one request NoSuchPayment,
    those that keep words WholeCard.
    """

    findings: Findings
    resolving: Resolving
    chargebacks: Chargebacks
    evidence: EvidenceBooks
    log: AccessLog
    clock: Clock

    # --- findings ---------------------------------------------------------------------------------------------------

    async def open_findings(self, actor: Actor) -> tuple[SettlementFinding, ...]:
        """The findings about which a file and the database do not agree, at most SHOWN_MAX."""
        await self._write(actor, Action.QUEUE, None, "findings")
        return await self.findings.open(SHOWN_MAX)

    async def finding(self, actor: Actor, act: str, finding_id: int, reason: str) -> FindingRefusal | None:
        """Take, propose to close, close, or keep one."""
        reason = without_card(reason)
        await self._write(actor, Action.FINDING, None, f"{act} {finding_id} {reason}".strip())
        match act:
            case "take":
                return await self.findings.take(actor, finding_id)
            case "propose":
                return await self.findings.propose(actor, finding_id, reason)
            case "close":
                return await self.findings.close(actor, finding_id)
        return await self.findings.keep(actor, finding_id)

    # --- by hand ----------------------------------------------------------------------------------------------------

    async def waiting(self, actor: Actor) -> tuple[tuple[Matter, ...], tuple[HandRequest, ...]]:
        """The matters that only people will end, and what they asked for."""
        await self._write(actor, Action.QUEUE, None, "by hand")
        books = self.resolving.books
        return await books.waiting(self.clock.now(), SHOWN_MAX), await books.open(SHOWN_MAX)

    async def matters(self, actor: Actor, payment_id: str) -> tuple[tuple[Matter, ...], tuple[HandRequest, ...]]:
        """The matters of one payment that only people will end, and what they asked for."""
        await self._write(actor, Action.VIEW, payment_id)
        books = self.resolving.books
        return await books.matters(payment_id, self.clock.now()), await books.of_payment(payment_id)

    async def propose(self, actor: Actor, proposed: Proposed) -> HandRequest | HandRefusal:
        """Proposes a resolution, as resolving.Resolving.propose says."""
        proposed = replace(
            proposed,
            subject=without_card(proposed.subject),
            evidence=without_card(proposed.evidence),
            auth_code=without_card(proposed.auth_code),
            transaction_number=without_card(proposed.transaction_number),
        )
        await self._write(actor, Action.HAND_PROPOSE, proposed.payment_id, f"{proposed.resolution} {proposed.subject}")
        return await self.resolving.propose(actor, proposed)

    async def decide(self, actor: Actor, request_id: int, *, approves: bool) -> tuple[str, HandRefusal | None]:
        """The payment's id, and why it was not done."""
        request = await self.resolving.books.get(request_id)
        if request is None:
            raise NoSuchPayment(str(request_id))
        payment_id = request.proposed.payment_id
        action = Action.HAND_APPROVE if approves else Action.HAND_REJECT
        await self._write(actor, action, payment_id, f"request {request.id}")
        decide = self.resolving.approve if approves else self.resolving.reject
        return payment_id, await decide(actor, request)

    # --- chargebacks ------------------------------------------------------------------------------------------------

    async def open_chargebacks(self, actor: Actor) -> tuple[Chargeback, ...]:
        """Returns the chargebacks that want an answer."""
        await self._write(actor, Action.QUEUE, None, "chargebacks")
        return await self.chargebacks.books.open(SHOWN_MAX)

    async def disputes(self, actor: Actor, payment_id: str) -> tuple[Chargeback, ...]:
        """The chargebacks of one payment."""
        await self._write(actor, Action.VIEW, payment_id)
        return await self.chargebacks.books.of_payment(payment_id)

    async def enter(self, actor: Actor, claim: Claim) -> Chargeback | ChargebackRefusal:
        """Enters a chargeback, as chargebacks.Chargebacks.receive says."""
        claim = replace(claim, case_id=without_card(claim.case_id), reason_code=without_card(claim.reason_code))
        await self._write(actor, Action.CHARGEBACK, claim.payment_id, f"received {claim.case_id}")
        return await self.chargebacks.receive(actor.name, claim)

    async def step(
        self, actor: Actor, chargeback_id: int, after: ChargebackState, note: str
    ) -> tuple[str, ChargebackRefusal | None]:
        """The payment's id, and why it was not done."""
        chargeback = await self.chargebacks.books.get(chargeback_id)
        if chargeback is None:
            raise NoSuchPayment(str(chargeback_id))
        note = without_card(note)
        payment_id = chargeback.claim.payment_id
        await self._write(actor, Action.CHARGEBACK, payment_id, f"{after} {chargeback.claim.case_id}")
        return payment_id, await self.chargebacks.move(actor, chargeback, after, note)

    async def evidence_of(self, actor: Actor, payment_id: str) -> Evidence:
        """Returns all that answers a dispute about a payment."""
        await self._write(actor, Action.EVIDENCE, payment_id)
        evidence = await self.evidence.of(payment_id)
        if evidence is None:
            raise NoSuchPayment(payment_id)
        return evidence

    async def _write(self, actor: Actor, action: Action, payment_id: str | None, detail: str | None = None) -> None:
        now = self.clock.now()
        await self.log.write(Access(now, actor.name, actor.role, action, payment_id, detail, actor.address))
