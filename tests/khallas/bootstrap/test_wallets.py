"""Wallets joined from settings; what is missing is told by its name."""

import pytest

from core.wallets.daraja import DarajaWallet
from core.wallets.gsma import GsmaWallet
from core.wallets.mtn import MtnWallet
from khallas.bootstrap.gateways import operator_of
from khallas.bootstrap.wallets import wallet_names, wallets_of
from khallas.cli.config import environ_of
from khallas.settings.model import BadSettings, load
from khallas.settings.strength.found import secrets_of

P = "KHALLAS_WALLETS__"
GSMA = {
    f"{P}MTCASH__WIRE": "gsma",
    f"{P}MTCASH__NAME": "MT Cash",
    f"{P}MTCASH__URL": "https://wallet.example/v1.2/mm",
    f"{P}MTCASH__API_KEY": "k" * 20,
    f"{P}MTCASH__ACCOUNT": "khallas",
    f"{P}MTCASH__CEILING_DH": "5000",
    f"{P}MTCASH__PREFIXES": "+212661, +212662",
    f"{P}MTCASH__PAID_WORDS": "completed, success",
}
MTN = {
    f"{P}MOMO__WIRE": "mtn",
    f"{P}MOMO__URL": "https://momo.example",
    f"{P}MOMO__USER": "user",
    f"{P}MOMO__KEY": "key",
    f"{P}MOMO__SUBSCRIPTION_KEY": "subscription",
    f"{P}MOMO__ENVIRONMENT": "sandbox",
}
DARAJA = {
    f"{P}MPESA__WIRE": "daraja",
    f"{P}MPESA__URL": "https://daraja.example",
    f"{P}MPESA__CONSUMER_KEY": "consumer",
    f"{P}MPESA__CONSUMER_SECRET": "secret",
    f"{P}MPESA__SHORT_CODE": "174379",
    f"{P}MPESA__PASSKEY": "passkey",
    f"{P}MPESA__CURRENCY": "KES",
    f"{P}MPESA__WHOLE_UNITS": "1",
}


def test_without_a_wallet_there_is_none() -> None:
    assert wallets_of(load({})) == {}


def test_each_has_its_dialect_and_its_terms() -> None:
    wallets = wallets_of(load({**GSMA, **MTN, **DARAJA, "KHALLAS_PUBLIC_URL": "https://pay.example"}))
    kinds = {name: type(wallet) for name, wallet in wallets.items()}
    assert kinds == {"mtcash": GsmaWallet, "momo": MtnWallet, "mpesa": DarajaWallet}
    terms = wallets["mtcash"].terms
    assert (terms.name, terms.ceiling_centimes) == ("MT Cash", 500_000)
    assert terms.serves("+212661000001")
    assert not terms.serves("+212700000001")
    assert not wallets["mpesa"].terms.takes(76920, "KES")


@pytest.mark.parametrize("name", [name for name in (*GSMA, *MTN, *DARAJA) if name.endswith(("URL", "KEY", "ACCOUNT"))])
def test_what_is_missing_is_told_by_its_name(name: str) -> None:
    with pytest.raises(BadSettings, match=f"{name} is missing"):
        wallets_of(load({key: value for key, value in {**GSMA, **MTN, **DARAJA}.items() if key != name}))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (f"{P}MTCASH__WIRE", "nobody", "core/wallets has no nobody"),
        (f"{P}MTCASH__WIRE", "amounts", r"has no connect\(\)"),
        (f"{P}MTCASH__WIRE", "../x", "WIRE is missing"),
        (f"{P}MTCASH__URL", "wallet", "address"),
        (f"{P}MTCASH__CEILING_DH", "many", "MTCASH"),
        (f"{P}MTCASH__WINDOW_S", "1", "window_s"),
        (f"{P}MTCASH__PREFIXES", "0661", "prefixes"),
        (f"{P}MTCASH__PAID_WORDS", " , ", "no word means paid"),
    ],
)
def test_what_cannot_work_is_told_at_the_start(name: str, value: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words):
        wallets_of(load({**GSMA, name: value}))


def test_a_name_that_is_none_and_a_value_without_a_name_are_refused() -> None:
    for name in (f"{P}MT-CASH__WIRE", f"{P}1__WIRE", f"{P}MTCASH"):
        with pytest.raises(BadSettings):
            load({name: "gsma"})


def test_the_settings_survive_being_written_down_and_their_secrets_are_weighed() -> None:
    settings = load({**GSMA, **MTN})
    assert load(environ_of(settings)) == settings
    weighed = {found.name for found in secrets_of(settings)}
    assert weighed == {"WALLETS__MTCASH__API_KEY", "WALLETS__MOMO__KEY", "WALLETS__MOMO__SUBSCRIPTION_KEY"}


def test_receipts_know_wallets_by_the_names_that_payers_do() -> None:
    settings = load({**GSMA, **MTN})
    assert wallet_names(settings) == operator_of(settings).wallets == {"mtcash": "MT Cash", "momo": "momo"}
