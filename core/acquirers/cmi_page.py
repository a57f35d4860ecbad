"""CMI's hosted page behind core.ports.HostedPage. Pure: core/acquirers/hosted.py knows the hash and the words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.acquirers.cmi_codes import APPROVED_CODE, APPROVED_RESPONSE, kind_of
from core.acquirers.hosted import ANSWER_CAPTURE, ANSWER_SEEN, ANSWER_TROUBLE, HostedShop, page_fields, trusted
from core.acquirers.hosted_post import readings
from core.payments.hosted_page_port import PageAnswer, PageForm, PageWord
from core.payments.table import Payment
from core.ports import Approved, Decline

_WORDS = {PageWord.CAPTURE: ANSWER_CAPTURE, PageWord.SEEN: ANSWER_SEEN, PageWord.TROUBLE: ANSWER_TROUBLE}
_HOLDER = "-"  # nothing of the subscriber goes to the page that it does not need


# The bank vouches for the holder, or tried to; which of them are accepted is the acquirer's contract.
MD_STATUSES = frozenset({"1", "2", "3", "4"})


@dataclass(frozen=True, slots=True)
class CmiPage:
    """Implements core.payments.hosted_page_port.HostedPage. `url` is est3Dgate's; `mark_of` an order is the last part
    of the ways back.
    """

    shop: HostedShop
    url: str
    mark_of: Callable[[str], str] | None = None
    vouched: frozenset[str] = MD_STATUSES

    def form(self, payment: Payment, nonce: str, page_s: int) -> PageForm:
        fields = page_fields(
            self._marked(payment.id),
            payment.id,
            payment.amount_centimes,
            language=payment.language,
            email=payment.email or "",
            holder=_HOLDER,
            telephone="",
            nonce=nonce,
            session_s=page_s,
        )
        return PageForm(self.url, fields)

    def _marked(self, order_id: str) -> HostedShop:
        """The ways back with our own signed reference: whatever a browser brings, it shows that payment alone."""
        shop = self.shop
        if self.mark_of is None:
            return shop
        mark = "/" + self.mark_of(order_id)
        return replace(shop, ok_url=shop.ok_url + mark, fail_url=shop.fail_url + mark, shop_url=shop.shop_url + mark)

    def readings(self, posted: bytes) -> Sequence[Mapping[str, str]]:
        return readings(posted)

    def read(self, fields: Mapping[str, str]) -> PageAnswer | None:
        answer = trusted(self.shop, fields)
        if answer is None:
            return None
        outcome: Approved | Decline = Decline(answer.code, kind_of(answer.code))
        if answer.code == APPROVED_CODE and answer.response.lower() == APPROVED_RESPONSE:
            outcome = Approved(answer.auth_code, answer.transaction_number, answer.amount_centimes, facts=answer.facts)
        ours = answer.client_id == self.shop.client_id and answer.currency_code == self.shop.currency_code
        proof = f"mdStatus {answer.md_status or '-'}"
        return PageAnswer(
            answer.order_id, answer.amount_centimes, ours, outcome, answer.md_status in self.vouched, proof
        )

    def word(self, word: PageWord) -> str:
        return _WORDS[word]
