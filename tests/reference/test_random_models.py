"""Random small checkpoints that transformers made, of every setting that changes what is computed,
against transformers' own results. ZOOTER_MODELS and ZOOTER_SEED: how many, and which."""
import json
import os
import pathlib
import random
import shutil
import subprocess

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from safetensors.torch import load_file, save_file  # noqa: E402

from texts import text  # noqa: E402

torch.set_num_threads(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
GOLDEN = ROOT / "tests/golden"
MODELS = int(os.environ.get("ZOOTER_MODELS", "120"))
SEED = int(os.environ.get("ZOOTER_SEED", "1"))
ACTIVATIONS = ["gelu", "gelu_new", "gelu_python", "gelu_fast", "gelu_pytorch_tanh", "relu", "tanh", "silu", "swish",
               "linear"]
TOKENIZERS = {"deberta-v2": ("router", 4001), "bert": ("bert", 4000)}


def shape(rng):
    heads = rng.choice((1, 2, 3, 4, 6))
    return {"num_attention_heads": heads, "hidden_size": heads * rng.choice((2, 5, 8, 12, 16, 17, 32)),
            "num_hidden_layers": rng.choice((1, 1, 2, 3)),
            "intermediate_size": rng.choice((1, 7, 33, 64, 100)), "max_position_embeddings": rng.choice((64, 65, 200,
                                                                                                         512)),
            "layer_norm_eps": rng.choice((1e-12, 1e-7, 1e-5, 1e-3)), "hidden_act": rng.choice(ACTIVATIONS),
            "num_labels": rng.choice((1, 1, 2, 3, 7, 11, 50)), "pad_token_id": rng.choice((0, 0, 1, 5, None)),
            "initializer_range": rng.choice((0.02, 0.1, 0.3)), "tie_word_embeddings": rng.random() < 0.5}


def deberta(rng):
    c = shape(rng) | {
        "vocab_size": 4001 + rng.choice((0, 0, 1, 99)), "type_vocab_size": rng.choice((0, 0, 2, 3)),
        "relative_attention": rng.random() < 0.85,
        "pos_att_type": rng.choice((None, [], ["c2p"], ["p2c"], ["c2p", "p2c"], ["p2c", "c2p"], "p2c|c2p", "c2p|p2c",
                                    "c2p", "p2c")),
        "share_att_key": rng.random() < 0.5, "norm_rel_ebd": rng.choice(("none", "layer_norm")),
        "position_biased_input": rng.random() < 0.4,
        "max_relative_positions": rng.choice((-1, -1, 0, 20, 100, 512, 700)),
        "position_buckets": rng.choice((-1, 0, 2, 3, 4, 7, 16, 32, 256)),
        "pooler_hidden_act": rng.choice(ACTIVATIONS), "legacy": rng.random() < 0.5}
    if rng.random() < 0.4:
        c["embedding_size"] = rng.choice((8, 31, 64, 128))
    if rng.random() < 0.1:
        del c["share_att_key"], c["norm_rel_ebd"], c["position_buckets"]
    most = c["max_relative_positions"] if c["max_relative_positions"] > 0 else c["max_position_embeddings"]
    if c.get("position_buckets", -1) // 2 >= most - 1:
        c["position_buckets"] = 16
    if c.get("position_buckets", -1) in (2, 3):
        c["position_buckets"] = 4 if rng.random() < 0.8 else c["position_buckets"]
    return c


def bert(rng):
    return shape(rng) | {"vocab_size": 4000 + rng.choice((0, 0, 1, 99)), "type_vocab_size": rng.choice((2, 2, 3)),
                         "classifier_dropout": rng.choice((None, 0.0, 0.3))}


def shake(net, rng):
    """Biases and norms are 0 and 1 in a fresh network, and an error there would not show."""
    torch.manual_seed(rng.randrange(1 << 30))
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                p += 0.2 * torch.randn_like(p)


def rename(tensors, prefix, rng):
    """The names of older checkpoints: gamma and beta; the backbone's without their prefix, or with it."""
    old = rng.random() < 0.5
    out = {}
    for name, t in tensors.items():
        if old and "LayerNorm" in name:
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        out[name] = t.contiguous()
    return out


def save(net, folder, rng):
    dtype = rng.choice((torch.float32, torch.float32, torch.float16, torch.bfloat16))
    net = net.to(dtype)
    how = rng.choice(("one", "one", "shards", "bin", "renamed", "renamed bin"))
    net.save_pretrained(folder, **({"max_shard_size": "100KB"} if how == "shards" else {}))
    if how in ("bin", "renamed", "renamed bin"):
        tensors = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        if "renamed" in how:
            tensors = rename(tensors, net.base_model_prefix, rng)
        if "bin" in how:
            torch.save(tensors, folder / "pytorch_model.bin")
        else:
            save_file(tensors, folder / "model.safetensors")
    return net.to(torch.float32), f"{how} {dtype}"


def rows(rng, has_types, most):
    pieces = ["a", "the", "\u2581of"]
    out = [{"text": ""}, {"text": "a"}, {"text": "x " * 400, "max_length": most}]
    for _ in range(6):
        row = {"text": text(rng, pieces), "max_length": most}
        if rng.random() < 0.4:
            row["pair"] = text(rng, pieces)
        out.append(row)
    return out


def run(folder, texts, *options):
    p = subprocess.run([ZOOTER, "model", "run", folder, "--threads", "1", "--precision", "f32", *options],
                       input="".join(json.dumps(r) + "\n" for r in texts), capture_output=True, text=True, timeout=300)
    return p.returncode, [json.loads(line) for line in p.stdout.splitlines()], p.stderr


@pytest.mark.parametrize("number", range(MODELS))
def test_a_random_checkpoint(tmp_path, number):
    rng = random.Random(f"{SEED} {number}")
    family = rng.choice(("deberta-v2", "deberta-v2", "bert"))
    keys = bert(rng) if family == "bert" else deberta(rng)
    kind = rng.choice((transformers.AutoModelForSequenceClassification,) * 4
                      + (transformers.AutoModel, transformers.AutoModelForMaskedLM))
    config = transformers.AutoConfig.for_model(family, **keys)
    torch.manual_seed(number)
    net = kind.from_config(config).eval()
    shake(net, rng)
    net, how = save(net, tmp_path, rng)
    told = json.loads((tmp_path / "config.json").read_text())
    if isinstance(keys.get("pos_att_type"), str):
        told["pos_att_type"] = keys["pos_att_type"]
    if rng.random() < 0.2:
        del told["architectures"]
    (tmp_path / "config.json").write_text(json.dumps(told))
    golden, _ = TOKENIZERS[family]
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if (GOLDEN / golden / name).exists():
            shutil.copy(GOLDEN / golden / name, tmp_path)
    most = rng.choice((150, 400)) if keys["max_position_embeddings"] > 400 else 64
    texts = rows(rng, keys["type_vocab_size"] > 0, most)
    status, got, said = run(tmp_path, texts)
    assert status == 0, f"{how} {keys}\n{said}"
    backbone = net.base_model
    for row, mine in zip(texts, got, strict=True):
        ids = torch.tensor([mine["ids"]])
        types = torch.tensor([mine.get("types") or [0] * len(mine["ids"])])
        with torch.no_grad():
            theirs = net(ids, token_type_ids=types).logits[0] \
                if kind is transformers.AutoModelForSequenceClassification else \
                backbone(ids, token_type_ids=types).last_hidden_state[0, 0]
        mine = torch.tensor(mine["logits"] if "logits" in mine else mine["cls"])
        worst = float(((mine - theirs).abs() / theirs.abs().clamp(min=1)).max())
        assert worst <= 1e-4, f"off by {worst} at {len(ids[0])} tokens; {how}; {kind.__name__}; {keys}"


def compared(net, fc, score, ids):
    with torch.no_grad():
        h = net(torch.tensor([ids])).last_hidden_state[0]
        first, second = (score(torch.tanh(fc(torch.cat([h[ids.index(4001)], h[ids.index(marker)]]))))
                         for marker in (4002, 4003))
    return float((first - second).mean())


@pytest.mark.parametrize("number", range(max(1, MODELS // 8)))
def test_a_random_comparer(tmp_path, number):
    """PairRM's head, of which the layout is public and transformers has no class."""
    rng = random.Random(f"{SEED} pair {number}")
    keys = deberta(rng) | {"vocab_size": 4004}
    torch.manual_seed(number)
    net = transformers.AutoModel.from_config(transformers.AutoConfig.for_model("deberta-v2", **keys)).eval()
    size, tasks = keys["hidden_size"], rng.choice((1, 1, 2, 5))
    fc, score = torch.nn.Linear(2 * size, size), torch.nn.Linear(size, tasks)
    shake(net, rng)
    tensors = {"pretrained_model." + n: t.contiguous() for n, t in net.state_dict().items()}
    tensors |= {f"head_layer.{i}.{n}": t for i, part in ((1, fc), (4, score)) for n, t in part.state_dict().items()}
    save_file(tensors, tmp_path / "model.safetensors")
    told = json.loads(net.config.to_json_string()) | {"architectures": ["DebertaV2PairRM"], "n_tasks": tasks,
                                                      "sep_token_id": 2, "source_prefix_id": 4001,
                                                      "cand_prefix_id": 4000, "cand1_prefix_id": 4002,
                                                      "cand2_prefix_id": 4003}
    (tmp_path / "config.json").write_text(json.dumps(told))
    for name in "spm.model", "tokenizer_config.json", "added_tokens.json":
        shutil.copy(GOLDEN / "pair-reward" / name, tmp_path)
    texts = [{"query": text(rng, ["a"]), "candidate1": text(rng, ["the"]), "candidate2": text(rng, ["of"]),
              "max_length": 64} for _ in range(8)]
    status, got, said = run(tmp_path, texts)
    assert status == 0, said
    for row, mine in zip(texts, got, strict=True):
        theirs = compared(net, fc, score, mine["ids"])
        assert abs(mine["logit"] - theirs) <= 1e-4 * max(1, abs(theirs)), keys
