"""Twilio's error codes: what each means for a request, in plain words, and what to do next.

Data, no branches. To add a code, add a row: the class decides what Callbox does, the reason says
what happened, the remedy the next step of whoever runs it. Source: twilio.com/docs/api/errors.
Numbers below 1,000 are HTTP statuses, for an answer whose body has no code.
"""

from enum import Enum
from typing import NamedTuple


class Class(Enum):
    """What a code means for the request that met it."""

    ACCOUNT = "account"  # nothing can be sent by this account: everything pauses, one probes
    SENDER = "sender"  # this sender cannot send this: the request fails, others go on
    REQUEST = "request"  # this request can never be sent as it is
    CONSENT = "consent"  # the recipient said STOP: not to be sent until they say START
    PACING = "pacing"  # refused for being too fast: sent again, and never counted as a retry
    TEMPORARY = "temporary"  # refused for now, nothing created: sent again, counted as a retry
    UNKNOWN = "unknown"  # perhaps created: looked up, never blindly sent again
    DELIVERY_MAY_RESEND = "delivery, may resend"  # accepted, not delivered; later it may work
    DELIVERY_FINAL = "delivery, final"  # accepted, not delivered, and it never will be
    WEBHOOK = "webhook"  # Twilio could not use our answer, or the TwiML; seen in its debugger


class Code(NamedTuple):
    """One error code: `reason` and `remedy` are a sentence each, for whoever runs the gateway."""

    number: int
    klass: Class
    reason: str
    remedy: str


_ROWS = (
    # --- the account ------------------------------------------------------------------------
    Code(
        401,
        Class.ACCOUNT,
        "Twilio does not accept the account's credentials.",
        "Compare the account SID and the auth token or API key with those in the Twilio Console.",
    ),
    Code(
        10001,
        Class.ACCOUNT,
        "The Twilio account is not active.",
        "Check the balance in the Twilio Console, or ask Twilio's support why it is disabled.",
    ),
    Code(
        20003,
        Class.ACCOUNT,
        "Twilio does not accept the account's credentials.",
        "Compare the account SID and the auth token or API key with those in the Twilio Console.",
    ),
    Code(
        20005,
        Class.ACCOUNT,
        "The Twilio account is not active.",
        "Check the balance in the Twilio Console, or ask Twilio's support why it is suspended.",
    ),
    Code(
        20006,
        Class.SENDER,
        "The credentials may not do this in the Twilio account.",
        "Use the auth token, or an API key that may send messages and place calls.",
    ),
    Code(
        20008,
        Class.SENDER,
        "These are test credentials, with which Twilio allows almost nothing.",
        "Put the live account SID and auth token from the Twilio Console in the configuration.",
    ),
    Code(
        20403,
        Class.SENDER,
        "Twilio forbids this to the account or to the API key.",
        "Give the API key the permission in the Twilio Console, or use the auth token.",
    ),
    Code(
        30002,
        Class.ACCOUNT,
        "The Twilio account was suspended while the message waited at Twilio.",
        "Refill the balance in the Twilio Console or ask Twilio's support, then send it again.",
    ),
    Code(
        90010,
        Class.ACCOUNT,
        "The Twilio account is not active.",
        "Check the balance in the Twilio Console, or ask Twilio's support why it is disabled.",
    ),
    # --- one sender -------------------------------------------------------------------------
    Code(
        21210,
        Class.SENDER,
        "Calls may not show this number as the caller: Twilio has not verified that it is yours.",
        "Call from a Twilio number, or verify this one as a caller ID in the Twilio Console.",
    ),
    Code(
        21212,
        Class.SENDER,
        "The sender is not a phone number or name that Twilio can send from.",
        "Write the sender as +, country code and number, and check that it is yours.",
    ),
    Code(
        21218,
        Class.SENDER,
        "There is no Twilio application with this SID.",
        "Correct the application SID, which is AP and 32 characters in the Twilio Console.",
    ),
    Code(
        21603,
        Class.SENDER,
        "No sender was given.",
        "Set twilio.default_from_number or twilio.messaging_service_sid, or give a from_number.",
    ),
    Code(
        21606,
        Class.SENDER,
        "The sender is not yours, cannot send texts, or cannot reach this destination.",
        "Pick a number in the Twilio Console that can send SMS to the recipient's country.",
    ),
    Code(
        21659,
        Class.SENDER,
        "The sender is not a number of this Twilio account.",
        "Use a number listed under Active Numbers in the Twilio Console, or buy one.",
    ),
    Code(
        21701,
        Class.SENDER,
        "There is no messaging service with this SID.",
        "Correct twilio.messaging_service_sid from the Twilio Console, Messaging, Services.",
    ),
    Code(
        21703,
        Class.SENDER,
        "No sender of the messaging service can send this to the recipient.",
        "Add a sender to the messaging service that can reach the recipient's country.",
    ),
    Code(
        21704,
        Class.SENDER,
        "The messaging service has no sender.",
        "Add a phone number to the messaging service in the Twilio Console.",
    ),
    Code(
        21705,
        Class.SENDER,
        "The messaging service's SID is not valid.",
        "Correct twilio.messaging_service_sid: MG and 32 characters from the Twilio Console.",
    ),
    Code(
        30032,
        Class.SENDER,
        "Carriers block this toll-free number because it is not verified.",
        "Have the toll-free number verified in the Twilio Console, or send from another number.",
    ),
    Code(
        30034,
        Class.SENDER,
        "US carriers block this number because it is not registered for A2P 10DLC.",
        "Register the number with a campaign in Twilio, or use a verified toll-free number.",
    ),
    Code(
        30035,
        Class.SENDER,
        "The number's registration for texts to the US (A2P 10DLC) is not finished.",
        "Wait until the Twilio Console shows the number as registered, then send it again.",
    ),
    Code(
        63007,
        Class.SENDER,
        "The sender is not set up for this channel, for example WhatsApp.",
        "Register the number as a WhatsApp sender in the Twilio Console, or use the sandbox's.",
    ),
    # --- this request -----------------------------------------------------------------------
    Code(
        20001,
        Class.REQUEST,
        "A value that Twilio needs is missing from the request, or it is not valid.",
        "Correct the value that Twilio's own message names.",
    ),
    Code(
        20404,
        Class.REQUEST,
        "Twilio does not know what the request is about, or not in this account.",
        "Check the account SID and twilio.base_url, and whether the SID still exists.",
    ),
    Code(
        20422,
        Class.REQUEST,
        "Twilio does not accept a value of the request.",
        "Correct the value that Twilio's own message names.",
    ),
    Code(
        21201,
        Class.REQUEST,
        "The call has no number to call.",
        "Give the recipient's phone_number.",
    ),
    Code(
        21202,
        Class.REQUEST,
        "The number is a premium-rate number, which Twilio does not call.",
        "Call an ordinary number instead.",
    ),
    Code(
        21203,
        Class.REQUEST,
        "Calls to other countries are not enabled for the account.",
        "Enable the country in the Twilio Console, Voice, Geo permissions.",
    ),
    Code(
        21205,
        Class.REQUEST,
        "The address of the voice message is not a valid URL.",
        "Give voice_message_location as an http or https URL that Twilio can reach.",
    ),
    Code(
        21206,
        Class.REQUEST,
        "The digits to send after the call is answered are not valid.",
        "Use digits, #, * and w for a pause only.",
    ),
    Code(
        21208,
        Class.REQUEST,
        "The time to let it ring is not valid.",
        "Use a whole number of seconds up to 600.",
    ),
    Code(
        21209,
        Class.REQUEST,
        "The HTTP method is not valid.",
        "Use GET or POST for voice_message_method.",
    ),
    Code(
        21211,
        Class.REQUEST,
        "The recipient's number is not a valid phone number, or it is the sender itself.",
        "Write it as +, country code and number, without spaces, and check it for a typo.",
    ),
    Code(
        21213,
        Class.REQUEST,
        "The call has no number to call from.",
        "Set twilio.default_from_number, or give a from_number.",
    ),
    Code(
        21214,
        Class.REQUEST,
        "Twilio cannot reach the number by a call.",
        "Check the number for a typo, and call it once from an ordinary phone.",
    ),
    Code(
        21215,
        Class.REQUEST,
        "Calls to the recipient's country are not enabled for the account.",
        "Enable the country in the Twilio Console, Voice, Geo permissions.",
    ),
    Code(
        21216,
        Class.REQUEST,
        "Twilio blocks calls to this number.",
        "Call another number, or ask Twilio's support for an exception.",
    ),
    Code(
        21217,
        Class.REQUEST,
        "The number to call does not appear to be a valid phone number.",
        "Write it as +, country code and number, without spaces, and check it for a typo.",
    ),
    Code(
        21219,
        Class.REQUEST,
        "A trial account may call verified numbers only, and this one is not verified.",
        "Verify the number in the Twilio Console, Verified Caller IDs, or upgrade the account.",
    ),
    Code(
        21266,
        Class.REQUEST,
        "Sender and recipient are the same number.",
        "Send to another number, or from another one.",
    ),
    Code(
        21267,
        Class.SENDER,
        "A trial account may not send from a name.",
        "Send from a number of the account, or upgrade it.",
    ),
    Code(
        21408,
        Class.REQUEST,
        "Texts to the recipient's country are not enabled for the account.",
        "Enable the country in the Twilio Console, Messaging, Geo permissions.",
    ),
    Code(
        21601,
        Class.REQUEST,
        "The phone number cannot be used for texts.",
        "Use a number that can send and receive SMS.",
    ),
    Code(
        21602,
        Class.REQUEST,
        "The text is empty.",
        "Give a message, or media_urls.",
    ),
    Code(
        21604,
        Class.REQUEST,
        "The text has no recipient.",
        "Give the recipient's phone_number.",
    ),
    Code(
        21605,
        Class.REQUEST,
        "The text is too long for the way it was sent.",
        "Shorten the message to 160 characters.",
    ),
    Code(
        21608,
        Class.REQUEST,
        "A trial account may text verified numbers only, and this one is not verified.",
        "Verify the number in the Twilio Console, Verified Caller IDs, or upgrade the account.",
    ),
    Code(
        21609,
        Class.REQUEST,
        "Twilio does not accept the address for status callbacks.",
        "Correct http.public_url: an https URL with a public host name without underscores.",
    ),
    Code(
        21612,
        Class.REQUEST,
        "Twilio has no way to send from this sender to this recipient.",
        "Send from a number that can reach the recipient's country and carrier.",
    ),
    Code(
        21614,
        Class.REQUEST,
        "The recipient's number is not a mobile number.",
        "Give a mobile number, or call this one instead.",
    ),
    Code(
        21617,
        Class.REQUEST,
        "The text is longer than 1,600 characters.",
        "Shorten the message, or send it as several.",
    ),
    Code(
        21619,
        Class.REQUEST,
        "The message has neither a text nor media.",
        "Give a message, or media_urls.",
    ),
    Code(
        21620,
        Class.REQUEST,
        "An address of the media is not a valid URL.",
        "Give each of media_urls as an http or https URL that Twilio can reach.",
    ),
    Code(
        21621,
        Class.REQUEST,
        "The sender cannot send pictures or other media.",
        "Send from a number that can send MMS, or send the text alone.",
    ),
    Code(
        21622,
        Class.REQUEST,
        "The account cannot send pictures or other media.",
        "Ask Twilio's support to enable MMS, or send the text alone.",
    ),
    Code(
        21623,
        Class.REQUEST,
        "The message has more media than Twilio allows.",
        "Give at most 10 media_urls.",
    ),
    Code(
        21624,
        Class.REQUEST,
        "The time for which the message is valid is out of Twilio's range.",
        "Give an expires_in of at least one second, and report it if that does not help.",
    ),
    Code(
        21654,
        Class.REQUEST,
        "The message has values for a template, but no template.",
        "Name the content template that the values belong to.",
    ),
    Code(
        21655,
        Class.REQUEST,
        "There is no content template with this SID.",
        "Correct the template's SID: HX and 32 characters from the Twilio Console.",
    ),
    Code(
        21656,
        Class.REQUEST,
        "The values for the content template are not valid.",
        "Give the values as a JSON object of texts that fits the template.",
    ),
    Code(
        35111,
        Class.REQUEST,
        "The scheduled message has no time to be sent at.",
        "Give the time, or send the message at once.",
    ),
    Code(
        35114,
        Class.REQUEST,
        "The time to send at is too near or too far for Twilio.",
        "Choose a time that Twilio allows (it asks for some minutes ahead) or send it at once.",
    ),
    Code(
        35118,
        Class.REQUEST,
        "Twilio schedules messages of a messaging service only.",
        "Set twilio.messaging_service_sid, or send the message at once.",
    ),
    Code(
        63013,
        Class.REQUEST,
        "The message violates a policy of the channel, for example WhatsApp.",
        "Change the content to what the channel allows; long runs of spaces are refused too.",
    ),
    Code(
        63015,
        Class.REQUEST,
        "The WhatsApp sandbox can only write to numbers that have joined it.",
        "Let the recipient send the join words from the Twilio Console to the sandbox.",
    ),
    Code(
        63016,
        Class.REQUEST,
        "WhatsApp allows free text only within 24 hours of the recipient's last message.",
        "Let the recipient write first, or use an approved template.",
    ),
    Code(
        63021,
        Class.REQUEST,
        "The channel, for example WhatsApp, found the content invalid.",
        "Check the text, the media and the template for what the channel does not support.",
    ),
    Code(
        63024,
        Class.REQUEST,
        "The channel cannot write to this recipient, who may not be on WhatsApp.",
        "Check that the number uses WhatsApp, or send an ordinary text.",
    ),
    Code(
        63028,
        Class.REQUEST,
        "The template expects another number of values.",
        "Give exactly as many values as the approved template has placeholders.",
    ),
    Code(
        63030,
        Class.REQUEST,
        "The channel does not support a part of the message, such as media with a template.",
        "Send the template without media, or the media without a template.",
    ),
    Code(
        63032,
        Class.REQUEST,
        "WhatsApp does not let businesses write to this recipient at present.",
        "Send an ordinary text, or place a call.",
    ),
    Code(
        63040,
        Class.REQUEST,
        "WhatsApp has rejected the template.",
        "Submit a corrected template for approval in the Twilio Console.",
    ),
    Code(
        90007,
        Class.REQUEST,
        "The time for which the message is valid is out of Twilio's range.",
        "Give an expires_in of at least one second, and report it if that does not help.",
    ),
    Code(
        84004,
        Class.REQUEST,
        "Twilio could not start the Studio flow with these values.",
        "Check the two phone numbers, and that the flow's parameters are a JSON object.",
    ),
    # --- the recipient's consent --------------------------------------------------------------
    Code(
        21610,
        Class.CONSENT,
        "The recipient has replied STOP to this sender.",
        "Only the recipient can undo it, by texting START to the sender.",
    ),
    # --- refused for now: nothing was created ---------------------------------------------------
    Code(
        429,
        Class.PACING,
        "Too many requests reached Twilio at once.",
        "Nothing to do: Callbox sends it again, slower; if it stays, lower max_concurrency.",
    ),
    Code(
        20429,
        Class.PACING,
        "Too many requests reached Twilio at once.",
        "Nothing to do: Callbox sends it again, slower; if it stays, lower max_concurrency.",
    ),
    Code(
        10004,
        Class.TEMPORARY,
        "The account has as many calls at once as Twilio allows it.",
        "Nothing to do: Callbox calls again later; if it stays, ask Twilio for more.",
    ),
    Code(
        20409,
        Class.TEMPORARY,
        "Another run of a Studio flow with the same two numbers is still under way.",
        "Nothing to do: Callbox starts it later; if it stays, end the other run in the Console.",
    ),
    Code(
        21611,
        Class.TEMPORARY,
        "More texts of this sender wait at Twilio than it can send.",
        "Nothing to do: Callbox sends it again later; if it stays, use a messaging service.",
    ),
    Code(
        22005,
        Class.TEMPORARY,
        "More than a day of calls wait at Twilio.",
        "Nothing to do: Callbox calls again later; look for a device that calls in a loop.",
    ),
    # --- perhaps created ------------------------------------------------------------------------
    Code(
        500,
        Class.UNKNOWN,
        "Twilio had an internal error and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    Code(
        502,
        Class.UNKNOWN,
        "Twilio gave no usable answer and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    Code(
        503,
        Class.UNKNOWN,
        "Twilio was unavailable and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    Code(
        504,
        Class.UNKNOWN,
        "Twilio answered too late and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    Code(
        20500,
        Class.UNKNOWN,
        "Twilio had an internal error and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    Code(
        20503,
        Class.UNKNOWN,
        "Twilio was unavailable and may have taken the message or call all the same.",
        "Nothing to do: Callbox looks it up at Twilio before sending anything again.",
    ),
    # --- accepted, then not delivered; later it may work --------------------------------------
    Code(
        30001,
        Class.DELIVERY_MAY_RESEND,
        "The message waited at Twilio for too long because too many came at once.",
        "Send it again later, or add senders to the messaging service.",
    ),
    Code(
        30003,
        Class.DELIVERY_MAY_RESEND,
        "The recipient's phone was switched off or out of reach.",
        "Send it again later, or place a call.",
    ),
    Code(
        30008,
        Class.DELIVERY_MAY_RESEND,
        "The carrier did not deliver the message and did not say why.",
        "Send it again later; if it stays, try another sender.",
    ),
    Code(
        30022,
        Class.DELIVERY_MAY_RESEND,
        "The carrier took no more messages of this US campaign at this rate.",
        "Send it again later, and send less at once.",
    ),
    Code(
        30023,
        Class.DELIVERY_MAY_RESEND,
        "The carrier's daily number of messages for your US brand is used up.",
        "Send it again tomorrow (US Pacific time), or raise the brand's limit at Twilio.",
    ),
    Code(
        30027,
        Class.DELIVERY_MAY_RESEND,
        "T-Mobile's daily number of messages for your US brand is used up.",
        "Send it again tomorrow (US Pacific time), or raise the brand's limit at Twilio.",
    ),
    Code(
        30036,
        Class.DELIVERY_MAY_RESEND,
        "The message expired at Twilio before its turn came.",
        "Send it again with a longer expires_in if it still matters.",
    ),
    Code(
        30410,
        Class.DELIVERY_MAY_RESEND,
        "Twilio's partner did not answer in time, and Twilio does not try again by itself.",
        "Check that the message did not arrive, then send it again.",
    ),
    Code(
        30450,
        Class.DELIVERY_MAY_RESEND,
        "Twilio's protection against fraud blocks texts to this number for 15 to 30 minutes.",
        "Send it again after half an hour; if it stays, ask Twilio's support.",
    ),
    Code(
        63018,
        Class.DELIVERY_MAY_RESEND,
        "The channel, for example WhatsApp, takes no more messages at this rate.",
        "Send it again later, and send less at once.",
    ),
    Code(
        63019,
        Class.DELIVERY_MAY_RESEND,
        "The media could not be downloaded.",
        "Check that the media_urls can be opened from the internet, then send it again.",
    ),
    Code(
        63038,
        Class.DELIVERY_MAY_RESEND,
        "The account's number of messages for 24 hours is used up.",
        "Send it again tomorrow, or upgrade a trial account.",
    ),
    # --- accepted, then not delivered, for good -------------------------------------------------
    Code(
        30004,
        Class.DELIVERY_FINAL,
        "The recipient or the carrier blocks messages of this sender.",
        "If the recipient once replied STOP, let them text START; else call instead.",
    ),
    Code(
        30005,
        Class.DELIVERY_FINAL,
        "The recipient's number does not exist or is no longer in use.",
        "Correct the number.",
    ),
    Code(
        30006,
        Class.DELIVERY_FINAL,
        "The recipient's number is a landline, or its carrier cannot be reached by text.",
        "Give a mobile number, or call this one instead.",
    ),
    Code(
        30007,
        Class.DELIVERY_FINAL,
        "Twilio or the carrier took the message for spam and dropped it.",
        "Change the wording, drop shortened links, and register the sender where required.",
    ),
    Code(
        30011,
        Class.DELIVERY_FINAL,
        "The recipient's phone or country does not support MMS.",
        "Send the text alone, with a link instead of media.",
    ),
    Code(
        30019,
        Class.DELIVERY_FINAL,
        "The media are larger than the recipient's carrier allows.",
        "Send smaller media; below 600 kB most carriers take it.",
    ),
    Code(
        63001,
        Class.DELIVERY_FINAL,
        "The channel, for example WhatsApp, does not accept the sender's authorisation.",
        "Connect the sender with Twilio again in the Twilio Console.",
    ),
    Code(
        63003,
        Class.DELIVERY_FINAL,
        "The channel knows no such recipient, who may not be on WhatsApp.",
        "Check that the number uses WhatsApp, or send an ordinary text.",
    ),
    Code(
        63005,
        Class.DELIVERY_FINAL,
        "The channel, for example WhatsApp, did not accept the content.",
        "Change the text or the media to what the channel supports.",
    ),
    # --- our answer to Twilio, or the TwiML ----------------------------------------------------
    Code(
        11200,
        Class.WEBHOOK,
        "Twilio could not fetch the URL, or got no good answer within 15 seconds.",
        "Open the URL from outside your network, and check the web server's log.",
    ),
    Code(
        11205,
        Class.WEBHOOK,
        "Twilio could not connect to the URL.",
        "Check that the address is public, not private or localhost, and the firewall open.",
    ),
    Code(
        11206,
        Class.WEBHOOK,
        "What answers at the URL does not speak proper HTTP.",
        "Check for http instead of https in the URL, and the proxy in front.",
    ),
    Code(
        11210,
        Class.WEBHOOK,
        "The host name in the URL cannot be found in the public DNS.",
        "Correct the host name, or publish it in the DNS.",
    ),
    Code(
        11215,
        Class.WEBHOOK,
        "The URL redirects too often.",
        "Give Twilio the final address.",
    ),
    Code(
        11220,
        Class.WEBHOOK,
        "Twilio and the web server could not agree on encryption.",
        "Let the web server offer TLS 1.2 with current ciphers.",
    ),
    Code(
        11235,
        Class.WEBHOOK,
        "The web server's certificate is for another host name.",
        "Install a certificate for the host name in the URL.",
    ),
    Code(
        11236,
        Class.WEBHOOK,
        "The web server's certificate has expired.",
        "Renew the certificate.",
    ),
    Code(
        11237,
        Class.WEBHOOK,
        "The web server's certificate comes from nobody whom Twilio trusts.",
        "Use a certificate of a public authority, and serve its intermediate certificates too.",
    ),
    Code(
        11750,
        Class.WEBHOOK,
        "The answer to Twilio is larger than 64 kB.",
        "Shorten the TwiML, and check that it is not an error page.",
    ),
    Code(
        12100,
        Class.WEBHOOK,
        "The answer to Twilio is not well-formed XML.",
        "Correct the TwiML; Twilio's debugger shows the line.",
    ),
    Code(
        12200,
        Class.WEBHOOK,
        "The TwiML has a word that Twilio does not know or did not expect there.",
        "Correct the name, in which capitals matter; Twilio's debugger shows the line.",
    ),
    Code(
        12300,
        Class.WEBHOOK,
        "The answer to Twilio is of a content type that it cannot use.",
        "Serve TwiML as text/xml, and audio as its own type.",
    ),
    Code(
        13221,
        Class.WEBHOOK,
        "The TwiML's Dial names an HTTP method that is not valid.",
        "Use GET or POST.",
    ),
    Code(
        13222,
        Class.WEBHOOK,
        "The TwiML's Dial has digits to send that are not valid.",
        "Use digits, #, * and w for a pause only.",
    ),
    Code(
        13223,
        Class.WEBHOOK,
        "The TwiML's Dial has a phone number in a wrong form.",
        "Write it as +, country code and number, without spaces.",
    ),
    Code(
        13224,
        Class.WEBHOOK,
        "The TwiML's Dial has a number that is invalid or that Twilio does not call.",
        "Check the number for a typo, and write it as +, country code and number.",
    ),
    Code(
        13225,
        Class.WEBHOOK,
        "Twilio blocks calls to the number in the TwiML's Dial.",
        "Dial another number, or ask Twilio's support for an exception.",
    ),
    Code(
        13226,
        Class.WEBHOOK,
        "The number in the TwiML's Dial has an invalid country code.",
        "Check the country code after the + sign.",
    ),
    Code(
        13227,
        Class.WEBHOOK,
        "Calls to the country in the TwiML's Dial are not enabled for the account.",
        "Enable the country in the Twilio Console, Voice, Geo permissions.",
    ),
    Code(
        14101,
        Class.WEBHOOK,
        "The reply in the TwiML has an invalid recipient.",
        "Leave the recipient out to answer whoever wrote, or write it as + and digits.",
    ),
    Code(
        14103,
        Class.WEBHOOK,
        "The reply in the TwiML has an invalid text.",
        "Give the reply a text of 1 to 1,600 characters.",
    ),
    Code(
        14107,
        Class.WEBHOOK,
        "Too many replies went to one number within 30 seconds.",
        "Look for two machines that answer each other, and stop one.",
    ),
    Code(
        14108,
        Class.WEBHOOK,
        "The number that should reply cannot send texts.",
        "Reply from a Twilio number that can send SMS.",
    ),
)

CODES = {code.number: code for code in _ROWS}


def lookup(code: int | None) -> Code | None:
    """Give what is known of a code, or None of an unknown one or of none."""
    return None if code is None else CODES.get(code)
