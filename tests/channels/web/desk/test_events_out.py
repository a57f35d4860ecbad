"""Endpoints and dead letters at the desk: an administrator's alone, without secrets, sent again and logged."""

from datetime import UTC, datetime

from core.database.events.endpoints import SEALED_FOR, PgEventEndpoints
from core.events.endpoints import EndpointKind, EndpointSecret, EventEndpoint
from core.events.signing import new_secret
from core.sealing import Sealer
from tests.channels.web.desk.test_administration import administrator
from tests.channels.web.desk_site import DeskSite

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DEAD = """
INSERT INTO event_deliveries (endpoint, sequence, row_id, payment_id, type, attempts, planned_at, dead_at, error)
SELECT 'crm', 1, id, payment_id, 'payment.created', 8, at, at, 'HTTP 500' FROM payment_events ORDER BY id LIMIT 1
"""


async def test_an_administrator_sees_endpoints_and_sends_dead_letters_again(site: DeskSite) -> None:
    database = site.at.shop.database
    payment = await site.at.shop.paid()
    secret = new_secret()
    endpoint = EventEndpoint(
        "crm", EndpointKind.WEBHOOK, "https://crm.example.ma/hook?key=hidden", secrets=(EndpointSecret(secret),)
    )
    await PgEventEndpoints(database, Sealer(["any"], SEALED_FOR)).add(endpoint, NOW)
    await database.do(DEAD)
    admin = await administrator(site)
    assert await admin.get("/desk/events") == 200
    for told in ("crm", "https://crm.example.ma/hook", "payment.created", "HTTP 500", payment.id):
        assert told in admin.page
    assert "key=hidden" not in admin.page
    assert secret not in admin.page
    await admin.post("/desk/events/crm/resend")
    assert admin.notice == "Les événements abandonnés sont renvoyés."
    (row,) = await database.all("SELECT dead_at, due_at, attempts FROM event_deliveries")
    assert (row["dead_at"], row["attempts"]) == (None, 0)
    await admin.post("/desk/events/crm/resend")
    assert admin.notice == "Aucun événement abandonné."
    log = [(who, detail) for who, action, _, detail in await site.at.log() if action == "events"]
    assert log == [("sofia", "resend crm: 1"), ("sofia", "resend crm: 0")]


async def test_nobody_else_sees_them_or_sends_anything(site: DeskSite) -> None:
    for name in ("amal", "sofia"):
        seat = await site.seat(name)
        await seat.get("/desk")
        assert "/desk/events" not in seat.page
        assert await seat.get("/desk/events") == 403
        assert await seat.post("/desk/events/crm/resend") == 403
