"""Makes a random BERT folder: model.py FOLDER LAYERS HIDDEN."""

import pathlib
import sys

import torch
from transformers import BertConfig, BertModel

folder, layers, hidden = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(0)
config = BertConfig(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=hidden // (32 if hidden == 384 else 64),
                    intermediate_size=4 * hidden)
BertModel(config).save_pretrained(folder)
(folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"t{i}" for i in range(30517)]) + "\n")
