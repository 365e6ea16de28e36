"""What is shown of a simulator's address can be opened."""

import pytest

from callbox.simulator.server import url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8081"),
        ("0.0.0.0", "http://127.0.0.1:8081"),
        ("::", "http://[::1]:8081"),
        ("::1", "http://[::1]:8081"),
        ("box.lan", "http://box.lan:8081"),
    ],
)
def test_the_address_shown_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert url_of(host, 8081) == url
