"""The dialog engine of the Indigo host, against a plugin and a store that are two functions."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from indigo_host.dialogs import (
    Answer,
    BrokenDialogError,
    Dialog,
    RefusedError,
    Subject,
    action,
    device,
    event,
    menu_item,
    prefs,
)

BUNDLE = Path(__file__).parents[2] / "indigo/Callbox.indigoPlugin/Contents/Server Plugin"

PEOPLE = [("OTHER-NON-CONTACT", "Non-Contact Number"), ("1001", "Darla"), ("1002", "Alfalfa")]


class Plugin:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:  # noqa: ANN401 - whatever a plugin returns
        self.answers: dict[str, Any] = {
            "getPrefsConfigUiValues": ({}, {}),
            "getMenuActionConfigUiValues": ({}, {}),
            "pickTwilioContact": PEOPLE,
            "pickTwilioNumber": [("ANYDEVICE", "Any"), ("2001", "House")],
            "pickTwilioNumberOnly": [("2001", "House"), ("2002", "Barn")],
            "pickContactsOnly": PEOPLE[1:],
            "pickActionGroup": [("none", "None"), ("31", "Close")],
            **answers,
        }
        self.calls: list[tuple[Any, ...]] = []
        self.stored: list[dict[str, Any]] = []

    async def call(self, method: str, *arguments: Any) -> Any:  # noqa: ANN401
        self.calls.append((method, *arguments))
        if method.startswith("get") and arguments and isinstance(arguments[0], dict):
            return self.answers.get(method, (arguments[0], {}))
        default = True if method.startswith("validate") else None
        answer = self.answers.get(method, default)
        return answer(*arguments) if callable(answer) else answer

    async def store(self, values: dict[str, Any]) -> None:
        self.stored.append(values)
        self.calls.append(("store", values))

    async def open(
        self, ui: ET.Element, subject: Subject, props: dict[str, Any] | None = None
    ) -> Dialog:
        return await Dialog.open(ui, subject, props or {}, self.call, self.store)

    def named(self, method: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == method]


def of(file: str, item: str = "") -> ET.Element:
    """Give a dialog of the bundle."""
    root = ET.parse(BUNDLE / f"{file}.xml").getroot()
    found = root.find(f"*[@id='{item}']/ConfigUI") if item else root
    assert found is not None
    return found


def dialog_of(fields: str) -> ET.Element:
    """Give a dialog that is made up."""
    return ET.fromstring(f"<ConfigUI>{fields}</ConfigUI>")


def text(name: str, attributes: str = "") -> str:
    return f'<Field id="{name}" type="textfield" {attributes}><Label>{name}:</Label></Field>'


def seen(dialog: Dialog) -> list[str]:
    return [row.field for row in dialog.show()]


SMS = ("Actions", "sendSMS")


async def test_a_new_dialog_opens_with_the_defaults_in_the_types_that_indigo_gives() -> None:
    dialog = await Plugin().open(of("Devices", "twilioNumber"), device("twilioNumber"))
    assert dialog.values == {"twilioNumber": "", "delete": True}


async def test_a_menu_without_a_default_opens_with_its_first_item() -> None:
    dialog = await Plugin().open(of("MenuItems", "simulateText"), menu_item("simulateText", "m"))
    assert dialog.values["twilioNumber"] == "2001"


async def test_what_is_stored_stays_and_newer_fields_get_their_defaults() -> None:
    stored = {"accountSID": "AC1", "pollFrequency": "0", "lastMessageStamp": "2000-01-01 00:00:00"}
    plugin = Plugin(getPrefsConfigUiValues=(stored, {}))
    dialog = await plugin.open(of("PluginConfig"), prefs(), stored)
    assert dialog.values["pollFrequency"] == "0"
    assert dialog.values["maxAge"] == "60"
    assert dialog.values["dryRun"] is False
    assert dialog.values["lastMessageStamp"] == "2000-01-01 00:00:00"


async def test_a_stored_word_for_a_tick_opens_as_a_tick() -> None:
    stored = {"delete": "false"}
    dialog = await Plugin().open(of("Devices", "twilioNumber"), device("twilioNumber", 7), stored)
    assert dialog.values["delete"] is False


async def test_an_old_action_without_a_contact_opens_with_its_free_number() -> None:
    """As the first choice may be a contact, only the default of the XML keeps the number."""
    plugin = Plugin(pickTwilioContact=[*PEOPLE[1:], PEOPLE[0]])
    dialog = await plugin.open(of(*SMS), action("sendSMS", 2001), {"smsTo": "+12345000000"})
    assert dialog.values["twilioContact"] == "OTHER-NON-CONTACT"
    assert "smsTo" in seen(dialog)


async def test_the_plugin_may_say_what_a_dialog_opens_with() -> None:
    plugin = Plugin(getDeviceConfigUiValues=({"twilioNumber": "+1", "delete": False}, {}))
    dialog = await plugin.open(of("Devices", "twilioNumber"), device("twilioNumber", 7))
    assert dialog.values == {"twilioNumber": "+1", "delete": False}


async def test_lists_are_asked_with_filter_values_type_and_target() -> None:
    plugin = Plugin()
    await plugin.open(of(*SMS), action("sendSMS", 2001), {"smsTo": "+12345000000"})
    values = {"smsTo": "+12345000000", "smsMessage": ""}
    assert plugin.named("pickTwilioContact") == [("", values, "sendSMS", 2001)]


async def test_the_user_sees_labels_values_and_options_from_top_to_bottom() -> None:
    dialog = await Plugin().open(of(*SMS), action("sendSMS"))
    assert seen(dialog) == [
        *("twilioContact", "smsTo", "toNote", "smsMessage", "textNote", "messageNote")
    ]
    first = dialog.show()[0]
    assert (first.label, first.value) == ("Twilio Contact:", "OTHER-NON-CONTACT")
    assert first.options == dict(PEOPLE)


async def test_the_number_is_to_be_seen_only_while_no_contact_is_chosen() -> None:
    dialog = await Plugin().open(of(*SMS), action("sendSMS"))
    await dialog.set("twilioContact", "1001")
    assert "smsTo" not in seen(dialog)
    with pytest.raises(RefusedError, match="no field smsTo is to be seen; expected one of twilioC"):
        await dialog.set("smsTo", "+12345000000")
    await dialog.set("twilioContact", "OTHER-NON-CONTACT")
    assert "smsTo" in seen(dialog)


async def test_a_hint_follows_the_kind_of_match() -> None:
    dialog = await Plugin().open(of("Events", "patternMatch"), event("patternMatch"))
    assert {"simpleNote"} == {"simpleNote", "exactNote", "regexNote"} & set(seen(dialog))
    await dialog.set("matchType", "regexMatch")
    assert {"regexNote"} == {"simpleNote", "exactNote", "regexNote"} & set(seen(dialog))


async def test_a_part_of_the_bound_value_shows_a_field_as_in_indigo() -> None:
    level = '<List><Option value="limited">L</Option><Option value="unlimited">U</Option></List>'
    ui = dialog_of(
        f'<Field id="level" type="menu"><Label>Level:</Label>{level}</Field>'
        + text("reason", 'visibleBindingId="level" visibleBindingValue="limited"')
    )
    dialog = await Plugin().open(ui, device("any"))
    await dialog.set("level", "unlimited")
    assert "reason" in seen(dialog)


async def test_a_ticked_box_shows_and_enables_what_is_bound_to_it() -> None:
    ui = dialog_of(
        '<Field id="on" type="checkbox"><Label>On:</Label></Field>'
        + text("shown", 'visibleBindingId="on" visibleBindingValue="true"')
        + text("lit", 'enabledBindingId="on"')
        + text("unlit", 'enabledBindingId="on" enabledBindingNegate="true"')
    )
    dialog = await Plugin().open(ui, device("any"))
    assert seen(dialog) == ["on", "lit", "unlit"]
    with pytest.raises(RefusedError, match="the field lit is dimmed"):
        await dialog.set("lit", "a")
    await dialog.set("unlit", "a")
    await dialog.set("on", value=True)
    await dialog.set("lit", "a")
    await dialog.set("shown", "a")
    with pytest.raises(RefusedError, match="the field unlit is dimmed"):
        await dialog.set("unlit", "b")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("accessLevel", "boss", "offers no 'boss'; expected one of .'none', 'limited'"),
        ("accessLevel", True, "got True; a menu takes a str"),
        ("contactNumber", 12345, "got 12345; a textfield takes a str"),
        ("noneNote", "a", "a label takes no value"),
        ("password", "a", "no field password is to be seen"),
    ],
)
async def test_what_no_user_can_enter_is_refused(name: str, value: object, told: str) -> None:
    dialog = await Plugin().open(of("Devices", "twilioContact"), device("twilioContact"))
    before = dict(dialog.values)
    with pytest.raises(RefusedError, match=told):
        await dialog.set(name, value)
    assert dialog.values == before


@pytest.mark.parametrize("attribute", ['hidden="true"', 'readonly="true"'])
async def test_nobody_types_into_a_hidden_or_a_readonly_field(attribute: str) -> None:
    ui = dialog_of(text("key", f'{attribute} defaultValue="7"'))
    dialog = await Plugin().open(ui, device("any"))
    assert dialog.values == {"key": "7"}
    with pytest.raises(RefusedError):
        await dialog.set("key", "8")


async def test_several_members_of_a_list_are_chosen_and_only_such_as_it_offers() -> None:
    dialog = await Plugin().open(of("Devices", "twilioGroup"), device("twilioGroup"))
    assert dialog.values == {"members": []}
    await dialog.set("members", ["1001", "1002"])
    assert dialog.values == {"members": ["1001", "1002"]}
    with pytest.raises(RefusedError, match="members offers no '7'"):
        await dialog.set("members", ["7"])


async def test_a_password_is_dots() -> None:
    stored = {"authToken": "secret"}
    plugin = Plugin(getPrefsConfigUiValues=(stored, {}))
    dialog = await plugin.open(of("PluginConfig"), prefs(), stored)
    shown = {row.field: row.value for row in dialog.show()}
    assert shown["authToken"] == "••••••"
    assert "secret" not in str(dialog.show())


async def test_lists_with_dynamic_reload_are_asked_after_each_change_and_others_once() -> None:
    def lists(name: str, reload: str) -> str:
        return (
            f'<Field id="{name}" type="menu"><Label>A:</Label>'
            f'<List class="self" method="{name}" {reload}/></Field>'
        )

    ui = dialog_of(text("word") + lists("always", 'dynamicReload="true"') + lists("once", ""))
    plugin = Plugin(
        always=lambda _, values, *__: [(f"a{values['word']}", "A")], once=[("only", "Only")]
    )
    dialog = await plugin.open(ui, device("any"))
    await dialog.set("word", "b")
    await dialog.set("always", "ab")
    assert len(plugin.named("always")) == 3
    assert len(plugin.named("once")) == 1


async def test_a_button_and_a_menu_with_a_method_change_what_the_dialog_holds() -> None:
    def twice(values: dict[str, Any], *_: object) -> dict[str, Any]:
        return {**values, "word": values["word"] * 2}

    ui = dialog_of(
        text("word", 'defaultValue="ab"')
        + '<Field id="go" type="button"><Title>Go</Title><CallbackMethod>twice</CallbackMethod>'
        '</Field><Field id="size" type="menu"><Label>A:</Label><List><Option value="1">1</Option>'
        "</List><CallbackMethod>twice</CallbackMethod></Field>"
    )
    plugin = Plugin(twice=twice)
    dialog = await plugin.open(ui, device("any", 5))
    await dialog.press("go")
    assert dialog.values["word"] == "abab"
    await dialog.set("size", "1")
    assert dialog.values["word"] == "abababab"
    assert plugin.named("twice")[0][1:] == ("any", 5)
    with pytest.raises(RefusedError, match="word is a textfield; expected a button"):
        await dialog.press("word")


BUTTON = (
    text("word")
    + '<Field id="go" type="button"><Title>Go</Title><CallbackMethod>go</CallbackMethod></Field>'
)


async def test_what_a_button_finds_wrong_is_shown() -> None:
    plugin = Plugin(go=({"word": ""}, {"word": "Empty; expected a word"}))
    dialog = await plugin.open(dialog_of(BUTTON), device("any"))
    await dialog.press("go")
    assert dialog.errors == {"word": "Empty; expected a word"}


async def test_a_button_reloads_the_lists_that_follow_changes() -> None:
    plugin = Plugin(go={"members": []})
    members = ET.tostring(of("Devices", "twilioGroup")[0], encoding="unicode")
    dialog = await plugin.open(dialog_of(BUTTON + members), device("any"))
    plugin.answers["pickContactsOnly"] = [("1003", "Spanky")]
    await dialog.press("go")
    assert dialog.show()[-1].options == {"1003": "Spanky"}


async def test_a_button_that_gives_no_values_is_the_plugins_fault() -> None:
    plugin = Plugin(go=None)
    dialog = await plugin.open(dialog_of(BUTTON), device("any"))
    with pytest.raises(BrokenDialogError, match="go returned None; expected the values"):
        await dialog.press("go")


@pytest.mark.parametrize(
    ("subject", "begins", "ends", "arguments"),
    [
        (prefs(), "validatePrefsConfigUi", "closedPrefsConfigUi", ()),
        (device("t", 7), "validateDeviceConfigUi", "closedDeviceConfigUi", ("t", 7)),
        (event("t", 7), "validateEventConfigUi", "closedEventConfigUi", ("t", 7)),
        (action("t", 7), "validateActionConfigUi", "closedActionConfigUi", ("t", 7)),
    ],
)
async def test_ok_asks_the_plugin_then_stores_then_tells_that_it_is_closed(
    subject: Subject, begins: str, ends: str, arguments: tuple[Any, ...]
) -> None:
    plugin = Plugin()
    dialog = await plugin.open(dialog_of(text("word")), subject)
    await dialog.set("word", "a")
    assert await dialog.ok() == Answer(closed=True)
    assert plugin.calls[1:] == [
        (begins, {"word": "a"}, *arguments),
        ("store", {"word": "a"}),
        (ends, {"word": "a"}, False, *arguments),
    ]


async def test_what_the_plugin_made_of_the_values_is_what_is_stored() -> None:
    plugin = Plugin(validateDeviceConfigUi=(True, {"word": "tidy"}))
    dialog = await plugin.open(dialog_of(text("word")), device("any"))
    await dialog.ok()
    assert plugin.stored == [{"word": "tidy"}]


async def test_refused_values_are_not_stored_and_can_be_mended() -> None:
    def judge(values: dict[str, Any], *_: object) -> Any:  # noqa: ANN401
        errors = {"word": "Too short; expected a word", "showAlertText": "Look again."}
        return True if values["word"] else (False, values, errors)

    plugin = Plugin(validateDeviceConfigUi=judge)
    dialog = await plugin.open(dialog_of(text("word")), device("any"))
    answer = await dialog.ok()
    assert answer == Answer(False, {"word": "Too short; expected a word"}, "Look again.")
    assert dialog.errors == {"word": "Too short; expected a word"}
    assert plugin.stored == []
    assert plugin.named("closedDeviceConfigUi") == []
    await dialog.set("word", "long")
    assert dialog.errors == {}
    assert (await dialog.ok()).closed
    assert plugin.stored == [{"word": "long"}]


async def test_an_error_where_the_user_does_not_look_is_the_plugins_fault() -> None:
    hidden = {"twilioContact": "1001"}
    plugin = Plugin(validateActionConfigUi=lambda values, *_: (False, values, {"smsTo": "Empty"}))
    dialog = await plugin.open(of(*SMS), action("sendSMS"), hidden)
    with pytest.raises(
        BrokenDialogError, match="has an error for smsTo, which the user does not see"
    ):
        await dialog.ok()


@pytest.mark.parametrize("verdict", [None, False, (False, {}), (True, None), "yes"])
async def test_a_verdict_that_indigo_cannot_read_is_the_plugins_fault(verdict: object) -> None:
    plugin = Plugin(validateDeviceConfigUi=verdict)
    dialog = await plugin.open(dialog_of(text("word")), device("any"))
    with pytest.raises(BrokenDialogError, match="validateDeviceConfigUi returned"):
        await dialog.ok()
    assert plugin.stored == []


@pytest.mark.parametrize(
    "listed", [None, [("a,b", "A")], [("a;b", "A")], [(1001, "A")], ["ab"], [("", "A")]]
)
async def test_a_list_that_indigo_cannot_show_is_the_plugins_fault(listed: object) -> None:
    plugin = Plugin(pickContactsOnly=listed)
    with pytest.raises(BrokenDialogError, match="pickContactsOnly"):
        await plugin.open(of("Devices", "twilioGroup"), device("twilioGroup"))


async def test_cancel_stores_nothing_and_tells_that_it_was_cancelled() -> None:
    plugin = Plugin()
    dialog = await plugin.open(dialog_of(text("word")), device("any", 7))
    await dialog.set("word", "a")
    await dialog.cancel()
    assert plugin.stored == []
    assert plugin.named("closedDeviceConfigUi") == [({"word": "a"}, True, "any", 7)]


async def test_a_closed_dialog_takes_nothing_more() -> None:
    dialog = await Plugin().open(dialog_of(text("word")), device("any"))
    await dialog.ok()
    for step in (dialog.ok, dialog.cancel):
        with pytest.raises(RefusedError, match="the dialog is closed"):
            await step()
    with pytest.raises(RefusedError, match="the dialog is closed"):
        await dialog.set("word", "a")


async def test_a_menu_items_ok_runs_its_method_and_stores_nothing() -> None:
    plugin = Plugin(menuSimulateText=True)
    ui = of("MenuItems", "simulateText")
    dialog = await plugin.open(ui, menu_item("simulateText", "menuSimulateText"))
    await dialog.set("fromNumber", "+12345000000")
    await dialog.set("message", "Hello")
    assert (await dialog.ok()).closed
    values = {"fromNumber": "+12345000000", "message": "Hello", "twilioNumber": "2001"}
    assert plugin.named("menuSimulateText") == [(values, "simulateText")]
    assert plugin.stored == []


async def test_a_menu_items_dialog_stays_open_where_its_method_refuses() -> None:
    refused = (False, {"fromNumber": "", "message": ""}, {"message": "Empty; expected a text"})
    plugin = Plugin(menuSimulateText=refused)
    ui = of("MenuItems", "simulateText")
    dialog = await plugin.open(ui, menu_item("simulateText", "menuSimulateText"))
    assert await dialog.ok() == Answer(False, {"message": "Empty; expected a text"})


async def test_what_the_plugin_gets_is_not_what_the_dialog_holds() -> None:
    def meddle(values: dict[str, Any], *_: object) -> bool:
        values["members"].append("7")
        return True

    plugin = Plugin(validateDeviceConfigUi=meddle)
    dialog = await plugin.open(of("Devices", "twilioGroup"), device("twilioGroup"))
    await dialog.ok()
    assert plugin.stored == [{"members": []}]
