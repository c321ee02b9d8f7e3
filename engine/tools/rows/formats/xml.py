"""XML. Rows are the children of the root; their fields are attributes and children. Entities are refused.

The only file that knows defusedxml, which reads; the standard library's parser of XML is not safe.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine.model import Json
from engine.tools.rows.formats.csv import cell
from engine.tools.rows.formats.fault import FormatFault

_NAME = re.compile(r"(?!xml)[A-Za-z_][A-Za-z0-9_.-]*", re.IGNORECASE)
_NOT_ALLOWED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(text: str) -> Json:
    """The rows as texts where the root's children are all alike, else one object."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text, forbid_dtd=True)
    except ParseError as error:
        raise FormatFault(f"line {error.position[0]}: {str(error).partition(':')[0]}") from None
    except DefusedXmlException:
        raise FormatFault("it declares a document type or entities, which may be harmful") from None
    tags = {child.tag for child in root}
    if len(tags) == 1 and (len(root) > 1 or len(root[0]) or root[0].attrib):
        return [_row(child) for child in root]
    return [] if not len(root) and not (root.text or "").strip() else _row(root)


def _row(element: Any) -> dict[str, Json]:
    found = _value(element)
    row = found if isinstance(found, dict) else {element.tag: found}
    return {name: value if value is None else cell(value) for name, value in row.items()}


def _value(element: Any) -> Json:
    """Text; an object where there are attributes or children; a list where children have the same name."""
    named = element.tag == "field" and set(element.attrib) == {"name"}
    attributes = {} if named else dict(element.attrib)
    if len(element) == 0 and not attributes:
        return element.text or None
    found: dict[str, Json] = dict(attributes)
    lists: dict[str, list[Json]] = {}
    for child in element:
        name = child.attrib["name"] if child.tag == "field" and "name" in child.attrib else child.tag
        lists.setdefault(name, []).append(_value(child))
    found |= {name: values[0] if len(values) == 1 else values for name, values in lists.items()}
    if not len(element) and (element.text or "").strip():
        found["text"] = element.text
    return found


def write(value: Json) -> str:
    """``<rows>`` with a ``<row>`` each. Null is left out; nested values are JSON in their field."""
    rows = value if isinstance(value, list) else [value]
    body = "".join(f"  <row>{_fields(row)}</row>\n" for row in rows)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<rows>\n{body}</rows>\n'


def _fields(row: Json) -> str:
    fields = row if isinstance(row, dict) else {"value": row}
    return "".join(_field(name, cell(value)) for name, value in fields.items() if value is not None)


def _field(name: str, text: str) -> str:
    if _NOT_ALLOWED.search(text) or _NOT_ALLOWED.search(name):
        raise FormatFault("a text holds a control character, which XML cannot carry")
    content = escape(text, {"\r": "&#13;"})
    if _NAME.fullmatch(name) and name != "field":
        return f"<{name}>{content}</{name}>"
    return f"<field name={quoteattr(name)}>{content}</field>"
