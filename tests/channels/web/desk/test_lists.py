"""The desk's lists over HTTP: what each holds, what narrows it, what its head counts, and what the log keeps."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest

from core.languages import LanguageCode
from tests.channels.web.desk_site import DeskSite, Seat
from tests.support.bank import declines, silent_after_charging
from tests.support.shop import Shop

DAY = timedelta(days=1)


async def lists(seat: Seat, kind: str, **asked: str) -> list[str]:
    """The payments of a list, in its order."""
    assert await seat.get(f"/desk/lists?{urlencode({'kind': kind, **asked})}") == 200
    return re.findall(r'<li class="\w+"><a href="/desk/payments/(\w+)', seat.page)


def counted(seat: Seat) -> tuple[str, str]:
    """How many, and how much."""
    found = re.search(r"Paiements : (\d+) · ([\d ]+,\d\d) DH", seat.text.replace("\xa0", " "))
    assert found is not None, seat.text
    return found[1], found[2]


async def three(shop: Shop) -> tuple[str, str, str]:
    """One paid, one that nobody knows the end of, one declined, which came first."""
    shop.bank.scripts.append(declines)
    declined = await shop.paid(shop.order("ivr:3", payer="+212600000007"))
    shop.clock.forward(60)
    paid = await shop.paid()
    shop.clock.forward(60)
    shop.bank.scripts.append(silent_after_charging)
    unknown = await shop.paid(await shop.internet_order(payer="+212600000003"))
    return paid.id, unknown.id, declined.id


async def test_each_list_holds_its_payments_and_what_they_come_to(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    paid = (await shop.paid()).id
    shop.clock.forward(60)
    shop.bank.scripts.append(silent_after_charging)
    unknown = (await shop.paid(await shop.internet_order())).id
    assert await lists(seat, "begun") == [unknown, paid]
    assert counted(seat) == ("2", "1 677,60")
    assert await lists(seat, "open") == await lists(seat, "unknown") == [unknown]
    assert await lists(seat, "paid") == [paid]
    assert counted(seat) == ("1", "769,20")
    assert await lists(seat, "stuck") == await lists(seat, "back") == []
    assert "Aucun paiement." in seat.text
    shop.clock.forward(DAY.total_seconds())
    await shop.till.undo(paid, "test")
    await shop.sweep.run()
    seat = await site.seat("amal")
    assert await lists(seat, "back") == [paid]
    assert counted(seat) == ("1", "769,20")
    assert await lists(seat, "begun") == []
    assert await lists(seat, "begun", day="2026-11-23") == [unknown, paid]


async def test_a_list_is_narrowed_by_what_is_known(site: DeskSite) -> None:
    seat = await site.seat("amal")
    paid, unknown, declined = await three(site.at.shop)
    for asked, found in (
        ({"channel": "ussd"}, [unknown, paid, declined]),
        ({"channel": "ivr"}, []),
        ({"status": "paid"}, [paid]),
        ({"status": "declined"}, [declined]),
        ({"status": "checking"}, [unknown]),
        ({"low": "800"}, [unknown]),
        ({"low": "769,20", "high": "769.20"}, [paid, declined]),
        ({"high": "1 000,00"}, [unknown, paid, declined]),
        ({"tender": "visa"}, [unknown, paid, declined]),
        ({"tender": "mastercard"}, []),
        ({"acquirer": "cmi"}, [unknown, paid, declined]),
        ({"acquirer": "naps"}, []),
        ({"day": "2026-11-24"}, []),
        ({"status": "never heard of", "low": "x", "day": "9999-12-31", "page": "-1"}, [unknown, paid, declined]),
        ({"page": "1"}, []),
    ):
        assert await lists(seat, "begun", **asked) == found, asked
    await lists(seat, "begun", status="paid", low="10", channel="ussd")
    for kept in ('value="paid" selected', 'value="10"', 'value="ussd" selected'):
        assert kept in seat.page
    links = [unescape(link) for link in re.findall(r'href="(/desk/lists\?[^"]*lang=ar)"', seat.page)]
    assert len(links) == 1
    await seat.get(links[0])
    assert "lang=" not in seat.url
    assert 'value="paid" selected' in seat.page  # the filter stays in another language


async def test_an_acquirer_is_asked_for_where_there_are_two(site: DeskSite) -> None:
    seat, shop = await site.seat("amal"), site.at.shop
    first, second = await shop.paid(), await shop.paid(await shop.internet_order())
    await lists(seat, "begun")
    assert 'name="acquirer"' not in seat.page
    await shop.database.do("UPDATE payments SET acquirer_free = true WHERE id = %(id)s", id=second.id)
    await shop.database.do("UPDATE payments SET acquirer = 'naps' WHERE id = %(id)s", id=second.id)
    assert set(await lists(seat, "begun")) == {first.id, second.id}
    assert '<option value="naps">NAPS</option>' in seat.page
    assert await lists(seat, "begun", acquirer="naps") == [second.id]
    assert await lists(seat, "begun", acquirer="cmi") == [first.id]
    assert 'value="cmi" selected' in seat.page


async def test_what_the_bank_said_leads_to_those_it_was_said_of(site: DeskSite) -> None:
    seat = await site.seat("amal")
    _, unknown, declined = await three(site.at.shop)
    since = "2026-11-23T00:00Z"
    assert await lists(seat, "answered", answer="lost", since=since) == [unknown]
    assert await lists(seat, "answered", answer="refused", code="other_card 51", since=since) == [declined]
    assert await lists(seat, "answered", answer="refused", code="limit 61", since=since) == []


async def test_the_head_counts_what_waits_for_a_second_person(site: DeskSite) -> None:
    amal, sami = await site.seat("amal"), await site.seat("sami")
    paid = await site.at.shop.paid()
    assert 'class="count"' not in sami.page
    await amal.get(f"/desk/payments/{paid.id}")
    await amal.post(f"/desk/payments/{paid.id}/undo", reason="wrong_line", sure="1")
    for path in ("/desk", "/desk/findings", "/ops", "/desk/account"):
        await sami.get(path)
        assert re.search(r'href="/desk/approvals"[^>]*>[^<]* <span class="count">1<', sami.page), path


async def test_the_log_keeps_which_list_was_looked_at_and_nothing_of_a_person(site: DeskSite) -> None:
    seat = await site.seat("amal")
    paid = await site.at.shop.paid()
    await lists(seat, "paid", channel="ussd", low="10")
    await lists(seat, "customer", of=paid.id)
    assert (await site.at.log())[-2:] == [
        ("amal", "queue", None, "list paid 2026-11-23T00:00 2026-11-24T00:00 ussd >=1000"),
        ("amal", "queue", paid.id, "list customer"),
    ]
    for name in ("channel", "tender", "acquirer", "code", "of", "answer", "queue", "status", "day", "low"):
        await lists(seat, "begun", **{name: "Salma Demo 4000000000000010"})
        detail = (await site.at.log())[-1][3]
        assert detail is not None
        assert "Salma" not in detail
        assert "4000" not in detail


async def test_a_payment_leads_to_the_others_of_its_customer(site: DeskSite) -> None:
    seat = await site.seat("amal")
    shop = site.at.shop
    first = await shop.paid()
    shop.clock.forward(60)
    second = await shop.paid(await shop.internet_order("ussd:9", payer="+212600000001"))
    await seat.get(f"/desk/payments/{first.id}")
    assert "Autres paiements du client" in seat.text
    assert f'href="/desk/payments/{second.id}' in seat.page
    assert await lists(seat, "customer", of=first.id) == [second.id, first.id]
    await shop.database.do("UPDATE payments SET payer_msisdn = ''")  # erased: nobody is everybody's namesake
    assert await lists(seat, "customer", of=first.id) == [first.id]


@pytest.mark.parametrize("hand", ["salma@example.com", "Salma@Example.com ", "demo salma", "SALMA Dêmo", "salma demo"])
async def test_an_address_and_a_name_find_the_customer_s_payments(site: DeskSite, hand: str) -> None:
    seat = await site.seat("amal")
    paid = await site.at.shop.paid()
    await site.at.shop.paid(await site.at.shop.internet_order())
    await seat.post("/desk/search", q=hand)
    assert seat.path == f"/desk/payments/{paid.id}"
    assert next(entry[3] for entry in await site.at.log() if entry[1] == "search") in {"*", "* *"}


@pytest.mark.parametrize("hand", ["demo imane", "Demo", "sal", "salma imane", "@example.com", "%"])
async def test_less_than_a_name_is_nobody_s(site: DeskSite, hand: str) -> None:
    seat = await site.seat("amal")
    paid = await site.at.shop.paid()
    await seat.post("/desk/search", q=hand)
    assert (seat.path == f"/desk/payments/{paid.id}") == (hand == "Demo")


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_lists_speak_every_language(site: DeskSite, language: LanguageCode) -> None:
    seat = await site.seat("amal")
    await three(site.at.shop)
    await seat.get(f"/desk?lang={language}")
    for kind in ("begun", "open", "unknown", "stuck", "paid", "back", "waiting", "failed", "answered"):
        assert await seat.get(f"/desk/lists?kind={kind}&answer=lost") == 200
        assert f'<html lang="{language}"' in seat.page
