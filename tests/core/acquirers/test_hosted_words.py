"""The words of CMI's hosted page: names that real callbacks carry, alphabets, what is answered, who vouched."""

import pytest

from core.acquirers.cmi_page import CmiPage
from core.acquirers.hosted import HostedShop, trusted, ver3_hash
from core.acquirers.hosted_hash import charset_of, signed_part
from core.cards import Secret
from core.payments.hosted_page_port import PageForm, PageWord
from tests.support.paid import paid

KEY = Secret("k")
SHOP = HostedShop("600000001", KEY, "https://k/ok", "https://k/no", "https://k", "https://k/cb")
# as merchants received them, whatever the shop: 66, 72 and 105 fields in all
RECEIVED = """
    clientid storetype TranType amount currency oid okUrl failUrl shopurl callbackUrl CallbackResponse lang email
    BillToName tel rnd hashAlgorithm refreshtime sessiontimeout
    ReturnOid TRANID PAResSyntaxOK merchantID maskedCreditCard ACQBIN MaskedPan acqStan
    Ecom_Payment_Card_ExpDate_Month Ecom_Payment_Card_ExpDate_Year paymentType clientIp
    cardHolderName cvvPresence iReqDetail choix1 md payResults.dsId vendorCode SettleId
    mdErrorMsg PAResVerified cavv digest callbackCall cavvAlgorithm xid sID mdStatus
    dsId eci version ccnHash txStatus Response ProcReturnCode AuthCode TransId
    ErrMsg HostRefNum TranInstallment instalment taksit orderItemCount
    linkType paymentLinkToken BillToCompany BillToStreet12 BillToCity BillToStateProv
    BillToPostalCode BillToCountry BillToStreet1 BillToStreet2 BillToStreet3 amountCur
    symbolCur AutoRedirect HASHPARAMS HASHPARAMSVAL description
    EXTRA.HOSTMSG EXTRA.TRXDATE dimCriteria1 editableAmount printReceipt
"""


@pytest.mark.parametrize("name", RECEIVED.split())
def test_what_the_gateway_signs_is_known_beside_what_it_does_not(name: str) -> None:
    """A field that the shop's own page added is left out of this hash; each of the gateway's is in it."""
    signed = {"x-unheard": "1", name: "said"}
    assert signed_part(signed, ver3_hash({name: "said"}, KEY), KEY) == {name: "said"}


@pytest.mark.parametrize("name", ["extrafield", "dimcriterion", "editablx", "princess"])
def test_a_name_that_begins_nearly_as_the_gateway_s_is_the_shop_s(name: str) -> None:
    assert signed_part({"oid": "1", name: "2"}, ver3_hash({"oid": "1"}, KEY), KEY) == {"oid": "1"}


@pytest.mark.parametrize("name", ["nationalidno", "NationalIDNo"])
def test_a_field_of_one_bank_is_signed_or_left_out(name: str) -> None:
    fields = {"clientid": "1", name: "2", "x-unheard": "3"}
    for signed in ({"clientid": "1", name: "2"}, {"clientid": "1", "x-unheard": "3"}):
        assert signed_part(fields, ver3_hash(signed, KEY), KEY) == signed


@pytest.mark.parametrize(
    ("named", "codec", "letter"),
    [
        ("utf8", "utf-8", "س"),
        ("UTF-8", "utf-8", "س"),
        ("iso-8859-1", "latin-1", "é"),
        ("latin1", "latin-1", "é"),
        ("ISO-8859-9", "iso8859-9", "ğ"),
        ("iso-8859-15", "iso8859-15", "€"),
        ("windows-1252", "cp1252", "€"),
        ("Windows-1254", "cp1254", "ğ"),
        ("windows-1256", "cp1256", "س"),
    ],
)
def test_an_alphabet_is_known_by_its_name(named: str, codec: str, letter: str) -> None:
    found = charset_of({"encoding": named})
    assert found is not None
    assert letter.encode(found) == letter.encode(codec)


@pytest.mark.parametrize(
    "name",
    ["oid", "clientid", "amount", "currency", "procreturncode", "response", "mdstatus", "authcode", "transid"],
)
def test_what_is_read_is_never_said_in_two_ways(name: str) -> None:
    fields = {name: "1", name.upper(): "2"}
    assert trusted(SHOP, {**fields, "hash": ver3_hash(fields, KEY)}) is None
    told = {"of-the-shop": "1", "OF-THE-SHOP": "2"}
    assert trusted(SHOP, {**told, "hash": ver3_hash(told, KEY)}) is not None


def test_a_hash_is_never_said_in_two_ways() -> None:
    right = ver3_hash({"oid": "1"}, KEY)
    assert trusted(SHOP, {"oid": "1", "hash": right, "HASH": right}) is not None
    assert trusted(SHOP, {"oid": "1", "hash": right, "HASH": "another"}) is None


@pytest.mark.parametrize(
    ("word", "written"),
    [(PageWord.CAPTURE, "ACTION=POSTAUTH"), (PageWord.SEEN, "APPROVED"), (PageWord.TROUBLE, "FAILURE")],
)
def test_a_callback_is_answered_as_the_gateway_reads(word: PageWord, written: str) -> None:
    assert CmiPage(SHOP, "https://cmi").word(word) == written


@pytest.mark.parametrize(
    ("md_status", "vouched"),
    [*((each, True) for each in "1234"), *((each, False) for each in ("0", "5", "6", "7", "8", "9", "", "11", "1 2"))],
)
def test_the_bank_vouched_or_tried_to(md_status: str, vouched: bool) -> None:
    fields = {"oid": "o", "clientid": "600000001", "amount": "1.00", "currency": "504", "mdStatus": md_status}
    answer = CmiPage(SHOP, "https://cmi").read({**fields, "HASH": ver3_hash(fields, KEY)})
    assert answer is not None
    assert answer.vouched is vouched


def test_the_page_is_told_nothing_of_the_holder_but_the_address() -> None:
    fields = CmiPage(SHOP, "https://cmi").form(paid(), "n", 600).fields
    assert (fields["BillToName"], fields.get("tel", "")) == ("-", "")


def test_a_form_shows_nothing_of_its_fields() -> None:
    assert "nadia" not in repr(PageForm("https://cmi", {"email": "nadia@example.com"}))
