"""The walk over provenance, without a graph: edges lead on only where somebody has noted the very subtask."""

from __future__ import annotations

from collections.abc import Collection

from engine.derivation import Walk
from engine.lineage import Made, Taken

A, B, C = "A.0000000", "A.0000001", "A.0000002"
OTHER = "B.0000000"


def made(id_: str, hash_: str, origin: str = "", cache_key: str = "") -> Made:
    return Made(id_, 1, hash_, 1, "1", origin, cache_key=cache_key)


def used(id_: str, hash_: str, *consumed: str) -> Taken:
    return Taken(id_, hash_, consumed, "", "completed")


def took(id_: str, hash_: str, origin: str, *consumed: str, outcome: str = "reused") -> Taken:
    return Taken(id_, hash_, consumed, origin, outcome)


def reached(
    start: str, outputs: Collection[Made], ends: Collection[Taken], grown: dict[str, list[str]] | None = None
) -> dict[str, bool]:
    """Walks over a graph that is given as lists."""
    walk = Walk([start])
    while True:
        new, wholes = walk.ask()
        if not new:
            return walk.reached
        hashes = walk.learn([row for row in outputs if row.id in (*new, *wholes)])
        found = [row for row in ends if row.hash in hashes]
        takers = [row for row in found if row.origin]
        children = [child for id_ in new for child in (grown or {}).get(id_, ())]
        walk.follow([row for row in found if row.consumed], takers, children)


def test_it_goes_on_from_user_to_user() -> None:
    outputs = [made(A, "a"), made(B, "b"), made(C, "c")]

    assert reached(A, outputs, [used(B, "a", A), used(C, "b", B)]) == {A: True, B: False, C: False}


def test_an_equal_output_of_a_stranger_leads_nowhere() -> None:
    outputs = [made(A, "same"), made(OTHER, "same")]

    assert reached(A, outputs, [used("B.0000001", "same", OTHER)]) == {A: True}


def test_whoever_took_it_over_is_recalled_too_and_so_is_where_it_was_made() -> None:
    outputs = [made(A, "a"), made(OTHER, "a", A), made("C.0000000", "a", A)]
    ends = [took(OTHER, "a", A, outcome="cached"), took("C.0000000", "a", A)]

    everything = {A: True, OTHER: True, "C.0000000": True}
    assert reached(A, outputs, ends) == everything
    assert reached(OTHER, outputs, ends) == everything


def test_what_was_taken_over_because_its_inputs_were_the_same_is_judged_by_these() -> None:
    outputs = [made(A, "a"), made(B, "b"), made("B.0000001", "b", B), made(OTHER, "a")]
    ends = [used(B, "a", A), took("B.0000001", "b", B, OTHER), used("B.0000001", "a", OTHER)]

    assert reached(A, outputs, ends) == {A: True, B: False}
    assert reached(B, outputs, ends) == {B: True, "B.0000001": True}


def test_a_hit_in_the_cache_of_a_derived_output_is_called_into_question() -> None:
    outputs = [made(A, "a"), made(B, "b"), made("B.0000001", "b", B)]
    ends = [used(B, "a", A), took("B.0000001", "b", B, OTHER, outcome="cached")]

    assert reached(A, outputs, ends) == {A: True, B: False, "B.0000001": True}


def test_items_derive_from_their_map_and_whoever_joins_them_from_each() -> None:
    items = [f"{A}.{n:07d}" for n in range(2)]
    outputs = [made(A, "two"), made(B, "b"), *(made(item, item) for item in items)]
    ends = [used(B, "two", A)]

    assert reached(A, outputs, ends, {A: items}) == {A: True, items[0]: False, items[1]: False, B: False}
    assert reached(items[0], outputs, ends, {A: items}) == {items[0]: True, B: False}


def test_a_subtask_inside_is_no_user_of_the_whole() -> None:
    item, beside = f"{A}.0000000", f"{A}.0000001"
    outputs = [made(A, "a"), made(item, "i"), made(beside, "j")]

    assert reached(item, outputs, [used(beside, "a", A)]) == {item: True}


def test_addresses_and_cache_keys_are_collected() -> None:
    walk = Walk([A, B])
    walk.ask()
    walk.learn([made(A, "a", cache_key="k"), made(B, "a")])

    assert (walk.hashes, walk.cache_keys) == ({"a"}, {"k"})
