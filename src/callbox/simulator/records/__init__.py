"""What Twilio keeps: messages, calls, numbers, runs of flows, opt-outs, queues, prices."""
