"""An attempt, accounts and answers, for the tests of the wallets."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from core.cards import Secret
from core.languages import LanguageCode
from core.wallets.daraja import DarajaAccount
from core.wallets.gsma import GsmaAccount
from core.wallets.http import HttpAnswer
from core.wallets.mtn import MtnAccount
from core.wallets.port import WalletAttempt, WalletTerms

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
REFERENCE = "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10"
STATE_ID = "0a2b3c4d-1111-4222-8333-444455556666"
HANDLE = "ws_CO_29112026120000000_1"

ATTEMPT = WalletAttempt(
    reference=REFERENCE,
    payment_id="01JDZ0000000000000000000AA",
    payment_reference="482913",
    provider="gsma",
    payer_msisdn="+212600000001",
    amount_centimes=76920,
    currency="MAD",
    language=LanguageCode.FR,
    sent_at=NOW,
)
WHOLE = replace(ATTEMPT, amount_centimes=76900, currency="KES", payer_msisdn="+254708374149", handle=HANDLE)


def gsma(url: str = "http://127.0.0.1:1/v1.2/mm") -> GsmaAccount:
    terms = WalletTerms("mobile money", "MAD")
    return GsmaAccount(url, Secret("key"), terms, "khallas", "https://pay.example/wallets/gsma", client_id="merchant")


def mtn(url: str = "http://127.0.0.1:1") -> MtnAccount:
    terms = WalletTerms("MoMo", "MAD")
    return MtnAccount(
        url, "user", Secret("key"), Secret("subscription"), terms, "sandbox", "https://pay.example/wallets/mtn"
    )


def daraja(url: str = "http://127.0.0.1:1") -> DarajaAccount:
    terms = WalletTerms("M-PESA", "KES", whole_units=True)
    return DarajaAccount(
        url, "consumer", Secret("secret"), "174379", Secret("passkey"), terms, "https://pay.example/wallets/daraja"
    )


def answer(status: int, told: object = None) -> HttpAnswer:
    return HttpAnswer(status, b"" if told is None else json.dumps(told).encode())
