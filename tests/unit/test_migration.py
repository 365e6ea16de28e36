"""What V1 left behind becomes a configuration that works, or one sentence about what is wrong."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callbox.config import load_config
from callbox.errors import CallboxError
from callbox.greengrass.configuration import setup_of
from callbox.greengrass.migration import Migration, chosen, migrate
from callbox.greengrass.report import Line, Verdict, markdown, plain
from callbox.greengrass.v1 import find
from callbox.greengrass.work import TOKEN_FILE
from callbox.greengrass.writing import COMPONENT, callbox_yaml, configuration, deployment

EXAMPLE = Path(__file__).parents[1] / "data/greengrass-v1/create-connector-definition.sh"
SHIPPED = Path(__file__).parents[2] / "greengrass/deployments/component.json"
PAGE = Path(__file__).parents[3] / "shared/contract/greengrass-twilio-notifications-connector.md"
TARGET = Path("callbox.yaml")
TOKEN = "0123456789abcdef" * 2
SID = "AC" + TOKEN
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3"
NUMBER = "+19999999999"
PARAMETERS = {
    "TWILIO_ACCOUNT_SID": SID,
    "TwilioAuthTokenSecretArn": ARN,
    "TwilioAuthTokenSecretArn-ResourceId": "TwilioAuthToken",
    "DefaultFromPhoneNumber": NUMBER,
}
LAMBDA = "arn:aws:lambda:us-west-2:123456789012:function:TempMonitor:1"
THING = "arn:aws:iot:us-west-2:123456789012:thing/Pump"

Json = dict[str, Any]


def arn_of(version: object = 5, name: str = "TwilioNotifications", region: str = "region") -> str:
    return f"arn:aws:greengrass:{region}::/connectors/{name}/versions/{version}"


def connector(version: object = 5, id_: str = "MyTwilio", **changes: object) -> Json:
    parameters = {**PARAMETERS, **changes}
    return {"Id": id_, "ConnectorArn": arn_of(version), "Parameters": parameters}


def subscription(source: str, subject: str, target: str) -> Json:
    return {"Id": "s", "Source": source, "Subject": subject, "Target": target}


def secret(arn: object = ARN, id_: str = "TwilioAuthToken", **more: object) -> Json:
    data = {"SecretsManagerSecretResourceData": {"ARN": arn, **more}}
    return {"Id": id_, "Name": "n", "ResourceDataContainer": data}


def moved(
    tmp_path: Path, *documents: object, component: bool = False, wanted: str | None = None
) -> Migration:
    """Migrate files with these contents: JSON values, or text as it is."""
    paths = []
    for number, document in enumerate(documents):
        path = tmp_path / f"v1-{number}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        paths.append(path)
    found = find(paths)
    return migrate(found, chosen(found, wanted), TARGET, component=component)


def outcome(path: Path, *, component: bool = False) -> Migration | str:
    """Migrate a file; what is refused is the sentence."""
    try:
        found = find([path])
        return migrate(found, chosen(found, None), TARGET, component=component)
    except CallboxError as error:
        return str(error)


def told(made: Migration, verdict: Verdict, subject: str = "") -> str:
    """Give what is told about a subject."""
    return " ".join(
        each.sentence for each in made.lines if each.verdict is verdict and subject in each.subject
    )


def check_written(made: Migration, folder: Path) -> None:
    """See that callbox.yaml loads once the token is there, with the values that were found."""
    file = folder / "callbox.yaml"
    file.write_text(callbox_yaml(made, "v1.json", TARGET))
    (folder / TOKEN_FILE).write_text(f"{TOKEN}\n")
    sid = {} if made.account_sid else {"TWILIO_ACCOUNT_SID": "AC0"}
    config = load_config(file, {"HOME": str(folder), **sid})
    assert config.twilio.account_sid == (made.account_sid or "AC0").strip()
    assert config.twilio.default_from_number == made.default_from_number
    assert config.twilio.auth_token is not None
    assert config.twilio.auth_token.get_secret_value() == TOKEN
    assert config.delivery.default_retries is None


# the examples of V1's page


def test_the_example_of_the_page_is_carried_over(tmp_path: Path) -> None:
    found = find([EXAMPLE])
    made = migrate(found, chosen(found, None), TARGET, component=False)
    check_written(made, tmp_path)
    assert (made.account_sid, made.secret_arn) == ("abcd12345xyz", None)
    assert made.default_from_number == NUMBER
    assert made.isolation_mode == "GreengrassContainer"
    assert "AC and 32 hexadecimal digits" in told(made, Verdict.BY_HAND, "TWILIO_ACCOUNT_SID")
    assert "placeholder" in told(made, Verdict.BY_HAND, "TwilioAuthTokenSecretArn")


@pytest.mark.skipif(
    not PAGE.exists() and "CI" not in os.environ, reason="V1's page is not beside the clone"
)
def test_every_example_of_the_page_is_migrated_or_told_to_be_no_definition(
    tmp_path: Path,
) -> None:
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 8
    path = tmp_path / "block"
    migrated = 0
    for block in blocks:
        path.write_text(block)
        made = outcome(path)
        if isinstance(made, str):
            assert "expected" in made
            assert "\n" not in made
        else:
            migrated += 1
            check_written(made, tmp_path)
            assert shlex.split(block) == shlex.split(EXAMPLE.read_text())
    assert migrated == 1


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("region", ["region", "", "us-west-2"])
def test_every_version_is_read_with_any_region(tmp_path: Path, version: int, region: str) -> None:
    entry = connector() | {"ConnectorArn": arn_of(version, region=region)}
    made = moved(tmp_path, {"Connectors": [entry]})
    check_written(made, tmp_path)
    assert (made.account_sid, made.secret_arn) == (SID, ARN)


@pytest.mark.parametrize("version", [1, 4])
def test_isolation_mode_of_an_old_version_is_told_and_not_obeyed(
    tmp_path: Path, version: int
) -> None:
    made = moved(tmp_path, {"Connectors": [connector(version, IsolationMode="NoContainer")]})
    assert made.isolation_mode is None
    assert f"version {version} of the connector" in told(made, Verdict.BY_HAND, "IsolationMode")


# kinds of files


def command(option: str, value: object, name: str = "connector") -> str:
    text = json.dumps(value, indent=2)
    return f"$ aws greengrass create-{name}-definition \\\n  --name x {option} '{text}'\n"


SHAPES = {
    "input": {"Connectors": [connector()]},
    "skeleton": {"Name": "x", "InitialVersion": {"Connectors": [connector()]}},
    "output": {"Definition": {"Connectors": [connector()]}, "Arn": "a", "Id": "i", "Version": "v"},
    "bundle": [{"Definition": {"Connectors": [connector()]}}, {"Definition": {"Cores": []}}],
    "named bundle": {"group": {"Definition": {}}, "connectors": {"Connectors": [connector()]}},
    "several": json.dumps({"Cores": []}) + "\n" + json.dumps({"Connectors": [connector()]}),
    "list": command("--connectors", [connector()], "connector-definition-version"),
    "command": command("--initial-version", {"Connectors": [connector()]}),
    "equals": f"aws greengrass x --initial-version='{json.dumps({'Connectors': [connector()]})}'",
    "prompt": "pi@core:~$ " + command("--initial-version", {"Connectors": [connector()]})[2:],
    "script": "#!/bin/sh\n# don't\naws greengrass create-group --name g\n"
    + command("--cli-input-json", {"InitialVersion": {"Connectors": [connector()]}})[2:],
    "profile": "aws --region us-east-1 "
    + command("--initial-version", {"Connectors": [connector()]})[6:],
    "session": "pi@core:~$ aws greengrass get-connector-definition-version --id x\n"
    + json.dumps({"Name": "Bob's", "Definition": {"Connectors": [connector()]}}, indent=4)
    + "\npi@core:~$ ",
    "session of Amazon Linux": "[ec2-user@core ~]$ date\n"
    "[ec2-user@core ~]$ aws greengrass get-group-version \\\n  --id x\n"
    + json.dumps({"Definition": {"Cores": []}}, indent=4)
    + "\n[ec2-user@core ~]$ aws greengrass get-connector-definition-version --id x\n"
    + json.dumps({"Definition": {"Connectors": [connector()]}}, indent=4),
    "yaml": f"Connectors:\n- Id: x\n  ConnectorArn: {arn_of()}\n  Parameters:\n"
    + "".join(f"    {name}: {value}\n" for name, value in PARAMETERS.items()),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_kind_of_file_is_read(tmp_path: Path, shape: str) -> None:
    made = moved(tmp_path, SHAPES[shape])
    check_written(made, tmp_path)
    assert (made.account_sid, made.secret_arn) == (SID, ARN)
    assert made.default_from_number == NUMBER


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "v1.json"
    path.write_text(json.dumps({"Connectors": [connector()]}), encoding=encoding)
    assert chosen(find([path]), None).parameters == PARAMETERS


def test_the_same_connector_in_two_files_is_one(tmp_path: Path) -> None:
    older, newer = connector(4, IsolationMode="NoContainer"), connector(IsolationMode="NoContainer")
    made = moved(tmp_path, {"Connectors": [older]}, {"Connectors": [newer]})
    assert made.isolation_mode == "NoContainer"


def test_of_two_connectors_one_is_chosen_by_its_id(tmp_path: Path) -> None:
    two = {"Connectors": [connector(id_="a"), connector(id_="b", TWILIO_ACCOUNT_SID="other")]}
    with pytest.raises(CallboxError, match=r"a \(.*entry 1\); b \(.*entry 2\).*--connector ID"):
        moved(tmp_path, two)
    assert moved(tmp_path, two, wanted="b").account_sid == "other"
    with pytest.raises(CallboxError, match="expected a or b"):
        moved(tmp_path, two, wanted="c")


# CloudFormation

TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Sid: {Type: String, Default: AC0123456789abcdef0123456789abcdef}
  From: {Type: String}
  Hidden: {Type: String, NoEcho: true, Default: hidden-horse-battery-staple}
  Stored: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /twilio/number}
Resources:
  Token:
    Type: AWS::SecretsManager::Secret
    Properties: {SecretString: hidden-horse-battery-staple}
  Definition:
    Type: AWS::Greengrass::ConnectorDefinition
    Properties:
      Name: x
      InitialVersion:
        Connectors:
          - Id: twilio
            ConnectorArn: !Sub
              arn:aws:greengrass:${AWS::Region}::/connectors/TwilioNotifications/versions/5
            Parameters:
              TWILIO_ACCOUNT_SID: !Ref Sid
              TwilioAuthTokenSecretArn: %s
              TwilioAuthTokenSecretArn-ResourceId: TwilioAuthToken
              DefaultFromPhoneNumber: %s
"""


def test_a_template_is_filled_in_from_the_defaults_of_its_parameters(tmp_path: Path) -> None:
    made = moved(tmp_path, TEMPLATE % (ARN, NUMBER))
    check_written(made, tmp_path)
    assert (made.account_sid, made.secret_arn, made.default_from_number) == (SID, ARN, NUMBER)
    assert "defaults in the template" in told(made, Verdict.BY_HAND, "Parameters Sid")


def test_the_defaults_of_a_template_are_one_line_with_one_command(tmp_path: Path) -> None:
    template = TEMPLATE.replace(
        "From: {Type: String}", f"From: {{Type: String, Default: '{NUMBER}'}}"
    )
    made = moved(tmp_path, template % (ARN, "!Ref From"))
    (line,) = (each for each in made.lines if "describe-stacks" in each.command)
    assert line.subject == "Parameters From, Sid"
    assert "--stack-name NAME" in line.command


@pytest.mark.parametrize(
    ("written", "lacking"),
    [
        ("!Ref From", "${From}"),
        ("!Ref Hidden", "${Hidden}"),
        ("!Ref Stored", "${Stored}"),
        ("!GetAtt Token.Number", "${Token.Number}"),
        ("!Sub '+1${From}'", "${From}"),
        ("{'Fn::Sub': ['+1${n}', {n: !Ref From}]}", "${From}"),
        ("!If [Production, '+12345000000', !Ref From]", "${Fn::If}"),
        ("!Join ['', ['+1', !ImportValue x]]", "${Fn::ImportValue}"),
    ],
)
def test_what_only_cloudformation_knows_is_left_to_be_filled_in(
    tmp_path: Path, written: str, lacking: str
) -> None:
    made = moved(tmp_path, TEMPLATE % (ARN, written))
    check_written(made, tmp_path)
    assert made.default_from_number is None
    assert lacking in told(made, Verdict.BY_HAND, "DefaultFromPhoneNumber")
    assert "hidden-horse" not in callbox_yaml(made, "", TARGET) + plain(made.lines)


@pytest.mark.parametrize(
    "written",
    [
        f"!Sub ['{ARN[:-6]}${{hash}}', {{hash: a1B2c3}}]",
        f"!Join ['', ['arn:', !Ref 'AWS::Partition', '{ARN[7:]}']]",
        f"{{'Fn::Join': [':', {json.dumps(ARN.split(':'))}]}}",
    ],
)
def test_what_the_template_tells_is_put_together(tmp_path: Path, written: str) -> None:
    assert moved(tmp_path, TEMPLATE % (written, NUMBER)).secret_arn == ARN


def test_no_value_is_not_set(tmp_path: Path) -> None:
    made = moved(tmp_path, TEMPLATE % (ARN, "!Ref 'AWS::NoValue'"))
    assert "it was not set" in told(made, Verdict.LEFT, "DefaultFromPhoneNumber")


def test_the_json_of_cdk_and_of_get_template_are_templates_too(tmp_path: Path) -> None:
    properties = {"ConnectorDefinitionId": {"Ref": "X"}, "Connectors": [connector()]}
    version = {"Type": "AWS::Greengrass::ConnectorDefinitionVersion", "Properties": properties}
    cdk = {"Resources": {"Meta": {"Type": "AWS::CDK::Metadata"}, "V": version}}
    for document in (cdk, {"TemplateBody": cdk}, {"TemplateBody": TEMPLATE % (ARN, NUMBER)}):
        assert moved(tmp_path, document).secret_arn == ARN


# subscriptions, secrets, what is left


def test_ways_follow_from_subscriptions(tmp_path: Path) -> None:
    ours = arn_of(5, region="us-west-2")
    group = {
        "Connectors": [connector()],
        "Subscriptions": [
            subscription(LAMBDA, "twilio/#", ours),
            subscription("cloud", "twilio/txt", ours),
            subscription(ours, "twilio/message/status", "cloud"),
            subscription("cloud", "temperature/input", LAMBDA),
            subscription(LAMBDA, "alarm/sms", ours),
        ],
    }
    made = moved(tmp_path, group, component=True)
    assert made.ways == {"txt": "both", "call": "pubsub", "status": "iotcore"}
    assert configuration(made)["greengrass"] == made.ways
    assert "AWS IoT Core to function" in told(made, Verdict.LEFT, "temperature/input")
    assert "the connector read only" in told(made, Verdict.LEFT, "alarm/sms")


@pytest.mark.parametrize(
    ("other", "way"), [("cloud", "iotcore"), (LAMBDA, "pubsub"), (THING, "pubsub")]
)
def test_status_goes_where_it_went(tmp_path: Path, other: str, way: str) -> None:
    subscriptions = {"Subscriptions": [subscription(arn_of(), "twilio/message/status", other)]}
    made = moved(tmp_path, {"Connectors": [connector()]}, subscriptions, component=True)
    assert made.ways == {"status": way}


@pytest.mark.parametrize(
    ("source", "subject", "target", "words"),
    [
        ("cloud", "twilio/txt", arn_of(), "bridge it from AWS IoT Core (topic twilio/txt in 1)"),
        ("cloud", "twilio/call", arn_of(), "bridge it from AWS IoT Core (topic twilio/call in 1)"),
        (
            *(arn_of(), "twilio/message/status", "cloud"),
            "bridge it to AWS IoT Core (topic twilio/message/status out 1)",
        ),
        (THING, "twilio/#", arn_of(), "speaks to the broker of mqtt.url now, on twilio/call"),
        (arn_of(), "#", THING, "speaks to the broker of mqtt.url now, on twilio/message/status"),
    ],
)
def test_at_a_broker_each_end_is_told_its_own_direction(
    tmp_path: Path, source: str, subject: str, target: str, words: str
) -> None:
    passages = {"Subscriptions": [subscription(source, subject, target)]}
    made = moved(tmp_path, {"Connectors": [connector()]}, passages)
    assert words in told(made, Verdict.CHANGED, "Subscription")


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (THING, arn_of(), "greengrass.txt has pubsub for it; its requests come by aws.greengrass."),
        (arn_of(), THING, "greengrass.status has pubsub for it; it hears them by aws.greengrass."),
        (LAMBDA, arn_of(), "a component of its own that publishes on local pubsub"),
        (arn_of(), LAMBDA, "a component of its own that subscribes on local pubsub"),
        (arn_of(1, "SNS"), arn_of(), "a successor that publishes on local pubsub"),
        (arn_of(), arn_of(1, "SNS"), "a successor that subscribes on local pubsub"),
    ],
)
def test_beside_the_component_each_end_is_told_its_own_direction(
    tmp_path: Path, source: str, target: str, words: str
) -> None:
    subject = "twilio/txt" if target == arn_of() else "twilio/message/status"
    passages = {"Subscriptions": [subscription(source, subject, target)]}
    made = moved(tmp_path, {"Connectors": [connector()]}, passages, component=True)
    sentence = told(made, Verdict.BY_HAND, "Subscription")
    assert words in sentence
    assert ("(way A; greengrass/deployments/client-devices.json)" in sentence) is (
        THING in {source, target}
    )


def test_client_devices_need_the_bridge_and_functions_a_component(tmp_path: Path) -> None:
    subscriptions = {
        "Subscriptions": [
            subscription(THING, "twilio/call", arn_of()),
            subscription(LAMBDA, "twilio/txt", arn_of()),
        ]
    }
    made = moved(tmp_path, {"Connectors": [connector()]}, subscriptions, component=True)
    assert "clientdevices.mqtt.Bridge" in told(made, Verdict.BY_HAND, "twilio/call")
    assert "a component of its own" in told(made, Verdict.BY_HAND, "twilio/txt")
    plainly = moved(tmp_path, {"Connectors": [connector()]}, subscriptions)
    assert "the broker of mqtt.url now" in told(plainly, Verdict.CHANGED, "twilio/call")


def test_the_secret_resource_tells_which_secret_it_was(tmp_path: Path) -> None:
    resources = {"Resources": [secret(AdditionalStagingLabelsToDownload=["OLD"])]}
    placeholder = connector(TwilioAuthTokenSecretArn="arn:aws:secretsmanager:region:account-id:x")
    made = moved(tmp_path, {"Connectors": [placeholder]}, resources, component=True)
    assert (made.secret_arn, made.labels) == (ARN, ("OLD",))
    assert "the secret resource has it" in told(made, Verdict.CARRIED, "TwilioAuthTokenSecretArn")


def test_another_secret_in_the_group_is_told(tmp_path: Path) -> None:
    other = {"Resources": [secret(ARN.replace("a1B2c3", "d4E5f6"))]}
    made = moved(tmp_path, {"Connectors": [connector()]}, other)
    assert made.secret_arn == ARN
    assert "another ARN" in told(made, Verdict.BY_HAND, "TwilioAuthTokenSecretArn")


def test_what_is_not_ours_is_named_and_left(tmp_path: Path) -> None:
    group = {
        "Connectors": [
            connector(),
            {"Id": "fire", "ConnectorArn": arn_of(5, "KinesisFirehose"), "Parameters": {"a": "b"}},
            {"Id": "log", "ConnectorArn": arn_of(1, "SplunkIntegration")},
        ],
        "Functions": [{"Id": "f", "FunctionArn": LAMBDA}],
        "Resources": [
            secret(),
            secret(id_="other"),
            {"Id": "gpio", "ResourceDataContainer": {"LocalDeviceResourceData": {}}},
        ],
    }
    made = moved(tmp_path, group)
    assert "aws.greengrass.KinesisFirehose instead" in told(made, Verdict.LEFT, "KinesisFirehose")
    assert "does not replace it" in told(made, Verdict.LEFT, "SplunkIntegration")
    assert "Lambda component" in told(made, Verdict.LEFT, "TempMonitor")
    assert "a local device" in told(made, Verdict.LEFT, "Resource gpio")
    assert "a secret that the connector did not use" in told(made, Verdict.LEFT, "Resource other")
    assert not told(made, Verdict.LEFT, "Resource TwilioAuthToken")


# what is written and told


def test_the_deployment_has_what_the_component_needs(tmp_path: Path) -> None:
    made = moved(tmp_path, {"Connectors": [connector(IsolationMode="NoContainer")]}, component=True)
    document = json.loads(deployment(made))
    components = document["components"]
    merged = {
        name: json.loads(each["configurationUpdate"]["merge"]) for name, each in components.items()
    }
    ours = merged[COMPONENT]
    assert ours | PARAMETERS == ours | {"TwilioAuthTokenSecretArn-ResourceId": "TwilioAuthToken"}
    assert ours["IsolationMode"] == "NoContainer"
    (policy,) = ours["accessControl"]["aws.greengrass.SecretManager"].values()
    assert policy["operations"] == ["aws.greengrass#GetSecretValue"]
    assert policy["resources"] == [ARN]
    assert merged["aws.greengrass.SecretManager"] == {"cloudSecrets": [{"arn": ARN}]}
    assert document["targetArn"].startswith("arn:aws:iot:us-west-2:123456789012:thing/")


def test_the_deployment_is_the_one_that_is_shipped_filled_in(tmp_path: Path) -> None:
    made = moved(tmp_path, {"Connectors": [connector()]}, component=True)
    shipped = SHIPPED.read_text()
    for placeholder, value in (
        ("ACCOUNT_SID", SID),
        ("FROM_NUMBER", NUMBER),
        ("REGION", "us-west-2"),
        ("ACCOUNT", "123456789012"),
        ("SUFFIX", "a1B2c3"),
    ):
        shipped = re.sub(rf"\b{placeholder}\b(?!\\\":)", value, shipped)
    expected, ours = json.loads(shipped), json.loads(deployment(made))
    assert ours["targetArn"] == expected["targetArn"]
    assert ours["components"] == expected["components"]


def test_what_was_not_contained_has_no_limits(tmp_path: Path) -> None:
    made = moved(tmp_path, {"Connectors": [connector(IsolationMode="NoContainer")]}, component=True)
    assert "runWith" not in json.loads(deployment(made))["components"][COMPONENT]


def test_without_a_real_arn_the_deployment_has_no_secret(tmp_path: Path) -> None:
    placeholder = connector(TwilioAuthTokenSecretArn="arn:aws:secretsmanager:region:account-id:x")
    made = moved(tmp_path, {"Connectors": [placeholder]}, component=True)
    assert list(json.loads(deployment(made))["components"]) == [COMPONENT]
    assert "accessControl" not in configuration(made)
    assert "cloudSecrets" in told(made, Verdict.BY_HAND, "Auth token")


def test_the_component_takes_what_is_written(tmp_path: Path) -> None:
    group = {"Subscriptions": [subscription("cloud", "twilio/txt", arn_of())]}
    entry = connector(IsolationMode="NoContainer")
    made = moved(tmp_path, {"Connectors": [entry]}, group, component=True)
    setup = setup_of(configuration(made), {"HOME": str(tmp_path)}, tmp_path, TOKEN)
    assert setup.secret == ARN
    assert setup.config.twilio.account_sid == SID
    assert setup.config.twilio.default_from_number == NUMBER
    assert setup.config.greengrass.txt == "iotcore"
    assert setup.config.greengrass.isolation_mode == "NoContainer"


@pytest.mark.parametrize("component", [False, True])
def test_the_report_tells_what_changed_and_what_is_left_to_do(
    tmp_path: Path, component: bool
) -> None:
    made = moved(tmp_path, {"Connectors": [connector()]}, component=component)
    retries = told(made, Verdict.CHANGED, "retries")
    assert "default is 0" in retries
    assert ('"default_retries": "0"' if component else "default_retries: 0") in retries
    assert "GreengrassContainer" in told(made, Verdict.CHANGED, "IsolationMode")
    assert told(made, Verdict.BY_HAND, "Auth token")
    for shown in (plain(made.lines), markdown(made.lines, "v1.json")):
        assert NUMBER not in shown
        assert "+1…9999" in shown
        assert len(shown.splitlines()) >= len(made.lines)


def test_the_command_that_fetches_the_token_is_told_and_written(tmp_path: Path) -> None:
    made = moved(tmp_path, {"Connectors": [connector()]})
    (line,) = (each for each in made.lines if each.subject == "Auth token")
    words = shlex.split(line.command.strip("()"))
    assert words[words.index("--secret-id") + 1] == ARN
    assert words[-2:] == [">", TOKEN_FILE]
    assert line.command in callbox_yaml(made, "v1.json", TARGET)


@pytest.mark.parametrize("value", ["null", "true", "a: b # c", 'say "hi" \\', "{x}", " y ", "é…"])
def test_any_account_sid_is_written_so_that_it_is_read_again(tmp_path: Path, value: str) -> None:
    made = moved(tmp_path, {"Connectors": [connector(TWILIO_ACCOUNT_SID=value)]})
    assert made.account_sid == value
    check_written(made, tmp_path)


@pytest.mark.parametrize("value", ["+0123", "+1", "+1234567890123456"])
def test_a_number_that_v1_took_and_twilio_does_not_is_left_to_do(
    tmp_path: Path, value: str
) -> None:
    made = moved(tmp_path, {"Connectors": [connector(DefaultFromPhoneNumber=value)]})
    assert made.default_from_number is None
    assert "no such number" in told(made, Verdict.BY_HAND, "DefaultFromPhoneNumber")


@pytest.mark.parametrize("component", [False, True])
def test_a_missing_arn_is_told_once(tmp_path: Path, component: bool) -> None:
    entry = connector(TwilioAuthTokenSecretArn="")
    made = moved(tmp_path, {"Connectors": [entry]}, component=component)
    assert bool(told(made, Verdict.BY_HAND, "TwilioAuthTokenSecretArn")) is component
    assert told(made, Verdict.BY_HAND, "Auth token")


def test_what_the_deployment_needs_in_the_account_is_told(tmp_path: Path) -> None:
    made = moved(tmp_path, {"Connectors": [connector()]}, component=True)
    version = json.loads(deployment(made))["components"][COMPONENT]["componentVersion"]
    publish = f"publish version {version} in your account first (docs/greengrass.md, step 4)"
    assert publish in told(made, Verdict.BY_HAND, "Component")
    nucleus = "SecretManager 2.2.9 goes with nucleus 2.18; for another nucleus take the version"
    assert nucleus in told(made, Verdict.BY_HAND, "Deployment")


@pytest.mark.parametrize(
    ("mode", "component", "words"),
    [
        ("GreengrassContainer", False, "greengrass/confined.conf for examples/callbox.service"),
        ("GreengrassContainer", True, "memory and processors where the nucleus can"),
        ("NoContainer", False, "Callbox is a plain process, as then"),
        ("NoContainer", True, "leaves it a plain process"),
    ],
)
def test_each_isolation_mode_has_what_is_like_it(
    tmp_path: Path, mode: str, component: bool, words: str
) -> None:
    made = moved(tmp_path, {"Connectors": [connector(IsolationMode=mode)]}, component=component)
    assert words in told(made, Verdict.CHANGED, "IsolationMode")


def test_a_report_ends_with_where_the_whole_way_is() -> None:
    for page in (plain([]), markdown([], "v1.json")):
        assert page.endswith("The whole way: docs/greengrass.md\n")


def test_on_a_narrow_terminal_sentences_are_broken_and_what_is_copied_is_not(
    tmp_path: Path,
) -> None:
    made = moved(tmp_path, {"Connectors": [connector()]})
    page = plain(made.lines, 60)
    assert re.sub(r"\s+", " ", page) == re.sub(r"\s+", " ", plain(made.lines))
    longer = [line.strip() for line in page.splitlines() if len(line) > 60]
    assert all(line.startswith("(umask") or " " not in line for line in longer)


def test_markdown_of_names_does_not_break_the_page() -> None:
    page = markdown([Line(Verdict.LEFT, "a_b*[x](y)", "<script> `#1`.")], "v1_a.json")
    assert "- **a\\_b\\*\\[x\\](y)**: \\<script\\> \\`\\#1\\`." in page


# what a parameter may be by mistake


@pytest.mark.parametrize("name", ["TWILIO_ACCOUNT_SID", "TwilioAuthTokenSecretArn", "Unknown"])
@pytest.mark.parametrize("component", [False, True])
def test_a_token_in_the_wrong_place_is_neither_told_nor_written(
    tmp_path: Path, name: str, component: bool
) -> None:
    token = "fedcba9876543210" * 2
    made = moved(tmp_path, {"Connectors": [connector(**{name: token})]}, component=component)
    written = plain(made.lines), callbox_yaml(made, "v1.json", TARGET), deployment(made)
    assert not any(token in text for text in written)
    assert any(each.subject == name for each in made.lines)


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        ({"TWILIO_ACCOUNT_SID": None}, "TWILIO_ACCOUNT_SID", "it is not set"),
        ({"TWILIO_ACCOUNT_SID": 12.5}, "TWILIO_ACCOUNT_SID", "it is not text"),
        ({"TWILIO_ACCOUNT_SID": "a\x7fb"}, "TWILIO_ACCOUNT_SID", "not printable"),
        ({"TWILIO_ACCOUNT_SID": "\ud800"}, "TWILIO_ACCOUNT_SID", "not printable"),
        ({"TwilioAuthTokenSecretArn": "correct horse"}, "TwilioAuthTokenSecretArn", "the ARN"),
        ({"DefaultFromPhoneNumber": "12345"}, "DefaultFromPhoneNumber", "like +12345000000"),
        ({"DefaultFromPhoneNumber": ["+1"]}, "DefaultFromPhoneNumber", "it is not text"),
        ({"IsolationMode": "Container"}, "IsolationMode", "GreengrassContainer or NoContainer"),
        ({"twilio_account_sid": SID}, "twilio_account_sid", "written TWILIO_ACCOUNT_SID"),
    ],
)
def test_a_value_that_cannot_be_used_is_left_to_do_and_the_rest_is_written(
    tmp_path: Path, changes: Json, subject: str, words: str
) -> None:
    made = moved(tmp_path, {"Connectors": [connector(**changes)]})
    assert words in told(made, Verdict.BY_HAND, subject)
    assert "correct horse" not in plain(made.lines)
    check_written(made, tmp_path)


# broken files

WHOLE = json.dumps({"Connectors": [connector(TWILIO_AUTH_TOKEN=TOKEN)]}, indent=1)
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "it is empty"),
    "white space": (" \n\t", "it is empty"),
    "only a BOM": (b"\xef\xbb\xbf", "it is empty"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "cannot read it"),
    "zeros": (b"\0" * 100, "cannot read it"),
    "half of UTF-16": (b"\xff\xfe{", "cannot read it"),
    "too large": (b"[" + b" " * 2_000_000 + b"]", "larger than 1 MiB"),
    "a secret alone": (TOKEN, "neither JSON nor YAML"),
    "prose": (f"Dear all, the token is\n{TOKEN}", "neither JSON nor YAML"),
    "truncated": (WHOLE[:-5], "it is not JSON"),
    "truncated in a text": (WHOLE[: WHOLE.index(TOKEN) + 9], "column"),
    "single quotes": (WHOLE.replace('"', "'"), "line 2, column 2"),
    "trailing comma": (WHOLE.replace("}\n ]", "},\n ]"), "no comma after the last entry"),
    "comment": (WHOLE.replace("\n", "\n// the token\n", 1), "line 2"),
    "duplicate keys": ('{"Connectors": [], "Connectors": []}', "the same key twice"),
    "duplicate keys in YAML": ("Connectors: []\nConnectors: []\n", "the same key twice"),
    "deep JSON": ("[" * 100_000, "nested too deeply"),
    "deep YAML": ("- " * 20_000, "nested too deeply"),
    "YAML alias": ("a: &x [1]\nConnectors: *x\n", "line 2, column 13"),
    "YAML tab": ("Connectors:\n\t- Id: x\n", "line 2"),
    "YAML tag": (f"Connectors: !{TOKEN}!x y", "undefined tag handle something"),
    "token for a name": (
        json.dumps({"Connectors": [{"ConnectorArn": arn_of(1, TOKEN)}]}),
        "there are only ***",
    ),
    "open quotation": ("aws greengrass x --initial-version '{", "never closed"),
    "command without definition": (
        "aws greengrass list-connector-definitions",
        "--resources or --functions, or below it the JSON that it gave",
    ),
    "half of a session": (
        f"$ aws greengrass get-connector-definition-version --id x\n{WHOLE[:-5]}",
        "it is not JSON",
    ),
    "command with a file": ("aws greengrass x --initial-version file://c.json", "another file"),
    "command with shorthand": ("aws greengrass x --connectors Id=x,Parameters={}", "--connectors"),
    "comma after the command's text": (
        f"aws greengrass x --initial-version '{WHOLE}' , '{{'\naws greengrass y --connectors '[,]'",
        "--connectors, line 1, column 2",
    ),
    "number": ("5", "neither JSON nor YAML"),
    "connectors no list": ('{"Connectors": {}}', "Connectors: it is not a list"),
    "entry no object": ('{"Connectors": [[]]}', "Connectors, entry 1: it is not an object"),
    "lower case": (WHOLE.replace("Connectors", "connectors"), "No TwilioNotifications connector"),
    "lower case below": (WHOLE.replace("ConnectorArn", "connectorArn"), "stands there as"),
    "no ARN": ('{"Connectors": [{"Id": "x"}]}', "entry 1, ConnectorArn: it is missing"),
    "ARN no text": ('{"Connectors": [{"ConnectorArn": 5}]}', "ConnectorArn: it is not text"),
    "ARN of something": (WHOLE.replace("/connectors/", "/cores/"), "not the ARN of a connector"),
    "token for the ARN": (
        json.dumps({"Connectors": [{"ConnectorArn": TOKEN}]}),
        "not the ARN of a connector",
    ),
    "version of the future": (WHOLE.replace("versions/5", "versions/6"), "no version 6"),
    "parameters no object": (
        json.dumps({"Connectors": [connector() | {"Parameters": [TOKEN]}]}),
        "entry 1, Parameters: it is not an object",
    ),
    "template's list": (
        (
            "Resources: {A: {Type: 'AWS::Greengrass::ConnectorDefinitionVersion', "
            "Properties: {Connectors: !Ref X}}}"
        ),
        "CloudFormation fills it in",
    ),
    "template broken inside": (json.dumps({"TemplateBody": "a: ["}), "TemplateBody, line 1"),
    "subscription without end": (
        '{"Subscriptions": [{"Source": "cloud", "Subject": "a"}]}',
        "Subscriptions, entry 1, Target: it is missing",
    ),
    "no connector": ('{"Connectors": []}', "callbox migrate --ask"),
    "others only": (
        json.dumps({"Connectors": [{"ConnectorArn": arn_of(1, "SNS")}]}),
        "there are only SNS",
    ),
    "group without content": (
        '{"Definition": {"ConnectorDefinitionVersionArn": "arn:aws:greengrass:x"}}',
        "get-connector-definition-version",
    ),
    "answer of list": ('{"Definitions": [{"LatestVersionArn": "arn:aws:x"}]}', "only named"),
    "long number": ('{"Connectors": [' + "9" * 5_000 + "]}", "entry 1: it is not an object"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_sentence_with_the_place(tmp_path: Path, case: str) -> None:
    content, words = BROKEN[case]
    path = tmp_path / "group.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CallboxError) as caught:
        chosen(find([path]), None)
    sentence = str(caught.value)
    assert words in sentence
    assert "expected" in sentence
    assert str(path) in sentence or sentence.startswith("No TwilioNotifications connector")
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert TOKEN[:9] not in sentence


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "Is a directory"), (tmp_path / "x", "No such file")):
        with pytest.raises(CallboxError, match=words):
            find([path])


# anything at all

WORDS = [
    *("Connectors", "Subscriptions", "Resources", "Functions", "Definition", "InitialVersion"),
    *("Id", "ConnectorArn", "Parameters", "Source", "Subject", "Target", "Type", "Properties"),
    *("TemplateBody", "Ref", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::GetAtt", "Default", "NoEcho"),
    *("ResourceDataContainer", "SecretsManagerSecretResourceData", "ARN", "LatestVersionArn"),
    *("AdditionalStagingLabelsToDownload", "FunctionArn", *PARAMETERS, "IsolationMode"),
]
TEXTS = [
    *(arn_of(), arn_of(4), arn_of("x"), arn_of(1, "SNS"), ARN, SID, NUMBER, "cloud", LAMBDA),
    *("twilio/txt", "twilio/#", "AWS::Greengrass::ConnectorDefinition", "${A}", "TwilioAuthToken"),
]
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=40,
)
entries = st.fixed_dictionaries(
    {"Id": anything, "ConnectorArn": st.sampled_from(TEXTS)},
    optional={
        "Parameters": st.dictionaries(st.sampled_from([*PARAMETERS, "IsolationMode"]), anything)
    },
)
groups = st.fixed_dictionaries(
    {"Connectors": st.lists(entries, max_size=2)},
    optional={
        "Subscriptions": st.lists(
            st.fixed_dictionaries(
                {key: st.sampled_from(TEXTS) | st.text() for key in ("Source", "Subject", "Target")}
            )
        ),
        "Resources": st.lists(st.fixed_dictionaries({"Id": st.text()}, optional={"x": anything})),
        "more": anything,
    },
)


functions = st.sampled_from(["Ref", "Fn::Sub", "Fn::Join", "Fn::GetAtt", "Fn::If", "Fn::Sub"])
templates = st.fixed_dictionaries(
    {
        "Resources": st.dictionaries(
            st.text(max_size=3),
            st.fixed_dictionaries(
                {
                    "Type": st.just("AWS::Greengrass::ConnectorDefinitionVersion"),
                    "Properties": groups | st.dictionaries(functions, anything),
                }
            ),
            max_size=2,
        )
    },
    optional={"Parameters": st.dictionaries(st.sampled_from(["A", "B"]), anything) | anything},
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(document=anything | groups | templates, component=st.booleans())
def test_whatever_json_says_it_is_migrated_or_refused(
    tmp_path_factory: pytest.TempPathFactory, document: object, component: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "anything.json"
    path.write_text(json.dumps(document))
    made = outcome(path, component=component)
    if isinstance(made, str):
        assert "\n" not in made
        made.encode()
    else:
        (plain(made.lines) + markdown(made.lines, "x") + deployment(made)).encode()
        check_written(made, folder)


@settings(max_examples=300)
@given(text=st.text() | st.text(alphabet="{}[]:,-!&*'\"#%@`| \n\taws"))
def test_whatever_a_text_says_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    sentence = outcome(path)
    assert isinstance(sentence, str)
    assert "\n" not in sentence
