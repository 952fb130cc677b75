"""The soak: the whole chain trades for hours, or for weeks of short days, under a seeded schedule of troubles; then an
oracle that knows what happened says what was not kept. `python3 run.py soak --hours 2` or `--days 20`."""
