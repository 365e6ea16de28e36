"""The files that the page is made of, as a browser gets them."""

import re
from importlib.resources import files

from aiohttp import web

NAME = re.compile(r"[a-z]+(?:-[a-z]+)*\.(html|css|js|svg)")
TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
FOLDER = files("callbox.simulator.page") / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: http: https:; media-src 'self' http: https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Pictures and sounds come from wherever a message says; nothing else comes from outside."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def file(name: str) -> web.Response | None:
    """Return a file of the page; None if there is none of that name."""
    match = NAME.fullmatch(name)
    place = FOLDER / name
    if match is None or not place.is_file():
        return None
    return web.Response(
        body=place.read_bytes(), content_type=TYPES[match[1]], charset="utf-8", headers=HEADERS
    )
