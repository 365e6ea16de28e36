"""What a migration writes: callbox.yaml, or the deployment of the Greengrass component."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from callbox import __version__
from callbox.greengrass.migration import Migration
from callbox.greengrass.parameters import ACCOUNT_SID, DEFAULT_FROM, ISOLATION_MODE, SECRET_ARN
from callbox.greengrass.work import SECRETS, SECRETS_VERSION, TOKEN_FILE, fetch_command

COMPONENT = "io.callbox.TwilioNotifications"
_LIMITS = {"memory": 262_144, "cpus": 1.0}  # KB, and processors; V1's container had a limit too
_PLAIN = re.compile(r"\+[0-9]+|AC[0-9a-f]{32}")  # needs no quotes in YAML

_YAML = """\
# Callbox, instead of the Twilio Notifications connector of AWS IoT Greengrass V1.
#
# `callbox migrate` made it from {sources}.
# callbox.example.yaml is the manual of every key. To see what this comes to, and to begin:
#
#     callbox check --config {target}
#     callbox run --config {target}

twilio:
  # TWILIO_ACCOUNT_SID: the Account SID on the first page of console.twilio.com.
  {account_sid}

  # The Auth Token, alone in a file beside this one that nobody else may read. Without this line,
  # TWILIO_AUTH_TOKEN is used. {fetch}
  auth_token_file: {token_file}

  # DefaultFromPhoneNumber: who texts and calls come from when a request has no from_number.
  {default_from_number}

mqtt:
  # The broker that devices publish to, on twilio/txt and twilio/call, and read
  # twilio/message/status from, as in V1.
  url: mqtt://127.0.0.1:1883

delivery:
  # V1 sent a request without retries once. Not set: it is sent again until it expires.
  #default_retries: 0
"""


def callbox_yaml(migration: Migration, sources: str, target: Path) -> str:
    """Write the configuration file `target`; `sources` says what it was made from.

    Both are printable.
    """
    arn = migration.secret_arn
    fetch = (
        "To fetch it, if the secret has it alone\n  # (docs/greengrass.md, step 3.1):\n"
        f"  #     {fetch_command(arn, target)}"
        if arn
        else "console.twilio.com shows it."
    )
    return _YAML.format(
        target=shlex.quote(str(target)),
        sources=sources,
        account_sid=_key(
            "account_sid", migration.account_sid, "AC0123456789abcdef0123456789abcdef"
        ),
        default_from_number=_key(
            "default_from_number", migration.default_from_number, "+12345000099"
        ),
        fetch=fetch,
        token_file=TOKEN_FILE,
    )


def _key(name: str, value: str | None, example: str) -> str:
    if value is None:
        return f"#{name}: {example}"
    quoted = value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    return f"{name}: {quoted}"


def deployment(migration: Migration) -> str:
    """Write the input of `aws greengrassv2 create-deployment --cli-input-json`.

    Its `merge` is JSON in a string, as AWS takes it (AWS CLI Command Reference).
    """
    components = {COMPONENT: _component(__version__, configuration(migration))}
    if migration.isolation_mode != "NoContainer":
        components[COMPONENT]["runWith"] = {"systemResourceLimits": _LIMITS}
    if migration.secret_arn:
        components[SECRETS] = _component(SECRETS_VERSION, _cloud_secrets(migration))
    document = {
        "targetArn": _target(migration.secret_arn),
        "deploymentName": "Callbox",
        "components": components,
    }
    return json.dumps(document, indent=2) + "\n"


def configuration(migration: Migration) -> dict[str, Any]:
    """Give the configuration of the component that is merged into its shipped one."""
    values = {
        ACCOUNT_SID.name: migration.account_sid,
        SECRET_ARN.name: migration.secret_arn,
        DEFAULT_FROM.name: migration.default_from_number,
        ISOLATION_MODE.name: migration.isolation_mode,
        "greengrass": dict(migration.ways),
        "accessControl": _access_control(migration.secret_arn) if migration.secret_arn else None,
    }
    return {name: value for name, value in values.items() if value}


def _component(version: str, merge: dict[str, Any]) -> dict[str, Any]:
    return {
        "componentVersion": version,
        "configurationUpdate": {"merge": json.dumps(merge)},
    }


def _cloud_secrets(migration: Migration) -> dict[str, Any]:
    secret: dict[str, Any] = {"arn": migration.secret_arn}
    if migration.labels:
        secret["labels"] = list(migration.labels)
    return {"cloudSecrets": [secret]}


def _access_control(arn: str) -> dict[str, Any]:
    return {
        SECRETS: {
            f"{COMPONENT}:secrets:1": {
                "policyDescription": "Twilio's auth token.",
                "operations": ["aws.greengrass#GetSecretValue"],
                "resources": [arn],
            }
        }
    }


def _target(arn: str | None) -> str:
    """Give the ARN to be completed by hand; region and account are those of the secret."""
    region, account = arn.split(":")[3:5] if arn else ("REGION", "ACCOUNT")
    return f"arn:aws:iot:{region}:{account}:thing/CORE"
