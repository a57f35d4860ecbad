"""What one dialog asks PostgreSQL: nothing twice that it was told seconds before."""

from lab.caller import UssdPhone, VoicePhone
from tests.support.statements import asked
from tests.support.world import PUBLIC_URL, load_demo_data, world

SALMA = "+212600000001"
DIAL_MAX, LANGUAGE_MAX, BILLS_MAX = 3, 1, 3  # who it is; its language is kept; the consent, the bills, what is held


def _of_dialogs(statements: list[str]) -> list[str]:
    return [each for each in statements if "transcript_turns" not in each]


async def test_a_dialog_asks_nothing_twice(redis_url: str, database_url: str) -> None:
    await load_demo_data(database_url)
    async with world(redis_url, database_url, beside=False) as at, UssdPhone(at.url, SALMA) as phone:
        with asked() as dialled:
            assert (await phone.dial()).screen == "Language"
        with asked() as chosen:
            shown = await phone.send("1")
        assert shown.screen == "Service"
        assert "0600000001" in shown.text  # the own line, as it was read when the dialog began
        assert (await phone.send("1")).screen == "Terms"
        with asked() as listed:
            assert (await phone.send("1")).screen == "PickInvoices"
    assert len(_of_dialogs(dialled)) <= DIAL_MAX, dialled
    assert len(_of_dialogs(chosen)) <= LANGUAGE_MAX, chosen
    assert len(_of_dialogs(listed)) <= BILLS_MAX, listed


async def test_who_is_only_said_to_call_costs_no_look_at_payments(redis_url: str, database_url: str) -> None:
    """Nothing is told of them to this caller; one is looked for where nothing else tells the language."""
    await load_demo_data(database_url)
    async with world(redis_url, database_url, beside=False) as at:
        async with VoicePhone(at.url, SALMA, public_url=PUBLIC_URL) as phone:
            with asked() as unknown:
                assert (await phone.dial()).screen == "Language"
            assert [each for each in unknown if "ONLY payments p" in each]
        async with UssdPhone(at.url, SALMA) as dialog:
            await dialog.dial()
            await dialog.send("1")
        async with VoicePhone(at.url, SALMA, public_url=PUBLIC_URL) as phone:
            with asked() as known:
                assert (await phone.dial()).screen == "Service"
            assert not [each for each in known if "ONLY payments p" in each], known
