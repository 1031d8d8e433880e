"""Python's clients against a running server of all-MiniLM-L6-v2: clients.py URL TEXTS.json VECTORS.json.

Nothing of the clients is changed but their address. Vectors are sentence-transformers' (fixtures/minilm/generate.py).
"""

import json
import sys
from importlib.metadata import version

import numpy
import openai
from huggingface_hub import InferenceClient
from langchain_openai import OpenAIEmbeddings

url, texts_path, vectors_path = sys.argv[1:]
MODEL = "all-MiniLM-L6-v2"
pairs = [
    (text, vector)
    for text, vector in zip(json.load(open(texts_path)), json.load(open(vectors_path)), strict=True)
    if text
]
texts = [text for text, _ in pairs]
vectors = numpy.array([vector for _, vector in pairs])
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none asked for", max_retries=0)


def check_close(what, actual, expected):
    actual = numpy.array(actual)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, not {expected.shape}"
    difference = numpy.abs(actual - expected).max()
    assert difference < 1e-5, f"{what}: {difference} apart"
    print(f"{what}: {len(actual)} vectors agree to {difference:.1e}")


def check_error(what, kind, message, run):
    try:
        run()
    except kind as error:
        assert message in str(error), f"{what}: {error}"
        print(f"{what}: {type(error).__name__}")
    else:
        raise AssertionError(f"{what}: no error")


def vectors_of(answer):
    return [item.embedding for item in answer.data]


check_close("openai, its default base64", vectors_of(client.embeddings.create(model=MODEL, input=texts)), vectors)
floats = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
check_close("openai, floats", vectors_of(floats), vectors)
assert floats.usage.prompt_tokens > len(texts)
one = client.embeddings.create(model=MODEL, input=texts[0])
check_close("openai, one text", vectors_of(one), vectors[:1])
head = vectors[:, :64] / numpy.linalg.norm(vectors[:, :64], axis=1, keepdims=True)
check_close(
    "openai, 64 dimensions", vectors_of(client.embeddings.create(model=MODEL, input=texts, dimensions=64)), head
)
assert [model.id for model in client.models.list()] == [MODEL]

check_error(
    "openai, an unknown model",
    openai.NotFoundError,
    "not found",
    lambda: client.embeddings.create(model="text-embedding-3-small", input="a"),
)
check_error(
    "openai, an empty text",
    openai.BadRequestError,
    "input[1] is an empty string",
    lambda: client.embeddings.create(model=MODEL, input=["a", ""]),
)
check_error(
    "openai, token ids",
    openai.BadRequestError,
    "check_embedding_ctx_length=False",
    lambda: client.embeddings.create(model=MODEL, input=[[1, 2], [3]]),
)

langchain = OpenAIEmbeddings(
    model=MODEL, base_url=f"{url}/v1", api_key="none asked for", check_embedding_ctx_length=False, chunk_size=7
)
check_close("langchain-openai, documents", langchain.embed_documents(texts), vectors)
check_close("langchain-openai, a query", [langchain.embed_query(texts[0])], vectors[:1])

hub = InferenceClient(model=f"{url}/embed")
check_close("huggingface_hub, feature_extraction", hub.feature_extraction(texts[0], normalize=True), vectors[:1])

print(", ".join(f"{name} {version(name)}" for name in ("openai", "langchain-openai", "huggingface-hub")))
