"""`callbox migrate`: from the Twilio Notifications connector of AWS IoT Greengrass V1."""

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callbox.errors import CallboxError

if TYPE_CHECKING:
    from callbox.greengrass.migration import Migration
    from callbox.greengrass.parameters import Parameter
    from callbox.greengrass.report import Line
    from callbox.greengrass.v1 import Connector, Found

_SCREEN = Path("-")
_PRIVATE = 0o600
_TYPED = "parameters that were typed"
_COUNTS_MORE = "V1's parameter; counts more than a file's."
_WHERE = {  # where a value still is, now that the V1 API is gone
    "TWILIO_ACCOUNT_SID": "The Account SID: on the first page of console.twilio.com.",
    "TwilioAuthTokenSecretArn": "The ARN of the secret that has the auth token, never the token "
    "itself: in the console of AWS Secrets Manager, or by\n"
    "    aws secretsmanager list-secrets --query 'SecretList[].ARN'\n"
    "The names of V1's secrets mostly begin with greengrass-. Enter alone: there is none.",
    "DefaultFromPhoneNumber": "The number that texts and calls come from, like +12345000000: on "
    "console.twilio.com,\nPhone Numbers. Enter alone: requests bring theirs.",
    "IsolationMode": "GreengrassContainer or NoContainer: in a saved definition or template. "
    "Enter alone:\nGreengrassContainer.",
}


def migrate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...",
            show_default=False,
            help="What V1 left: JSON that `aws greengrass` took or gave, such commands, "
            "CloudFormation templates.",
        ),
    ] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for each parameter that no file has.")
    ] = False,
    account_sid: Annotated[
        str | None, typer.Option("--TWILIO_ACCOUNT_SID", metavar="SID", help=_COUNTS_MORE)
    ] = None,
    secret_arn: Annotated[
        str | None, typer.Option("--TwilioAuthTokenSecretArn", metavar="ARN", help=_COUNTS_MORE)
    ] = None,
    resource_id: Annotated[
        str | None,
        typer.Option("--TwilioAuthTokenSecretArn-ResourceId", metavar="ID", help=_COUNTS_MORE),
    ] = None,
    default_from: Annotated[
        str | None, typer.Option("--DefaultFromPhoneNumber", metavar="NUMBER", help=_COUNTS_MORE)
    ] = None,
    isolation_mode: Annotated[
        str | None, typer.Option("--IsolationMode", metavar="MODE", help=_COUNTS_MORE)
    ] = None,
    connector: Annotated[
        str | None,
        typer.Option("--connector", metavar="ID", help="Which one, where files have several."),
    ] = None,
    component: Annotated[
        bool,
        typer.Option("--component", help="Write a deployment of the Greengrass V2 component."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            show_default=False,
            help="Where to write; - is the screen. Without: callbox.yaml, or deployment.json.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="PATH", show_default=False, help="Write the report as Markdown too."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what there is.")] = False,
) -> None:
    """Take over the Twilio Notifications connector of AWS IoT Greengrass V1.

    Writes callbox.yaml, and tells line by line what became of everything. Exit code 2 if nothing
    could be written.
    """
    from callbox.greengrass.migration import migrate as decide  # noqa: PLC0415 - `--help` does without
    from callbox.greengrass.report import markdown  # noqa: PLC0415 - see above
    from callbox.greengrass.v1 import find  # noqa: PLC0415 - see above

    typed = {
        "TWILIO_ACCOUNT_SID": account_sid,
        "TwilioAuthTokenSecretArn": secret_arn,
        "TwilioAuthTokenSecretArn-ResourceId": resource_id,
        "DefaultFromPhoneNumber": default_from,
        "IsolationMode": isolation_mode,
    }
    given = {name: value for name, value in typed.items() if value is not None}
    inputs = files or []
    if not (inputs or given or ask):
        raise CallboxError(
            "There is nothing to migrate: name the files that V1 left, or answer questions with "
            "callbox migrate --ask."
        )
    target = output or Path("deployment.json" if component else "callbox.yaml")
    outputs = [target, *([report] if report else [])]
    _refuse_to_lose(outputs, inputs, force=force)
    found = find(inputs)
    ours = _connector(found, inputs, connector, given)
    if ask:
        ours = _asked(ours)
    made = decide(found, ours, component=component)
    sources = _sources(inputs)
    _write(target, _document(made, sources, component=component), force=force)
    if report:
        _write(report, markdown(made.lines, sources), force=force)
    _tell(made.lines, target, component=component)


def _connector(
    found: "Found", inputs: Sequence[Path], wanted: str | None, given: dict[str, str]
) -> "Connector":
    """Give the one that files have, or without files one of what was typed."""
    from callbox.greengrass.migration import chosen  # noqa: PLC0415 - see migrate
    from callbox.greengrass.parameters import NEWEST  # noqa: PLC0415 - see migrate
    from callbox.greengrass.v1 import TWILIO, Connector  # noqa: PLC0415 - see migrate

    if not inputs:
        return Connector(_TYPED, "", TWILIO, NEWEST, given)
    ours = chosen(found, wanted)
    return replace(ours, parameters={**ours.parameters, **given})


def _asked(connector: "Connector") -> "Connector":
    """Ask for each parameter that has no usable value yet."""
    from callbox.greengrass.parameters import NEWEST, PARAMETERS, fault, is_set  # noqa: PLC0415 - see migrate

    version = connector.version or NEWEST
    answers = {}
    for each in PARAMETERS:
        value = connector.parameters.get(each.name)
        lacks = not is_set(value) or fault(each, value, version)
        if each.name in _WHERE and each.since <= version and lacks:
            answers[each.name] = _answer(each)
    return replace(connector, parameters={**connector.parameters, **answers})


def _answer(parameter: "Parameter") -> str:
    """Ask until the answer is one; beside the output, which may be the screen."""
    from callbox.greengrass.parameters import ACCOUNT_SID, fault  # noqa: PLC0415 - see migrate

    sys.stderr.write(f"\n{_WHERE[parameter.name]}\n")
    while True:
        try:
            answer: str = typer.prompt(parameter.name, default="", show_default=False, err=True)
        except typer.Abort:
            raise CallboxError("\nThe questions were not answered: nothing was written.") from None
        wrong = fault(parameter, answer.strip(), required={ACCOUNT_SID.name})
        if not wrong:
            return answer.strip()
        sys.stderr.write(f"\n{parameter.name}: {wrong}.\n")


def _sources(inputs: Sequence[Path]) -> str:
    from callbox.greengrass.v1 import shown  # noqa: PLC0415 - see migrate

    return ", ".join(shown(path.name) for path in inputs) or _TYPED


def _document(made: "Migration", sources: str, *, component: bool) -> str:
    from callbox.greengrass.writing import callbox_yaml, deployment  # noqa: PLC0415 - see migrate

    return deployment(made) if component else callbox_yaml(made, sources)


def _refuse_to_lose(outputs: Sequence[Path], inputs: Iterable[Path], *, force: bool) -> None:
    """Raise CallboxError before anything is written over what is needed."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path == _SCREEN:
            continue
        if path.resolve() in taken:
            raise CallboxError(f"{path}: it is given twice; expected another path to write to.")
        if path.exists() and not path.is_file():
            raise CallboxError(f"{path}: it is no file; expected the path of one to write.")
        if path.exists() and not force:
            raise CallboxError(f"{path}: it exists; add --force to overwrite it, or name another.")
        taken.add(path.resolve())


def _write(path: Path, text: str, *, force: bool) -> None:
    if path == _SCREEN:
        sys.stdout.write(text)
        return
    how = os.O_TRUNC if force else os.O_EXCL
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | how, _PRIVATE)
        with os.fdopen(file, "w", encoding="utf-8") as opened:
            if stat.S_IMODE(os.fstat(file).st_mode) != _PRIVATE:
                os.fchmod(file, _PRIVATE)
            opened.write(text)
    except OSError as error:
        raise CallboxError(
            f"{path}: cannot write it ({error.strerror}); expected a place for a new file."
        ) from None


def _tell(lines: Sequence["Line"], target: Path, *, component: bool) -> None:
    """Show the report: a table on a terminal, else plain lines; beside an output on the screen."""
    from callbox.cli.screen import console  # noqa: PLC0415 - see migrate
    from callbox.greengrass.report import Verdict, plain  # noqa: PLC0415 - see migrate

    out = sys.stderr if target == _SCREEN else sys.stdout
    if out is sys.stdout and console().is_terminal:
        _print_table(lines)
    else:
        out.write(plain(lines))
    if target == _SCREEN:
        return
    work = sum(line.verdict is Verdict.BY_HAND for line in lines)
    following = (
        f"aws greengrassv2 create-deployment --cli-input-json file://{target}"
        if component
        else f"callbox check --config {target}"
    )
    print(f"\nWrote {target}. To be done by hand: {work}; then {following}")


def _print_table(lines: Sequence["Line"]) -> None:
    from rich.table import Table  # noqa: PLC0415 - see migrate

    from callbox.cli.screen import console  # noqa: PLC0415 - see migrate
    from callbox.greengrass.report import in_order  # noqa: PLC0415 - see migrate

    table = Table("", "What", "What became of it", box=None, pad_edge=False)
    commands = []
    for line in in_order(lines):
        mark = ""
        if line.command:
            commands.append(line.command)
            mark = f" [{len(commands)}]"
        table.add_row(line.verdict.value, line.subject, f"{line.sentence}{mark}")
    console().print(table, markup=False, highlight=False)
    for number, command in enumerate(commands, 1):
        print(f"\n[{number}] {command}")
