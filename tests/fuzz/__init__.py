"""Fuzz targets, one module a parser: `python -m tests.fuzz TARGET [--count N] [--seed S]`.

Each module has `TARGET`. Its corpus is made anew from the project's own messages, keys and
certificates; the same seed and number give the same input. `TARGET.one` takes octets, so that
a coverage-guided fuzzer can drive it as well.
"""
