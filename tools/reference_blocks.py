"""Blocks of a documentation page that are made from the code, and how they are put there.

A page holds ``<!-- begin NAME -->`` and ``<!-- end NAME -->``, each on a line of its own; what stands between
them is replaced. The rest of the page is written by hand.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Blocks = Mapping[str, Callable[[], str]]

ROOT = Path(__file__).parents[1]
UNITS = {  # by the end of a name; longer ends first
    "hour_of_min": "h",
    "duty_min": "",
    "hour_of_max": "h",
    "rate_per_s": "1/s",
    "rise_per_s": "1/s",
    "_w_per_m2": "W/m²",
    "_km_per_h": "km/h",
    "_m_per_s": "m/s",
    "_c_rate": "1/h",
    "_degc": "°C",
    "_soc": "0..1",
    "_min": "min",
    "_km": "km",
    "_kg": "kg",
    "_s": "s",
    "_h": "h",
    "_k": "K",
    "_v": "V",
    "_a": "A",
    "hour": "h",
    "humidity": "0..1",
    "soc": "0..1",
}
_BEGIN = re.compile(r"<!-- begin (?P<name>[\w.]+) -->\n(?P<body>.*?)<!-- end (?P=name) -->", re.DOTALL)


def filled(text: str, blocks: Blocks) -> str:
    """Return a page with its blocks made anew; a block that nobody makes stays as it is.

    >>> filled("<!-- begin a -->old<!-- end a -->", {})
    '<!-- begin a -->old<!-- end a -->'
    """

    def made(match: re.Match[str]) -> str:
        name = match["name"]
        body = f"\n{blocks[name]()}\n\n" if name in blocks else match["body"]
        return f"<!-- begin {name} -->\n{body}<!-- end {name} -->"

    return _BEGIN.sub(made, text)


def names_in(text: str) -> list[str]:
    """Return the names of the blocks of a page."""
    return [match["name"] for match in _BEGIN.finditer(text)]


def write_pages(pages: Sequence[Path], blocks: Blocks) -> int:
    """Bring the blocks of these pages up to date; with ``--check`` only say which are not. Returns an exit code."""
    only_check = "--check" in sys.argv[1:]
    stale = [
        page for page in pages if filled(page.read_text(encoding="utf-8"), blocks) != page.read_text("utf-8")
    ]
    for page in stale:
        if not only_check:
            page.write_text(filled(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")
        print(f"{page.relative_to(ROOT)}: {'is not up to date' if only_check else 'written'}")
    return 1 if stale and only_check else 0


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Return a Markdown table.

    >>> print(markdown(("a", "b"), [("1", "x|y")]).splitlines()[-1])
    | 1 | x\|y |
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def unit(name: str) -> str:
    """Return the unit that the end of a name states; nothing for a count, a word or a switch.

    >>> unit("speed_cap_km_per_h"), unit("duration_h"), unit("repeat")
    ('km/h', 'h', '')
    """
    return next((text for end, text in UNITS.items() if name.endswith(end)), "")


def model_table(model: type[BaseModel], meanings: Mapping[str, str], *, skip: Sequence[str] = ()) -> str:
    """Return one line per key of a model: unit, default, what is allowed, meaning.

    ``meanings`` holds what a model's own description does not say, by key.

    Raises
    ------
    KeyError
        for a key that nothing explains.
    """
    rows = []
    for name, field in model.model_fields.items():
        if name in skip:
            continue
        meaning = "; ".join(text for text in (meanings.get(name), field.description) if text)
        if not meaning:
            raise KeyError(f"{model.__name__}.{name} has no meaning")
        rows.append((f"`{name}`", unit(name), _default(field), allowed(field), meaning))
    return markdown(("key", "unit", "default", "allowed", "meaning"), rows)


def allowed(field: FieldInfo) -> str:
    """Return what values a key may have, as "0 to 1", "> 0", "true, false" or a list of words."""
    words = _words(field.annotation)
    if words:
        return words
    bounds = _bounds(field)
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    if low is not None and high is not None:
        above = "above " if "gt" in bounds else ""
        below = "below " if "lt" in bounds else ""
        return f"{above}{low:g} to {below}{high:g}"
    if low is not None:
        return f"{'>' if 'gt' in bounds else '>='} {low:g}"
    return "" if high is None else f"{'<' if 'lt' in bounds else '<='} {high:g}"


def _words(annotation: Any) -> str:  # any type
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    return "`true`, `false`" if annotation is bool else ""


def _bounds(field: FieldInfo) -> dict[str, float]:
    return {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(mark, name, None) is not None
    }


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True) if field.default_factory else field.default
    if value is None or value is PydanticUndefined or isinstance(value, (dict, tuple, BaseModel)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, (int, float)) else (f"`{value}`" if value else "")
