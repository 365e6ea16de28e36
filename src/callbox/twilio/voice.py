"""TwiML for calls that speak a text, so that no public URL is needed."""

from twilio.twiml.voice_response import VoiceResponse

from callbox.domain.notification import Voice

MOST_CHARACTERS = 4000  # of the Twiml parameter, Calls resource


def spoken(voice: Voice) -> str:
    """Give the TwiML that says `voice.text`, escaped, in its voice and language."""
    response = VoiceResponse()
    response.say(voice.text, voice=voice.voice, language=voice.language)
    return str(response)
