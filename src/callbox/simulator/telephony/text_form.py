"""The parameters of the webhooks that tell of texts."""

import time

from callbox.simulator.records.address import channel, phone_of
from callbox.simulator.records.geography import parameters
from callbox.simulator.records.message import BLAME, BLAMED, Message
from callbox.simulator.telephony.text import Text

Form = dict[str, str]
API_VERSION = "2010-04-01"
CHANNEL_INSTALL = "XE" + "0" * 32
DELIVERY_REPORTED = {"delivered", "undelivered"}


def _common(message: Message) -> Form:
    form = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "AccountSid": message.account_sid,
        "ApiVersion": API_VERSION,
        "From": message.sender or message.picked_sender,
        "To": message.to,
    }
    service = message.messaging_service_sid
    return {**form, "MessagingServiceSid": service} if service else form


def received(message: Message, text: Text, base: str) -> Form:
    """Tell of a text that came in; its media are below the base URL."""
    return {
        **_common(message),
        "SmsMessageSid": message.sid,
        "SmsStatus": "received",
        "Body": message.body,
        "NumMedia": str(len(message.attachments)),
        "NumSegments": str(message.parts),
        "ReferralNumMedia": "0",
        **_media(message, base),
        **(_whatsapp(message, text) if channel(message.to) == "whatsapp" else _geo(message)),
        **({"OptOutType": opted} if (opted := text.opt_out_type or message.opt_out_type) else {}),
    }


def _media(message: Message, base: str) -> Form:
    form: Form = {}
    for number, kept in enumerate(message.attachments):
        form[f"MediaUrl{number}"] = f"{base}{message.path}/Media/{kept.sid}"
        form[f"MediaContentType{number}"] = kept.content_type
    return form


def _geo(message: Message) -> Form:
    return parameters("From", message.sender or "") | parameters("To", message.to)


def _whatsapp(message: Message, text: Text) -> Form:
    return {
        "ProfileName": text.profile_name,
        "WaId": phone_of(message.sender or "").removeprefix("+"),
        "MessageType": _kind(message),
    }


def _kind(message: Message) -> str:
    if not message.attachments:
        return "text"
    kind = message.attachments[0].content_type.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"


def status_changed(message: Message, status: str, now: float) -> Form:
    """Tell of a new status of a text that was sent."""
    form = {**_common(message), "MessageStatus": status, "SmsStatus": status}
    if status in BLAMED and message.error_code is not None:
        form["ErrorCode"] = str(message.error_code)
    if channel(message.to):
        return form | _channel(message, status)
    if status in DELIVERY_REPORTED:
        form["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime(now))
    return form


def _channel(message: Message, status: str) -> Form:
    form = {"ChannelInstallSid": CHANNEL_INSTALL, "ChannelPrefix": channel(message.to)}
    if status in BLAMED:
        form["ChannelStatusMessage"] = BLAME.get(message.error_code or 0, "")
    if status == "read":
        form["EventType"] = "READ"
    return form
