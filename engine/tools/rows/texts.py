"""What can be read out of a text by rule. Pure."""

from __future__ import annotations

import re
from collections import Counter

from engine.model import Json

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”)]*\s+(?=[\"'“(]?[^\W_])|\n\s*\n")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_URL = re.compile(r"https?://[^\s<>\"')\]]+")
_MONTHS = "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
_MONTHS += "|Nov(?:ember)?|Dec(?:ember)?"
_DATE = re.compile(
    r"\b(?:\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?|\d{1,2}[./]\d{1,2}[./]\d{4}"
    rf"|\d{{1,2}}\.? (?:{_MONTHS}) \d{{4}}|(?:{_MONTHS}) \d{{1,2}}, \d{{4}})\b"
)
_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")
_STOP = frozenset(
    [
        "a",
        "about",
        "after",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "may",
        "me",
        "more",
        "most",
        "my",
        "no",
        "not",
        "of",
        "on",
        "one",
        "or",
        "other",
        "our",
        "out",
        "over",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "up",
        "was",
        "we",
        "were",
        "what",
        "when",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_KEYWORDS = 10


def words(text: str) -> list[str]:
    """The words, as they are written."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """The sentences, without the blanks around them."""
    return [part.strip() for part in _SENTENCE_END.split(text.strip()) if part.strip()]


def numbers(text: str) -> list[int | float]:
    """The numbers that are no part of a date, an address or a word; commas between thousands are left out."""
    rest = _DATE.sub(" ", _URL.sub(" ", _EMAIL.sub(" ", text)))
    found = [part.replace(",", "") for part in _NUMBER.findall(rest)]
    return [float(part) if "." in part else int(part) for part in found if len(part) <= 300]


def keywords(text: str, most: int = _KEYWORDS) -> list[dict[str, Json]]:
    """The words that say most: often used, not common to all texts; equal ones in the order of the text."""
    counts = Counter(word for word in map(str.lower, words(text)) if len(word) > 2 and word not in _STOP)
    return [{"word": word, "count": count} for word, count in counts.most_common(most)]


def summary(text: str, most: int) -> str:
    """The sentences with the most weight in keywords for their length, in the order of the text."""
    parts = sentences(text)
    weights = {str(found["word"]): int(found["count"]) for found in keywords(text, 50)}
    rated = sorted(range(len(parts)), key=lambda index: (-_weight(parts[index], weights), index))
    return " ".join(parts[index] for index in sorted(rated[:most]))


def _weight(sentence: str, weights: dict[str, int]) -> float:
    found = [word.lower() for word in words(sentence)]
    return sum(weights.get(word, 0) for word in set(found)) / (len(found) ** 0.5) if found else 0.0


def facts(text: str, summary_sentences: int) -> dict[str, Json]:
    """All of it: words and sentences are counts."""
    unique = {name: list(dict.fromkeys(found.findall(text))) for name, found in (("emails", _EMAIL), ("urls", _URL))}
    return {
        "text": text,
        "words": len(words(text)),
        "sentences": len(sentences(text)),
        "numbers": numbers(text),
        "dates": _DATE.findall(text),
        "emails": unique["emails"],
        "urls": [url.rstrip(".,;:!?") for url in unique["urls"]],
        "keywords": keywords(text),
        "summary": summary(text, summary_sentences),
    }
