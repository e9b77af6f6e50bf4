from pathlib import Path

import pytest
from pydantic import BaseModel

from controllers.settings_doc import CONTROLLERS, bounds, page, table

PAGE = Path(__file__).parents[3] / "docs" / "controllers.md"


def models() -> list[type[BaseModel]]:
    found = list(CONTROLLERS.values())
    for model in found:
        kinds = [field.annotation for field in model.model_fields.values()]
        found += [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel) and k not in found]
    return found


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_setting_has_a_meaning_and_every_number_two_bounds(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name}"
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            found = bounds(field)
            assert found.keys() & {"ge", "gt"}, f"{model.__name__}.{name} has no lower bound"
            assert found.keys() & {"le", "lt"}, f"{model.__name__}.{name} has no upper bound"


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_setting_stands_in_its_table(model: type[BaseModel]) -> None:
    assert all(f"`{name}`" in table(model) for name in model.model_fields)


def test_the_page_in_the_docs_is_the_page_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
