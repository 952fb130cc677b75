"""The benches: `python3 run.py bench NAME` measures and prints; nothing is judged. Python 3.6 and later.

A bench is a module whose docstring's first line says what it measures, in the user's words; name it in __main__.py.
"""
