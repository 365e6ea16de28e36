"""Twilio's public music, as URLs that a call can play.

Source: the S3 buckets behind Twilio's hold music, with the names of their objects as many public
programs have them. The buckets' names have dots, which Amazon's certificate for
`<bucket>.s3.amazonaws.com` does not cover: over https only a URL with the bucket in its path works.

Rule for editing: names as they stand in a URL, in the order in which they are played. Objects have
been removed before, so those that others found there lately come first.
"""

_HOST = "https://s3.amazonaws.com"
_PREFIX = "com.twilio.music."

_TRACKS = {
    "ambient": (
        "aerosolspray_-_Living_Taciturn.mp3",
        "gurdonark_-_Exurb.mp3",
        "gurdonark_-_Plains.mp3",
    ),
    "classical": (
        "ith_chopin-15-2.mp3",
        "ClockworkWaltz.mp3",
        "BusyStrings.mp3",
        "ith_brahms-116-4.mp3",
        "MARKOVICHAMP-Borghestral.mp3",
        "Mellotroniac_-_Flight_Of_Young_Hearts_Flute.mp3",
    ),
    "electronica": (
        "Kaer_Trouz_-_Seawall_Stepper.mp3",
        "teru_-_110_Downtempo_Electronic_4.mp3",
        "spenceyb_-_O-T-S-H-T_%28Razma_World_IV_Remix%29.mp3",
    ),
    "guitars": ("Pitx_-_Long_Winter.mp3", "Pitx_-_A_Thought.mp3"),
    "newage": (),
    "rock": (
        "jlbrock44_-_Apologize_Guitar_Deep_Fried.mp3",
        "nickleus_-_original_guitar_song_200907251723.mp3",
        "jlbrock44_-_Apologize_Guitar_DropC.mp3",
    ),
    "soft-rock": (
        "jacksontorreal_-_The_First_Sunny_Sky.mp3",
        "_ghost_-_promo_2_sample_pack.mp3",
        "Fireproof_Babies_-_Melancholy_4_a_Sun-lit_day.mp3",
        "Per_-_Joachim_-_Instrumental.mp3",
    ),
}
_INSTEAD = {"newage": "ambient"}  # a bucket that Twilio offers, without a song in it

BUCKETS = tuple(_PREFIX + name for name in _TRACKS)


def tracks(bucket: str) -> tuple[str, ...]:
    """Give the URLs of a bucket's tracks; ValueError if there is no such bucket."""
    if bucket not in BUCKETS:
        raise ValueError(f"There is no music {bucket!r}: expected one of {', '.join(BUCKETS)}")
    asked = bucket.removeprefix(_PREFIX)
    name = _INSTEAD.get(asked, asked)
    return tuple(f"{_HOST}/{_PREFIX}{name}/{track}" for track in _TRACKS[name])
