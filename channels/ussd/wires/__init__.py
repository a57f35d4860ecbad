"""USSD gateways, one small file each. Adding one: its file, its line in WIRES, its recorded requests in tests/."""

from channels.ussd.wires.africastalking import AfricasTalking
from channels.ussd.wires.comviva import Comviva
from channels.ussd.wires.dialect import Path, UssdWire
from channels.ussd.wires.hubtel import Hubtel
from channels.ussd.wires.infobip import Infobip
from channels.ussd.wires.madapi import Madapi
from channels.ussd.wires.restcomm import Restcomm

__all__ = ["WIRES", "Path", "UssdWire"]

WIRES: dict[str, UssdWire] = {
    "africastalking": AfricasTalking(),
    "restcomm": Restcomm(),
    "comviva": Comviva(),
    "madapi": Madapi(),
    "infobip": Infobip(),
    "hubtel": Hubtel(),
}
