"""Acquirers out of the settings: the first one as it always was, further ones by their names, each with its rules."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.acquirers.cmi import CmiAcquirer
from core.acquirers.terms import AcquirerState
from core.payments.hosted_page_port import OpenedPage, PageWays
from core.ports import Attempt
from khallas.bootstrap.acquirers import has_page, joined, page_of, printed_names, registry_of, settlement_of
from khallas.bootstrap.production import require_production
from khallas.settings.model import BadSettings, load
from khallas.settings.strength.found import weak_secrets

FIRST = {
    "KHALLAS_CMI__URL": "https://cmi.example/fim/api",
    "KHALLAS_CMI__CLIENT_ID": "600000001",
    "KHALLAS_CMI__NAME": "api",
    "KHALLAS_CMI__PASSWORD": "first",
}
NAPS = {
    "KHALLAS_ACQUIRERS__NAPS__OPTIONS__URL": "https://naps.example/fim/api",
    "KHALLAS_ACQUIRERS__NAPS__OPTIONS__CLIENT_ID": "600000002",
    "KHALLAS_ACQUIRERS__NAPS__OPTIONS__NAME": "api",
    "KHALLAS_ACQUIRERS__NAPS__OPTIONS__PASSWORD": "second",
}
NOW = datetime(2027, 1, 1, tzinfo=UTC)
CARD = Attempt("p1", 10_000, "MAD", "visa")


def test_without_further_ones_it_is_the_first_alone() -> None:
    registry = registry_of(load(FIRST))
    assert registry.candidates(CARD, NOW) == ("cmi",)
    assert isinstance(registry.of("cmi"), CmiAcquirer)


def test_a_further_one_stands_beside_the_first(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("of a file\n")
    environ = {**FIRST, **NAPS, "KHALLAS_ACQUIRERS__NAPS__OPTIONS__PASSWORD_FILE": str(secret)}
    del environ["KHALLAS_ACQUIRERS__NAPS__OPTIONS__PASSWORD"]
    found = list(joined(load(environ)))
    assert [each.id for each in found] == ["cmi", "naps"]
    assert found[1].options["password"].reveal() == "of a file"
    assert set(registry_of(load(environ)).candidates(CARD, NOW)) == {"cmi", "naps"}


def test_only_further_ones_leave_the_first_out() -> None:
    assert [each.id for each in joined(load(NAPS))] == ["naps"]


def test_the_contract_is_data() -> None:
    more = {
        "KHALLAS_ACQUIRERS__CMI__VALID_UNTIL": "2027-01-01T00:00:00+00:00",
        "KHALLAS_ACQUIRERS__NAPS__NAME": "NAPS",
        "KHALLAS_ACQUIRERS__NAPS__MERCHANT": "600000002",
        "KHALLAS_ACQUIRERS__NAPS__MAX_CENTIMES": "10000",
        "KHALLAS_ACQUIRERS__NAPS__BRANDS": "visa, card",
        "KHALLAS_ACQUIRERS__NAPS__OPTIONS__PAGE_URL": "https://naps.example/fim/est3Dgate",
        "KHALLAS_ACQUIRERS__NAPS__SETTLEMENT__AMOUNT": "montant",
        "KHALLAS_SETTLEMENT__DATE_FORMAT": "%d/%m/%Y",
    }
    settings = load({**FIRST, **NAPS, **more})
    first, second = registry_of(settings).terms()
    assert not first.valid(NOW)
    assert (second.max_centimes, sorted(second.brands), second.page) == (10_000, ["card", "visa"], True)
    assert has_page(settings)
    assert printed_names(settings) == (("naps", "NAPS 600000002"),)
    assert settlement_of(settings, "naps").amount == "montant"
    assert settlement_of(settings, "naps").date_format == "%d/%m/%Y"
    assert settlement_of(settings, "cmi").amount == "amount"


def test_an_operators_word_comes_over_the_settings() -> None:
    registry = registry_of(load({**FIRST, **NAPS}))
    registry.say({"cmi": AcquirerState.DRAINING})
    assert registry.candidates(CARD, NOW) == ("naps",)
    registry.say({})
    assert set(registry.candidates(CARD, NOW)) == {"cmi", "naps"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"KHALLAS_ACQUIRERS__NAPS__WEIHGT": "1"}, "KHALLAS_ACQUIRERS__NAPS__WEIHGT is no setting"),
        ({"KHALLAS_ACQUIRERS__NAPS__STATE": "gone"}, "ACQUIRERS__NAPS__STATE"),
        ({"KHALLAS_ACQUIRERS__N-1__STATE": "on"}, "ACQUIRERS"),
    ],
)
def test_what_is_no_setting_stops_the_start(changed: dict[str, str], told: str) -> None:
    with pytest.raises(BadSettings, match=told):
        load({**FIRST, **NAPS, **changed})


def test_what_a_client_lacks_is_named() -> None:
    environ = {name: value for name, value in NAPS.items() if not name.endswith("PASSWORD")}
    with pytest.raises(BadSettings, match="KHALLAS_ACQUIRERS__NAPS__OPTIONS__PASSWORD is missing"):
        registry_of(load(environ))
    with pytest.raises(BadSettings, match="KHALLAS_ACQUIRERS__NAPS__KIND: core/acquirers has no nobody"):
        registry_of(load({**NAPS, "KHALLAS_ACQUIRERS__NAPS__KIND": "nobody"}))


def test_production_wants_the_same_of_each() -> None:
    url, page = "KHALLAS_ACQUIRERS__NAPS__OPTIONS__URL", "KHALLAS_ACQUIRERS__NAPS__OPTIONS__PAGE_URL"
    with pytest.raises(BadSettings) as error:
        require_production(load({**FIRST, **NAPS, url: "http://naps.example", page: "https://naps.example/page"}))
    assert f"{url} must begin with https://: cards go there" in str(error.value)
    assert "KHALLAS_ACQUIRERS__NAPS__OPTIONS__STORE_KEY is missing" in str(error.value)


def test_secrets_of_each_are_weighed_by_the_one_rule() -> None:
    weak = list(weak_secrets(load({**FIRST, **NAPS, "KHALLAS_ACQUIRERS__NAPS__OPTIONS__STORE_KEY": "123456"})))
    assert any(told.startswith("ACQUIRERS__NAPS__OPTIONS__STORE_KEY: one ") for told in weak)
    assert any(told.startswith("ACQUIRERS__NAPS__OPTIONS__PASSWORD: one ") for told in weak)
    shared = load({**FIRST, **NAPS, "KHALLAS_ACQUIRERS__NAPS__OPTIONS__PASSWORD": "first"})
    assert any("each purpose has a secret of its own" in told for told in weak_secrets(shared))


def test_a_page_that_is_opened_by_us_is_joined_with_its_doors() -> None:
    gate = {
        "KIND": "payment_intents",
        "OPTIONS__URL": "https://api.gate.example",
        "OPTIONS__KEY": "k",
        "OPTIONS__PAGE_URL": "https://checkout.gate.example",
        "OPTIONS__WEBHOOK_SECRETS": "whsec_1,whsec_2",
    }
    named = {f"KHALLAS_ACQUIRERS__GATE__{name}": text for name, text in gate.items()}
    settings = load(FIRST | named | {"KHALLAS_PUBLIC_URL": "https://pay.example.ma"})
    attempt = replace(CARD, telephone=False)
    assert registry_of(settings).candidates(attempt, NOW) == ("gate",)
    ways = PageWays("", "", "", str, "https://pay.example.ma/acquirers/gate/open")
    page = page_of(list(joined(settings))[1], ways)
    assert page is not None
    assert isinstance(page, OpenedPage)
    assert page.url == "https://pay.example.ma/acquirers/gate/open"
    del named["KHALLAS_ACQUIRERS__GATE__OPTIONS__WEBHOOK_SECRETS"]
    with pytest.raises(BadSettings, match="KHALLAS_ACQUIRERS__GATE__OPTIONS__WEBHOOK_SECRETS is missing"):
        page_of(list(joined(load(FIRST | named)))[1], ways)
