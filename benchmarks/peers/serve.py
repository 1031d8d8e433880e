"""sentence-transformers under FastAPI and uvicorn, as a short service has it: serve.py FOLDER PORT.

Requests take turns at the model, so that each has both threads of torch: without the lock forty of them share two cores.
"""

import sys
import threading

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer

folder, port = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(2)
model = SentenceTransformer(folder, device="cpu")
model.encode(["warm up", "a text"])
app = FastAPI()
turn = threading.Lock()


class Request(BaseModel):
    input: str | list[str]
    model: str
    encoding_format: str = "float"


@app.get("/health")
def health():
    return {}


@app.post("/v1/embeddings")
def embeddings(request: Request):
    texts = [request.input] if isinstance(request.input, str) else request.input
    with turn:
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    data = [{"object": "embedding", "index": i, "embedding": vector.tolist()} for i, vector in enumerate(vectors)]
    return {"object": "list", "model": request.model, "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
