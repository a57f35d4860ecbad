"""Gateways' dialects from the handset's side: what each sends to the application, and how it reads the answer. Pure.

The other side of channels/ussd/wires, written from docs/protocols/ussd.md alone: nothing of it is imported here.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import quoteattr  # writes requests; answers are read by defusedxml

from defusedxml.ElementTree import fromstring

from lab.twilio.webhooks import Answer

NETWORK_CODE = "60400"  # Morocco


@dataclass(slots=True)
class Dialog:
    """One dialog as a gateway keeps it. `sent` counts the requests; `left` is what the application asked it to keep."""

    msisdn: str
    service_code: str
    keys: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(secrets.randbelow(10**9) + 10**9))
    sent: int = 0
    left: str = ""

    @property
    def dialled(self) -> str:
        return "*".join((self.service_code.rstrip("#"), *self.keys)) + "#"

    @property
    def digits(self) -> str:
        return self.msisdn.lstrip("+")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a form, or a body of its own kind."""

    path: str
    fields: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    body: bytes | None = None
    media_type: str = ""


class Dialect(Protocol):
    """`dial`, `answer` and `drop` are pure: asked twice, they make the same request. Reading raises ValueError."""

    counts: bool  # whether the application can tell a repeat by its place in the dialog

    def dial(self, dialog: Dialog) -> Ask: ...
    def answer(self, dialog: Dialog) -> Ask: ...
    def drop(self, dialog: Dialog) -> Ask: ...
    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        """The text, and whether the dialog is over."""


class AfricasTalking:
    """Every request repeats all keys so far, joined by "*"."""

    counts = True

    def dial(self, dialog: Dialog) -> Ask:
        return Ask("/ussd/africastalking", self._fields(dialog) | {"text": "*".join(dialog.keys)})

    answer = dial

    def drop(self, dialog: Dialog) -> Ask:
        over = {"status": "Incomplete", "hopsCount": str(len(dialog.keys) + 1)}
        return Ask("/ussd/africastalking", self._fields(dialog) | over)

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        kind, _, text = answer.text.partition(" ")
        if kind not in {"CON", "END"}:
            raise ValueError(f"neither CON nor END: {answer.text[:80]!r}")
        return text, kind == "END"

    @staticmethod
    def _fields(dialog: Dialog) -> dict[str, str]:
        return {
            "sessionId": f"ATUid_{dialog.id}",
            "serviceCode": dialog.service_code,
            "phoneNumber": dialog.msisdn,
            "networkCode": NETWORK_CODE,
        }


class Comviva:
    """A GET a key; the first input is the code without its "*"."""

    counts = False

    def dial(self, dialog: Dialog) -> Ask:
        return self._pull(dialog, dialog.dialled.strip("*#"))

    def answer(self, dialog: Dialog) -> Ask:
        return self._pull(dialog, dialog.keys[-1])

    def drop(self, dialog: Dialog) -> Ask:
        gone = {"SessionID": dialog.id, "msisdn": dialog.digits, "clean": "clean-session", "error": "522"}
        return Ask("/ussd/comviva?" + urlencode(gone), method="GET")

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        freeflow = answer.headers.get("freeflow")
        if freeflow not in {"FC", "FB"}:
            raise ValueError(f"Freeflow is neither FC nor FB: {freeflow!r}")
        return answer.text, freeflow == "FB"

    @staticmethod
    def _pull(dialog: Dialog, given: str) -> Ask:
        asked = {"SessionID": dialog.id, "MSISDN": dialog.digits, "MSC": "212661000000", "input": given}
        return Ask("/ussd/comviva?" + urlencode(asked), method="GET")


class Restcomm:
    """MAP dialogs as XML; userObject comes back as the application left it."""

    counts = True

    def dial(self, dialog: Dialog) -> Ask:
        msisdn = f'<msisdn nai="international_number" npi="ISDN" number={quoteattr(dialog.digits)}/>'
        name, said = "processUnstructuredSSRequest_Request", quoteattr(dialog.dialled)
        message = f'<{name} invokeId="1" dataCodingScheme="15" string={said}>{msisdn}</{name}>'
        return self._ask(dialog, "Begin", f'mapMessagesSize="1">{message}')

    def answer(self, dialog: Dialog) -> Ask:
        said = quoteattr(dialog.keys[-1])
        kept = f"userObject={quoteattr(dialog.left)} " if dialog.left else ""
        message = f'<unstructuredSSRequest_Response invokeId="{dialog.sent}" dataCodingScheme="15" string={said}/>'
        return self._ask(dialog, "Continue", f'{kept}mapMessagesSize="1">{message}')

    def drop(self, dialog: Dialog) -> Ask:
        return self._ask(
            dialog, "Unknown", 'mapMessagesSize="0" mapUserAbortChoice="isUserSpecificReason"><errComponents/>'
        )

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        try:
            root = fromstring(answer.body, forbid_dtd=True)
        except ParseError:
            raise ValueError(f"no XML: {answer.text[:80]!r}") from None
        ended = root.get("type") == "End"
        said = root.find("processUnstructuredSSRequest_Response" if ended else "unstructuredSSRequest_Request")
        if said is None or (ended and root.get("prearrangedEnd") != "false"):
            raise ValueError(f"no dialog that a gateway goes on with: {answer.text[:80]!r}")
        dialog.left = root.get("userObject", "")
        return said.get("string", ""), ended

    @staticmethod
    def _ask(dialog: Dialog, kind: str, rest: str) -> Ask:
        body = (
            f'<?xml version="1.0" encoding="UTF-8" ?><dialog type="{kind}" appCntx="networkUnstructuredSsContext_'
            f'version2" networkId="0" localId="{dialog.id}" remoteId="33" returnMessageOnError="false" {rest}</dialog>'
        )
        return Ask("/ussd/restcomm", method="POST", body=body.encode(), media_type="text/xml")


class Madapi:
    """messageType 0 begins, 1 goes on, 5 is a time-out."""

    counts = False

    def dial(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, 0, dialog.dialled)

    def answer(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, 1, dialog.keys[-1])

    def drop(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, 5, "")

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        told = _object(answer)
        data = told.get("data")
        if told.get("statusCode") != "0000" or not isinstance(data, dict) or "inboundResponse" not in data:
            raise ValueError(f"no MADAPI answer: {answer.text[:80]!r}")
        return str(data["inboundResponse"]), not data.get("userInputRequired")

    @staticmethod
    def _ask(dialog: Dialog, kind: int, said: str) -> Ask:
        asked = {"sessionId": dialog.id, "messageType": kind, "msisdn": dialog.digits}
        return _json("/ussd/madapi", asked | {"serviceCode": dialog.service_code.strip("*#"), "ussdString": said})


class Infobip:
    """The dialog and its event in the path."""

    counts = False

    def dial(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "start", {"text": dialog.dialled})

    def answer(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "response", {"text": dialog.keys[-1]})

    def drop(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "end", {"exitCode": 510, "reason": "user timeout"})

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        told = _object(answer)
        if told.get("responseExitCode") != 200 or "ussdMenu" not in told:
            raise ValueError(f"no Infobip answer: {answer.text[:80]!r}")
        return str(told["ussdMenu"]), bool(told.get("shouldClose"))

    @staticmethod
    def _ask(dialog: Dialog, event: str, more: Mapping[str, object]) -> Ask:
        asked = {"msisdn": dialog.digits, "shortCode": dialog.service_code, "imsi": "604000000000001", **more}
        return _json(f"/ussd/infobip/session/{dialog.id}/{event}", asked)


class Hubtel:
    """Sequence counts the requests."""

    counts = True

    def dial(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "initiation", dialog.dialled)

    def answer(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "response", dialog.keys[-1])

    def drop(self, dialog: Dialog) -> Ask:
        return self._ask(dialog, "timeout", "")

    def read(self, dialog: Dialog, answer: Answer) -> tuple[str, bool]:
        told = _object(answer)
        if told.get("Type") not in {"response", "release"}:
            raise ValueError(f"neither response nor release: {answer.text[:80]!r}")
        return str(told.get("Message", "")), told["Type"] == "release"

    @staticmethod
    def _ask(dialog: Dialog, kind: str, said: str) -> Ask:
        asked = {"SessionId": dialog.id, "Type": kind, "Message": said, "Mobile": dialog.digits}
        more = {
            "ServiceCode": dialog.service_code.strip("*#"),
            "Operator": "iam",
            "Platform": "USSD",
            "ClientState": "",
        }
        return _json("/ussd/hubtel", asked | more | {"Sequence": dialog.sent + 1})


DIALECTS: Mapping[str, Dialect] = {
    "africastalking": AfricasTalking(),
    "restcomm": Restcomm(),
    "comviva": Comviva(),
    "madapi": Madapi(),
    "infobip": Infobip(),
    "hubtel": Hubtel(),
}


def _json(path: str, asked: Mapping[str, object]) -> Ask:
    return Ask(path, body=json.dumps(asked, ensure_ascii=False).encode(), media_type="application/json")


def _object(answer: Answer) -> dict[str, object]:
    told = json.loads(answer.body)
    if not isinstance(told, dict):
        raise ValueError(f"no JSON object: {answer.text[:80]!r}")  # noqa: TRY004 - a dialect's fault is a ValueError
    return told
