"""What a trial account cannot be without: Twilio's own words in every text and call."""

PREFIX = "Sent from your Twilio trial account - "
"""Before every body; it counts into the segments."""
NOTICE = (
    "You have a trial account. You can remove this message at any time by upgrading to a full"
    " account. Press any key to execute your code."
)
"""What is said first in every call. Twilio waits for a key then; here the script begins at once."""
