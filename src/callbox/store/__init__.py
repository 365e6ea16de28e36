"""Where requests, attempts and owed events are kept."""
