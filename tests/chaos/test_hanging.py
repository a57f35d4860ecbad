"""Two workers' sweeps while the bank hangs: every code and receipt goes out while the inquiries still hang.

How long they waited is `./run chaos --only hanging`'s to say, on a machine that is quiet; here only what no machine's
load can change.
"""

from lab.chaos.texts.hanging import HANGS_S, TextsWaited, quantile, texts_beside_a_hanging_bank

SECONDS = 8


async def test_codes_and_receipts_go_out_while_inquiries_hang(database_url: str) -> None:
    waited = await texts_beside_a_hanging_bank(database_url, SECONDS)
    assert waited.asked == {}
    assert waited.hanging_max > 2  # they did hang
    assert len(waited.codes_s) > len(waited.receipts_s) > 0
    assert quantile(waited.codes_s, 0.9) < HANGS_S  # none of them for an inquiry's end


def test_what_must_not_be_is_told() -> None:
    good = TextsWaited(codes_s=[0.1] * 99 + [9.0], receipts_s=[0.1], hanging_max=6)
    assert good.faults == []
    assert TextsWaited(codes_s=[0.1] * 98 + [9.0] * 2, receipts_s=[0.1], hanging_max=6).faults == [
        "p99 of codes is 9.00 s, 2 s are allowed"
    ]
    assert len(TextsWaited(asked={"code-1": 0.0}, codes_s=[0.1], hanging_max=1).faults) == 3
