"""What an SDK of OpenTelemetry has collected, as a tree that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import opentelemetry.trace as api
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@dataclass(frozen=True)
class Collected:
    """The spans that have ended, in that order."""

    provider: TracerProvider
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of a name."""
        return [span for span in self.spans if span.name == name]

    def way(self, span: ReadableSpan) -> list[str]:
        """The names from the top of its trace down to a span; a parent that is not here is its id."""
        by_id = {one.context.span_id: one for one in self.spans}
        names = [span.name]
        while span.parent is not None:
            if span.parent.span_id not in by_id:
                return [f"{span.parent.span_id:016x}", *names]
            span = by_id[span.parent.span_id]
            names.insert(0, span.name)
        return names

    @property
    def traces(self) -> set[str]:
        """The ids of the traces."""
        return {f"{span.context.trace_id:032x}" for span in self.spans}

    @property
    def text(self) -> str:
        """Everything that was written."""
        return "".join(span.to_json() for span in self.spans)


@contextmanager
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    """An SDK for this test only; OpenTelemetry itself takes one for a whole process."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with monkeypatch.context() as patch:
        patch.setattr(api, "_TRACER_PROVIDER", provider)
        yield Collected(provider, exporter)
    provider.shutdown()
