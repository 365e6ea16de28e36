"""A rehearsal: the user's own configuration against the simulator, in hurried time.

plan         what is rehearsed: a scenario, or what the configuration itself suggests
setting      the same configuration, with a broker, a store and a Twilio that are not real
performance  plays the plan and collects the story
story        what happened, as devices are told it
line         one thing of it
result       what came of it, in figures
picture      the same as a timeline
"""
