"""The stages that work on rows and text, as one engine has them."""

from __future__ import annotations

from engine.language import LanguageModel
from engine.ports import Tool
from engine.settings import Settings
from engine.tools.addresses import AddressPolicy
from engine.tools.roots import Roots
from engine.tools.rows.aggregation import Aggregation
from engine.tools.rows.data_processing import DataProcessing
from engine.tools.rows.processing import Processing
from engine.tools.rows.validation import Validation
from engine.tools.rows.web import Web
from engine.tools.rows.workshop import Workshop


def row_tools(settings: Settings, roots: Roots, policy: AddressPolicy, model: LanguageModel | None) -> list[Tool]:
    """All of them. Nothing is opened before one of them runs.

    Args:
        settings: of the engine.
        roots: the folders of FILE_ROOTS.
        policy: where URLs may lead.
        model: words what a stage is asked to word; None where no key is set.
    """
    del model
    grace = settings.cancel_grace_seconds
    workshop = Workshop(roots, Web(policy, grace), grace)
    return [Validation(workshop), Processing(workshop), Aggregation(workshop), DataProcessing(workshop)]
