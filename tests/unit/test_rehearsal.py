"""What is rehearsed by itself, the story that comes of it, and its picture."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.cells import cell_len

from callbox.config import Config, load_config
from callbox.config.contacts import Contacts
from callbox.rehearsal.line import Line
from callbox.rehearsal.performance import Performance
from callbox.rehearsal.picture import fitted, legend, rows, troubles
from callbox.rehearsal.plan import STRANGER, Plan, plan_of, rules_left
from callbox.rehearsal.setting import ACCOUNT, settings_of, staged
from callbox.rehearsal.story import Story
from callbox.simulator import scenario

BEGAN = 1_790_000_000.0
OURS, DARLA, BOB, HOME = "+12345000099", "+12345000000", "+12345000001", "+12345000002"


def configured(tmp_path: Path, **sections: dict[str, Any]) -> Config:
    file = tmp_path / "callbox.yaml"
    usual = {"account_sid": "AC" + "1" * 32, "auth_token": "secret", "default_from_number": OURS}
    file.write_text(json.dumps({**sections, "twilio": {**usual, **sections.get("twilio", {})}}))
    return load_config(file, {})


def test_every_contact_is_texted_and_every_person_called(tmp_path: Path) -> None:
    people = {"Darla": DARLA, "Bob": [BOB, HOME], "Night": ["Darla", "Bob"]}
    plan = plan_of(configured(tmp_path, contacts=people))
    asked = [
        (request.topic, request.document["request"]["recipient"]["name"])
        for _, request in plan.scenario.requests
    ]
    texts, calls = [("txt", name) for name in people], [("call", "Darla"), ("call", "Bob")]
    assert asked == [*texts, *calls]
    assert plan.left_out == []


def test_every_rule_is_tried_by_somebody_who_may_with_its_words_and_pin(tmp_path: Path) -> None:
    rules = [
        {"from": ["Night"], "contains": "open the gate", "pin": "4711", "topic": "gate"},
        {"exact": "status", "reply": "Fine."},
        {"from": [BOB], "topic": "any"},
        {"from": ["anyone"], "reply": "Machines only."},
        {"name": "heat", "regex": r"heat to (\d+)", "topic": "heating"},
    ]
    config = configured(
        tmp_path, contacts={"Darla": DARLA, "Night": ["Darla"]}, inbound={"rules": rules}
    )
    plan = plan_of(config)
    assert [(text["from"], text["body"]) for _, text in plan.scenario.texts] == [
        (DARLA, "open the gate 4711"),
        (DARLA, "status"),
        (BOB, "Hello"),
        (STRANGER, "Hello"),
    ]
    [regex] = plan.left_out
    assert regex.startswith("Not tried, heat: for its regex, put {from: +12065550100, body: ")
    assert plan.tried == ["rule 1", "rule 2", "rule 3", "rule 4"]


def test_a_rule_that_a_rule_before_it_covers_is_told(tmp_path: Path) -> None:
    rules = [{"name": "all", "reply": "Yes."}, {"name": "gate", "exact": "gate", "topic": "gate"}]
    config = configured(tmp_path, contacts={"Darla": DARLA}, inbound={"rules": rules})
    plan = plan_of(config)
    assert list(rules_left(plan, config, {"all", "gate"})) == []
    [said] = rules_left(plan, config, {"all"})
    assert said.startswith("No text set off gate: a rule before it takes the same text")


def test_rules_that_a_scenario_leaves_untried_are_named_with_the_remedy(tmp_path: Path) -> None:
    rules = [
        {"name": f"number {place}", "exact": f"{place}", "reply": "Yes."} for place in range(30)
    ]
    config = configured(tmp_path, inbound={"rules": rules})
    [said] = rules_left(Plan(scenario({})), config, {"number 0"})
    assert said.startswith("No text set off number 1, number 2, ")
    assert ", number 20 and 9 more: put {from: +12065550100, body: what fits} into the" in said


def test_a_rule_is_tried_over_whatsapp_where_the_number_is_one_of_whatsapp(tmp_path: Path) -> None:
    inbound = {"rules": [{"exact": "status", "reply": "Fine."}], "numbers": [f"whatsapp:{OURS}"]}
    plan = plan_of(configured(tmp_path, contacts={"Darla": DARLA}, inbound=inbound))
    [(_, text)] = plan.scenario.texts
    assert (text["to"], text["whatsapp"]) == (f"whatsapp:{OURS}", True)


def test_without_contacts_somebody_is_made_up_and_said_to_be(tmp_path: Path) -> None:
    plan = plan_of(configured(tmp_path))
    [(_, request)] = plan.scenario.requests
    assert request.document["request"]["recipient"]["phone_number"] == STRANGER
    assert plan.left_out == ["There are no contacts, so somebody is made up."]


def test_of_many_contacts_some_are_tried_and_the_rest_is_said(tmp_path: Path) -> None:
    people = {f"Person {place}": f"+1234500{place:04}" for place in range(50)}
    plan = plan_of(configured(tmp_path, contacts=people))
    assert len(plan.scenario.requests) == 40
    assert plan.left_out == ["Of 50 contacts the first 20 are tried: a --scenario tries any."]


def test_nothing_real_is_left_in_the_configuration_that_is_rehearsed(tmp_path: Path) -> None:
    key = {"api_key_sid": "SK" + "2" * 32, "api_key_secret": "other"}
    config = configured(
        tmp_path, twilio=key, mqtt={"url": "mqtts://broker.example.org", "client_id": "plant-4"}
    )
    setting = staged(config, tmp_path, "http://127.0.0.1:9")
    assert setting.mqtt.embedded
    assert setting.mqtt.host == "127.0.0.1"
    assert setting.mqtt.client_id is None
    assert setting.twilio.base_url == "http://127.0.0.1:9"
    assert setting.twilio.login[0] == ACCOUNT
    assert setting.store.path.parent == tmp_path
    assert setting.http.port != config.http.port
    assert setting.contacts == config.contacts


def test_the_simulated_account_has_the_users_numbers(tmp_path: Path) -> None:
    numbers = {"numbers": [OURS, f"whatsapp:{HOME}"]}
    settings = settings_of(configured(tmp_path, inbound=numbers), scenario({"speed": 7}))
    assert (settings.numbers, settings.speed) == ((OURS, HOME), 7)


def test_scripts_of_calls_at_addresses_of_the_users_are_never_fetched(tmp_path: Path) -> None:
    assert not settings_of(configured(tmp_path), scenario({})).fetch


def delivery(state: str, **more: Any) -> bytes:  # noqa: ANN401 - whatever a document holds
    usual = {
        "id": "pump",
        "delivery_id": "d1",
        "state": state,
        "sid": "SM1",
        "channel": "sms",
        "name": "Darla",
        "to_number": DARLA,
        "segments": 1,
        "error_code": None,
        "error_message": None,
        "at": "2026-09-21T14:13:25Z",
    }
    return json.dumps({**usual, **more}).encode()


def test_a_story_tells_of_each_delivery_how_it_ended_and_after_how_long() -> None:
    story = Story("twilio", BEGAN)
    recipient = {"recipient": {"message": "The tank is full"}}
    story.request({"id": "pump", "request": recipient}, BEGAN + 1)
    story.tell("twilio/message/delivery", delivery("accepted"), BEGAN + 2)
    story.tell(
        "twilio/message/delivery", delivery("delivered", at="2026-09-21T14:13:41Z"), BEGAN + 22
    )
    [line] = story.lines
    assert (line.at, line.what, line.how) == (1, "The tank is full", "delivered after 20 s")
    assert line.who == "Darla +1…0000"
    assert (line.arrived, line.open, line.steps[-1]) == (True, False, (21, "delivered"))


def test_a_failure_is_told_in_plain_words_with_its_code() -> None:
    story = Story("twilio", BEGAN)
    why = {"error_code": 30003, "error_message": "The phone is off"}
    story.tell("twilio/message/delivery", delivery("undelivered", **why), BEGAN + 5)
    assert story.lines[0].how == "undelivered after 0 s: The phone is off (30003)"


def test_a_request_that_is_refused_is_a_line_too_and_only_once() -> None:
    story = Story("twilio", BEGAN)
    story.request({"id": "bad", "request": 5}, BEGAN)
    fail = {
        "status": "fail",
        "error": "InvalidParameter",
        "error_message": "Message cannot be None",
    }
    status = json.dumps({"response": {**fail, "payload": None}, "id": "bad"}).encode()
    story.tell("twilio/message/status", status, BEGAN + 1)
    [line] = story.sent
    assert (line.who, line.how) == ("bad", "InvalidParameter: Message cannot be None")
    assert story.unanswered == []


def refused(story: Story, why: str, recipient: dict[str, str]) -> Line:
    story.request({"id": "bad", "request": {"recipient": recipient}}, BEGAN)
    fail = {"status": "fail", "error": "InvalidParameter", "error_message": why}
    status = json.dumps({"response": {**fail, "payload": None}, "id": "bad"}).encode()
    story.tell("twilio/message/status", status, BEGAN + 1)
    [line] = story.sent
    return line


NO_NUMBER = "Recipient phone number cannot be None"


def test_a_refusal_says_who_was_meant_and_what_to_do_beside_the_words_of_the_status() -> None:
    line = refused(Story("twilio", BEGAN), NO_NUMBER, {"name": "Zoë", "message": "Hi"})
    assert (line.who, line.what) == ("Zoë", "Hi")
    assert line.how == (
        "Zoë is not in contacts: add it there, or give a phone_number. "
        f"InvalidParameter: {NO_NUMBER}"
    )


def test_a_name_that_is_nearly_a_contact_is_taken_for_a_slip() -> None:
    story = Story("twilio", BEGAN, Contacts({"Night shift": (DARLA, BOB)}))
    line = refused(story, NO_NUMBER, {"name": "Nightshift"})
    assert line.how.startswith("Nightshift is not in contacts (did you mean Night shift?): ")


def test_a_refusal_is_told_under_the_number_of_the_contact_who_was_meant() -> None:
    story = Story("twilio", BEGAN, Contacts({"Darla": (DARLA,)}))
    line = refused(story, "limits.per_day: 5 were accepted", {"name": "Darla"})
    assert line.who == "Darla +1…0000"
    line = refused(Story("twilio", BEGAN), "Message cannot be None", {"phone_number": BOB})
    assert line.who == "+1…0001"


def test_what_was_asked_for_and_never_told_of_is_unanswered() -> None:
    story = Story("twilio", BEGAN)
    ids = [story.request({"id": "same"}, BEGAN)["id"] for _ in range(2)]
    assert len(set(ids)) == 2
    assert story.unanswered == ids
    story.tell("twilio/message/delivery", delivery("accepted", id="same"), BEGAN)
    assert story.unanswered == ids[1:]


def test_what_rules_publish_is_told_and_what_the_gateway_says_of_itself_is_not() -> None:
    story = Story("twilio", BEGAN)
    for topic, payload in [
        ("home/gate/set", b"OPEN"),
        ("twilio/bridge/health", b"{}"),
        ("twilio/message/sent", b"{}"),
        ("twilio/txt", b"{}"),
        ("home/\xf0\x9f\x9a\xaa", b"\xff"),
    ]:
        story.tell(topic, payload, BEGAN)
    assert [(line.who, line.what) for line in story.lines] == [
        ("home/gate/set", "OPEN"),
        ("home/\xf0\x9f\x9a\xaa", "\ufffd"),
    ]


def performed(story: Story, *created: str) -> Performance:
    """Give a rehearsal that is over, at whose end Twilio has these SIDs."""
    gateway = SimpleNamespace(config=SimpleNamespace(inbound=SimpleNamespace(idle_interval=30.0)))
    cost = SimpleNamespace(cost=0.0)
    twilio = SimpleNamespace(log=[SimpleNamespace(sid=sid) for sid in created], tally=lambda: cost)
    player, unused = SimpleNamespace(troubles=[]), SimpleNamespace()
    parts: Any = (scenario({}), gateway, twilio, unused, unused, player, story)
    return Performance(*parts)


def test_a_request_of_which_nothing_is_told_is_lost_and_no_success() -> None:
    story = Story("twilio", BEGAN)
    story.request({"id": "pump"}, BEGAN)
    result = performed(story).result()
    assert (result.asked, result.lost, result.fine) == (0, 1, False)


def test_what_twilio_has_and_no_delivery_owns_was_sent_twice_and_is_no_success() -> None:
    story = Story("twilio", BEGAN)
    story.request({"id": "pump"}, BEGAN)
    story.tell("twilio/message/delivery", delivery("delivered"), BEGAN + 2)
    assert performed(story, "SM1").result().fine
    result = performed(story, "SM1", "SM2").result()
    assert (result.arrived, result.doubled, result.fine) == (1, 1, False)


def test_what_ended_unknown_may_be_what_twilio_has_and_was_not_sent_twice() -> None:
    story = Story("twilio", BEGAN)
    story.request({"id": "pump"}, BEGAN)
    story.tell("twilio/message/delivery", delivery("unknown", sid=None), BEGAN + 2)
    result = performed(story, "SM1").result()
    assert (result.failed, result.doubled, result.fine) == (1, 0, False)


def test_a_picture_has_a_row_for_each_person_and_marks_in_time() -> None:
    sent = Line(0, "out", "Darla", steps=[(50, "accepted"), (99, "delivered")])
    lost = Line(100, "out", "Bob", steps=[(100, "failed")])
    opened = Line(50, "topic", "home/gate")
    darla, bob, topics = rows([sent, lost, opened], lasts=100, width=10)
    assert darla == ("Darla", ("asked", "", "", "", "", "accepted", "", "", "", "delivered"))
    assert bob == ("Bob", ("",) * 9 + ("failed",))
    assert topics == ("topics", ("",) * 5 + ("topic",) + ("",) * 4)


def test_where_several_things_share_a_column_the_last_state_shows_and_trouble_before_all() -> None:
    steps = [(1.0, "accepted"), (2.0, "failed"), (3.0, "delivered")]
    [row] = rows([Line(0, "out", "Darla", steps=steps)], lasts=100, width=10)
    assert row.cells[0] == "failed"
    [row] = rows([Line(0, "out", "Darla", steps=steps[::2])], lasts=100, width=10)
    assert row.cells[0] == "delivered"
    [row] = rows([Line(0, "out", "Darla", steps=steps[:1])], lasts=100, width=10)
    assert row.cells[0] == "accepted"


def test_a_picture_shows_when_something_is_wrong_on_purpose() -> None:
    storm = scenario(
        {
            "faults": [
                {"on": "any", "from": 10, "until": 40, "status": 503},
                {"on": "list", "from": 95, "lag": 5},
            ]
        }
    )
    outage, lag = troubles(storm, lasts=100, width=10)
    assert outage == ("fault: any", ("",) + ("fault",) * 3 + ("",) * 6)
    assert lag == ("fault: list", ("",) * 9 + ("fault",))


def test_a_name_is_cut_so_that_its_number_stays_and_columns_stay_in_line() -> None:
    names = [
        "Björn Schichtleiter +1…0102",
        "機械室の警報係の人 +1…0103",
        "Chen +1…0104",
        "a very long id",
    ]
    shown = [fitted(name, 13) for name in names]
    assert shown[0] == "Björ… +1…0102"
    assert shown[2:] == ["Chen +1…0104 ", "a very long i"]
    assert [cell_len(name) for name in shown] == [13] * 4


def test_the_legend_fits_a_narrow_terminal_and_says_how_long_a_column_is() -> None:
    lines = list(legend(1680, 40))
    assert all(len(line) <= 40 for line in lines)
    assert lines[0] == "· asked  ○ Twilio has it  ● arrived"
    assert lines[-1].endswith("a column: 28 min")
    assert "column" not in " ".join(legend(0.4, 200))


def test_without_a_number_that_can_call_nobody_is_called_and_that_is_said(tmp_path: Path) -> None:
    plan = plan_of(
        configured(tmp_path, contacts={"Darla": DARLA}, twilio={"default_from_number": "Callbox"})
    )
    assert [request.topic for _, request in plan.scenario.requests] == ["txt"]
    assert "Nobody is called: that needs a number in twilio.default_from_number." in plan.left_out


def test_an_id_that_is_no_text_is_published_as_it_is_and_each_refusal_is_a_line() -> None:
    story = Story("twilio", BEGAN)
    assert story.request({"id": [1]}, BEGAN) == {"id": [1]}
    fail = {"status": "fail", "error": "InvalidParameter", "error_message": "Request id cannot be"}
    for _ in range(2):
        status = json.dumps({"response": {**fail, "payload": None}, "id": None}).encode()
        story.tell("twilio/message/status", status, BEGAN + 1)
    assert [line.who for line in story.sent] == ["a request without an id"] * 2
    assert story.unanswered == []
