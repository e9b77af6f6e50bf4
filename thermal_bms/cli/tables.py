"""Plain text tables for the terminal."""

import math
from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, header: Sequence[str] = (), right: Sequence[int] = ()) -> str:
    """Return rows as aligned text: two spaces between columns, the columns in ``right`` flush right.

    >>> print(table([("Range", "512", "km"), ("Charging time", "31.5", "min")], right=[1]))
    Range           512  km
    Charging time  31.5  min
    """
    lines = [*([header] if header else []), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = []
    for line in lines:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        texts.append("  ".join(cells).rstrip())
    if header:
        texts.insert(1, "  ".join("-" * width for width in widths).rstrip())
    return "\n".join(texts)


def number(value: float) -> str:
    """Return a number for people: four significant digits, thousands apart, few exponents.

    >>> number(1.23456), number(41234.5), number(0.0), number(2.5e-9)
    ('1.235', '41,234', '0', '2.5e-09')
    """
    if not math.isfinite(value):
        return str(value)
    if value != 0.0 and abs(value) < 1e-3:
        return f"{value:.2g}"
    if abs(value) >= 1000.0:
        return f"{value:,.0f}"
    return f"{value:.4g}"
