"""A sentence with marks becomes clauses, and each clause what it asks for; None as soon as a word is left over."""

from __future__ import annotations

import re

from engine.model import Value
from engine.planning.rules.marks import MARK

_VERBS = (
    "fetch|download|get|read|load|open|retrieve|convert|transform|turn|summarise|summarize|sum up|extract|find|list|"
    "count|compare|write|save|store|export"
)
_POLITE = re.compile(
    r"(?:please |kindly |can you |could you |would you |will you |i want you to |i need you to |i would like you to )+"
)
_LEAD = re.compile(
    r"(?:and |first|firstly|second|then|next|afterwards|after that|finally|lastly|please)[,:]? (?:please )?"
)
_BETWEEN = re.compile(
    rf"(?:\s*[,;.]\s*(?:and )?|\s+and )(?:(?:then|afterwards|after that|next|finally|lastly),? )?"
    rf"(?=(?:please )?(?:{_VERBS})\b)"
    rf"|\s+(?:and )?then,?\s+(?=(?:{_VERBS})\b)"
)
_NUMBERED = re.compile(r"(?:^|\s)\(?(\d{1,2})[.):]\s+")

_NOUN = (
    r"(?:file|files|url|urls|page|pages|web page|website|site|text|texts|article|document|documents|data|dataset|"
    r"contents?|table|rows|address|sentence|paragraph)"
)
_ONE = rf"(?:(?:the |this |following |{_NOUN} (?:of |at |from |in |under )?)*(?:(?:{_NOUN}|following): ?)?{MARK})"
_MANY = rf"{_ONE}(?:(?:, and |, | and |,)(?:from )?{_ONE})*"
_IT = (
    rf"it|this|that|(?:the|this|that) (?:result|output|summary|answer|{_NOUN})|the given (?:data|text|input)|"
    rf"the input(?: data| text)?"
)
_THEM = rf"them|these|those|both|(?:the|these|those) (?:results|outputs|summaries|{_NOUN})"
_OBJECT = rf"(?P<object>{_MANY}|{_THEM}|{_IT})"
_OPTIONAL = rf"(?: {_OBJECT})?"
_FORMAT = r"(?P<format>csv|json|ndjson|jsonl|yaml|yml|toml|xml|markdown|html|parquet)"
_ARTICLE = r"(?:an? |the )?"
_NUMBER = r"(?P<number>\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten)"
_WHAT = (
    r"(?P<what>numbers|e-?mails|email addresses|dates|urls|links|keywords|key words|words|sentences|rows|lines|records)"
)
_PLACE = rf"{_ARTICLE}(?:file |new file )?(?:called |named )?{MARK}"
_TO = rf"(?:in)?to (?:{_ARTICLE}{_FORMAT}(?: format| file| table)?|{_PLACE})"
_SUMMARY_OF = rf"(?:write|get|give me|make|create) a summary of {_OBJECT.replace('object', 'other')}"
_CLAUSES = {
    "get": rf"(?:fetch|download|get|read|load|open|retrieve) {_OBJECT}",
    "convert": rf"(?:convert|transform|turn){_OPTIONAL} {_TO}",
    "summarise": rf"(?:(?:summari[sz]e|sum up){_OPTIONAL}|{_SUMMARY_OF})(?: in {_NUMBER} sentences?)?",
    "extract": rf"(?:extract|find|list|get) (?:all |all the |the |all of the )?{_WHAT}(?: (?:from|in|of) {_OBJECT})?",
    "count": rf"count (?:all |the |all the )?{_WHAT}(?: (?:from|in|of) {_OBJECT})?",
    "compare": rf"compare {_OBJECT}(?: (?:with|to|against) (?P<with>{_ONE}))?",
    "write": rf"(?:write|save|store|export){_OPTIONAL} (?:in)?(?:to|as|in) {_PLACE}",
}
_READ = {name: re.compile(pattern) for name, pattern in _CLAUSES.items()}
_NUMBERS = {
    **{"zero": 0, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5},
    **{"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
}


class Clause(Value, frozen=True):
    """One thing asked for.

    ``does`` names the rule; ``marks`` are the numbers of the things that it names, ``pronoun`` is "it" or "them" where
    it points back, both empty where it names nothing. ``target`` is the mark of a file to write, ``format`` a format
    to convert to, ``what`` what to extract or count, ``number`` a number of sentences, ``beside`` the mark after
    "with".
    """

    does: str
    marks: list[int]
    pronoun: str = ""
    target: int | None = None
    format: str = ""
    what: str = ""
    number: int | None = None
    beside: int | None = None


def clauses(text: str) -> list[Clause] | None:
    """The clauses of a sentence with marks, in order; None unless every part of it is one."""
    parts = _parts(text)
    found = [_clause(part) for part in parts]
    return [clause for clause in found if clause] if found and all(found) else None


def _parts(text: str) -> list[str]:
    text = _POLITE.sub("", text.strip(), count=1) if _POLITE.match(text.strip()) else text.strip()
    numbers = list(_NUMBERED.finditer(text))
    if (
        len(numbers) > 1
        and numbers[0].start() == 0
        and [int(n[1]) for n in numbers] == list(range(1, len(numbers) + 1))
    ):
        ends = [*(number.start() for number in numbers[1:]), len(text)]
        lines = [text[number.end() : end] for number, end in zip(numbers, ends, strict=True)]
    else:
        lines = [text]
    return [part for line in lines for part in _BETWEEN.split(_without_lead(line.strip(" .,;!")))]


def _without_lead(part: str) -> str:
    """Without "and then" and the like at its beginning."""
    while lead := _LEAD.match(part):
        part = part[lead.end() :]
    return part


def _clause(part: str) -> Clause | None:
    part = _without_lead(part.strip(" .,;!?").removesuffix(" please").rstrip(" ,"))
    for name, pattern in _READ.items():
        if match := pattern.fullmatch(part):
            return _read(name, match.groupdict(), part)
    return None


def _read(name: str, groups: dict[str, str | None], part: str) -> Clause:
    named = groups.get("object") or groups.get("other") or ""
    marks = [int(number) for number in re.findall(MARK, named)]
    pronoun = "" if marks or not named else "them" if re.fullmatch(_THEM, named) else "it"
    beside = re.search(MARK, groups.get("with") or "")
    said = groups.get("number")
    number = None if said is None else _NUMBERS[said] if said in _NUMBERS else int(said)
    target = _target(name, groups, part)
    format, what = groups.get("format") or "", groups.get("what") or ""
    return Clause(name, marks, pronoun, target, format, what, number, int(beside[1]) if beside else None)


def _target(name: str, groups: dict[str, str | None], part: str) -> int | None:
    """The file at the end of what writes one."""
    if name == "write" or (name == "convert" and not groups.get("format")):
        return int(re.findall(MARK, part)[-1])
    return None
