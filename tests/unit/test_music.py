"""What a call plays: Twilio's music, by the names that the Indigo plugin has for it."""

import re

import pytest

from callbox.domain.notification import Voice
from callbox.simulator.records.twiml import verbs
from callbox.twilio.music import BUCKETS, tracks
from callbox.twilio.voice import MOST_CHARACTERS, spoken

NAMES = ("ambient", "classical", "electronica", "guitars", "newage", "rock", "soft-rock")


def test_the_buckets_are_those_of_the_plugins_menu() -> None:
    assert tuple(f"com.twilio.music.{name}" for name in NAMES) == BUCKETS


@pytest.mark.parametrize("bucket", BUCKETS)
def test_every_bucket_has_tracks_that_can_be_fetched_over_https(bucket: str) -> None:
    found = tracks(bucket)
    assert len(found) >= 2
    assert len(set(found)) == len(found)
    for url in found:
        form = r"https://s3\.amazonaws\.com/com\.twilio\.music\.[a-z-]+/[\w.%-]+\.mp3"
        assert re.fullmatch(form, url)


def test_a_bucket_plays_its_own_tracks_and_the_one_without_songs_plays_ambient_ones() -> None:
    for bucket in set(BUCKETS) - {"com.twilio.music.newage"}:
        assert all(f"/{bucket}/" in url for url in tracks(bucket))
    assert tracks("com.twilio.music.newage") == tracks("com.twilio.music.ambient")


@pytest.mark.parametrize("bucket", ["", "ambient", "com.twilio.music.polka", "ambientambient"])
def test_another_bucket_is_refused_with_those_there_are(bucket: str) -> None:
    with pytest.raises(ValueError, match=r"expected one of com\.twilio\.music\.ambient, "):
        tracks(bucket)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_call_can_play_a_whole_bucket_after_what_it_says(bucket: str) -> None:
    twiml = spoken(Voice(text="Hold & wait", voice="alice", play=tracks(bucket)))
    heard = [(verb.name, verb.text) for verb in verbs(twiml)]
    assert heard == [("Say", "Hold & wait"), *(("Play", url) for url in tracks(bucket))]
    assert len(twiml) < MOST_CHARACTERS


def test_a_call_that_only_plays_says_nothing() -> None:
    heard = verbs(spoken(Voice(play=("https://a.org/x.mp3?a=1&b=2",))))
    assert [(verb.name, verb.text) for verb in heard] == [("Play", "https://a.org/x.mp3?a=1&b=2")]
