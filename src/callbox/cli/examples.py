"""An example for each command, shown at the end of its `--help`."""

_DELIVERY = "0199a8f3b5c1d2e3f4a5b6c7d8e"

EXAMPLES = {
    "demo": ("callbox demo",),
    "check": ("callbox check --config callbox.yaml", "callbox check --online"),
    "run": (
        "callbox run --config callbox.yaml",
        "TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=... callbox run",
    ),
    "send": (
        'callbox send +12345000000 "Hello from the edge"',
        'callbox send Darla "The tank is full" --media https://example.com/tank.jpg',
    ),
    "call": (
        'callbox call +12345000000 --say "The tank is full"',
        "callbox call Darla --twiml-url https://example.com/alarm.xml",
    ),
    "queue list": ("callbox queue list --state queued",),
    "queue show": (f"callbox queue show {_DELIVERY}",),
    "queue cancel": (f"callbox queue cancel {_DELIVERY}",),
    "queue retry": (f"callbox queue retry {_DELIVERY}",),
    "numbers": ("callbox numbers",),
    "webhooks set": (
        "callbox webhooks set",
        "callbox webhooks set +12345000000 --no-voice --yes",
    ),
    "webhooks restore": ("callbox webhooks restore",),
    "webhooks test": ("callbox webhooks test",),
    "greengrass": ("callbox greengrass   # in the run step of a recipe",),
    "migrate": (
        "callbox migrate connectors.json subscriptions.json",
        "callbox migrate template.yaml --component --report report.md",
        "callbox migrate --ask",
    ),
    "rehearse": (
        "callbox rehearse --config callbox.yaml",
        "callbox rehearse --scenario examples/scenarios/storm.yaml --picture storm.svg",
    ),
    "simulate": (
        "callbox simulate --port 8081 --trial",
        "callbox simulate --scenario examples/scenarios/storm.yaml",
    ),
}


def example(command: str) -> str:
    """Give a command's epilog; the first line keeps the lines as they are."""
    return "\n    ".join(("\b\nExample:", *EXAMPLES[command]))
