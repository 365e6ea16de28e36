"""`callbox migrate`, as a person types it: what it writes, what it says, what it refuses."""

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).parents[1] / "data/greengrass-v1/create-connector-definition.sh"
TOKEN = "fedcba9876543210" * 2
SID = "AC" + "0123456789abcdef" * 2
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:greengrass-TwilioAuthToken-a1B2c3"
NUMBER = "+12345000099"
PATIENCE = 60
AWS = """#!/bin/sh
case "$*" in
  "secretsmanager get-secret-value --secret-id {arn} --query SecretString --output text")
    echo {token} ;;
  *) exit 9 ;;
esac
"""


def connector(id_: str = "MyTwilio", **changes: object) -> dict[str, object]:
    return {
        "Id": id_,
        "ConnectorArn": "arn:aws:greengrass:us-west-2::/connectors/TwilioNotifications/versions/5",
        "Parameters": {
            "TWILIO_ACCOUNT_SID": SID,
            "TwilioAuthTokenSecretArn": ARN,
            "TwilioAuthTokenSecretArn-ResourceId": "TwilioAuthToken",
            "DefaultFromPhoneNumber": NUMBER,
            **changes,
        },
    }


class Terminal:
    """Where commands are typed: a folder, and an `aws` that knows one secret."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / "tools"
        tools.mkdir()
        (tools / "aws").write_text(AWS.format(arn=ARN, token=TOKEN))
        (tools / "aws").chmod(0o755)
        outside = ("CALLBOX_", "TWILIO_")
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(outside)}
        self.environ = kept | {
            "XDG_STATE_HOME": str(folder),
            "PATH": f"{tools}:{os.environ['PATH']}",
        }

    def type(self, *arguments: str | Path, answers: str = "") -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [sys.executable, "-m", "callbox", *map(str, arguments)],
            check=False,
            cwd=self.folder,
            env=self.environ,
            input=answers,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "Traceback" not in ended.stdout + ended.stderr
        assert TOKEN not in ended.stdout + ended.stderr
        return ended

    def save(self, *connectors: dict[str, object], name: str = "v1.json") -> Path:
        path = self.folder / name
        path.write_text(json.dumps({"Definition": {"Connectors": connectors}}))
        return path

    def path(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


# what is written


def test_a_file_becomes_a_configuration_and_the_told_command_makes_it_work(
    terminal: Terminal,
) -> None:
    ended = terminal.type("migrate", terminal.save(connector()))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert mode(terminal.path("callbox.yaml")) == 0o600
    (fetch,) = (line.strip() for line in ended.stdout.splitlines() if "aws secretsman" in line)
    subprocess.run(["sh", "-c", fetch], check=True, cwd=terminal.folder, env=terminal.environ)
    assert mode(terminal.path("twilio-auth-token")) == 0o600
    check = terminal.type("check", "--config", "callbox.yaml")
    assert (check.returncode, check.stderr) == (0, "")
    assert "can be used" in check.stdout
    assert SID in check.stdout
    assert "…0099" in check.stdout


def test_the_example_of_the_page_is_written_and_what_is_left_to_do_is_told(
    terminal: Terminal,
) -> None:
    ended = terminal.type("migrate", EXAMPLE)
    assert ended.returncode == 0
    by_hand = [line for line in ended.stdout.splitlines() if line.startswith("by hand")]
    for subject in ("TWILIO_ACCOUNT_SID", "TwilioAuthTokenSecretArn", "Auth token"):
        assert any(f" {subject}: " in line for line in by_hand)
    assert f"To be done by hand: {len(by_hand)}" in ended.stdout
    assert yaml.safe_load(terminal.path("callbox.yaml").read_text())["twilio"]["account_sid"]


def test_numbers_are_masked_in_the_report_and_whole_in_the_file(terminal: Terminal) -> None:
    ended = terminal.type("migrate", terminal.save(connector()), "--report", "report.md")
    page = terminal.path("report.md").read_text()
    assert mode(terminal.path("report.md")) == 0o600
    for shown in (ended.stdout, page):
        assert NUMBER not in shown
        assert "+1…0099" in shown
    assert NUMBER in terminal.path("callbox.yaml").read_text()
    for title in ("Carried over", "Changed in meaning", "To be done by hand", "Left"):
        assert f"\n## {title}\n" in page


def test_the_deployment_is_what_aws_takes(terminal: Terminal) -> None:
    ended = terminal.type("migrate", terminal.save(connector()), "--component")
    assert ended.returncode == 0
    assert "create-deployment --cli-input-json file://deployment.json" in ended.stdout
    path = terminal.path("deployment.json")
    assert mode(path) == 0o600
    components = json.loads(path.read_text())["components"]
    merge = components["io.callbox.TwilioNotifications"]["configurationUpdate"]["merge"]
    assert json.loads(merge)["TWILIO_ACCOUNT_SID"] == SID
    assert not terminal.path("callbox.yaml").exists()


def test_on_the_screen_the_output_is_alone_and_the_report_beside_it(terminal: Terminal) -> None:
    ended = terminal.type("migrate", terminal.save(connector()), "-o", "-")
    assert ended.returncode == 0
    assert yaml.safe_load(ended.stdout)["twilio"]["account_sid"] == SID
    assert "carried over  TWILIO_ACCOUNT_SID" in ended.stderr
    assert not terminal.path("callbox.yaml").exists()


def test_a_terminal_shows_every_name_and_command_in_one_piece(terminal: Terminal) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "callbox", "migrate", str(terminal.save(connector()))],
        cwd=terminal.folder,
        env=terminal.environ | {"COLUMNS": "80", "TERM": "xterm"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65_536):
            shown += piece
    except OSError:  # so the end of a terminal is told
        pass
    finally:
        os.close(ours)
    assert process.wait(PATIENCE) == 0
    lines = shown.decode().splitlines()
    for whole in (ARN, SID, "TwilioAuthTokenSecretArn-ResourceId"):
        assert any(whole in line for line in lines)
    (command,) = (line for line in lines if f"--secret-id '{ARN}' --query SecretString" in line)
    cannot_be_broken = {command, lines[-1], *(line for line in lines if ARN in line)}
    assert all(len(line) <= 80 for line in lines if line not in cannot_be_broken)


# nothing is lost


def test_what_exists_is_overwritten_only_by_force(terminal: Terminal) -> None:
    path, file = terminal.path("callbox.yaml"), terminal.save(connector())
    path.write_text("mine")
    path.chmod(0o644)
    refused = terminal.type("migrate", file)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "callbox.yaml: it exists; add --force" in refused.stderr
    assert path.read_text() == "mine"
    assert terminal.type("migrate", file, "--force").returncode == 0
    assert SID in path.read_text()
    assert mode(path) == 0o600


def test_a_report_in_the_way_stops_it_before_anything_is_written(terminal: Terminal) -> None:
    terminal.path("report.md").write_text("mine")
    ended = terminal.type("migrate", terminal.save(connector()), "--report", "report.md")
    assert ended.returncode == 2
    assert "report.md: it exists" in ended.stderr
    assert not terminal.path("callbox.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "v1.json", "--force"), "v1.json: it is given twice"),
        (("-o", "x", "--report", "x"), "x: it is given twice"),
        (("-o", "-", "--report", "-"), "-: it is given twice"),
        (("-o", "a\nb"), "a?b: it is not printable"),
        (("-o", "tools"), "tools: it is no file"),
        (("-o", "none/callbox.yaml"), "none/callbox.yaml: cannot write it (No such file"),
    ],
)
def test_an_output_that_cannot_be_is_one_sentence(
    terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    file = terminal.save(connector())
    before = file.read_text()
    ended = terminal.type("migrate", file, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert file.read_text() == before


def test_in_another_folder_every_command_that_is_told_works(terminal: Terminal) -> None:
    terminal.path("my files").mkdir()
    ended = terminal.type("migrate", terminal.save(connector()), "-o", "my files/sub.yaml")
    assert ended.returncode == 0
    assert "callbox.yaml" not in ended.stdout
    (fetch,) = (line.strip() for line in ended.stdout.splitlines() if "aws secretsman" in line)
    subprocess.run(["sh", "-c", fetch], check=True, cwd=terminal.folder, env=terminal.environ)
    check = "callbox check --config 'my files/sub.yaml'"
    assert ended.stdout.endswith(f"; then {check}\n")
    written = terminal.path("my files/sub.yaml").read_text()
    assert check in written
    assert fetch in written
    assert terminal.type(*shlex.split(check)[1:]).returncode == 0


# without a file


def test_what_is_missing_is_what_to_run_it_again_with(terminal: Terminal) -> None:
    file = terminal.save(connector(TWILIO_ACCOUNT_SID="", TwilioAuthTokenSecretArn=""))
    plainly = terminal.type("migrate", file).stdout.splitlines()[-1]
    assert plainly.endswith("with --ask --force, or with --TWILIO_ACCOUNT_SID SID --force")
    ours = ("migrate", file, "--component")
    told = terminal.type(*ours).stdout.splitlines()[-1]
    assert told.endswith("SID --TwilioAuthTokenSecretArn ARN --force")
    again = terminal.type(*ours, "--TWILIO_ACCOUNT_SID", SID, "--force").stdout.splitlines()[-1]
    assert again.endswith("or with --TwilioAuthTokenSecretArn ARN --force")
    without = terminal.type(*ours, "--ask", "--force", answers=f"{SID}\n\n\n").stdout
    assert without.splitlines()[-1].endswith(
        "create-deployment --cli-input-json file://deployment.json"
    )


def test_an_id_without_a_file_is_refused(terminal: Terminal) -> None:
    ended = terminal.type("migrate", "--TWILIO_ACCOUNT_SID", SID, "--connector", "x")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--connector chooses from files" in ended.stderr


def test_questions_write_the_same_as_a_file(terminal: Terminal) -> None:
    terminal.type("migrate", terminal.save(connector()), "-o", "by-file.yaml")
    answers = f"\n{TOKEN}\n{SID}\n{TOKEN}\n{ARN}\n{NUMBER}\ncontainer\n\n"
    ended = terminal.type("migrate", "--ask", "-o", "asked.yaml", answers=answers)
    assert ended.returncode == 0
    for refused in ("TWILIO_ACCOUNT_SID", "TwilioAuthTokenSecretArn", "IsolationMode"):
        assert f"\n{refused}: it " in ended.stderr
    assert "TWILIO_ACCOUNT_SID: it looks like an auth token" in ended.stderr
    assert "aws secretsmanager list-secrets" in ended.stderr
    by_file, asked = (
        yaml.safe_load(terminal.path(name).read_text()) for name in ("by-file.yaml", "asked.yaml")
    )
    assert by_file == asked


def test_only_what_no_file_has_is_asked(terminal: Terminal) -> None:
    file = terminal.save(connector(DefaultFromPhoneNumber="", IsolationMode="NoContainer"))
    ended = terminal.type("migrate", file, "--ask", answers=f"{NUMBER}\n")
    assert ended.returncode == 0
    assert NUMBER in terminal.path("callbox.yaml").read_text()
    assert "TWILIO_ACCOUNT_SID" not in ended.stderr


def test_questions_that_are_not_answered_write_nothing(terminal: Terminal) -> None:
    ended = terminal.type("migrate", "--ask", answers=f"{SID}\n")
    assert ended.returncode == 2
    assert ended.stderr.endswith("The questions were not answered: nothing was written.\n")
    assert not terminal.path("callbox.yaml").exists()


def test_parameters_can_be_typed_and_count_more_than_a_file(terminal: Terminal) -> None:
    typed = (
        *("--TWILIO_ACCOUNT_SID", SID, "--TwilioAuthTokenSecretArn", ARN),
        *("--TwilioAuthTokenSecretArn-ResourceId", "x", "--DefaultFromPhoneNumber", NUMBER),
    )
    ended = terminal.type("migrate", *typed, "--IsolationMode", "NoContainer")
    assert ended.returncode == 0
    assert "NoContainer selects nothing" in ended.stdout
    written = terminal.path("callbox.yaml").read_text()
    file = terminal.save(connector(TWILIO_ACCOUNT_SID="other", TwilioAuthTokenSecretArn=TOKEN))
    assert terminal.type("migrate", file, *typed, "--force").returncode == 0
    again = terminal.path("callbox.yaml").read_text()
    assert yaml.safe_load(again) == yaml.safe_load(written)


def test_nothing_to_migrate_says_what_to_do(terminal: Terminal) -> None:
    ended = terminal.type("migrate")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "callbox migrate --ask" in ended.stderr


# what is refused


def test_two_connectors_ask_which(terminal: Terminal) -> None:
    file = terminal.save(connector("a"), connector("b", DefaultFromPhoneNumber="+12345000001"))
    ended = terminal.type("migrate", file)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--connector ID" in ended.stderr
    assert terminal.type("migrate", file, "--connector", "b").returncode == 0
    assert "+12345000001" in terminal.path("callbox.yaml").read_text()


@pytest.mark.parametrize("content", ["", "{", TOKEN, "{'Connectors': []}", "[" * 99_999])
def test_a_broken_file_is_one_sentence_and_nothing_is_written(
    terminal: Terminal, content: str
) -> None:
    file = terminal.path("v1.json")
    file.write_text(content)
    ended = terminal.type("migrate", file)
    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(str(file))
    assert "expected" in sentence
    assert not terminal.path("callbox.yaml").exists()


def test_a_token_for_the_arn_is_told_without_showing_it(terminal: Terminal) -> None:
    file = terminal.save(connector(TwilioAuthTokenSecretArn=TOKEN))
    for arguments in ((), ("--component",)):
        ended = terminal.type("migrate", file, *arguments, "--report", f"{len(arguments)}.md")
        assert ended.returncode == 0
        assert "never the token itself" in ended.stdout
    for path in terminal.folder.glob("*.[ymj]*"):
        assert path == file or TOKEN not in path.read_text()
