"""A file layer that loses un-synced writes, for the power-cut drill.

kill -9 cannot show a missing fsync, since the kernel keeps the page cache. So the work is recorded once (recorder.py:
SQLite's writes by sqlite_vfs.py, Python's by python_files.py) and then any number of power cuts are played on the
record: disk.py rebuilds the folder as the disk could look after a cut at any moment, and says by which model. replay.py
runs the real tray parts and the real receiver over it.
"""
