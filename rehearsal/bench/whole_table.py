"""`run.py bench` without a name: gathers, prints the table, writes what was asked for."""

import argparse
import json
import sys
from pathlib import Path
from typing import Sequence

from rehearsal.bench import table, whole


def run(words: Sequence[str], options: argparse.Namespace) -> int:
    """0; 1 where a part could not be measured, 2 where --into's file cannot take the table. No figure is judged."""
    if options.into:
        try:  # before an hour of measuring, not after it
            table.put_into(Path(options.into).read_text(encoding="utf-8"), [])
        except (OSError, ValueError) as problem:
            print("表格不能写进 %s：%s" % (options.into, problem), file=sys.stderr)
            return 2
    command = " ".join(["python3 run.py bench", *words])
    found = whole.gather(
        command, options.full, options.here, options.vectorbt, lambda said: print(said, file=sys.stderr, flush=True)
    )
    print("\n".join(table.screen(found)), flush=True)
    if options.report:
        Path(options.report).write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")
    if options.into:
        into = Path(options.into)
        into.write_text(table.put_into(into.read_text(encoding="utf-8"), table.markdown(found)), encoding="utf-8")
    return 1 if any(part["problem"] for part in found["parts"].values()) else 0
