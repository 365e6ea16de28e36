"""What Twilio keeps: messages, calls, numbers, runs of flows, who refuses whom."""
