"""How a task becomes a plan: how complex it is, which strategy fits it, what a sentence asks for, what a model is told.

Pure: nothing here reads, waits or knows a tool. What it makes are plans like those that a caller sends.
"""
