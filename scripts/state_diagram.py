"""Write the state diagram into docs/architecture.md, from the table that decides (`make docs`)."""

import sys
from pathlib import Path

from callbox.domain.delivery import NEXT, State

PAGE = Path(__file__).parent.parent / "docs" / "architecture.md"
BEGIN = "<!-- states: written by `make docs` from NEXT in domain/delivery.py -->\n"
END = "<!-- states end -->\n"


def diagram() -> str:
    """Give the states as a Mermaid diagram; a final state has no successor."""
    moves = [
        f"    {state} --> {after}" for state in NEXT for after in State if after in NEXT[state]
    ]
    ends = [f"    {state} --> [*]" for state, after in NEXT.items() if not after]
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.QUEUED}", *moves, *ends, "```"]
    return "\n".join(lines) + "\n"


def with_diagram(page: str) -> str:
    """Give the page with the diagram as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{diagram()}\n{END}{after}"


def main() -> int:
    """Write the page; with `--check` only tell whether it is as it should be."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_diagram(page)
    if "--check" in sys.argv:
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
