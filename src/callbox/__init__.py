"""Texts and phone calls for things: a durable MQTT to Twilio gateway for the edge."""

__version__ = "0.1.0"
