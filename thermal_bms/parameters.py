"""Parameter and settings files: TOML into frozen models, with errors a person can act on.

Layers, later wins: parameter set < scenario < ``--set a.b=c``.
"""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thermal_bms.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


class Parameters(BaseModel):
    """Base of every parameter set and settings table: frozen, no unknown keys, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)


class Source(Parameters):
    """Where the numbers of a file come from."""

    title: str = Field(min_length=3)
    kind: Literal["datasheet", "paper", "measured", "assumed"]
    reference: str = Field(default="", description="doi, page, repository path or standard")
    notes: str = ""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; a missing or broken file raises ``ConfigError`` with the place."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        near = sorted(p.stem for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise ConfigError(f"{path}: no such file{did_you_mean(path.stem, near)}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return ``model`` built from ``data``; the first thing wrong becomes one line naming key, value and range.

    Raises
    ------
    ConfigError
        with the text ``key.path = value: what is allowed (where)``.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_first_line(error, model, data, where)) from None


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Return a hint naming the closest choice, or the choices when few, or nothing.

    >>> did_you_mean("capcity_ah", ["capacity_ah", "mass_kg"])
    '; did you mean capacity_ah?'
    """
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known: {', '.join(choices)}" if 0 < len(choices) <= 20 else ""


def with_overrides(data: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a copy of ``data`` with every ``a.b=value`` of ``overrides`` set; values are read as TOML.

    >>> with_overrides({"pack": {"soc": 0.5}}, ["pack.soc=0.9"])
    {'pack': {'soc': 0.9}}
    """
    result = _copy(data)
    for override in overrides:
        key, found, text = override.partition("=")
        if not found or not key.strip():
            raise ConfigError(f"--set {override}: expected key=value, as in --set controller.name=pid")
        _assign(result, key.strip(), _value(text.strip()), override)
    return result


def toml_text(value: Any) -> str:  # number, flag, text, or a list of them
    """Return a value as TOML, for an override or a file.

    >>> toml_text(True), toml_text("a"), toml_text([1.0, 2])
    ('true', '"a"', '[1.0, 2]')
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def merged(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``layer`` laid over it, table by table."""
    result = _copy(base)
    for key, value in layer.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def _copy(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: _copy(v) if isinstance(v, Mapping) else list(v) if isinstance(v, list) else v
        for k, v in data.items()
    }


def _value(text: str) -> Any:  # any TOML value
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _assign(data: dict[str, Any], key: str, value: Any, override: str) -> None:  # any TOML value
    *path, last = key.split(".")
    table: Any = data
    for part in path:
        table = _child(table, part, override)
    if isinstance(table, list):
        table[_index(table, last, override)] = value
    else:
        table[last] = value


def _child(table: Any, part: str, override: str) -> Any:  # any TOML value
    if isinstance(table, list):
        index = _index(table, part, override)
        if isinstance(table[index], Mapping):
            table[index] = _copy(table[index])
        child = table[index]
    else:
        child = table.setdefault(part, {})
    if not isinstance(child, (dict, list)):
        raise ConfigError(f"--set {override}: {part} is a value, not a table")
    return child


def _index(table: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(table):
        raise ConfigError(f"--set {override}: {part} must be a number from 0 to {len(table) - 1}")
    return int(part)


def _first_line(error: ValidationError, model: type[BaseModel], data: Mapping[str, Any], where: str) -> str:
    first = error.errors(include_url=False)[0]
    location, kind = tuple(first["loc"]), first["type"]
    key = ".".join(_path_in_file(location, data, missing=kind == "missing")) or "(file)"
    more = error.error_count() - 1
    tail = f" ({where}{f'; and {more} more' if more else ''})"
    if kind == "extra_forbidden":
        return f"{key}: unknown key{did_you_mean(str(location[-1]), _known_keys(model, location[:-1]))}{tail}"
    if kind == "missing":
        return f"{key}: missing{tail}"
    if kind == "union_tag_not_found":
        return f"{key}.{_unquoted(first, 'discriminator')}: missing{tail}"
    if kind == "union_tag_invalid":
        tag, known = _unquoted(first, "tag"), _unquoted(first, "expected_tags").split(", ")
        hint = did_you_mean(tag, known)
        return f"{key}.{_unquoted(first, 'discriminator')} = {tag!r}: no such kind{hint}{tail}"
    found = first["input"]
    shown = f" = {found!r}" if isinstance(found, (str, int, float, bool)) else ""
    return f"{key}{shown}: {_plain(first['msg'])}{tail}"


def _unquoted(error: Mapping[str, Any], name: str) -> str:  # Any: as pydantic describes an error
    return str(error["ctx"][name]).replace("'", "")


def _path_in_file(
    location: tuple[int | str, ...], data: Mapping[str, Any], *, missing: bool
) -> Iterator[str]:
    """Yield the parts of a key as it stands in the file; pydantic adds the kind chosen from a union."""
    table: Any = data  # whatever stands in the file
    for number, part in enumerate(location, start=1):
        absent = isinstance(table, Mapping) and part not in table
        if absent and not (missing and number == len(location)):
            continue
        yield str(part)
        inside = isinstance(table, Mapping) or (isinstance(table, Sequence) and isinstance(part, int))
        table = table[part] if inside and not absent else None


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ").replace("Input should be ", "must be ")
    return (
        text.replace("greater than or equal to", ">=")
        .replace("less than or equal to", "<=")
        .replace("greater than", ">")
        .replace("less than", "<")
    )


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    options = [model]
    for part in location:
        if isinstance(part, int):
            continue
        chosen = [option for option in options if part in _kinds(option)] if len(options) > 1 else []
        if chosen:
            options = chosen
        elif part in options[0].model_fields:
            options = _models_in(options[0].model_fields[part].annotation) or options
    return list(options[0].model_fields)


def _kinds(model: type[BaseModel]) -> set[str]:
    """Return the values by which a model is chosen from a union."""
    annotations = [field.annotation for field in model.model_fields.values()]
    return {str(value) for one in annotations if get_origin(one) is Literal for value in get_args(one)}


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # whatever stands in an annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _models_in(argument)]
