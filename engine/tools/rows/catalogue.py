"""The stages that work on rows and text, as one engine has them."""

from __future__ import annotations

from engine.language import LanguageModel
from engine.settings import Settings
from engine.toolport import Tool
from engine.tools.addresses import AddressPolicy
from engine.tools.roots import Roots
from engine.tools.rows.aggregation import Aggregation
from engine.tools.rows.analysis import Analysis
from engine.tools.rows.comparison import Comparison
from engine.tools.rows.data_processing import DataProcessing
from engine.tools.rows.execute import Execute
from engine.tools.rows.extraction import Extraction
from engine.tools.rows.finalize import Finalize
from engine.tools.rows.formatting import Formatting
from engine.tools.rows.generation import Generation
from engine.tools.rows.insight_generation import InsightGeneration
from engine.tools.rows.parsing import Parsing
from engine.tools.rows.prepare import Prepare
from engine.tools.rows.processing import Processing
from engine.tools.rows.transformation import Transformation
from engine.tools.rows.validation import Validation
from engine.tools.rows.web import Web
from engine.tools.rows.workshop import Workshop
from engine.tools.undo import UndoLog
from engine.tools.write_file import WriteFile


def row_tools(settings: Settings, roots: Roots, policy: AddressPolicy, model: LanguageModel | None) -> list[Tool]:
    """All of them. Nothing is opened before one of them runs.

    Args:
        settings: of the engine.
        roots: the folders of FILE_ROOTS.
        policy: where URLs may lead.
        model: words what a stage is asked to word; None where no key is set.
    """
    grace = settings.cancel_grace_seconds
    workshop = Workshop(roots, Web(policy, grace), grace)
    undo = UndoLog(settings.undo, roots)
    writer = WriteFile(roots, undo, grace)
    return [
        Validation(workshop),
        Processing(workshop),
        Aggregation(workshop),
        DataProcessing(workshop),
        Extraction(workshop),
        Analysis(workshop),
        InsightGeneration(model),
        Parsing(workshop),
        Transformation(workshop, writer),
        Formatting(workshop, writer),
        Comparison(workshop),
        Generation(grace, model),
        Prepare(workshop),
        Execute(workshop),
        Finalize(workshop, writer),
    ]
