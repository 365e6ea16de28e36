"""Whoever texts and calls, and what hears of it: webhooks, callbacks, TwiML."""
