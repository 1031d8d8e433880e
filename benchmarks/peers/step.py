"""Seconds of one PyTorch training step: step.py FOLDER PRECISION PAIRS TOKENS STEPS. All tokens real, no dropout."""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from transformers import BertModel

folder, precision, pairs, tokens, steps = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
torch.set_num_threads(2)
model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=1e-3)
seconds = []
for step in range(steps):
    ids = torch.randint(5, 30522, (2 * pairs, tokens), generator=torch.Generator().manual_seed(step))
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    embeddings = F.normalize(states.float().mean(1))
    scores = embeddings[:pairs] @ embeddings[pairs:].T * 20
    loss = F.cross_entropy(scores, torch.arange(pairs))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": sorted(seconds[2:])[(steps - 2) // 2], "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                  "loss": loss.item()}))
