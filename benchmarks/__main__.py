"""Run the benchmarks: all of them, or those named; see docs/benchmarks.md."""

import importlib
import sys

from benchmarks.report import Report, say

NAMES = (
    "burst",
    "latency",
    "trickle",
    "idle",
    "backlog",
    "kills",
    "outage",
    "webhooks",
    "greengrass",
    "indigo",
)


def main(arguments: list[str]) -> int:
    """Run, and print each report as it comes; a miss is reported, not an error."""
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        sys.stderr.write(f"{', '.join(unknown)}: unknown; known are {', '.join(NAMES)}\n")
        return 2
    for name in arguments or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        say(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        report: Report = module.run()
        report.print()
    return 0


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name != "--scaled"]))
