"""Callbox inside the Indigo home-automation server: everything that knows Indigo.

Indigo calls `plugin.py` of the bundle in its one callback thread, which hands all work to the
gateway on its own loop (engine.py) and returns at once. What happens is told to Indigo by one
further thread (teller.py). Texts, calls, retries, polling: none of it is here.

    plugin.py       the plugin's life: devices, triggers, preferences become a gateway
    actions.py      what actions, scripts and the web server ask for
    requests.py     an action's properties become a request
    people.py       contacts, groups, access levels
    preferences.py  the plugin's dialog becomes a configuration
    dialogs.py      menus and what is wrong in a dialog
    engine.py       the gateway's thread          teller.py     states, triggers, broadcasts
    triggers.py     which triggers a text fires   questions.py  yes or no, by text
    journal.py      what was told before a kill   web.py        Twilio's webhook through Indigo
    checkup.py      what is wrong with the set-up mistake.py    one sentence for the owner
"""
