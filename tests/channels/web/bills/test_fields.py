"""An e-mail address in the web door's form: what no mail server of ours could reach is told at the field."""

import pytest

from channels.web.bills.fields import FieldError, Identification, PostedForm, identification
from core.subscribers.lines import ServiceType
from tests.core.subscribers.test_emails import REFUSED, TAKEN


def form(email: str) -> PostedForm:
    told = {"reference": "0600000001", "code": "482913", "email": email, "terms": "on"}
    return PostedForm(told, ())


@pytest.mark.parametrize(("typed", "kept"), TAKEN.items())
def test_addresses_that_people_have(typed: str, kept: str) -> None:
    found = identification(ServiceType.MOBILE, form(typed))
    assert isinstance(found, Identification)
    assert found.email == kept


@pytest.mark.parametrize("typed", [each for each in REFUSED if each], ids=ascii)
def test_what_is_no_address(typed: str) -> None:
    assert identification(ServiceType.MOBILE, form(typed)) == (FieldError("email", "email.wrong"),)


def test_letters_beyond_ascii_where_the_mail_server_takes_them() -> None:
    found = identification(ServiceType.MOBILE, form("h\u00e9l\u00e8ne@example.com"), utf8=True)
    assert isinstance(found, Identification)
    assert found.email == "h\u00e9l\u00e8ne@example.com"
