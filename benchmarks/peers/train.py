"""Pairs a second of sentence-transformers' trainer: train.py FOLDER PRECISION PAIRS.jsonl.gz STEPS."""

import gzip
import json
import resource
import sys
import tempfile
import time

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.losses import MultipleNegativesRankingLoss
from transformers import TrainerCallback

folder, precision, pairs, steps = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(2)
with gzip.open(pairs, "rt") as file:
    rows = [json.loads(line) for line in file]
model = SentenceTransformer(folder, device="cpu")
model.max_seq_length = 128
times = []


class Clock(TrainerCallback):
    def on_step_end(self, *args, **kwargs):
        times.append(time.perf_counter())


arguments = SentenceTransformerTrainingArguments(
    output_dir=tempfile.mkdtemp(), max_steps=steps, per_device_train_batch_size=64, learning_rate=5e-5,
    lr_scheduler_type="constant", weight_decay=1e-3, logging_steps=1000, save_strategy="no", report_to=[], use_cpu=True,
    bf16=precision == "bf16", disable_tqdm=True,
)
trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows),
                                     loss=MultipleNegativesRankingLoss(model), callbacks=[Clock()])
trainer.train()
print(json.dumps({"pairsPerSecond": 64 * (len(times) - 3) / (times[-1] - times[2]),
                  "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
