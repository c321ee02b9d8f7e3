"""Docstrings under fields reach the schema of a model, as pydantic's own reading of them would."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, create_model

from engine.docstrings import described, docstring


class Base(BaseModel):
    model_config = ConfigDict(json_schema_extra=described)

    kept: int = 0
    """What a subclass keeps."""
    silenced: int = 0
    """What a subclass declares anew without a word."""
    named: str = Field("", alias="other")
    """Over two
    lines.
    """
    own: str = Field("", description="its own")
    """Not this."""
    bare: int = 0


class Derived(Base):
    silenced: str = ""


def test_a_field_is_described_by_what_stands_under_its_last_declaration() -> None:
    told = {name: one.get("description") for name, one in Derived.model_json_schema()["properties"].items()}
    assert told == {
        "kept": "What a subclass keeps.",
        "silenced": None,
        "other": "Over two\nlines.",
        "own": "its own",
        "bare": None,
    }


def test_a_model_made_in_a_function_has_its_docstrings_too() -> None:
    class Local(Base):
        more: int = 0
        """Here."""

    assert docstring(Local, "more") == "Here."


def test_a_model_without_source_has_none() -> None:
    made = create_model("Made", __base__=Base, __module__="nowhere", extra=(int, 0))
    assert "description" not in made.model_json_schema()["properties"]["extra"]
    assert docstring(made, "no such field") == ""


def test_it_says_what_pydantic_says() -> None:
    class Told(BaseModel):
        model_config = ConfigDict(use_attribute_docstrings=True)

        kept: int = 0
        """One `line`."""
        longer: list[int] = Field(default_factory=list)
        """First.

        Then an indented
          one.
        """

    assert {name: docstring(Told, name) for name in Told.model_fields} == {
        name: field.description for name, field in Told.model_fields.items()
    }
