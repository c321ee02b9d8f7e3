"""Makes plans without a model: how complex a typed task is, which strategy fits it, and what a plain sentence asks for.

Pure: nothing here reads, waits or knows a tool. What it makes are plans like those that a caller sends.
"""
