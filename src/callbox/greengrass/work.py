"""What every migration tells: what is different now, and what is left to do by hand."""

import shlex
from pathlib import Path

from callbox import __version__
from callbox.greengrass.parameters import SECRET_ARN
from callbox.greengrass.report import Line, Verdict

TOKEN_FILE = "twilio-auth-token"  # noqa: S105 - a file's name
SECRETS = "aws.greengrass.SecretManager"
SECRETS_VERSION = "2.2.9"
_NUCLEUS = "2.18"  # what that goes with

_RETRIES = (
    "a request without it was sent once by V1, whose default is 0; Callbox sends it again after "
    "temporary failures until it expires (delivery.expires_after, 48 h). V1's is restored by "
)
_LIMITS = Line(
    Verdict.CHANGED,
    "Limits",
    "V1 had none; Callbox sends 60 requests an hour to one recipient and 1000 a day. "
    "limits.per_recipient_hour and limits.per_day set others; 0 is none.",
)
_BROKER = Line(
    Verdict.BY_HAND,
    "Broker",
    "V1's core carried the messages itself; set mqtt.url to the broker that your devices "
    "publish to.",
)
_COMPONENT = Line(
    Verdict.BY_HAND,
    "Component",
    f"publish version {__version__} in your account first (docs/greengrass.md, step 4).",
)
_DEPLOYMENT = Line(
    Verdict.BY_HAND,
    "Deployment",
    "set targetArn to your core device or group. A deployment replaces the earlier one of its "
    f"target: add the other components that it has. {SECRETS} {SECRETS_VERSION} goes with nucleus "
    f"{_NUCLEUS}; for another nucleus take the version that the console offers.",
)


def file_lines(arn: str | None, target: Path) -> tuple[Line, ...]:
    """Give the lines for a configuration file, `target`; `arn` is the secret's if it is known."""
    file = f"the file {TOKEN_FILE} beside {target}"
    instead = "or delete the line auth_token_file and set TWILIO_AUTH_TOKEN."
    if arn:
        how = f"put it alone into {file}, with the command below if the secret has it alone"
        token = f"{how} (docs/greengrass.md, step 3.1), {instead}"
    else:
        how = f"put it alone into {file}, which nobody else may read"
        token = f"{how}, {instead} Secrets Manager still has it, and so has console.twilio.com."
    return (
        Line(Verdict.CHANGED, "retries", f"{_RETRIES}default_retries: 0 below delivery:."),
        _LIMITS,
        Line(Verdict.BY_HAND, "Auth token", token, fetch_command(arn, target) if arn else ""),
        _BROKER,
    )


def component_lines(arn: str | None) -> tuple[Line, ...]:
    """Give the lines for a deployment of the component."""
    restored = '"delivery": {"default_retries": "0"} in merge.'
    token = (
        "the secret stays where it is; the core device's token exchange role needs "
        "secretsmanager:GetSecretValue on it, and its value is to be the token alone (the "
        "Plaintext tab). Nucleus lite has no secrets: there set twilio.auth_token_file."
        if arn
        else f"set {SECRET_ARN.name} in merge, add {SECRETS} with the secret in cloudSecrets and "
        "accessControl for it; or set twilio.auth_token_file."
    )
    return (
        Line(Verdict.CHANGED, "retries", f"{_RETRIES}{restored}"),
        _LIMITS,
        Line(Verdict.BY_HAND, "Auth token", token),
        _COMPONENT,
        _DEPLOYMENT,
    )


def fetch_command(arn: str, target: Path) -> str:
    """Give the command that fetches the token into the file that `target` names."""
    file = shlex.quote(str(target.with_name(TOKEN_FILE)))
    return (
        f"(umask 077; aws secretsmanager get-secret-value --secret-id '{arn}' "
        f"--query SecretString --output text > {file})"
    )
