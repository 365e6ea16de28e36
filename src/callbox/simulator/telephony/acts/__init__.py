"""What each verb of a script does in a call: the table is in table.py, one noun a file beside it.

Attributes and defaults are those of Twilio's documentation of the verbs; what does not fit was left
out before. A new verb needs an act in ACTS, and its element in grammar.py; a verb of Twilio's
without an act is not simulated, which the transcript says.
"""
