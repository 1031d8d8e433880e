"""Rows a second of datasets' streaming: read.py FILE."""

import json
import os
import resource
import sys
import time

from datasets import load_dataset

path = sys.argv[1]
kind = {"jsonl": "json"}.get(path.rsplit(".", 1)[1], path.rsplit(".", 1)[1])
with open("/proc/self/statm") as statm:
    before = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
start = time.perf_counter()
rows = characters = 0
for row in load_dataset(kind, data_files=path, split="train", streaming=True):
    rows += 1
    characters += len(row["text_pos"])
seconds = time.perf_counter() - start
added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
print(json.dumps({"rowsPerSecond": rows / seconds, "rows": rows, "characters": characters, "rss": added}))
