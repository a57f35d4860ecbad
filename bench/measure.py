"""What a burst says of a server, and what several say together. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One burst against one server, or the median of several."""

    rate: float  # requests a second
    p50_ms: float
    p99_ms: float
    cpu_us: float  # of the server's processes, a request
    requests: float
    errors: float
    others: float  # share of the two cores that went to programs that are not the bench's

    def plain(self) -> dict[str, float]:
        return {name: round(value, 3) for name, value in asdict(self).items()}


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure."""
    return Sample(*(median(getattr(sample, each.name) for sample in samples) for each in fields(Sample)))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares: how much y grows where x grows by one. Raises ZeroDivisionError for a single x."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
