"""The screen shows text as it is, also where it looks like a picture."""

import pytest

from callbox.cli.screen import console


def test_an_arn_of_a_secret_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("arn:aws:secretsmanager:us-west-2:1:secret:x", highlight=False)
    assert capsys.readouterr().out == "arn:aws:secretsmanager:us-west-2:1:secret:x\n"
