"""Lets Cypher through that only reads; a list of what is allowed, not of what is forbidden.

A database in read mode still opens files and addresses (``LOAD CSV``, ``LOAD FROM``), runs procedures, changes settings
and, the embedded one, writes files. So the text is judged as well. The guard knows no full grammar. It knows where a
word may stand: at the start of a clause only the reading ones, behind a value only words that join values, and where a
value is expected names, but none that begins a clause anywhere. Whatever begins something else stands in one of these
places. What this lets through and is no Cypher, the database refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from engine.model import Value
from engine.queries.growth import HEAVIEST, heaviest
from engine.queries.tokens import Kind, Refused, Token, tokenize

MOST_CHARACTERS = 50_000
MOST_TOKENS = 2_000
"""Words, values and signs. The embedded database plans by walks that call themselves: 12,000 times NOT is more than the
stack of its thread holds, and ends the process; a sum of 24,000 ones takes minutes that nothing interrupts.
"""
DEEPEST = 50
"""Brackets inside each other: 90 maps in each other take it three seconds to read."""
DEEPEST_QUERY = 10
"""Subqueries inside each other: 48 take it two seconds, 90 more than anybody waits."""
DEEPEST_CASE = 8
"""CASE inside each other: each doubles the time that it reads; 24 take minutes."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUSES = _words("CALL MATCH OPTIONAL RETURN UNION UNWIND WITH")
READING = "MATCH, OPTIONAL MATCH, UNWIND, WITH, RETURN, UNION and CALL { } of these"
JOINING = _words("AND AS CONTAINS ELSE IN IS LIMIT OFFSET OR SKIP THEN WHEN WHERE XOR")
"""Behind a value; then comes another one."""
CLOSING = _words("ASC ASCENDING DESC DESCENDING END GROUP GROUPS PATH PATHS SHORTEST")
"""Behind a value; then comes what may come behind it."""
PAIRS = {"ORDER": "BY", "STARTS": "WITH", "ENDS": "WITH"}
OPENING = _words("CASE DISTINCT NOT WHEN WHERE")
"""Where a value is expected, before it."""
COMMANDS = CLAUSES | _words(
    "ALTER ANALYZE ATTACH BEGIN CHECKPOINT COMMENT COMMIT COPY CREATE CYPHER DEALLOCATE DELETE DENY DETACH DROP "
    "DRYRUN ENABLE EXPLAIN EXPORT EXTENSION FILTER FINISH FORCE FOREACH GRANT IMPORT INSERT INSTALL LET LOAD MERGE "
    "NEXT NODETACH PROFILE PROJECT REALLOCATE REMOVE RENAME REVOKE ROLLBACK SET SHOW START STOP TERMINATE "
    "UNINSTALL UPDATE USE"
)
"""What begins a clause or a command in either dialect; as a name it stands in backticks."""
SUBQUERIES = _words("COLLECT COUNT EXISTS")
REFUSED_FUNCTIONS = _words("CURRVAL FILE LINENUMBER NEXTVAL SETSEED TO_JSON")
"""They touch what is not the graph, or change something."""
DOTTED_FUNCTIONS = frozenset(
    f"{space}.{name}"
    for space, names in {
        "date": "realtime statement transaction truncate",
        "datetime": "fromepoch fromepochmillis realtime statement transaction truncate",
        "duration": "between indays inmonths inseconds",
        "localdatetime": "realtime statement transaction truncate",
        "localtime": "realtime statement transaction truncate",
        "point": "distance withinbbox",
        "time": "realtime statement transaction truncate",
    }.items()
    for name in names.split()
)
"""Neo4j's own; any other name with a dot belongs to an extension."""
BRACKETS = {"(": ")", "[": "]", "{": "}"}


class Guarded(Value, frozen=True):
    """A query that only reads: the text to send, and the parameters that it names."""

    text: str
    parameters: frozenset[str]


class _Expects(Enum):
    CLAUSE = auto()
    VALUE = auto()
    NAME = auto()
    """Behind a dot, a colon or AS: whatever word comes is a name."""
    MORE = auto()
    """Behind a value."""


@dataclass(slots=True)
class _Frame:
    """An open bracket; that of a query holds clauses."""

    closes: str
    query: bool = False
    call: bool = False
    """It is that of ``CALL { }``: behind it comes another clause."""
    pattern: bool = False
    """In its MATCH, before WHERE: there ``+`` and ``*`` stand behind what they belong to."""
    cases: int = 0
    """Every CASE that is open in it, and around it."""

    @property
    def map(self) -> bool:
        """Whether names and values stand in it."""
        return self.closes == "}" and not self.query


def guarded(text: str, unsafe: frozenset[str] = frozenset()) -> Guarded:
    """The query, when it does nothing but read and calls no function of ``unsafe`` (in capitals).

    Raises ``Refused`` with the place and what to do.
    """
    if len(text) > MOST_CHARACTERS:
        raise Refused(text, 0, f"the query is longer than {MOST_CHARACTERS:,} characters; send data as parameters")
    tokens, sent = tokenize(text)
    if len(tokens) > MOST_TOKENS:
        at = tokens[MOST_TOKENS].at
        raise Refused(text, at, f"a query has at most {MOST_TOKENS:,} words and signs; send lists as parameters")
    if len(tokens) > 1 and tokens[-2].text == ";":
        sent = sent[: tokens[-2].at]
        del tokens[-2]
    _Guard(text, tokens, REFUSED_FUNCTIONS | unsafe).judge()
    weight, at = heaviest(tokens)
    if weight > HEAVIEST:
        raise Refused(text, at, f"a value is put into itself more than {HEAVIEST} times over; it would not end in time")
    names = frozenset(token.text[1:] for token in tokens if token.kind is Kind.PARAMETER)
    return Guarded(sent, names)


class _Guard:
    """Goes through the tokens once, and remembers the open brackets and what may come next."""

    def __init__(self, text: str, tokens: list[Token], refused_functions: frozenset[str]) -> None:
        self._text = text
        self._refused_functions = refused_functions
        self._tokens = tokens
        self._at = 0
        self._frames = [_Frame("", query=True)]
        self._expects = _Expects.CLAUSE

    def judge(self) -> None:
        """Raises ``Refused`` unless all of it only reads."""
        while self._here.kind is not Kind.END:
            token = self._here
            if token.kind is Kind.WORD:
                self._word(token)
            elif token.kind is Kind.SYMBOL:
                self._symbol(token)
            else:
                self._value(token)
            self._at += 1
        if len(self._frames) > 1:
            raise self._refused(f"{self._frames[-1].closes!r} is missing")
        if self._expects is _Expects.CLAUSE:
            raise self._refused(f"a clause is missing: {READING}")

    # --- words ----------------------------------------------------------------------------------------------------

    def _word(self, token: Token) -> None:
        if self._expects is _Expects.NAME:
            self._expects = _Expects.MORE
        elif self._expects is _Expects.CLAUSE:
            self._clause(token.word)
        elif self._expects is _Expects.VALUE:
            self._named(token.word)
        else:
            self._joined(token.word)

    def _named(self, word: str) -> None:
        """A word where a value is expected."""
        if word in SUBQUERIES and self._next.text == "{":
            self._at += 1
            self._open(_Frame("}", query=True), _Expects.CLAUSE)
            if not self._next.word:
                self._frames[-1].pattern = True
                self._expects = _Expects.VALUE
        elif word in COMMANDS and not (self._frames[-1].map and self._next.text == ":"):
            raise self._refused(f"{self._here.text} is no name; write it in backticks if it is meant as one")
        elif word not in OPENING:
            self._expects = _Expects.MORE
        elif word == "CASE":
            self._frames[-1].cases += 1
            if self._frames[-1].cases > DEEPEST_CASE:
                raise self._refused(f"more than {DEEPEST_CASE} CASE stand in each other; name what they give by WITH")

    def _joined(self, word: str) -> None:
        """A word behind a value."""
        if word in CLAUSES and self._frames[-1].query:
            self._clause(word)
        elif word in JOINING:
            self._expects = _Expects.NAME if word == "AS" else _Expects.VALUE
            self._frames[-1].pattern &= word != "WHERE"
        elif word in PAIRS and self._next.word == PAIRS[word]:
            self._at += 1
            self._expects = _Expects.VALUE
        elif word not in CLOSING:
            raise self._refused(f"{self._here.text} may not come here; a query may only read: {READING}")
        elif word == "END":
            around = self._frames[-2].cases if len(self._frames) > 1 else 0
            if self._frames[-1].cases <= around:
                raise self._refused("END closes no CASE")
            self._frames[-1].cases -= 1

    def _clause(self, word: str) -> None:
        """The start of a clause."""
        if word == "OPTIONAL" and self._next.word in ("MATCH", "CALL"):
            self._at += 1
            word = self._here.word
        elif word == "OPTIONAL" or word not in CLAUSES:
            raise self._refused(f"{self._here.text} is not allowed; a query may only read: {READING}")
        self._frames[-1].pattern = word == "MATCH"
        self._expects = _Expects.VALUE
        if word == "CALL":
            self._call()
        elif word == "UNION":
            self._at += self._next.word in ("ALL", "DISTINCT")
            self._expects = _Expects.CLAUSE

    def _call(self) -> None:
        """``CALL { ... }``, also with ``(names)`` before the brace; anything else is a procedure."""
        called = self._here
        if self._next.text == "(":
            self._at += 1
            while self._next.kind in (Kind.WORD, Kind.QUOTED) or self._next.text in (",", "*"):
                self._at += 1
            self._at += self._next.text == ")"
        if self._next.text != "{":
            raise Refused(self._text, called.at, "CALL of a procedure is not allowed; CALL { ... } that reads is")
        self._at += 1
        self._open(_Frame("}", query=True, call=True), _Expects.CLAUSE)

    # --- symbols and values -----------------------------------------------------------------------------------------

    def _symbol(self, token: Token) -> None:
        text = token.text
        if self._expects is _Expects.CLAUSE:
            raise self._refused(f"a clause begins with a word: {READING}")
        if text == ";":
            raise self._refused("one query at a time")
        if text in BRACKETS:
            self._bracket(text)
        elif text in BRACKETS.values():
            self._close(text)
        elif text in (".", ":"):
            self._expects = _Expects.VALUE if text == ":" and self._frames[-1].map else _Expects.NAME
        elif text == "*" and self._expects is not _Expects.MORE:
            self._expects = _Expects.MORE
        elif text not in ("*", "+") or not self._frames[-1].pattern:
            self._expects = _Expects.VALUE

    def _bracket(self, text: str) -> None:
        if text == "(" and self._expects is _Expects.MORE:
            self._refuse_function()
        self._open(_Frame(BRACKETS[text]), _Expects.VALUE)

    def _refuse_function(self) -> None:
        """Raises when what stands before this bracket is the name of a function that is not allowed."""
        before = self._tokens[self._at - 1]
        if before.kind is Kind.QUOTED:
            raise self._refused("the name of a function stands without backticks")
        if before.kind is not Kind.WORD:
            return
        start = self._at - 1
        while self._tokens[start - 1].text == "." and start >= 2:
            start -= 2
        name = "".join(token.text for token in self._tokens[start : self._at])
        if name.upper() in self._refused_functions or ("." in name and name.lower() not in DOTTED_FUNCTIONS):
            raise Refused(self._text, self._tokens[start].at, f"the function {name} is not allowed here")

    def _open(self, frame: _Frame, expects: _Expects) -> None:
        if len(self._frames) > DEEPEST:
            raise self._refused("the brackets are nested too deeply")
        if frame.query and sum(one.query for one in self._frames) > DEEPEST_QUERY:
            raise self._refused(f"more than {DEEPEST_QUERY} subqueries stand in each other")
        frame.cases = self._frames[-1].cases
        self._frames.append(frame)
        self._expects = expects

    def _close(self, text: str) -> None:
        frame = self._frames[-1]
        if text != frame.closes:
            raise self._refused(f"{text!r} closes nothing")
        self._frames.pop()
        self._expects = _Expects.CLAUSE if frame.call else _Expects.MORE

    def _value(self, token: Token) -> None:
        if self._expects is _Expects.CLAUSE:
            raise self._refused(f"a clause begins with a word: {READING}")
        if self._expects is _Expects.MORE and token.kind is not Kind.NUMBER:
            raise self._refused(f"{token.text[:40]} follows a value; an operator or a comma is missing")
        self._expects = _Expects.MORE

    @property
    def _here(self) -> Token:
        return self._tokens[self._at]

    @property
    def _next(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _refused(self, reason: str) -> Refused:
        return Refused(self._text, self._here.at, reason)
