"""The engine as a client of the Model Context Protocol: tools of other servers as subtask types, ``mcp.SERVER.TOOL``.

``config.py`` reads which servers there are, ``sheets.py`` what a server says of its tools, ``tool.py`` makes types of
them. ``link.py`` keeps the connection to one server, over ``pipes.py`` (a process under the guardian) or ``web.py``
(HTTP); ``source.py`` holds them all. The library of the protocol is loaded by the first connection and not before.
"""
