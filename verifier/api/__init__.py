"""The verbs for Python, a module each: any input (a name, a path, an array, an object) in, a Spec or a Run out.

The command line parses, calls these, and prints.
"""
