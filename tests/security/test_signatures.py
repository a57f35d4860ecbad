"""Twilio's signature at volume: no forged one opens a door, no genuine one is refused, verdicts equal twilio's own."""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import quote, urlencode

import pytest
from twilio.request_validator import RequestValidator

from channels.carriers.twilio.signature import HEADER, guard, sign, valid
from channels.wire import Incoming, SenderRefused

MANY = 10_000
TOKENS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
NAMES = ("CallSid", "From", "To", "Body", "Digits", "CallStatus", "Direction", "Empty", "é", "SpeechResult", "a b")
LETTERS = string.ascii_letters + string.digits + " +&=%#?/é€خلّص😀'\"<>\\\t"


@dataclass(frozen=True)
class Signed:
    """A request as it arrives."""

    url: str
    pairs: tuple[tuple[str, str], ...]
    signature: str

    @property
    def signed_over(self) -> str:
        """Twilio joins names and values without a mark between: requests that join alike are one to both sides."""
        return self.url + "".join(name + value for name, value in sorted(set(self.pairs)))


def _text(chance: random.Random, longest: int = 24) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randrange(longest)))


def _genuine(chance: random.Random) -> Signed:
    query = (
        ""
        if chance.random() < 0.5
        else "?" + urlencode({"v": str(chance.randrange(99)), "l": "fr", "x": _text(chance)})
    )
    path = chance.choice(["/ivr/twilio", "/ivr/twilio/turn", "/sms/twilio", "/" + quote(_text(chance))])
    port = chance.choice(["", "", ":443", ":8443", ":80"])
    url = f"{chance.choice(['https', 'https', 'http'])}://pay.example.ma{port}{path}{query}"
    pairs = tuple((name, _text(chance)) for name in chance.sample(NAMES, k=chance.randrange(len(NAMES))))
    return Signed(url, pairs, RequestValidator(TOKENS[0]).compute_signature(url, dict(pairs)))


def _requests(seed: int) -> Iterator[Signed]:
    """Without end."""
    chance = random.Random(seed)
    while True:
        yield _genuine(chance)


def _changed_at(chance: random.Random, text: str) -> str:
    """One character another, gone, doubled or swapped with its neighbour."""
    if not text:
        return chance.choice(string.ascii_letters)
    at = chance.randrange(len(text))
    other = chance.choice([c for c in string.ascii_letters + string.digits if c != text[at]])
    swapped = text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :]
    return chance.choice(
        [text[:at] + other + text[at + 1 :], text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:], swapped]
    )


def _mutated(chance: random.Random, was: Signed) -> Signed:
    pairs = list(was.pairs)
    at = chance.randrange(len(pairs)) if pairs else 0
    match chance.randrange(9):
        case 0:
            return replace(was, signature=_changed_at(chance, was.signature))
        case 1:
            return replace(was, signature=was.signature.swapcase())
        case 2:
            return replace(
                was, signature=chance.choice(["", was.signature[:-1], was.signature + "=", f" {was.signature}"])
            )
        case 3:
            return replace(
                was, url=was.url.replace("pay.example.ma", chance.choice(["pay.example.mb", "evil.example"]))
            )
        case 4:
            return replace(was, url=_changed_at(chance, was.url[10:]).join([was.url[:10], ""]))
        case 5 if pairs:
            return replace(was, pairs=tuple(pairs[:at] + pairs[at + 1 :]))
        case 6 if pairs:
            pairs[at] = (pairs[at][0], _changed_at(chance, pairs[at][1]))
        case 7 if pairs:
            pairs[at] = (_changed_at(chance, pairs[at][0]), pairs[at][1])
        case _:
            pairs.append((_text(chance, 6) + "x", _text(chance, 6) + "y"))
    return replace(was, pairs=tuple(pairs))


def _spelled_alike(one: Signed, other: Signed) -> bool:
    """Both sides take a URL with its port and without it for the same."""
    return one.signature == other.signature and _portless(one.signed_over) == _portless(other.signed_over)


def _portless(signed_over: str) -> str:
    for port in (":443", ":8443", ":80"):
        signed_over = signed_over.replace(f"pay.example.ma{port}/", "pay.example.ma/")
    return signed_over


def test_no_mutated_request_is_accepted() -> None:
    chance = random.Random(1)
    pairs = ((genuine, _mutated(chance, genuine)) for genuine in _requests(2))
    mutated = ((was, now) for was, now in pairs if now != was and not _spelled_alike(now, was))
    for genuine, forged in islice(mutated, MANY):
        assert not valid(TOKENS, forged.url, forged.pairs, forged.signature), (genuine, forged)


def test_no_signature_with_another_bit_is_accepted() -> None:
    chance = random.Random(3)
    genuine = [_genuine(chance) for _ in range(200)]
    accepted = 0
    for n in range(MANY):
        was = genuine[n % len(genuine)]
        bits = bytearray(was.signature.encode())
        bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(7)
        accepted += valid(TOKENS, was.url, was.pairs, bits.decode("latin-1"))
    assert accepted == 0


def test_no_genuine_request_is_refused() -> None:
    for token in TOKENS:
        theirs = RequestValidator(token)
        for request in islice(_requests(4), MANY):
            signature = theirs.compute_signature(request.url, dict(request.pairs))
            assert sign(token, request.url, request.pairs) == signature
            assert valid(TOKENS, request.url, request.pairs, signature)


def test_verdicts_equal_twilios() -> None:
    chance = random.Random(5)
    theirs = RequestValidator(TOKENS[0])
    agreed = {True: 0, False: 0}
    made = (genuine if chance.random() < 0.5 else _mutated(chance, genuine) for genuine in _requests(6))
    # where a name comes twice twilio's own dictionary cannot hold it
    told = (asked for asked in made if len({name for name, _ in asked.pairs}) == len(asked.pairs))
    for asked in islice(told, MANY):
        verdict = valid(TOKENS[:1], asked.url, asked.pairs, asked.signature)
        assert verdict is _theirs(theirs, asked), asked
        agreed[verdict] += 1
    assert sum(agreed.values()) == MANY
    assert min(agreed.values()) > MANY // 3


def _theirs(validator: RequestValidator, asked: Signed) -> bool:
    try:
        return bool(validator.validate(asked.url, dict(asked.pairs), asked.signature))
    except ValueError:  # a port that is none: it breaks where ours refuses
        return False


def test_a_token_that_was_taken_away_opens_nothing() -> None:
    old, new = TOKENS
    chance = random.Random(7)
    for _ in range(200):
        request = _genuine(chance)
        body = urlencode(request.pairs).encode()
        headers = {HEADER: sign(old, request.url, request.pairs), "content-type": "application/x-www-form-urlencoded"}
        arrived = Incoming("POST", request.url, "/x", "", headers, body)
        guard((new, old), arrived)
        with pytest.raises(SenderRefused):
            guard((new,), arrived)
