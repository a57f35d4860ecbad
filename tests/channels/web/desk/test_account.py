"""The second factor, one's own password and sessions, and the browser's own mark, on real pages."""

import re

import pytest
from redis.asyncio import Redis

from channels.limits import Limits
from channels.web.desk.login import LoginLimits
from channels.web.desk.sessions import SEATS_MAX
from core.database.help_desk.accounts import PgUsers
from core.help_desk.enrolment import Enrolment, SecondFactors
from core.help_desk.second_factor import SEALED_FOR, STEP_S, code_at
from core.sealing import Sealer
from tests.channels.web.desk_site import PASSWORD, DeskSite, Seat, settings

OTHER = "quite other words, 32"


async def enrolled(site: DeskSite, name: str) -> Enrolment:
    keys = [key.get_secret_value() for key in settings().secret_keys]
    return await SecondFactors(PgUsers(site.at.shop.database), Sealer(keys, SEALED_FOR), site.at.shop.clock).enrol(name)


def code(site: DeskSite, made: Enrolment) -> str:
    return code_at(made.secret, int(site.at.shop.clock.now().timestamp()) // STEP_S)


async def typed(seat: Seat, text: str) -> int:
    return await seat.post("/desk/login/code", code=text, lang="fr")


async def test_the_password_alone_does_not_let_in(site: DeskSite) -> None:
    made = await enrolled(site, "sami")
    seat = await site.seat()
    assert await seat.login("sami") == 200
    assert "Deuxième étape" in seat.text
    assert (await seat.get("/desk"), seat.path) == (200, "/desk/login")
    await seat.login("sami")
    assert await typed(seat, "000000") == 401
    assert "Ce code est incorrect" in seat.text
    assert await typed(seat, code(site, made)) == 200
    assert seat.path == "/desk"
    again = await site.seat()
    await again.login("sami")
    assert await typed(again, code(site, made)) == 401  # each step once, whoever looked over a shoulder
    assert await typed(again, made.recovery_codes[0]) == 200
    assert again.path == "/desk"
    third = await site.seat()
    await third.login("sami")
    assert await typed(third, made.recovery_codes[0]) == 401
    actions = [action for _, action, _, _ in await site.at.log()]
    assert actions == ["login_refused", "login", "login_refused", "login", "login_refused"]


async def test_a_code_without_its_password_is_none(site: DeskSite) -> None:
    made = await enrolled(site, "sami")
    seat = await site.seat()
    await seat.get("/desk/login")
    assert await typed(seat, code(site, made)) == 403
    assert await seat.login("sami", "wrong") == 401
    assert await typed(seat, code(site, made)) == 403
    before, other = await site.seat(), await site.seat()
    await before.login("sami")
    await other.get("/desk/login")
    assert await other.post("/desk/login/code", csrf=before.token, code=code(site, made)) == 403


async def test_another_password_meanwhile_ends_the_way_in(site: DeskSite) -> None:
    made = await enrolled(site, "sami")
    seat = await site.seat()
    await seat.login("sami")
    made = await enrolled(site, "sami")
    assert await typed(seat, code(site, made)) == 401


async def test_codes_are_counted_for_the_account_wherever_they_are_typed(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        limits = LoginLimits(Limits(redis, "desk"))
        tried = [await limits.allow_code("sami") for _ in range(LoginLimits.CODE_TRIES + 5)]
        assert tried.count(True) == LoginLimits.CODE_TRIES
        assert await limits.allow_code("sofia")
        await limits.right_code("sami")
        assert await limits.allow_code("sami")


async def test_wrong_codes_lock_at_one_place_as_wrong_passwords_do(site: DeskSite) -> None:
    made = await enrolled(site, "sami")
    seat = await site.seat()
    await seat.login("sami")
    statuses = [await typed(seat, "000000") for _ in range(LoginLimits.PAIR_TRIES)]
    assert statuses == [401] * (LoginLimits.PAIR_TRIES - 1) + [429]
    assert await typed(seat, code(site, made)) == 429


async def test_ones_own_password_is_changed_and_other_sessions_end(site: DeskSite) -> None:
    seat, other = await site.seat("amal"), await site.seat("amal")
    await seat.get("/desk/account")
    for old, new, again, told in (
        ("wrong", OTHER, OTHER, "Le mot de passe actuel est incorrect"),
        (PASSWORD, OTHER, OTHER + "x", "diffèrent"),
        (PASSWORD, "short1", "short1", "12 à 128"),
        (PASSWORD, "only letters of mine", "only letters of mine", "des lettres et des chiffres"),
        (PASSWORD, "Password2026!", "Password2026!", "parmi les premiers"),
        (PASSWORD, PASSWORD, PASSWORD, "parmi les premiers|déjà utilisé|des lettres et des chiffres"),
    ):
        assert await seat.post("/desk/account/password", old=old, new=new, again=again) == 200
        assert re.search(told, seat.notice), (new, seat.notice)
    assert (await other.get("/desk"), other.path) == (200, "/desk")
    before = seat.cookie
    await seat.post("/desk/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    assert seat.notice.startswith("C'est changé")
    assert seat.cookie != before
    assert (await other.get("/desk"), other.path) == (200, "/desk/login")
    assert await other.login("amal") == 401
    assert await other.login("amal", OTHER) == 200
    assert OTHER not in str(await site.at.log())


async def test_wrong_old_passwords_are_counted_as_logins(site: DeskSite) -> None:
    seat = await site.seat("amal")
    await seat.get("/desk/account")
    for _ in range(LoginLimits.PAIR_TRIES):
        await seat.post("/desk/account/password", old="wrong", new=OTHER, again=OTHER)
    await seat.post("/desk/account/password", old=PASSWORD, new=OTHER, again=OTHER)
    assert seat.notice.startswith("Trop d'essais")


async def test_ones_sessions_are_seen_and_ended(site: DeskSite) -> None:
    seat, other, colleague = await site.seat("amal"), await site.seat("amal"), await site.seat("sami")
    await seat.get("/desk/account")
    ids = re.findall(r'name="seat" value="([0-9a-f]{64})"', seat.page)
    assert len(ids) == 2
    assert seat.page.count("<strong>ici</strong>") == 1
    await colleague.get("/desk/account")
    foreign = re.findall(r'name="seat" value="([0-9a-f]{64})"', colleague.page)
    assert len(foreign) == 1
    await seat.post("/desk/account/sessions", seat=foreign[0])
    assert seat.notice == "Il n'y avait rien à fermer."
    assert (await colleague.get("/desk"), colleague.path) == (200, "/desk")
    await seat.post("/desk/account/sessions")
    assert seat.notice == "C'est fermé."
    assert (await other.get("/desk"), other.path) == (200, "/desk/login")
    mine = re.findall(r'name="seat" value="([0-9a-f]{64})"', seat.page)
    await seat.post("/desk/account/sessions", seat=mine[0])
    assert seat.path == "/desk/login"
    assert "session_end" in [action for _, action, _, _ in await site.at.log()]


async def test_an_account_has_so_many_sessions_at_once(site: DeskSite) -> None:
    seats: list[Seat] = []
    for _ in range(SEATS_MAX + 1):
        seats.append(await site.seat("amal"))
        site.at.shop.clock.forward(1)
    assert (await seats[0].get("/desk"), seats[0].path) == (200, "/desk/login")
    assert (await seats[1].get("/desk"), seats[1].path) == (200, "/desk")


@pytest.mark.parametrize("same", [True, False])
async def test_one_browser_of_proposer_and_approver_is_told(
    site: DeskSite, same: bool, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await site.at.shop.paid()
    seat = await site.seat("amal")
    await seat.get(f"/desk/payments/{payment.id}")
    await seat.post(f"/desk/payments/{payment.id}/undo", reason="paid_twice", sure="1")
    await seat.post("/desk/logout")
    approver = seat if same else await site.seat()
    await approver.login("sami")
    await approver.get("/desk/approvals")
    found = re.search(r"/desk/approvals/\d+/approve", approver.page)
    assert found is not None
    await approver.post(found[0], sure="1")
    assert ("same_browser" in caplog.text) is same
    assert "same_address" in caplog.text
    row = await site.at.shop.database.one("SELECT proposed_browser = decided_browser AS same FROM undo_requests")
    assert row is not None
    assert row["same"] is same


async def test_a_crowd_elsewhere_does_not_stand_in_a_known_browser_s_way(site: DeskSite) -> None:
    seat, stranger = await site.seat("amal"), await site.seat()
    await seat.post("/desk/logout")
    for _ in range(LoginLimits.PAIR_TRIES + 1):  # the same address: an office's, or a proxy's
        await stranger.login("amal", "wrong")
    assert await stranger.login("amal") == 429
    assert await seat.login("amal") == 200
    assert seat.path == "/desk"
    marks = [cookie.value for cookie in seat.http.cookie_jar if cookie.key == "desk-browser"]
    keys = [key.decode() async for key in site.redis.scan_iter("*browser*")]
    assert keys
    assert not any(marks[0] in key for key in keys)


async def test_a_made_up_mark_is_no_known_browser(site: DeskSite) -> None:
    stranger = await site.seat()
    for number in range(LoginLimits.PAIR_TRIES):
        stranger.http.cookie_jar.update_cookies({"desk-browser": f"mark{number}"})
        assert await stranger.login("amal", "wrong") == 401
    stranger.http.cookie_jar.update_cookies({"desk-browser": "x" * 3_000})
    assert await stranger.login("amal") == 429
