"""Writing a TOML file: what this project's configuration files need, no more."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def toml_text(data: Mapping[str, Any], prefix: str = "") -> str:  # Any: TOML values
    """Return a table as TOML: plain values first, then its tables and lists of tables. None is left out.

    >>> print(toml_text({"mode": "shadow", "bus": {"interface": "slcan", "bitrate": None}}))
    mode = "shadow"
    <BLANKLINE>
    [bus]
    interface = "slcan"
    """
    plain, tables = [], []
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            tables.append(f"[{name}]\n{toml_text(value, f'{name}.')}")
        elif _is_tables(value):
            tables += [f"[[{name}]]\n{toml_text(one, f'{name}.')}" for one in value]
        elif value is not None:
            plain.append(f"{key} = {_value(value)}")
    return "\n\n".join(part.rstrip("\n") for part in ["\n".join(plain), *tables] if part)


def _is_tables(value: object) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return is_list and bool(value) and all(isinstance(one, Mapping) for one in value)  # type: ignore[attr-defined]


def _value(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, (bool, str)):
        return json.dumps(value)
    return repr(value)
