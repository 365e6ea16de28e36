"""What a benchmark found: figures with their aims, and where the time went on a miss."""

import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `least` and `most` are what it should reach; None where it informs."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is an aim, and it was not reached."""
        too_small = self.least is not None and self.value < self.least
        return too_small or (self.most is not None and self.value > self.most)

    @property
    def aim(self) -> str:
        """Write the aim."""
        if self.least is not None:
            return f">= {self.least:g}"
        return "" if self.most is None else f"<= {self.most:g}"


@dataclass(slots=True)
class Report:
    """One benchmark's figures, with notes that explain them."""

    benchmark: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blame: list[str] = field(default_factory=list)  # where the time went, told on a miss

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        """Take a figure."""
        self.figures.append(Figure(name, value, unit, least, most))

    @property
    def missed(self) -> bool:
        """Whether any aim was missed."""
        return any(figure.missed for figure in self.figures)

    def print(self) -> None:
        """Write the table for people, then one line of JSON for programs."""
        table = Table(title=f"{self.benchmark} - {machine()}, {today()}", title_justify="left")
        for heading in ("figure", "value", "unit", "aim", ""):
            table.add_column(heading, justify="right" if heading in {"value", "aim"} else "left")
        for figure in self.figures:
            verdict = "" if not figure.aim else "MISSED" if figure.missed else "ok"
            table.add_row(figure.name, f"{figure.value:,.4g}", figure.unit, figure.aim, verdict)
        console = Console()
        console.print(table)
        for note in self.notes + (self.blame if self.missed else []):
            console.print(f"  {note}", highlight=False)
        print(json.dumps(self._document()), flush=True)

    def _document(self) -> dict[str, object]:
        return {
            "benchmark": self.benchmark,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "figures": [asdict(figure) for figure in self.figures],
            "notes": self.notes + self.blame,
        }


def machine() -> str:
    """Name what the figures were measured on."""
    cores = os.cpu_count()
    return f"{cores} cores, {platform.machine()}, {platform.system()}, Python {_python()}"


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def today() -> str:
    """Give the date."""
    return datetime.now(UTC).date().isoformat()


def percentile(values: list[float], share: float) -> float:
    """Give the value below which a share of the others lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def say(text: str) -> None:
    """Show progress."""
    print(f"  … {text}", file=sys.stderr, flush=True)


Benchmark = Callable[[], Report]
