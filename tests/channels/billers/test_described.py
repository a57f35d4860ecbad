"""A client that schemathesis makes of a description of GSMA's bills pays ours; who breaks it is told so in its words.

Its own checks judge: status, content type, headers and body as described, what does not fit refused, no answer without
the key.
"""

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.billers.outside import OutsideOrder, OutsideRefusal, OutsideTaken
from core.wallets.amounts import centimes_of
from lab.servers.serving import serving
from tests.channels.billers.description import DESCRIPTION, NUMBERS
from tests.channels.billers.test_doors import SECRET, Behind, biller_app
from tests.support.described import drawn, names_of, operations_of

EXAMPLES = 30
CALM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
GOOD = {"bills": 200, "pay": 201}
each_operation = pytest.mark.parametrize("name", names_of(DESCRIPTION))


class Counter(Behind):
    """Takes what fits the seven bills that there are."""

    async def take(self, order: OutsideOrder, fresh_id: str, now: datetime) -> OutsideTaken | OutsideRefusal:
        if order.number not in NUMBERS:
            return OutsideRefusal.NO_BILL
        if order.currency != "MAD":
            return OutsideRefusal.CURRENCY
        return await super().take(order, fresh_id, now)


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    return operations_of(DESCRIPTION)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def here() -> AsyncIterator[tuple[Counter, str]]:
    behind = Counter()
    async with serving(biller_app(behind)) as url:
        yield behind, url


async def judged(url: str, case: Any, *, but: tuple[Any, ...] = ()) -> Any:
    """The answer, once schemathesis finds nothing wrong with it. Raises FailureGroup."""
    key = {"X-API-Key": SECRET}
    return await asyncio.to_thread(case.call_and_validate, base_url=url, headers=key, excluded_checks=list(but))


def fits(case: Any, answer: Any) -> bool:
    """Whether nothing that was sent is wrong but what every server leaves unread: words in the query that mean nothing
    here, and those without a value.
    """
    from schemathesis.core import NOT_SET

    query = dict(parse_qsl(urlsplit(answer.request.url).query))
    limit, offset = query.get("limit", "1"), query.get("offset", "0")
    page = limit.isascii() and limit.isdecimal() and int(limit) > 0 and offset.isascii() and offset.isdecimal()
    return page and case.body in (None, NOT_SET)


@each_operation
@CALM
@given(data=st.data())
async def test_a_client_made_of_the_description_is_served(
    here: tuple[Counter, str], operations: dict[str, Any], name: str, data: st.DataObject
) -> None:
    behind, url = here
    case = data.draw(drawn(operations[name], fitting=True))
    answer = await judged(url, case)
    assert answer.status_code == GOOD[name]
    if name == "pay":
        order = behind.orders[-1]
        assert order.key == case.headers["X-CorrelationID"].lower()
        assert order.number == case.path_parameters["billReference"]
        assert order.amount_centimes == centimes_of(case.body["amountPaid"])


@each_operation
@CALM
@given(data=st.data())
async def test_who_breaks_it_is_told_so_in_its_words(
    here: tuple[Counter, str], operations: dict[str, Any], name: str, data: st.DataObject
) -> None:
    from schemathesis.specs.openapi.checks import negative_data_rejection

    behind, url = here
    before = len(behind.orders)
    case = data.draw(drawn(operations[name], fitting=False))
    answer = await judged(url, case, but=(negative_data_rejection,))
    assert 400 <= answer.status_code < 500 or (name == "bills" and fits(case, answer)), answer.text
    assert len(behind.orders) == before, "and nothing was paid"


@pytest.mark.parametrize("refusal", OutsideRefusal)
async def test_every_refusal_is_one_of_the_descriptions(operations: dict[str, Any], refusal: OutsideRefusal) -> None:
    behind = Behind()
    behind.answer = refusal
    parameters = {"identifierType": "msisdn", "identifier": "+212600000001", "billReference": "B1"}
    body = {"amountPaid": "100.01", "currency": "MAD"}
    case = operations["pay"].Case(
        path_parameters=parameters,
        headers={"X-CorrelationID": "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10"},
        body=body,
        media_type="application/json",
    )
    async with serving(biller_app(behind)) as url:
        assert (await judged(url, case)).status_code in {400, 404}


@pytest.mark.parametrize("wrong", ["status", "word", "header"])
async def test_a_door_that_differs_would_be_seen(here: tuple[Counter, str], wrong: str) -> None:
    """The same answers against a description that differs in one thing."""
    from schemathesis.core.failures import FailureGroup

    told = deepcopy(DESCRIPTION)
    operation = next(path["get"] for path in told["paths"].values() if "get" in path)
    good = operation["responses"]["200"]
    match wrong:
        case "status":
            operation["responses"] = {"202": good}
        case "word":
            good["content"]["application/json"]["schema"]["items"]["properties"]["billStatus"] = {"enum": ["open"]}
        case "header":
            good["headers"]["X-Records-Total"] = {"schema": {"type": "string"}, "required": True}
    case = operations_of(told)["bills"].Case(path_parameters={"identifierType": "msisdn", "identifier": "0600000001"})
    with pytest.raises(FailureGroup):
        await judged(here[1], case)
