"""The help desk's door: who comes in, how long they stay, and that a form of another page does nothing."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import pytest
from redis.asyncio import Redis
from yarl import URL

from channels.limits import Limits
from channels.web.desk.login import LoginLimits, network_of
from core.help_desk.access_log import Action
from core.payments.table import PaymentState
from tests.channels.web.desk_site import PASSWORD, DeskSite, desk_site, make_accounts, settings
from tests.support.shop import Shop

PAYMENT = "/desk/payments/01KATWQ2YD0123456789ABCDEF"
PAGES = ("/desk", "/desk?s=abc", PAYMENT, "/desk/approvals")
ACTS = (
    "/desk/search",
    "/desk/logout",
    *(f"{PAYMENT}/{act}" for act in ("contact", "resend", "inquire", "note", "undo")),
    "/desk/approvals/1/approve",
    "/desk/approvals/1/reject",
)


async def test_whoever_is_not_logged_in_sees_and_does_nothing(site: DeskSite) -> None:
    seat = await site.seat()
    for path in PAGES:
        assert (await seat.get(path), seat.path) == (200, "/desk/login")
    for path in ACTS:
        assert (await seat.post(path, q="0600000001", sure="1"), seat.path) == (200, "/desk/login")
    assert await site.at.log() == []


async def test_a_name_and_its_password_open_the_desk(site: DeskSite) -> None:
    seat = await site.seat("amal")
    assert "amal conseiller" in seat.text
    assert await site.at.log() == [("amal", "login", None, None)]
    assert await seat.post("/desk/logout") == 200
    assert (await seat.get("/desk"), seat.path) == (200, "/desk/login")
    assert [action for _, action, _, _ in await site.at.log()] == ["login", "logout"]


async def test_a_wrong_name_and_a_wrong_password_are_the_same_answer(site: DeskSite) -> None:
    seat = await site.seat()
    pages = []
    for name, password in (("amal", "wrong"), ("nobody", PASSWORD), ("", ""), ("' OR 1=1 --", "x" * 5000)):
        assert await seat.login(name, password) == 401
        assert "Identifiant ou mot de passe incorrect." in seat.text
        pages.append(seat.text)
    assert len(set(pages)) == 1
    # what strangers type is never written down
    assert [who for who, _, _, _ in await site.at.log()] == ["amal", "?", "?", "?"]


async def test_wrong_passwords_lock_the_account_at_that_address(site: DeskSite) -> None:
    seat = await site.seat()
    for _ in range(LoginLimits.PAIR_TRIES):
        assert await seat.login("amal", "wrong") == 401
    assert await seat.login("amal") == 429
    assert "Trop d'essais" in seat.text
    assert await seat.login("sami") == 200
    assert seat.path == "/desk"
    actions = [action for _, action, _, _ in await site.at.log()]
    assert actions == ["login_refused"] * LoginLimits.PAIR_TRIES + ["login_locked", "login"]


@pytest.fixture
async def limits(redis_url: str) -> AsyncIterator[LoginLimits]:
    async with Redis.from_url(redis_url) as redis:
        yield LoginLimits(Limits(redis, "desk"))


async def test_a_stranger_elsewhere_does_not_lock_the_owner_out(limits: LoginLimits) -> None:
    """Sixty wrong passwords from twelve addresses or from one /64: the right one still gets in, from any other."""
    for number in range(12):
        for _ in range(5):
            await limits.allow("sami", f"198.51.100.{number}")
    assert not await limits.allow("sami", "198.51.100.3")
    assert await limits.allow("sami", "192.0.2.2")
    assert not await limits.allow("sami", "192.0.2.2")  # one try a window
    tried = [await limits.allow("sofia", f"2001:db8::{number:x}") for number in range(60)]
    assert tried.count(True) == LoginLimits.PAIR_TRIES
    assert await limits.allow("sofia", "2001:db8:0:1::1")
    assert await limits.allow("sofia", "::ffff:192.0.2.7")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.7")


async def test_made_up_names_from_a_shared_address_lock_no_colleague(limits: LoginLimits) -> None:
    for number in range(31):
        await limits.allow(f"?{number}", "172.18.0.1")
    assert await limits.allow("amal", "172.18.0.1")


async def test_a_browser_that_came_in_before_is_a_place_of_its_own(limits: LoginLimits) -> None:
    for number in range(100):
        await limits.allow("amal", "192.0.2.1")
        await limits.allow("amal", f"198.51.100.{number}")
    tried = [await limits.allow("amal", "192.0.2.1", "b1") for _ in range(10)]
    assert tried == [True] * LoginLimits.PAIR_TRIES + [False] * 5
    assert await limits.allow("amal", "192.0.2.1", "b2")


async def test_the_oftener_wrong_the_longer_locked_and_a_right_one_begins_anew(
    limits: LoginLimits, redis_url: str
) -> None:
    async with Redis.from_url(redis_url) as redis:
        allowed = 0
        for _ in range(6):  # as many quarters of an hour
            allowed += [await limits.allow("amal", "192.0.2.1") for _ in range(6)].count(True)
            await redis.delete("kh:{limit:desk}:pair:amal|192.0.2.1")
        assert allowed == LoginLimits.PAIR_LONGER[0][1] <= 10
        assert await redis.ttl("kh:{limit:desk}:pair-hour:amal|192.0.2.1") > 1_800
    await limits.right("amal", "192.0.2.1")
    assert await limits.allow("amal", "192.0.2.1")


async def test_two_hundred_logins_at_once_stay_within_theirs_and_the_right_one_gets_in(site: DeskSite) -> None:
    seat = await site.seat()
    await seat.get("/desk/login")

    async def guess(name: str) -> int:
        form = {"csrf": seat.token, "name": name, "password": "wrong password 1", "lang": "fr"}
        async with seat.http.post("/desk/login", data=form, allow_redirects=False) as answer:
            return answer.status

    statuses = await asyncio.gather(*(guess(f"name{number}") for number in range(200)))
    assert statuses.count(401) <= LoginLimits.ADDRESS_TRIES + 3 * LoginLimits.ADDRESS_PACE
    assert set(statuses) == {401, 429}
    await site.redis.delete("kh:{limit:desk}:address-pace:127.0.0.1")  # ten seconds later
    other = await site.seat()
    assert await other.login("amal") == 200
    assert other.path == "/desk"


async def test_a_part_of_a_page_is_never_a_login(site: DeskSite) -> None:
    seat = await site.seat()
    async with seat.http.get("/desk", headers={"HX-Request": "true"}) as answer:
        assert (answer.status, answer.headers["HX-Redirect"]) == (200, "/desk/login")
        assert await answer.text() == ""
    async with seat.http.get("/ops/data", headers={"HX-Request": "true"}) as answer:
        assert answer.headers["HX-Redirect"] == "/desk/login?to=/ops"


async def test_a_form_without_the_right_token_does_nothing(site: DeskSite) -> None:
    payment = await site.at.shop.paid()
    amal, sami = await site.seat("amal"), await site.seat("sami")
    before = await site.at.log()
    path = f"/desk/payments/{payment.id}/undo"
    form = {"reason": "paid_twice", "sure": "1"}
    for token in ("", "x", amal.token, "é"):
        assert await sami.post(path, csrf=token, **form) == 403
        assert "Rien n'a été fait" in sami.text
    for act in ACTS:
        assert await sami.post(act, csrf="wrong") == 403, act
    assert await site.at.log() == before
    assert await site.at.shop.state(payment) is PaymentState.CAPTURED
    await sami.get("/desk")
    async with sami.http.post(
        path, data={"csrf": sami.token} | form, headers={"Sec-Fetch-Site": "cross-site"}
    ) as answer:
        assert answer.status == 403


async def test_a_login_form_of_another_page_is_refused(site: DeskSite) -> None:
    seat, other = await site.seat(), await site.seat()
    assert await seat.post("/desk/login", name="amal", password=PASSWORD) == 403
    await other.get("/desk/login")
    assert await seat.post("/desk/login", csrf=other.token, name="amal", password=PASSWORD) == 403
    assert "Cette page a expiré" in seat.text
    assert await site.at.log() == []


async def test_each_login_is_a_new_session_and_ends_the_one_before(site: DeskSite) -> None:
    seat = await site.seat("amal")
    first = seat.cookie
    assert await seat.login("sami") == 200
    assert "sami superviseur" in seat.text
    async with seat.http.get("/desk", cookies={"desk": first}, allow_redirects=False) as answer:
        assert answer.status == 303
    fixed = await site.seat()
    fixed.http.cookie_jar.update_cookies({"desk": "chosen-by-somebody-else"}, URL(site.url))
    await fixed.login("amal")
    assert fixed.cookie != "chosen-by-somebody-else"


async def test_redis_does_not_hold_what_opens_a_session(site: DeskSite) -> None:
    seat = await site.seat("amal")
    token = seat.cookie
    keys = [key async for key in site.redis.scan_iter("*desk*")]
    kept = b"".join([key + (await site.redis.get(key) or b"") for key in keys])
    assert b"amal" in kept
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


async def test_a_session_ends_after_a_time_without_a_click_and_after_a_day_s_work(site: DeskSite) -> None:
    seat = await site.seat("amal")
    own = settings().desk
    keys = [key async for key in site.redis.scan_iter("kh:desk:*")]
    (key,) = keys
    await site.redis.expire(key, 10)
    await seat.get("/desk")
    assert await site.redis.ttl(key) in range(own.idle_s - 60, own.idle_s + 1)  # a click counts
    site.at.shop.clock.forward(own.absolute_s - 10)
    await seat.get("/desk?lang=en")
    assert seat.path == "/desk"
    assert await site.redis.ttl(key) <= own.idle_s
    site.at.shop.clock.forward(10)
    assert (await seat.get("/desk"), seat.path) == (200, "/desk/login")
    assert await site.redis.exists(key) == 0


async def test_a_disabled_account_and_an_old_password_are_out_at_once(site: DeskSite) -> None:
    accounts = make_accounts(site.at.shop)
    amal, sami = await site.seat("amal"), await site.seat("sami")
    await accounts.disable("amal")
    await accounts.set_password("sami", "other words, 31 of them")
    for seat in (amal, sami):
        assert (await seat.get("/desk"), seat.path) == (200, "/desk/login")


@pytest.mark.parametrize(("url", "name"), [("https://pay.example.ma", "__Host-desk"), ("http://127.0.0.1", "desk")])
async def test_cookies_are_for_this_site_s_own_requests(
    shop: Shop, redis_url: str, hashed: str, url: str, name: str
) -> None:
    async with desk_site(shop, redis_url, hashed, settings(url)) as site:
        seat = await site.seat()
        async with seat.http.get("/desk/login") as answer:
            form = SimpleCookie(answer.headers["Set-Cookie"])
            page = await answer.text()
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        data = {"csrf": token, "name": "amal", "password": PASSWORD}
        sent = {f"{name}-form": form[f"{name}-form"].value}
        async with seat.http.post("/desk/login", data=data, cookies=sent, allow_redirects=False) as answer:
            assert answer.status == 303
            session = SimpleCookie(answer.headers["Set-Cookie"])
        for morsel in (form[f"{name}-form"], session[name]):
            assert morsel["httponly"]
            assert morsel["samesite"] == "strict"
            assert morsel["path"] == "/"
            assert bool(morsel["secure"]) is url.startswith("https")
            assert not morsel["domain"]
        assert not session[name]["max-age"]


async def test_without_counters_nobody_comes_in(shop: Shop, hashed: str) -> None:
    async with desk_site(shop, "redis://127.0.0.1:1", hashed, settings()) as site:
        seat = await site.seat()
        assert await seat.login("amal") == 503
        assert "Le service ne répond pas" in seat.text


async def test_contacts_are_revealed_at_a_person_s_pace(site: DeskSite) -> None:
    """Three hundred in four seconds is no conversation: the log then has as many lines as were shown."""
    payment = await site.at.shop.paid()
    seat = await site.seat("amal")
    await seat.get(f"/desk/payments/{payment.id}")
    for _ in range(LoginLimits.CONTACTS + 3):
        assert await seat.post(f"/desk/payments/{payment.id}/contact") == 200
    assert seat.notice.startswith("Trop de coordonnées")
    assert (await site.at.actions()).count(Action.CONTACT) == LoginLimits.CONTACTS
