"""Parts are counted as Twilio's own calculator does, by the gateway and by the simulator alike."""

import pytest

from callbox.domain.segments import Encoding, encoding, segments
from callbox.simulator.records import segments as simulator
from harness.texts import MEASURED, generated


@pytest.mark.parametrize(("text", "parts"), MEASURED)
def test_a_text_is_counted_in_as_many_parts_as_twilio_counts(text: str, parts: int) -> None:
    assert (segments(text), simulator.segments(text)) == (parts, parts)


def test_gateway_and_simulator_count_the_same_although_they_share_no_code() -> None:
    for text in generated(500, seed=7):
        assert segments(text) == simulator.segments(text), ascii(text)


@pytest.mark.parametrize("character", "@£ΔΩÇàÉß§¿\n\r^{}\\[~]|€\f")
def test_a_character_of_the_gsm_alphabet_leaves_the_text_in_it(character: str) -> None:
    assert encoding(f"a{character}b") is Encoding.GSM_7


@pytest.mark.parametrize("character", "ç`\t\u00a0\u2019я👍\x00")
def test_one_other_character_makes_the_whole_text_ucs_2(character: str) -> None:
    assert encoding(f"a{character}b") is Encoding.UCS_2


def test_the_alphabet_reads_as_twilio_names_it() -> None:
    assert [str(each) for each in Encoding] == ["GSM-7", "UCS-2"]
