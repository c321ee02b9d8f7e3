"""Finding outputs and files by what they are about: passages, vectors, and how they get into the graph.

``port.py`` says what gives a text its vector, ``lexical.py`` does it without a model, ``passages.py`` cuts texts,
``indexer.py`` takes them down beside the loop, ``desk.py`` answers.
"""
