"""GSMA's bills interface (version 1.2) as we read it, in our own words: what a generated client is made of.

Written beside the doors and not from their code; the operator's own file was compared with it by hand.
"""

from typing import Any

ACCOUNTS = ("+212600000001", "212600000001", "0600000001")
NUMBERS = tuple(f"B{n}" for n in range(1, 8))
AMOUNT = r"^(0|[1-9][0-9]{0,17})(\.[0-9]{0,3}[0-9])?$"
PAYABLE = r"^[1-9][0-9]{0,8}(\.[0-9]{1,2})?$"  # of those the ones that a purse can hold
UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"

TEXT = {"type": "string", "maxLength": 256, "pattern": r"^[^\x00]*$"}
MOMENT = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"}
MONEY = {"type": "string", "pattern": AMOUNT}
CURRENCY = {"type": "string", "pattern": "^[A-Z]{3}$"}
COUNT = {"schema": {"type": "string", "pattern": "^[0-9]{1,9}$"}, "required": True}

BILL = {
    "type": "object",
    "required": ["billReference", "billStatus", "amountDue", "currency"],
    "properties": {
        "billReference": {"type": "string", "minLength": 1, "maxLength": 256},
        "billStatus": {"enum": ["unpaid", "partialpaid", "paid"]},
        "amountDue": MONEY,
        "minimumAmountDue": MONEY,
        "currency": CURRENCY,
        "dueDate": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        "billdescription": TEXT,
    },
}
PAYMENT = {
    "type": "object",
    "required": ["amountPaid", "currency"],
    "properties": {
        "amountPaid": {"type": "string", "pattern": PAYABLE},
        "currency": {"const": "MAD"},
        "paymentType": {"const": "fullpayment"},
        "customerReference": TEXT,
        "requestingOrganisationTransactionReference": TEXT,
    },
}
PAID = {
    "type": "object",
    "required": ["billPaymentStatus", "serviceProviderPaymentReference", "amountPaid", "currency"],
    "properties": {
        "billPaymentStatus": {"enum": ["completed", "pending", "failed"]},
        "serviceProviderPaymentReference": {"type": "string", "minLength": 1, "maxLength": 256},
        "requestingOrganisationTransactionReference": TEXT,
        "amountPaid": MONEY,
        "currency": CURRENCY,
        "paymentType": {"enum": ["fullpayment", "partialpayment"]},
        "creationDate": MOMENT,
    },
}
ERROR = {
    "type": "object",
    "required": ["errorCategory", "errorCode"],
    "properties": {
        "errorCategory": {
            "enum": ["businessRule", "validation", "authorisation", "identification", "internal", "serviceUnavailable"]
        },
        "errorCode": {
            "enum": [
                *("identifierError", "formatError", "mandatoryValueNotSupplied", "invalidOffset", "incorrectState"),
                *("underPaymentNotAllowed", "overPaymentNotAllowed", "currencyNotSupported", "duplicateRequest"),
                *("clientAuthorisationError", "genericError"),
            ]
        },
        "errordescription": {"type": "string", "maxLength": 256},
        "errorDateTime": MOMENT,
    },
}


def _answer(schema: dict[str, Any], **headers: dict[str, Any]) -> dict[str, Any]:
    told = {"X-Date": {"schema": MOMENT, "required": True}} | {
        name.replace("_", "-"): header for name, header in headers.items()
    }
    return {"description": "-", "headers": told, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, where: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required, "schema": schema}


_FAULTS = {str(status): _answer(ERROR) for status in (400, 401, 404, 503)}
_ACCOUNT = [
    _parameter("identifierType", "path", {"enum": ["msisdn", "accountid", "consumerno"]}),
    _parameter("identifier", "path", {"enum": list(ACCOUNTS)}),
]
_BILLS = "/billers/gsma/accounts/{identifierType}/{identifier}/bills"
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_OFFSET = {"type": "integer", "minimum": 0, "maximum": 1_000_000}

DESCRIPTION: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "bills", "version": "1.2"},
    "security": [{"key": []}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}},
    "paths": {
        _BILLS: {
            "get": {
                "operationId": "bills",
                "parameters": [
                    *_ACCOUNT,
                    _parameter("limit", "query", _LIMIT, required=False),
                    _parameter("offset", "query", _OFFSET, required=False),
                ],
                "responses": {
                    "200": _answer(
                        {"type": "array", "items": BILL},
                        X_Records_Available_Count=COUNT,
                        X_Records_Returned_Count=COUNT,
                    ),
                    **_FAULTS,
                },
            }
        },
        _BILLS + "/{billReference}/payments": {
            "post": {
                "operationId": "pay",
                "parameters": [
                    *_ACCOUNT,
                    _parameter("billReference", "path", {"enum": list(NUMBERS)}),
                    _parameter("X-CorrelationID", "header", {"type": "string", "pattern": UUID}),
                ],
                "requestBody": {"required": True, "content": {"application/json": {"schema": PAYMENT}}},
                "responses": {"201": _answer(PAID), **_FAULTS},
            }
        },
    },
}
