"""A business line of five hundred bills on one page."""

from tests.channels.web.bills.test_journey import MOBILE, Opens, bills_of
from tests.support.world import World

BILLS = 500
PAGE_BYTES_MAX = 200 * 1024
LITTLE_BYTES_MAX = 30 * 1024
MANY = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
SELECT 'mobile', '0600000001', 'MT' || lpad(n::text, 14, '0'), '2026-01-01', 10000 + n, '2026-12-01', now()
FROM generate_series(1, %(count)s) n
"""


async def test_five_hundred_bills_are_one_page_and_all_or_none_a_button(opens: Opens, here: World) -> None:
    await here.house.database.do(MANY, count=BILLS - 1)
    browser = opens()
    bills = await bills_of(browser, "mobile", MOBILE)
    assert len(bills.form().boxes["bill"]) == BILLS
    assert len(bills.html.encode()) <= PAGE_BYTES_MAX
    none = await browser.send(bills, press="none")
    assert none.form().ticked == {}
    one = bills.form().boxes["bill"][250:251]
    some = await browser.send(none, press="sum", bill=one)
    assert some.form().ticked["bill"] == one
    every = await browser.send(some, press="all")
    assert len(every.form().ticked["bill"]) == BILLS
    review = await browser.send(every)
    assert review.path == "/bills/confirm"
    left = await browser.send(review, action="/bills/confirm")
    assert left.path.startswith("/pay/")
    rows = await here.house.database.all("SELECT count(*) AS count FROM payment_lines")
    assert rows[0]["count"] == BILLS


async def test_the_little_pages_are_little(opens: Opens) -> None:
    for path in ("/", "/bills/fixed"):
        assert len((await opens().get(path)).html.encode()) <= LITTLE_BYTES_MAX
