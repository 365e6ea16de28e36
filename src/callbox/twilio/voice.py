"""TwiML for calls that speak a text or play music, so that no public URL is needed."""

from twilio.twiml.voice_response import VoiceResponse

from callbox.domain.notification import Voice

MOST_CHARACTERS = 4000  # of the Twiml parameter, Calls resource


def spoken(voice: Voice) -> str:
    """Give the TwiML that says `voice.text` in its voice and language, then plays `voice.play`."""
    response = VoiceResponse()
    if voice.text is not None:
        response.say(voice.text, voice=voice.voice, language=voice.language)
    for url in voice.play:
        response.play(url)
    return str(response)
