"""A router written by hand, so that a test knows what it says: the word that is an expert's own decides,
else the expert's bias.

    write_router(folder, {"alpha": 0.0, "beta": 1.0}, {"sun": "alpha"})      # without "sun": beta, by the bias
"""
import json
import math
import struct

MASK = (1 << 64) - 1
BUCKETS = 4096


def mix(x):
    for _ in range(2):
        x = ((x ^ x >> 32) * 0xd6e8feb86659fd93) & MASK
    return x ^ x >> 32


def word_row(word):
    """The row of a word of lower-case letters; see src/text/words.h."""
    data, seed = word.encode(), 1
    h = (seed * 0x9e3779b97f4a7c15 + len(data)) & MASK
    while len(data) > 8:
        h = (mix(h ^ int.from_bytes(data[:8], "little")) + seed) & MASK
        data = data[8:]
    return ((mix(h ^ int.from_bytes(data, "little")) >> 32) * BUCKETS) >> 32


def write_router(folder, biases, words=None, weight=60.0, means=None):
    names = list(biases)
    k = len(names)
    embedding = [[0.0] * k for _ in range(BUCKETS)]
    for word, name in (words or {}).items():
        embedding[word_row(word)][names.index(name)] = weight
    identity = [[float(i == j) for j in range(k)] for i in range(k)]
    tensors = {"embedding.weight": ([BUCKETS, k], sum(embedding, [])), "classifier.weight": ([k, k], sum(identity, [])),
               "classifier.bias": ([k], [float(b) for b in biases.values()])}
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    config = {"architectures": ["ZooterNgramForSequenceClassification"], "model_type": "zooter-ngram",
              "id2label": {str(i): n for i, n in enumerate(names)}, "label2id": {n: i for i, n in enumerate(names)},
              "zooter": {"format": 1, "text_limit": 4096, "temperature": 1.0,
                         "encoder": {"buckets": BUCKETS, "dim": k, "hidden": 0, "word_order": 1, "char_min": 0,
                                     "char_max": 0},
                         "mean_rewards": means or biases, "tags": []}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def softmax(values):
    total = sum(math.exp(v) for v in values)
    return [math.exp(v) / total for v in values]
