"""The bundle's files keep to Indigo's vocabulary and to all that the Twilio plugin offered."""

import re
import shutil
import struct
import tomllib
import xml.etree.ElementTree as ET
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from callbox.indigo import preferences, triggers
from indigo_host.vocabulary import faults, plist_faults

ROOT = Path(__file__).parents[2]
CONTENTS = ROOT / "indigo/Callbox.indigoPlugin/Contents"
SERVER_PLUGIN = CONTENTS / "Server Plugin"
PLUGIN = SERVER_PLUGIN / "plugin.py"
FILES = ("Actions", "Devices", "Events", "MenuItems", "PluginConfig")

TO = 'visibleBindingId="twilioContact" visibleBindingValue="OTHER-NON-CONTACT"'
CHECKBOX = '<Field id="delete" type="checkbox" defaultValue="true">'
SEPARATOR = '<Field id="sep1" type="separator"/>'

# file, what is replaced (once), by what, the beginning of the sentence that tells
WRONG: list[tuple[str, str, str, str]] = [
    (
        *("Actions", "<Name>Send Text Message (SMS)</Name>", ""),
        "Actions.xml: Action sendSMS has no Name; expected one inside it",
    ),
    (
        *("Actions", "sendSMSAction", "sendSms"),
        "Actions.xml: Action sendSMS, CallbackMethod names sendSms; expected a method of plugin.py",
    ),
    (
        *("Actions", "<CallbackMethod>sendSMSAction</CallbackMethod>", ""),
        "Actions.xml: Action sendSMS has no CallbackMethod; expected one inside it",
    ),
    (
        *("Actions", 'method="pickTwilioContact"', 'method="pickAnybody"'),
        "Actions.xml: Action sendSMS, Field twilioContact, List names pickAnybody; expected a meth",
    ),
    (
        *("Actions", ' method="pickTwilioContact"', ""),
        "Actions.xml: Action sendSMS, Field twilioContact, List has no method; expected one of pl",
    ),
    (
        *("Actions", 'List class="self"', 'List class="indigo.contacts"'),
        "Actions.xml: Action sendSMS, Field twilioContact, List has class='indigo.contacts'; expe",
    ),
    (
        *("Actions", 'dynamicReload="true"', 'dynamicReload="yes"'),
        "Actions.xml: Action sendSMS, Field twilioContact, List has dynamicReload='yes'; expected",
    ),
    (
        *("Actions", 'deviceFilter="self.twilioNumber"', 'deviceFilter="self.number"'),
        "Actions.xml: Action sendSMS has the deviceFilter self.number; expected self.twilioContact",
    ),
    (
        *("Actions", 'deviceFilter="self.twilioNumber"', 'deviceFilter="indigo.phone"'),
        "Actions.xml: Action sendSMS has the deviceFilter indigo.phone; expected indigo.relay,",
    ),
    (
        *("Actions", 'uiPath="NotificationActions"', 'uiPath="Notification Actions"'),
        "Actions.xml: Action sendSMS has uiPath='Notification Actions'; expected DeviceActions, N",
    ),
    (
        *("Actions", TO, 'visibleBindingId="twilioContact"'),
        "Actions.xml: Action sendSMS, Field smsTo has one half of a binding; expected visibleBind",
    ),
    (
        *("Actions", TO, TO.replace("twilioContact", "contact")),
        "Actions.xml: Action sendSMS, Field smsTo has visibleBindingId='contact'; expected the id",
    ),
    (
        *("Actions", TO, TO.replace("twilioContact", "smsMessage")),
        "Actions.xml: Action sendSMS, Field smsTo has visibleBindingId='smsMessage'; expected a c",
    ),
    (
        *("Actions", TO, TO.replace("CONTACT", "CONTACT,OTHER")),
        "Actions.xml: Action sendSMS, Field smsTo is bound to 'OTHER-NON-CONTACT', and twilioConta",
    ),
    (
        *("Actions", 'value="com.twilio.music.rock"', 'value="rock,roll"'),
        "Actions.xml: Action voiceCall, Field bucket, Option has the value 'rock,roll'; exp",
    ),
    (
        *("Actions", 'value="com.twilio.music.rock"', 'value="com.twilio.music.guitars"'),
        "Actions.xml: Action voiceCall, Field bucket, Option has the value 'com.twilio.musi",
    ),
    (
        *("Actions", 'defaultValue="com.twilio.music.ambient"', 'defaultValue="ambient"'),
        "Actions.xml: Action voiceCall, Field bucket has defaultValue='ambient'; expected com.twil",
    ),
    (
        *("Actions", '<Action id="sep1"/>', '<Action id="xmlSeparator"/>'),
        "Actions.xml: Action xmlSeparator has a wrong id; expected a letter, then ASCII without s",
    ),
    (
        *("Actions", 'id="sendMMS"', 'id="sendSMS"'),
        "Actions.xml: Actions holds 2 times Action sendSMS; expected each id once",
    ),
    (
        *("Actions", 'id="ping"', 'id="Ring, ring"'),
        "Actions.xml: Action Ring, ring has a wrong id; expected a letter, then ASCII without spa",
    ),
    ("Actions", "</Actions>", "", "Actions.xml: is not well-formed XML"),
    (
        "Devices",
        CHECKBOX,
        CHECKBOX.replace("V", "v"),
        "Devices.xml: Device twilioNumber, Field del",
    ),
    (
        *("Devices", CHECKBOX, CHECKBOX.replace("defaultValue", "default")),
        "Devices.xml: Device twilioNumber, Field delete has the attribute default; expected defau",
    ),
    (
        *("Devices", CHECKBOX, CHECKBOX.replace("true", "yes")),
        "Devices.xml: Device twilioNumber, Field delete has defaultValue='yes'; expected true or ",
    ),
    (
        *("Devices", CHECKBOX, CHECKBOX.replace("checkbox", "tickbox")),
        "Devices.xml: Device twilioNumber, Field delete has type='tickbox'; expected textfield, c",
    ),
    (
        *("Devices", CHECKBOX, CHECKBOX.replace('id="delete"', 'id="twilioNumber"')),
        "Devices.xml: Device twilioNumber, ConfigUI holds 2 times Field twilioNumber; expected eac",
    ),
    (
        *("Devices", "<Description>", "<Hint/><Description>"),
        "Devices.xml: Device twilioNumber, Field delete holds Hint; expected Label or Description",
    ),
    (
        *("Devices", '<State id="messageFrom">', '<State id="message.from">'),
        "Devices.xml: Device twilioNumber, State message.from has a wrong id; expected a letter, t",
    ),
    (
        *("Devices", "<ValueType>String</ValueType>", "<ValueType>Text</ValueType>"),
        "Devices.xml: Device twilioNumber, State messageFrom, ValueType is 'Text'; expected String",
    ),
    (
        *("Devices", "<TriggerLabel>Message From</TriggerLabel>", ""),
        "Devices.xml: Device twilioNumber, State messageFrom has no TriggerLabel; expected one in",
    ),
    (
        *("Devices", "<UiDisplayStateId>numberStatus<", "<UiDisplayStateId>status<"),
        "Devices.xml: Device twilioNumber, UiDisplayStateId names status; expected messageFrom, m",
    ),
    (
        *("Devices", "</Devices>", "<UiDisplayStateId>numberStatus</UiDisplayStateId></Devices>"),
        "Devices.xml: Devices holds UiDisplayStateId; expected it inside Device only",
    ),
    (
        *("Devices", '<Device type="custom"', '<Device type="phone"'),
        "Devices.xml: Device twilioNumber has type='phone'; expected custom, relay,",
    ),
    (
        *("Devices", '<Device type="custom"', "<Device"),
        "Devices.xml: Device twilioNumber has no type; expected the attribute type",
    ),
    (
        *("Devices", 'rows="8"', 'rows="3"'),
        "Devices.xml: Device twilioGroup, Field members has rows='3'; expected a number from 4 up",
    ),
    (
        *("Devices", SEPARATOR, f"{SEPARATOR}Level"),
        "Devices.xml: Device twilioContact, ConfigUI holds the text 'Level'; expected elements on",
    ),
    (
        *("Devices", SEPARATOR, '<Field id="sep1" type="separator"><Label>-</Label></Field>'),
        "Devices.xml: Device twilioContact, Field sep1 holds Label; expected nothing",
    ),
    (
        *("Devices", 'id="noneNote" type="label"', 'id="none-note" type="label"'),
        "Devices.xml: Device twilioContact, Field none-note has a wrong id; expected a letter, th",
    ),
    (
        *("Devices", 'id="noneNote"', 'visibleBindingId="accessLevel" id="noneNote"'),
        "Devices.xml: Device twilioContact, Field noneNote has one half of a binding; expected vi",
    ),
    (
        "Devices",
        'id="noneNote"',
        'id="noneNote" visibleBindingId="accessLevel" visibleBindingValue="limited"',
        "Devices.xml: Device twilioContact, Field noneNote is bound to 'limited', and accessLevel",
    ),
    (
        *("Events", 'visibleBindingValue="exactMatch"', 'visibleBindingValue="exact"'),
        "Events.xml: Event patternMatch, Field exactNote has visibleBindingValue='exact'; expecte",
    ),
    (
        *("Events", 'fontColor="darkgray"', 'fontColor="gray"'),
        "Events.xml: Event messageReceived, Field anyoneNote has fontColor='gray'; expected black",
    ),
    (
        *("Events", 'id="matchString"', 'enabledBindingId="matchType" id="matchString"'),
        "Events.xml: Event patternMatch, Field matchString has enabledBindingId='matchType'; expec",
    ),
    (
        *("Events", 'id="matchString"', 'enabledBindingNegate="true" id="matchString"'),
        "Events.xml: Event patternMatch, Field matchString has enabledBindingNegate alone; expect",
    ),
    (
        *("Events", '<Event id="sep1"/>', "<Event/>"),
        "Events.xml: Event has no id; expected the attribute id",
    ),
    (
        "Events",
        "<Events>",
        "<Events><SupportURL>wiki</SupportURL>",
        "Events.xml: SupportURL is 'wik",
    ),
    (
        *("MenuItems", "<CallbackMethod>menuCheckSetup</CallbackMethod>", ""),
        "MenuItems.xml: MenuItem checkSetup does nothing; expected CallbackMethod, ConfigUI or URL",
    ),
    (
        *("MenuItems", 'type="separator"/>', 'type="line"/>'),
        "MenuItems.xml: MenuItem sep1 has type='line'; expected separator",
    ),
    (
        *("PluginConfig", 'secure="true"', 'secure="YES"'),
        "PluginConfig.xml: Field authToken has secure='YES'; expected true or false",
    ),
    (
        *("PluginConfig", '<Option value="50">', "<Option>"),
        "PluginConfig.xml: Field logLevel, Option has no value; expected the attribute value",
    ),
    (
        *("PluginConfig", 'type="menu"', 'type="menu" size="4"'),
        "PluginConfig.xml: Field logLevel has the attribute size; expected defaultValue, readonly",
    ),
    (
        *("PluginConfig", "<Option ", '<Option value="5">All</Option></List><List><Option '),
        "PluginConfig.xml: Field logLevel holds List 2 times; expected one",
    ),
    (
        *("PluginConfig", "<PluginConfig>", "<PluginConfig><URL>https://example.com</URL>"),
        "PluginConfig.xml: PluginConfig holds URL and Field; expected one of them",
    ),
    (
        *("Actions", "<Name>Place a Music Call</Name>", "<Name> </Name>"),
        "Actions.xml: Action voiceCall, Name is empty; expected a text",
    ),
    (
        *("Actions", 'deviceFilter="self.twilioNumber"', 'deviceFilter="number"'),
        "Actions.xml: Action sendSMS has the deviceFilter number; expected self, self.<type>, ind",
    ),
    (
        *("Actions", 'List class="self"', 'List class="indigo.devices"'),
        "Actions.xml: Action sendSMS, Field twilioContact, List has the method pickTwilioContact ",
    ),
    (
        "Actions",
        '<List class="self" filter="" method="pickTwilioContact" dynamicReload="true"/>',
        "<List/>",
        "Actions.xml: Action sendSMS, Field twilioContact, List has neither Options nor a class;",
    ),
    (
        *("Actions", "<List>", '<List class="self" method="pickActionGroup">'),
        "Actions.xml: Action voiceCall, Field bucket, List has Options and a class; expected one ",
    ),
    (
        *("Events", "<ConfigUI>", '<ConfigUI actionId="sendSMS">'),
        "Events.xml: Event messageReceived, ConfigUI has actionId; expected it in a MenuItem only",
    ),
    ("PluginConfig", "<PluginConfig>", "<Config>", "PluginConfig.xml: is not well-formed XML"),
]

WRONG_INFO = [
    (
        "<string>2026.1.0</string>",
        "<string>2026.1</string>",
        "PluginVersion is '2026.1'; expected t",
    ),
    ("<string>3.4</string>", "<string>3</string>", "ServerApiVersion is '3'; expected two numbers"),
    (
        "<key>ServerApiVersion</key>",
        "<key>ApiVersion</key>",
        "has no ServerApiVersion; expected two",
    ),
    (
        "<key>ServerApiVersion</key>",
        "<key>ApiVersion</key>",
        "has the key ApiVersion; expected Plug",
    ),
    (
        "com.flyingdiver.",
        "com.indigodomo.",
        "CFBundleIdentifier is 'com.indigodomo.indigoplugin.tw",
    ),
    (
        "<string>1.0.0</string>",
        "<string>2026</string>",
        "CFBundleVersion is '2026'; expected 1.0.0",
    ),
    (
        "https://",
        "ftp://",
        "CFBundleURLTypes is [{'CFBundleURLName': 'ftp://github.com/callbox/call",
    ),
    (
        "CFBundleURLName",
        "CFBundleURL",
        "CFBundleURLTypes is [{'CFBundleURL': 'https://github.com/c",
    ),
    ("</plist>", "", "is no property list"),
]

# --- what the Twilio plugin 2024.0.1 had ----------------------------------------------------------

LEVELS = {
    "none": "No Access",
    "limited": "Limited Access",
    "trusted": "Trusted Access",
    "unlimited": "Unlimited Access",
}
LOG_LEVELS = {
    "10": "Debugging Messages",
    "20": "Informational Messages",
    "30": "Warning Messages",
    "40": "Error Messages",
    "50": "Critical Errors Only",
}
MUSIC = {
    "com.twilio.music.ambient": "Ambient",
    "com.twilio.music.classical": "Classical",
    "com.twilio.music.electronica": "Electronica",
    "com.twilio.music.guitars": "Guitars",
    "com.twilio.music.newage": "New Age",
    "com.twilio.music.rock": "Rock",
    "com.twilio.music.soft-rock": "Soft Rock",
}
MATCHES = {
    "simpleMatch": "Included In",
    "exactMatch": "Exact String",
    "regexMatch": "Regular Expression",
}
PARTS = {
    "messageText": "Message Text",
    "messageTo": "Message To",
    "messageFrom": "Message From",
}

# file, item, then each field with its type and, where the file has them, its options
OLD_FIELDS: list[tuple[str, str, dict[str, tuple[str, dict[str, str]]]]] = [
    (
        "PluginConfig",
        "",
        {
            "accountSID": ("textfield", {}),
            "authToken": ("textfield", {}),
            "pollFrequency": ("textfield", {}),
            "logLevel": ("menu", LOG_LEVELS),
        },
    ),
    ("Devices", "twilioNumber", {"twilioNumber": ("textfield", {}), "delete": ("checkbox", {})}),
    (
        "Devices",
        "twilioContact",
        {"contactNumber": ("textfield", {}), "accessLevel": ("menu", LEVELS)},
    ),
    (
        "Actions",
        "sendSMS",
        {
            "twilioContact": ("menu", {}),
            "smsTo": ("textfield", {}),
            "smsMessage": ("textfield", {}),
        },
    ),
    (
        "Actions",
        "sendMMS",
        {
            "twilioContact": ("menu", {}),
            "mmsTo": ("textfield", {}),
            "mmsMessage": ("textfield", {}),
            "mmsUrl": ("textfield", {}),
        },
    ),
    (
        "Actions",
        "voiceCall",
        {"twilioContact": ("menu", {}), "callTo": ("textfield", {}), "bucket": ("menu", MUSIC)},
    ),
    (
        "Actions",
        "voiceMessage",
        {
            "twilioContact": ("menu", {}),
            "callTo": ("textfield", {}),
            "messageText": ("textfield", {}),
        },
    ),
    (
        "Actions",
        "doFlowAction",
        {
            "twilioContact": ("menu", {}),
            "callTo": ("textfield", {}),
            "flowSID": ("textfield", {}),
            "flowMessage": ("textfield", {}),
        },
    ),
    ("Actions", "checkMessages", {}),
    ("Actions", "check_messages", {}),
    ("Events", "messageReceived", {"twilioNumber": ("menu", {})}),
    (
        "Events",
        "patternMatch",
        {
            "twilioNumber": ("menu", {}),
            "matchType": ("menu", MATCHES),
            "matchField": ("menu", PARTS),
            "matchString": ("textfield", {}),
        },
    ),
]
OLD_CALLBACKS = {
    "sendSMS": "sendSMSAction",
    "sendMMS": "sendMMSAction",
    "voiceCall": "voiceCallAction",
    "voiceMessage": "voiceMessageAction",
    "doFlowAction": "doFlowAction",
    "checkMessages": "checkMessagesAction",
    "check_messages": "checkMessagesWebHook",
}
OLD_STATES = {
    "twilioNumber": {
        *("messageFrom", "messageTo", "messageText", "matchResult", "numberStatus", "last_auth")
    },
    "twilioContact": {"contactStatus"},
}
OLD_DEFAULTS = {
    ("PluginConfig", "", "pollFrequency"): "10",
    ("PluginConfig", "", "logLevel"): "20",
    ("Devices", "twilioNumber", "delete"): "true",
    ("Devices", "twilioContact", "accessLevel"): "none",
}
# What a stored action or trigger that is opened again must not lose; see the dialogs' tests.
KEEPING_DEFAULTS = {
    **{
        ("Actions", name, "twilioContact"): "OTHER-NON-CONTACT"
        for name in ("sendSMS", "sendMMS", "voiceCall", "voiceMessage", "doFlowAction")
    },
    ("Events", "messageReceived", "leastLevel"): "anyone",
    ("Events", "patternMatch", "leastLevel"): "anyone",
    ("PluginConfig", "", "checkAccess"): "false",
    ("PluginConfig", "", "dryRun"): "false",
}


def parsed(file: str, item: str = "") -> ET.Element:
    """Give a file's root, or one of its items."""
    root = ET.parse(SERVER_PLUGIN / f"{file}.xml").getroot()
    found = root.find(f"*[@id='{item}']") if item else root
    assert found is not None, f"{file}.xml has no {item}"
    return found


def fields_of(file: str, item: str) -> dict[str, ET.Element]:
    return {each.get("id", ""): each for each in parsed(file, item).iter("Field")}


def options_of(field: ET.Element) -> dict[str, str]:
    return {each.get("value", ""): each.text or "" for each in field.iter("Option")}


def source() -> str:
    return PLUGIN.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_the_bundle_keeps_to_the_vocabulary(file: str) -> None:
    assert faults(SERVER_PLUGIN / f"{file}.xml", source()) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    WRONG,
    ids=[f"{file}: {told.partition('.xml: ')[2][:60]}" for file, _, _, told in WRONG],
)
def test_a_wrong_file_is_told_by_its_element(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    shutil.copytree(SERVER_PLUGIN, tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"{file}.xml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = faults(path, source())
    assert any(fault.startswith(told) for fault in found), found


def test_each_fault_says_what_was_expected(tmp_path: Path) -> None:
    for file, old, new, _ in WRONG:
        text = (SERVER_PLUGIN / f"{file}.xml").read_text(encoding="utf-8")
        path = tmp_path / f"{file}.xml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        for fault in faults(path, source()):
            assert re.fullmatch(r"\w+\.xml: .+; expected .+", fault), fault


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "Events.xml"
    shutil.copy(SERVER_PLUGIN / "Actions.xml", path)
    assert faults(path, source()) == ["Events.xml: the root is Actions; expected Events"]


def test_the_info_is_as_indigo_wants_it() -> None:
    assert plist_faults(CONTENTS / "Info.plist") == []


@pytest.mark.parametrize(("old", "new", "told"), WRONG_INFO)
def test_a_wrong_info_is_told_by_its_key(old: str, new: str, told: str, tmp_path: Path) -> None:
    text = (CONTENTS / "Info.plist").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "Info.plist"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = plist_faults(path)
    assert any(fault.startswith(f"Info.plist: {told}") for fault in found), found


@pytest.mark.parametrize(
    ("file", "item", "fields"), OLD_FIELDS, ids=[f"{file} {item}" for file, item, _ in OLD_FIELDS]
)
def test_the_old_fields_are_there_with_their_types_options_and_labels(
    file: str, item: str, fields: dict[str, tuple[str, dict[str, str]]]
) -> None:
    found = fields_of(file, item)
    assert {name: (found[name].get("type"), options_of(found[name])) for name in fields} == fields


@pytest.mark.parametrize("place", OLD_DEFAULTS | KEEPING_DEFAULTS, ids=" ".join)
def test_a_default_is_what_an_upgraded_installation_needs(place: tuple[str, str, str]) -> None:
    file, item, field = place
    found = fields_of(file, item)[field].get("defaultValue")
    assert found == (OLD_DEFAULTS | KEEPING_DEFAULTS)[place]


def test_the_events_are_those_that_the_code_knows() -> None:
    there = [each.get("id") for each in parsed("Events") if each.find("Name") is not None]
    known = [triggers.MESSAGE_RECEIVED, triggers.PATTERN_MATCH]
    known += [triggers.UNDELIVERED, triggers.FAILED, triggers.UNANSWERED]
    assert sorted(map(str, there)) == sorted(known)


def test_the_settings_are_those_that_the_code_reads() -> None:
    fields = fields_of("PluginConfig", "").items()
    there = [name for name, each in fields if each.get("type") not in {"label", "separator"}]
    assert sorted(there) == sorted(preferences._SHIPPED)
    assert preferences._SHIPPED.keys() == preferences._READERS.keys()


def test_the_old_actions_have_their_callbacks() -> None:
    found = {name: parsed("Actions", name).findtext("CallbackMethod") for name in OLD_CALLBACKS}
    assert found == OLD_CALLBACKS


@pytest.mark.parametrize("device", OLD_STATES)
def test_the_old_states_are_there_and_are_texts(device: str) -> None:
    states = {each.get("id"): each for each in parsed("Devices", device).iter("State")}
    assert states.keys() >= OLD_STATES[device]
    assert {each.findtext("ValueType") for each in states.values()} == {"String"}


@pytest.mark.parametrize(
    ("device", "state"), [("twilioNumber", "numberStatus"), ("twilioContact", "contactStatus")]
)
def test_a_device_shows_the_state_that_it_showed(device: str, state: str) -> None:
    assert parsed("Devices", device).findtext("UiDisplayStateId") == state


def test_the_old_actions_for_a_number_are_still_for_a_number() -> None:
    named = [name for name in OLD_CALLBACKS if name != "check_messages"]
    filters = {parsed("Actions", name).get("deviceFilter") for name in named}
    assert filters == {"self.twilioNumber"}


@pytest.mark.parametrize("name", ["check_messages", "ping", "receive", "deliveryStatus"])
def test_what_only_the_web_or_a_script_asks_for_is_hidden(name: str) -> None:
    assert parsed("Actions", name).get("uiPath") == "hidden"


@pytest.mark.parametrize(
    ("file", "item", "field"),
    [
        ("Devices", "twilioContact", "accessLevel"),
        ("Events", "messageReceived", "leastLevel"),
        ("Events", "patternMatch", "leastLevel"),
    ],
)
def test_each_access_level_is_explained_where_it_is_chosen(
    file: str, item: str, field: str
) -> None:
    fields = fields_of(file, item)
    notes = [
        each.findtext("Label") or "" for each in fields.values() if each.get("type") == "label"
    ]
    for label in options_of(fields[field]).values():
        assert any(note.startswith(f"{label}: ") for note in notes), label


def test_every_hint_is_small_and_gray() -> None:
    labels = [
        each
        for each in chain.from_iterable(parsed(file).iter("Field") for file in FILES)
        if each.get("type") == "label"
    ]
    styles = {(each.get("fontSize"), each.get("fontColor")) for each in labels}
    assert styles == {("small", "darkgray")}


def test_the_icon_is_a_square_of_256() -> None:
    data = (CONTENTS / "Resources/icon.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (256, 256)


def test_what_the_plugin_requires_is_pinned_within_the_ranges_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {
        each.name.lower(): each.specifier for each in map(Requirement, project["dependencies"])
    }
    lines = (SERVER_PLUGIN / "requirements.txt").read_text(encoding="utf-8").split()
    pinned = dict(line.split("==") for line in lines)
    assert {"twilio", "aiohttp", "pydantic", "regex", "paho-mqtt"} == ranges.keys() & pinned.keys()
    for name in ranges.keys() & pinned.keys():
        assert pinned[name] in ranges[name], name
