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
    wording.py      the log in the words of Indigo's dialogs

To add something, in this order, and last in docs/indigo.md; XML files are those of the bundle:

    an action      Actions.xml; its callback in plugin.py of the bundle; a method of Actions, or
                   for what sends a line in `_FORMS` of requests.py and in `ACTIONS` of wording.py
    a trigger      Events.xml; its id and what it is judged by in triggers.py; teller.py fires it
    a preference   PluginConfig.xml; in preferences.py `_SHIPPED`, `_READERS`, `Preferences` with
                   its `read`, and `_ADDED` with what an upgraded home needs; `SETTINGS` of
                   wording.py; then `config_of`, or whoever reads it

tests/unit/test_indigo_xml.py and test_indigo_docs.py fail while a place is missing.
"""
