"""What `callbox migrate` does: reads, asks, writes and tells."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from callbox.errors import CallboxError
from callbox.greengrass.migration import Migration, chosen, migrate
from callbox.greengrass.parameters import (
    ACCOUNT_SID,
    NEWEST,
    PARAMETERS,
    Parameter,
    fault,
    is_set,
    unset,
)
from callbox.greengrass.report import Verdict, markdown, plain
from callbox.greengrass.v1 import TWILIO, Connector, Found, find, shown
from callbox.greengrass.writing import callbox_yaml, deployment

_SCREEN = Path("-")
_PRIVATE = 0o600
_TYPED = "parameters that were typed"
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


@dataclass(frozen=True, slots=True)
class Order:
    """What was typed: files to read, parameters, the connector's id, paths to write."""

    files: Sequence[Path]
    given: Mapping[str, str]
    connector: str | None
    output: Path | None
    report: Path | None
    ask: bool
    component: bool
    force: bool

    @property
    def target(self) -> Path:
        """Where to write."""
        return self.output or Path("deployment.json" if self.component else "callbox.yaml")

    @property
    def named(self) -> Path:
        """The path that the report names."""
        return Path("callbox.yaml") if self.target == _SCREEN else self.target

    @property
    def sources(self) -> str:
        """What it is made from, in words."""
        return ", ".join(shown(path.name) for path in self.files) or _TYPED


def carry_out(order: Order) -> None:
    """Migrate. Raises CallboxError if nothing can be written."""
    _refuse_in_vain(order)
    _refuse_to_lose(order)
    found = find(order.files)
    ours = _connector(found, order)
    if order.ask:
        ours = _asked(ours)
    made = migrate(found, ours, order.named, component=order.component)
    _write(order.target, _document(made, order), force=order.force)
    if order.report:
        _write(order.report, markdown(made.lines, order.sources), force=order.force)
    _tell(made, order)


def _refuse_in_vain(order: Order) -> None:
    if not (order.files or order.given or order.ask):
        raise CallboxError(
            "There is nothing to migrate: name the files that V1 left, or answer questions with "
            "callbox migrate --ask."
        )
    if order.connector is not None and not order.files:
        raise CallboxError("--connector chooses from files; expected the files that V1 left.")


def _refuse_to_lose(order: Order) -> None:
    """Raise CallboxError before anything is written over what is needed."""
    taken = {path.resolve() for path in order.files}
    for path in (order.target, *([order.report] if order.report else [])):
        if not str(path).isprintable():
            raise CallboxError(f"{shown(path)}: it is not printable; expected another path.")
        if path.resolve() in taken:
            raise CallboxError(f"{path}: it is given twice; expected another path to write to.")
        taken.add(path.resolve())
        if path == _SCREEN:
            continue
        if path.exists() and not path.is_file():
            raise CallboxError(f"{path}: it is no file; expected the path of one to write.")
        if path.exists() and not order.force:
            raise CallboxError(f"{path}: it exists; add --force to overwrite it, or name another.")


def _connector(found: Found, order: Order) -> Connector:
    """Give the one that files have, or without files one of what was typed."""
    if not order.files:
        return Connector(_TYPED, "", TWILIO, NEWEST, order.given)
    ours = chosen(found, order.connector)
    return replace(ours, parameters={**ours.parameters, **order.given})


def _asked(connector: Connector) -> Connector:
    """Ask for each parameter that has no usable value yet."""
    version = connector.version or NEWEST
    answers = {}
    for each in PARAMETERS:
        value = connector.parameters.get(each.name)
        lacks = not is_set(value) or fault(each, value)
        if each.name in _WHERE and each.since <= version and lacks:
            answers[each.name] = _answer(each)
    return replace(connector, parameters={**connector.parameters, **answers})


def _answer(parameter: Parameter) -> str:
    """Ask until the answer is one; beside the output, which may be the screen."""
    sys.stderr.write(f"\n{_WHERE[parameter.name]}\n")
    while True:
        try:
            typed: str = typer.prompt(parameter.name, default="", show_default=False, err=True)
        except typer.Abort:
            raise CallboxError("\nThe questions were not answered: nothing was written.") from None
        answer = typed.strip()
        needed = parameter is ACCOUNT_SID and not answer
        wrong = unset(parameter) if needed else fault(parameter, answer)
        if not wrong:
            return answer
        sys.stderr.write(f"\n{parameter.name}: {wrong}.\n")


def _document(made: Migration, order: Order) -> str:
    return deployment(made) if order.component else callbox_yaml(made, order.sources, order.named)


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


def _tell(made: Migration, order: Order) -> None:
    """Show the report, beside an output on the screen."""
    out = sys.stderr if order.target == _SCREEN else sys.stdout
    width = shutil.get_terminal_size().columns if out.isatty() else None
    out.write(plain(made.lines, width))
    if order.target != _SCREEN:
        work = sum(line.verdict is Verdict.BY_HAND for line in made.lines)
        print(f"\nWrote {order.target}. To be done by hand: {work}{_following(made, order)}")


def _following(made: Migration, order: Order) -> str:
    """Tell what to type next: the same with what is missing, or else what uses the file."""
    missing = {
        "--TWILIO_ACCOUNT_SID SID": made.account_sid is None,
        "--TwilioAuthTokenSecretArn ARN": made.secret_arn is None and order.component,
    }
    options = " ".join(option for option, lacks in missing.items() if lacks)
    if options and not order.ask:
        return f". Run it again with --ask --force, or with {options} --force"
    if order.component:
        uri = shlex.quote(f"file://{order.target}")
        return f"; then aws greengrassv2 create-deployment --cli-input-json {uri}"
    return f"; then callbox check --config {shlex.quote(str(order.target))}"
