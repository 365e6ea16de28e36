"""`callbox migrate`: from the Twilio Notifications connector of AWS IoT Greengrass V1."""

from pathlib import Path
from typing import Annotated

import typer

_COUNTS_MORE = "V1's parameter; counts more than a file's."

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE...",
        show_default=False,
        help="What V1 left: JSON that `aws greengrass` took or gave, such commands, "
        "CloudFormation templates.",
    ),
]
AccountSid = Annotated[
    str | None, typer.Option("--TWILIO_ACCOUNT_SID", metavar="SID", help=_COUNTS_MORE)
]
SecretArn = Annotated[
    str | None, typer.Option("--TwilioAuthTokenSecretArn", metavar="ARN", help=_COUNTS_MORE)
]
ResourceId = Annotated[
    str | None,
    typer.Option("--TwilioAuthTokenSecretArn-ResourceId", metavar="ID", help=_COUNTS_MORE),
]
DefaultFrom = Annotated[
    str | None, typer.Option("--DefaultFromPhoneNumber", metavar="NUMBER", help=_COUNTS_MORE)
]
IsolationMode = Annotated[
    str | None, typer.Option("--IsolationMode", metavar="MODE", help=_COUNTS_MORE)
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        show_default=False,
        help="Where to write; - is the screen. Without: callbox.yaml, or deployment.json.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="PATH", show_default=False, help="Write the report as Markdown too."
    ),
]


def migrate(
    files: Files = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for each parameter that no file has.")
    ] = False,
    account_sid: AccountSid = None,
    secret_arn: SecretArn = None,
    resource_id: ResourceId = None,
    default_from: DefaultFrom = None,
    isolation_mode: IsolationMode = None,
    connector: Annotated[
        str | None,
        typer.Option("--connector", metavar="ID", help="Which one, where files have several."),
    ] = None,
    component: Annotated[
        bool,
        typer.Option("--component", help="Write a deployment of the Greengrass V2 component."),
    ] = False,
    output: Output = None,
    report: Report = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what there is.")] = False,
) -> None:
    """Take over the Twilio Notifications connector of AWS IoT Greengrass V1.

    Writes callbox.yaml, and tells line by line what became of everything. Exit code 2 if nothing
    could be written.
    """
    from callbox.cli.migrating import Order, carry_out  # noqa: PLC0415 - `--help` does without

    typed = {
        "TWILIO_ACCOUNT_SID": account_sid,
        "TwilioAuthTokenSecretArn": secret_arn,
        "TwilioAuthTokenSecretArn-ResourceId": resource_id,
        "DefaultFromPhoneNumber": default_from,
        "IsolationMode": isolation_mode,
    }
    given = {name: value for name, value in typed.items() if value is not None}
    carry_out(Order(files or [], given, connector, output, report, ask, component, force))
