"""The one process of an engine that knows Ray; see ``__main__.py``. It has a folder of its own, for Ray has its workers
look for modules in the folder of the program that talks with it.
"""
