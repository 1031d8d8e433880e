"""Texts a second of sentence-transformers' encode: encode.py FOLDER PRECISION PAIRS.jsonl.gz COUNT."""

import gzip
import json
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

folder, precision, pairs, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(2)
with gzip.open(pairs, "rt") as file:
    rows = [json.loads(line) for line in file]
texts = ([row["text_pos"] for row in rows] + [row["text"] for row in rows])[:count]
model = SentenceTransformer(folder, device="cpu")
with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
    model.encode(texts[:64])
    start = time.perf_counter()
    model.encode(texts)
print(json.dumps({"textsPerSecond": len(texts) / (time.perf_counter() - start)}))
