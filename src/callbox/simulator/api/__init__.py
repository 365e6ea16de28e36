"""What api.twilio.com is asked, what is checked, and what it answers."""
