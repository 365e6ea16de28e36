"""The user's browser."""

import threading
import webbrowser


def show_page(url: str) -> None:
    """Open a page in the user's browser, if there is one; a slow one holds nothing up."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
