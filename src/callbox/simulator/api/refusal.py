"""Twilio's refusals: code, HTTP status and text.

Texts are as recorded from Twilio where a recording is known, else its error dictionary's title.
A new code needs a line in TEXTS, and one in STATUSES if it is not a 400.
"""

TEXTS = {
    20001: "Invalid parameter: {parameter}",
    20002: "Invalid FriendlyName",
    20003: "{reason}",
    20004: "Method not allowed",
    20005: "Account not active",
    20006: "Access Denied",
    20007: "Page size too large",
    20008: "Resource not accessible with Test Account Credentials",
    20009: "Cannot delete this resource: it is not complete yet",
    20429: "Too Many Requests",
    20409: "Execution {sid} is already active for this contact",
    20404: "The requested resource {path} was not found",
    21201: "No 'To' number is specified",
    21205: "{reason}",
    21206: "Invalid SendDigits: {value}",
    21208: "Invalid Timeout: {value}",
    21209: "{parameter} is not a valid method: {value}",
    21210: (
        "The source phone number provided, {sender}, is not yet verified for your account."
        " You may only make calls from phone numbers that you've verified or purchased from Twilio."
    ),
    21211: "The 'To' number {to} is not a valid phone number.",
    21212: "The 'From' number {sender} is not a valid phone number, shortcode, or alphanumeric"
    " sender ID.",
    21213: "No 'From' number is specified",
    21214: "The phone number you are attempting to call, {to}, cannot be reached.",
    21215: (
        "Account not authorized to call {to}. Perhaps you need to enable some international"
        " permissions: https://www.twilio.com/console/voice/calls/geo-permissions/low-risk"
    ),
    21216: "Account not allowed to call {to}.",
    21217: "The phone number you are attempting to call, {to}, is not valid.",
    21218: "Invalid ApplicationSid: {value}",
    21219: (
        "The number {to} is unverified. Trial accounts may only make calls to verified numbers."
    ),
    21220: "Call is not in-progress. Cannot redirect.",
    21221: "Invalid SipAuthUsername. Must be fewer than 256 chars",
    21223: "Invalid SipAuthPassword. Must be fewer than 256 chars",
    21234: "Invalid Machine Detection configuration value: {parameter}",
    21266: "'To' and 'From' number cannot be the same: {to}",
    21267: "Alphanumeric Sender ID cannot be used as the 'From' number on trial accounts",
    21402: "{parameter} is not valid",
    21403: "{parameter} is not valid: it must be GET or POST",
    21408: (
        "Permission to send an SMS has not been enabled for the region indicated by the"
        " 'To' number: {to}."
    ),
    21421: "{number} is not a valid number",
    21422: "{number} is not available.",
    21451: "Invalid area code: {area}",
    21452: "No phone numbers found in area code {area}",
    21470: "Invalid AccountSid: {account}",
    21471: "Account does not exist: {account}",
    21475: "Unable to update Status, invalid Status.",
    21477: "Unable to update Status for parent accounts",
    21479: "Unable to update Status for subaccount, subaccount has been closed.",
    21480: "Reached maximum number of subaccounts",
    21481: "Invalid Page Token",
    21502: "{parameter} is not a valid URL",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21606: (
        "The From phone number {sender} is not a valid, SMS-capable inbound phone number or short"
        " code for your account."
    ),
    21608: (
        "The number {masked} is unverified. Trial accounts cannot send messages to unverified"
        " numbers; verify {masked} at twilio.com/user/account/phone-numbers/verified, or purchase a"
        " Twilio number to send messages to unverified numbers"
    ),
    21609: "The StatusCallback URL {url} is not a valid URL.",
    21610: "The message From/To pair violates a blacklist rule.",
    21611: "This 'From' number {sender} has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number:"
    " {sender} via SMS.",
    21614: "To number: {to}, is not a mobile number",
    21617: "The concatenated message body exceeds the 1600 character limit",
    21619: "A text message body or media urls must be specified.",
    21620: "Invalid media URL(s)",
    21621: "The 'From' number has not been enabled for MMS",
    21623: "Number of media files exceeds allowed limit",
    21624: "The validity period {seconds} is not between 1 and 36000 seconds",
    21627: "Max Price must be a valid float",
    21654: "ContentSid Required",
    21655: "The ContentSid is Invalid",
    21656: "The ContentVariables Parameter is invalid",
    21704: "The Messaging Service contains no phone numbers",
    21705: "The Messaging Service Sid {service} is invalid",
    21910: "Invalid From and To pair. From and To should be of the same channel",
    22005: "Call Queue Full",
    30029: "Invalid ContentRetention",
    30030: "Invalid AddressRetention",
    30409: "The message cannot be canceled in its current state",
    32018: "Twiml size exceeded maximum allowed value of 4000 characters",
    35111: "SendAt timestamp is missing",
    35114: "Scheduling does not support this timestamp",
    35118: "MessagingServiceSid is required to schedule a message",
    35126: "The ScheduleType value provided is not supported for this channel",
    63007: "Twilio could not find a Channel with the specified From address",
    84004: "Error while creating execution via REST API.",
}
MISSING = "Missing required parameter {parameter} in the post body"
"""What the newer products say by 20001 of what is not given."""

UNAUTHENTICATED = 20003
STATUSES = {
    20003: 401,
    20004: 405,
    20005: 403,
    20006: 403,
    20008: 403,
    20009: 409,
    20404: 404,
    20409: 409,
    20429: 429,
    30409: 409,
}
WRONG_CREDENTIALS = "Your AccountSid or AuthToken was incorrect."
"""The `detail` that 20003 alone has."""


class Refusal(Exception):  # noqa: N818 - it reads as the sentence it is
    """Twilio says no: the answer is an error body, and nothing was done.

    `text` takes the place of the usual one.
    """

    def __init__(self, code: int, text: str = "", **facts: object) -> None:
        super().__init__((text or TEXTS[code]).format(**facts))
        self.code = code
        self.status = STATUSES.get(code, 400)


def error_document(status: int, code: int, message: str) -> dict[str, object]:
    """Twilio's error body: four fields, and a fifth with wrong credentials."""
    detail = {"detail": WRONG_CREDENTIALS} if code == UNAUTHENTICATED else {}
    return {
        "code": code,
        **detail,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
