"""A million records of pairs in five formats: rows.py FOLDER."""

import pathlib
import sys

from datasets import Dataset

folder = pathlib.Path(sys.argv[1])
partial = folder.with_suffix(".partial")
partial.mkdir(parents=True, exist_ok=True)
words = "the quick brown fox jumps over a lazy dog and says, “how do you do?”".split()
text = lambda i, n: " ".join(words[(i * k + k) % len(words)] for k in range(1, n))
rows = range(1_000_000)
dataset = Dataset.from_dict({
    "text": [f"{text(i, 4)} {i}" for i in rows],
    "text_pos": [text(i + 1, 6 + i % 20) for i in rows],
    "label": [i % 6 for i in rows],
})
dataset.to_json(partial / "rows.jsonl", force_ascii=False)
dataset.to_json(partial / "rows.json", lines=False, force_ascii=False, batch_size=len(dataset))
dataset.to_csv(partial / "rows.csv")
dataset.to_parquet(partial / "rows.parquet")
dataset.save_to_disk(partial / "saved", max_shard_size="10GB")
next((partial / "saved").glob("*.arrow")).rename(partial / "rows.arrow")
partial.rename(folder)
