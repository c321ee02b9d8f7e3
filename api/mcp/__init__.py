"""The engine for MCP clients: tools by which a model submits work, watches it, asks why, and decides.

Every tool asks the REST API, over a socket or inside this process, so that guards, limits and errors are those of the
routes and nothing is decided twice.
"""
