"""Twilio's side of <Pay>: it takes a card's digits and asks the Generic Pay Connector to charge or keep them.

docs/protocols/ivr.md. A charge by token is an integrator's own, in the dialect of the charge.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from lab.twilio.call import Call
from lab.twilio.card_entry import Typed
from lab.twilio.twiml import Pay

__all__ = ["PayTaker", "Typed"]

WAIT_MAX_S = 10.0
REPEATS_MAX = 5


@dataclass(slots=True)
class PayTaker:
    """Twilio with one connector. `url` is what it posts to; `patience_s` how long it waits before it asks again."""

    url: str
    user: str
    password: str = field(repr=False)
    patience_s: float = WAIT_MAX_S
    answers: list[Mapping[str, object]] = field(default_factory=list)

    def asked(self, call: Call, typed: Typed, transaction: str) -> dict[str, object]:
        """The body of a charge."""
        return _charge(_paying(call), typed, transaction)

    def kept(self, call: Call, typed: Typed, transaction: str) -> dict[str, object]:
        """The body of a tokenize: a card and no amount."""
        pay = _paying(call)
        return {
            "method": "tokenize",
            "transaction_id": transaction,
            **_card(typed),
            "token_type": pay.attributes["tokenType"],
            "description": "",
            "postal_code": "",
            "parameters": dict(pay.parameters),
        }

    def by_token(self, call: Call, token: object, code: str, transaction: str) -> dict[str, object]:
        """The body of a charge of what was kept."""
        nobody = Typed("", "", code)
        body = self.asked(call, nobody, transaction)
        return {name: told for name, told in body.items() if told or name == "cvv"} | {"token_id": token}

    async def charge(self, body: Mapping[str, object]) -> Mapping[str, object] | None:
        """The connector's answer; None when it gave none in all of its tries."""
        auth = aiohttp.encode_basic_auth(self.user, self.password)
        async with aiohttp.ClientSession(headers={"Authorization": auth}) as client:
            for _ in range(REPEATS_MAX):
                try:
                    timeout = aiohttp.ClientTimeout(total=self.patience_s)
                    async with client.post(self.url, json=body, timeout=timeout) as answer:
                        if answer.status == 200:
                            told: Mapping[str, object] = await answer.json()
                            self.answers.append(told)
                            return told
                except (TimeoutError, aiohttp.ClientError):
                    continue
        return None

    async def pay(self, call: Call, typed: Typed) -> None:
        """The card is typed and charged, and the call goes on."""
        call.finish_pay(await self.taken(_paying(call), typed))

    async def taken(self, pay: Pay, typed: Typed) -> dict[str, str]:
        """The card is charged; the form that goes to the verb's action."""
        answer = await self.charge(_charge(pay, typed, str(uuid.uuid4())))
        charged = answer is not None and answer["charge_id"] and not answer["error_code"]
        fields = {
            "Result": "success" if charged else "payment-connector-error",
            "PaymentMethod": "credit-card",
            "PaymentCardNumber": "x" * 12 + typed.number[-4:],
            "PaymentCardType": "visa" if typed.number.startswith("4") else "mastercard",
            "ExpirationDate": typed.expiry,
            "SecurityCode": "*" * len(typed.code),
        }
        if answer is not None and charged:
            fields["PaymentConfirmationCode"] = str(answer["charge_id"])
        elif answer is not None:
            fields |= {"ConnectorError": str(answer["error_code"]), "PaymentError": str(answer["error_message"])}
        return fields


def _paying(call: Call) -> Pay:
    assert call.paying is not None, "nobody pays on this call"
    return call.paying


def _charge(pay: Pay, typed: Typed, transaction: str) -> dict[str, object]:
    """With the amount in an odd scale, as Twilio writes it."""
    return {
        "method": "charge",
        "transaction_id": transaction,
        **_card(typed),
        "amount": str(float(pay.attributes["chargeAmount"])),
        "currency_code": pay.attributes["currency"],
        "description": "",
        "postal_code": "",
        "parameters": dict(pay.parameters),
    }


def _card(typed: Typed) -> dict[str, object]:
    return {
        "cardnumber": typed.number,
        "cvv": typed.code,
        "expiry_month": typed.expiry[:2],
        "expiry_year": typed.expiry[2:],
    }
