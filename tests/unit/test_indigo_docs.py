"""docs/indigo.md says what the bundle and the code of the plugin have, and nothing else."""

import ast
import plistlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from callbox.config import Config
from callbox.domain.delivery import Delivery, State
from callbox.domain.notification import Channel, Kind, Notification
from callbox.indigo import actions, journal, plugin, preferences, requests, teller, web
from callbox.indigo.people import Level
from callbox.ports import Receipt
from callbox.rounds import QUICK, QUICK_FOR, SERIES
from callbox.wire import delivery_document

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "callbox"
CONTENTS = ROOT / "indigo" / "Callbox.indigoPlugin" / "Contents"
PAGE = (ROOT / "docs" / "indigo.md").read_text()
IDENTIFIER = plistlib.loads((CONTENTS / "Info.plist").read_bytes())["CFBundleIdentifier"]

FILES = {
    "Devices": ("Devices", "Device"),
    "Actions": ("Actions", "Action"),
    "Triggers": ("Events", "Event"),
    "Menu": ("MenuItems", "MenuItem"),
}
"""The bundle's file, and what it has, by the section that tells of it."""


def tree(file: str) -> ET.Element:
    return ET.parse(CONTENTS / "Server Plugin" / f"{file}.xml").getroot()


def text_of(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def objects(section: str) -> list[ET.Element]:
    """Give what a section is about, without separators."""
    file, tag = FILES[section]
    return [each for each in tree(file).iter(tag) if each.find("Name") is not None]


def entries(element: ET.Element) -> Iterator[tuple[str, str]]:
    """Give label and id of each field that holds something."""
    for field in element.iter("Field"):
        if field.get("type") not in {"label", "separator"}:
            yield text_of(field, "Label"), str(field.get("id"))


def section(title: str) -> str:
    """Give what stands below a heading, up to the next of its level or above."""
    (found,) = re.finditer(rf"^(#+) {re.escape(title)}\n", PAGE, re.MULTILINE)
    rest = PAGE[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(title: str, first: str) -> list[list[str]]:
    """Give the rows of the table in a section that begins with the head `first`."""
    (table,) = re.findall(
        rf"^\| {first} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", section(title), re.MULTILINE
    )
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def only(text: str) -> str:
    (found,) = quoted(text)
    return str(found)


def of_each(table: list[list[str]]) -> list[tuple[str, str, str]]:
    """Give (what it is of, label, id) for each row, whose third cell names all it is of."""
    return sorted((owner, label, only(id_)) for label, id_, of, *_ in table for owner in quoted(of))


# --- what the dialogs have ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "head"),
    [("Devices", "Device"), ("Actions", "Action"), ("Triggers", "Event"), ("Menu", "Item")],
)
def test_everything_is_named_as_indigo_shows_it_and_nothing_else(title: str, head: str) -> None:
    told = [(label, only(id_)) for label, id_, *_ in rows(title, head)]
    there = [(text_of(each, "Name"), str(each.get("id"))) for each in objects(title)]
    assert sorted(told) == sorted(there)


@pytest.mark.parametrize("title", FILES)
def test_every_field_is_named_as_indigo_shows_it_and_no_other(title: str) -> None:
    there = [
        (str(each.get("id")), *entry) for each in objects(title) for entry in entries(each)
    ]  # fmt: skip
    assert of_each(rows(title, "Field")) == sorted(there)


def test_every_state_is_named_as_indigo_shows_it_and_no_other() -> None:
    there = [
        (str(device.get("id")), text_of(state, "TriggerLabel"), str(state.get("id")))
        for device in objects("Devices")
        for state in device.iter("State")
    ]
    assert of_each(rows("Devices", "State")) == sorted(there)


def test_what_a_device_shows_is_its_display_state() -> None:
    labels = {(owner, id_): label for owner, label, id_ in of_each(rows("Devices", "State"))}
    shown = {only(id_): state for _, id_, state in rows("Devices", "Device")}
    for device in objects("Devices"):
        name = str(device.get("id"))
        assert shown[name] == labels[name, text_of(device, "UiDisplayStateId")]


def test_every_setting_is_named_as_indigo_shows_it_and_no_other() -> None:
    told = [(label, only(id_)) for label, id_, *_ in rows("Settings", "Field")]
    assert told == list(entries(tree("PluginConfig")))


def test_settings_are_told_as_they_are_shipped() -> None:
    shown = {"": "", "false": "off"}
    for _, id_, shipped, _ in rows("Settings", "Field"):
        (field,) = (each for each in tree("PluginConfig") if each.get("id") == only(id_))
        default = field.get("defaultValue") or ""
        assert shipped == shown.get(default, default)


@pytest.mark.parametrize("file", ["Actions", "Devices", "Events", "PluginConfig"])
def test_every_choice_of_a_menu_is_named(file: str) -> None:
    for menu in tree(file).iter("List"):
        options = [(option.text or "").strip() for option in menu]
        if not options:  # it is the plugin's to fill
            continue
        assert f"{', '.join(options[:-1])} or {options[-1]}" in PAGE


def test_every_word_of_a_tick_is_named() -> None:
    (asks,) = (each for each in tree("PluginConfig") if each.get("id") == "checkAccess")
    assert f"**{text_of(asks, 'Description')}**" in PAGE


def test_hidden_actions_are_told_to_be_and_no_others() -> None:
    told = {only(id_) for _, id_, text in rows("Actions", "Action") if text.startswith("hidden")}
    hidden = {each.get("id") for each in objects("Actions") if each.get("uiPath") == "hidden"}
    assert told == hidden


# --- addresses ------------------------------------------------------------------------------------


def test_every_address_has_the_identifier_and_an_action_that_is_for_the_web() -> None:
    found = re.findall(r"/message/([\w.-]+)/(\w+)\?(?:api-key|api_key)=KEY", PAGE)
    assert len(found) >= 4
    assert {identifier for identifier, _ in found} == {IDENTIFIER}
    hidden = {each.get("id") for each in objects("Actions") if each.get("uiPath") == "hidden"}
    assert {action for _, action in found} == hidden - {"deliveryStatus"}
    assert len(re.findall("/message/", PAGE)) == len(found)


def test_the_webhook_is_the_one_that_is_checked() -> None:
    (address,) = re.findall(r"^ +(https://<reflector>\S+)$", PAGE, re.MULTILINE)
    assert f"/message/{IDENTIFIER}/{web.RECEIVE}?" in address


def test_no_other_identifier_is_named() -> None:
    assert set(re.findall(r"com\.flyingdiver[\w.]*\w", PAGE)) == {IDENTIFIER}


def test_the_readmes_variable_is_the_one_that_is_set() -> None:
    assert f"`{actions._PING_VARIABLE}`" in section("The old addresses")


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https://)([^)]+)\)", PAGE)
    assert len(targets) > 20
    for target in targets:
        name, _, anchor = target.partition("#")
        page = ROOT / "docs" / name if name else ROOT / "docs" / "indigo.md"
        headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not anchor or anchor in anchors, target


def test_the_readme_leads_to_it() -> None:
    assert "(docs/indigo.md)" in (ROOT / "README.md").read_text()


# --- what scripts and plugins see -----------------------------------------------------------------


def code() -> list[ast.Module]:
    return [ast.parse(block) for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)]


def calls(name: str) -> Iterator[ast.Call]:
    for each in (node for module in code() for node in ast.walk(module)):
        if isinstance(each, ast.Call) and getattr(each.func, "attr", "") == name:
            yield each


def constants(node: ast.AST) -> list[str]:
    return [str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant)]


def test_scripts_run_actions_with_fields_that_there_are() -> None:
    fields = {str(each.get("id")): dict(entries(each)).values() for each in objects("Actions")}
    found = list(calls("executeAction"))
    assert found
    for call in found:
        action = constants(call.args[0])[0]
        (props,) = (each.value for each in call.keywords if each.arg == "props")
        assert isinstance(props, ast.Dict)
        keys = {constants(key)[0] for key in props.keys if key is not None}
        assert keys <= {*fields[action], *(["id"] if action == "deliveryStatus" else [])}


def test_code_names_this_plugin_and_a_broadcast_that_there_is() -> None:
    for call in calls("getPlugin"):
        assert constants(call) == [IDENTIFIER]
    (subscribes,) = calls("subscribeToBroadcast")
    plugin_id, message, method = constants(subscribes)
    assert (plugin_id, message) == (IDENTIFIER, "messageReceived")
    methods = {each.name for node in code() for each in node.body if hasattr(each, "name")}
    assert method in methods


def test_the_keys_of_a_result_are_those_of_the_code() -> None:
    told = [only(key) for key, _ in rows("Scripts and other plugins", "Key of the result")]
    assert told == list(actions._receipt(Receipt()))


def test_the_keys_of_a_delivery_and_its_states_are_those_of_the_code() -> None:
    table = rows("What became of it", "Key")
    note = Notification(Kind.TXT, Channel.SMS, "Darla", "+1", "+2", "Hi")
    delivery = Delivery("d", "r", note, 1, None, "hold", 0.0, 1.0, expires_fixed=False)
    told = [key for cell, _ in table for key in quoted(cell)]
    assert sorted(told) == sorted(["success", *delivery_document(delivery)])
    (states,) = (text for key, text in table if key == "`state`")
    assert quoted(states) == list(State)
    (kinds,) = (text for key, text in table if key.startswith("`kind`"))
    assert set(quoted(kinds)) == {*Kind, *Channel} - {Channel.WHATSAPP}


def test_broadcasts_have_the_keys_of_the_code() -> None:
    assert [only(key) for key, _ in rows("Broadcasts", "Key")] == list(teller._BROADCAST)


# --- figures and sentences ------------------------------------------------------------------------


def test_access_levels_are_those_of_the_code_and_each_fires_what_it_may() -> None:
    _, *contacts = rows("Who may set off what", "Sender")
    assert [only(sender).upper() for sender, *_ in contacts] == list(Level.__members__)
    for level, (_, *fires) in zip(Level, contacts, strict=True):
        assert fires == ["fires" if level >= least else "-" for least in Level]


def test_figures_are_those_of_the_code() -> None:
    config = Config()
    limits, kept = config.limits, config.store.keep_for
    figures = [
        f"{limits.per_recipient_hour} texts and calls to one number in a clock hour",
        f"{limits.per_day:,} in all in a day",
        f"for up to {config.delivery.expires_after / 86_400:.0f} days",
        f"forgotten after {kept / 86_400:.0f} days",
        f"Twilio: every {preferences._SHIPPED['pollFrequency']} minutes, and",
        f"every {QUICK:.0f} seconds for {QUICK_FOR / 60:.0f} minutes after",
        f"{len(SERIES) - 1} times more within {SERIES[-1]:.0f} seconds",
        f"has {preferences._SHIPPED['maxAge']} minutes as the oldest text to act on",
        f"an upgraded one keeps {preferences._ADDED['maxAge']},",
        f"up to {requests._LONGEST_TEXT:,} characters",
        f"1 to {requests._MOST_PICTURES} pictures",
        f"{requests._AUTH_LENGTH} characters that the flow",
        f"the last {max(journal._LINES):,} lines",
        f"Preferences/Plugins/{IDENTIFIER}/{plugin._STORE}",
        f"`{plugin._REHEARSAL}`",
    ]
    words = " ".join(PAGE.split())
    assert [figure for figure in figures if figure not in words] == []


def sentences() -> str:
    """Give every text in the code of the plugin and of what it asks Twilio, a line each."""
    files = [*SOURCE.glob("indigo/*.py"), *SOURCE.glob("hosts/indigo.py")]
    files += [SOURCE / "twilio/account.py", SOURCE / "twilio/transport.py"]
    files += [SOURCE / "store/acceptance.py"]
    return "\n".join(
        "…".join(constants(node)) if isinstance(node, ast.JoinedStr) else str(node.value)
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    )


def test_what_the_event_log_is_quoted_to_say_is_what_it_says() -> None:
    said = sentences()
    table = rows("When something goes wrong", "What you see")
    told = [each for _, says, _ in table for each in quoted(says)]
    told += [each for each in quoted(section("With Indigo's reflector")) if " " in each]
    assert len(told) > 20
    for sentence in told:
        for part in re.split(r"\+1…\d{4}|\(SM…\)|…", sentence):
            assert part.strip() in said, sentence
