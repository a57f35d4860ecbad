"""TwiML is read as strictly as its documentation."""

import pytest
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import Gather, VoiceResponse

from lab.twilio import twiml


def response(body: str) -> bytes:
    return f"<Response>{body}</Response>".encode()


def test_what_twilios_own_library_writes_is_read_back() -> None:
    written = VoiceResponse()
    gather = Gather(num_digits=4, timeout=8, action="/ivr/next", finish_on_key="#", action_on_empty_result=True)
    gather.say("Tapez votre code.", language="fr-FR", voice="Polly.Lea")
    gather.pause(length=2)
    written.append(gather)
    written.redirect("/ivr/again", method="POST")
    written.dial("777")
    assert twiml.parse(str(written).encode()) == (
        twiml.Gather(
            "/ivr/next",
            "POST",
            4,
            "#",
            8.0,
            True,
            ("dtmf",),
            (twiml.Say("Tapez votre code.", "fr-FR", "Polly.Lea"), twiml.Pause(2.0)),
        ),
        twiml.Redirect("/ivr/again", "POST"),
        twiml.Dial("777"),
    )


def test_twilios_defaults() -> None:
    assert twiml.parse(response("<Gather/><Pause/><Hangup/><Reject/>")) == (
        twiml.Gather("", "POST", None, "#", 5.0, False, ("dtmf",), ()),
        twiml.Pause(1.0),
        twiml.Hangup(),
        twiml.Reject("rejected"),
    )


def test_ssml_is_spoken_as_its_words() -> None:
    (say,) = twiml.parse(response('<Say>Code <say-as interpret-as="digits">12 28</say-as><break/> merci</Say>'))
    assert say == twiml.Say("Code 12 28 merci", "", "")


def test_messages_keep_their_text_as_it_is() -> None:
    written = MessagingResponse()
    written.message("  فاتورة 1\n 769,20 DH ", action="/sms/twilio/status")
    (message,) = twiml.messages(str(written).encode())
    assert message == twiml.Message("  فاتورة 1\n 769,20 DH ", "/sms/twilio/status", "POST")
    assert twiml.messages(response("<Message><Body>Recu</Body></Message>"))[0].text == "Recu"
    assert twiml.messages(response("")) == ()


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<Response>",
        b"<Reply/>",
        response("hello"),
        response("<Shout/>"),
        response('<Gather num_digits="4"/>'),
        response('<Gather numDigits="0"/>'),
        response('<Gather timeout="-1"/>'),
        response('<Gather finishOnKey="##"/>'),
        response('<Gather input="smell"/>'),
        response('<Gather method="PUT"/>'),
        response("<Gather><Dial>777</Dial></Gather>"),
        response("<Dial/>"),
        response('<Reject reason="mood"/>'),
        response("<Pay><Say>x</Say></Pay>"),
        response("<Pause/>" * (twiml.VERBS_MAX + 1)),
        response("x" * twiml.TWIML_MAX_BYTES),
        b'<!DOCTYPE r [<!ENTITY e "x">]><Response><Say>&e;</Say></Response>',
    ],
    ids=range(18),
)
def test_wrong_documents_are_refused(xml: bytes) -> None:
    with pytest.raises(twiml.BadTwiml):
        twiml.parse(xml)


def test_a_voice_verb_is_no_answer_to_a_message() -> None:
    with pytest.raises(twiml.BadTwiml, match="Say"):
        twiml.messages(response("<Say>x</Say>"))
