"""The generator of the quickstart pool, composed from templates and word lists of our own.

Nothing here is copied from a data set. The product ships only what comes out for seed 0, as
`dataselect/bundled/quickstart.tar.xz`; `python benchmarks/quickstart_archive.py` makes that archive again, to the byte.
"""
