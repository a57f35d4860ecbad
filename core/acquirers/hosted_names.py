"""The names of the fields that CMI's hosted page is known to post, as data (docs/guides/cmi.md). All in lower case."""

OURS = frozenset(
    {
        *("clientid", "storetype", "trantype", "amount", "currency", "oid", "okurl", "failurl", "shopurl"),
        *("callbackurl", "callbackresponse", "lang", "email", "billtoname", "tel", "rnd", "hashalgorithm"),
        *("encoding", "refreshtime", "sessiontimeout", "hash"),
    }
)
# seen on the pages and in the callbacks of real merchants: 66, 72 and, for payment links, 105 fields in all
GATEWAY_NAMES = OURS | frozenset(
    {
        *("returnoid", "tranid", "paressyntaxok", "merchantid", "maskedcreditcard", "acqbin", "maskedpan", "acqstan"),
        *("ecom_payment_card_expdate_month", "ecom_payment_card_expdate_year", "paymenttype", "clientip"),
        *("cardholdername", "cvvpresence", "ireqdetail", "choix1", "md", "payresults.dsid", "vendorcode", "settleid"),
        *("mderrormsg", "paresverified", "cavv", "digest", "callbackcall", "cavvalgorithm", "xid", "sid", "mdstatus"),
        *("dsid", "eci", "version", "ccnhash", "txstatus", "response", "procreturncode", "authcode", "transid"),
        *("errmsg", "hostrefnum", "traninstallment", "instalment", "taksit", "nationalidno", "orderitemcount"),
        *("linktype", "paymentlinktoken", "billtocompany", "billtostreet12", "billtocity", "billtostateprov"),
        *("billtopostalcode", "billtocountry", "billtostreet1", "billtostreet2", "billtostreet3", "amountcur"),
        *("symbolcur", "autoredirect", "hashparams", "hashparamsval", "description"),
    }
)
GATEWAY_PREFIXES = ("extra.", "dimcriteria", "editable", "print")
UNSIGNED_NAMES = frozenset({"countdown", "_charset_"})  # the page adds them when a browser posts: no hash covers them
