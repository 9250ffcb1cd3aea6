"""zooter model info, convert, quantise: every form of checkpoint in, what is damaged or hostile refused by name."""
import collections
import json
import os
import pathlib
import pickle
import shutil
import struct
import zipfile

import pytest

import torchlike
from tiny_router import write_router
from torchlike import Storage, Tensor, floats, pickled, read_safetensors, write_safetensors, write_zip

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
SIDE = ["config.json", "spm.model", "tokenizer.json", "tokenizer_config.json", "added_tokens.json",
        "special_tokens_map.json"]


@pytest.fixture
def router(tmp_path):
    """A copy of a golden router, to be changed."""
    folder = tmp_path / "router"
    folder.mkdir()
    for name in SIDE + ["model.safetensors"]:
        shutil.copyfile(GOLDEN / "router" / name, folder / name)
    return folder


@pytest.fixture
def ok(run):
    def call(*args, **kw):
        p = run("model", *args, **kw)
        assert p.returncode == 0, p.stderr
        return p
    return call


@pytest.fixture
def refused(run):
    def call(*args, says, status=1, **kw):
        p = run("model", *args, **kw)
        assert p.returncode == status, p.stdout + p.stderr
        assert says in p.stderr and p.stderr.count("\n") <= 2, p.stderr
    return call


def tensors(folder):
    return read_safetensors(folder / "model.safetensors")


# ---- forms ----
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_torch_file_holds_what_safetensors_holds(ok, router, tmp_path, protocol):
    want = tensors(router)
    torchlike.save(router / "pytorch_model.bin", want, protocol)
    (router / "model.safetensors").unlink()
    ok("convert", router, tmp_path / "out", "--dtype", "f32")
    assert tensors(tmp_path / "out") == want


def test_safetensors_win_over_a_torch_file(ok, router, tmp_path):
    (router / "pytorch_model.bin").write_bytes(b"not even a zip")
    ok("convert", router, tmp_path / "out", "--dtype", "f32")
    assert tensors(tmp_path / "out") == tensors(router)


def test_the_golden_backbone_is_read_as_its_zip_says(ok, tmp_path):
    ok("convert", GOLDEN / "backbone-bin", tmp_path / "out", "--dtype", "f32")
    with zipfile.ZipFile(GOLDEN / "backbone-bin" / "pytorch_model.bin") as z:
        raws = {z.read(n) for n in z.namelist() if "/data/" in n}
    got = tensors(tmp_path / "out")
    assert len(got) == 57 and {raw for _, _, raw in got.values()} <= raws
    assert got["deberta.embeddings.word_embeddings.weight"][1] == [4001, 48]
    assert (tmp_path / "out" / "spm.model").read_bytes() == (GOLDEN / "backbone-bin" / "spm.model").read_bytes()


def test_shards_there_and_back(ok, router, tmp_path):
    want = tensors(router)
    ok("convert", router, tmp_path / "shards", "--dtype", "f32", "--max-shard-size", "400KB")
    index = json.loads((tmp_path / "shards" / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"]) == set(want)
    assert index["metadata"]["total_size"] == sum(len(raw) for _, _, raw in want.values())
    files = sorted(p.name for p in (tmp_path / "shards").glob("*.safetensors"))
    assert files == sorted(set(index["weight_map"].values())) and len(files) == 3
    for name, file in index["weight_map"].items():
        assert read_safetensors(tmp_path / "shards" / file)[name] == want[name]
    ok("convert", tmp_path / "shards", tmp_path / "one", "--dtype", "f32")
    assert tensors(tmp_path / "one") == want


def test_torch_shards(ok, router, tmp_path):
    want = tensors(router)
    names = sorted(want)
    for i in 0, 1:
        torchlike.save(router / f"pytorch_model-0000{i + 1}-of-00002.bin", {n: want[n] for n in names[i::2]})
    weight_map = {n: f"pytorch_model-0000{names.index(n) % 2 + 1}-of-00002.bin" for n in names}
    (router / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (router / "model.safetensors").unlink()
    ok("convert", router, tmp_path / "out", "--dtype", "f32")
    assert tensors(tmp_path / "out") == want


def test_tensors_may_share_a_storage_and_begin_inside_it(ok, router, tmp_path):
    raw = struct.pack("<6f", *range(6))
    s = Storage("0", "F32", 6)
    state = collections.OrderedDict(a=Tensor(s, 0, [2, 3]), b=Tensor(s, 2, [2, 2]), tied=Tensor(s, 0, [2, 3]), n=3,
                                    none=None)
    write_zip(router / "pytorch_model.bin", pickled(state), {"0": raw})
    (router / "model.safetensors").unlink()
    ok("convert", router, tmp_path / "out", "--dtype", "f32")
    got = tensors(tmp_path / "out")
    assert floats(got["a"]) == floats(got["tied"]) == list(range(6)) and floats(got["b"]) == [2, 3, 4, 5]


def test_a_zip64_archive(ok, router, tmp_path):
    want = tensors(router)
    torchlike.save(tmp_path / "small.bin", want)
    with zipfile.ZipFile(tmp_path / "small.bin") as z, zipfile.ZipFile(router / "pytorch_model.bin", "w") as big:
        for name in z.namelist():
            with big.open(name, "w", force_zip64=True) as member:
                member.write(z.read(name))
    (router / "model.safetensors").unlink()
    ok("convert", router, tmp_path / "out", "--dtype", "f32")
    assert tensors(tmp_path / "out") == want


# ---- precisions ----
@pytest.mark.parametrize("dtype, code, tolerance", [("bf16", "BF16", 2 ** -8), ("f16", "F16", 2 ** -11)])
def test_precision(ok, router, tmp_path, dtype, code, tolerance):
    before = tensors(router)
    ok("convert", router, tmp_path / "half", "--dtype", dtype)
    half = tensors(tmp_path / "half")
    assert set(half) == set(before)
    for name, tensor in half.items():
        assert tensor[0] == code and tensor[1] == before[name][1]
        for x, y in zip(floats(tensor), floats(before[name])):
            assert abs(x - y) <= tolerance * abs(y) + 2 ** -25, name
    config = json.loads((tmp_path / "half" / "config.json").read_text())
    assert config.pop("dtype") == {"bf16": "bfloat16", "f16": "float16"}[dtype]
    original = json.loads((router / "config.json").read_text())
    assert original.pop("dtype") == "float32" and config == original
    for name in SIDE[1:]:
        assert (tmp_path / "half" / name).read_bytes() == (router / name).read_bytes()
    ok("convert", tmp_path / "half", tmp_path / "wide", "--dtype", "f32")          # exact: nothing is rounded twice
    assert {n: floats(t) for n, t in tensors(tmp_path / "wide").items()} == {n: floats(t) for n, t in half.items()}


def test_quantise(ok, refused, router, tmp_path):
    before = tensors(router)
    ok("quantise", router, tmp_path / "int8")
    after = tensors(tmp_path / "int8")
    eights = [n for n, t in after.items() if t[0] == "I8"]
    assert len(eights) == 18 and all(".encoder.layer." in n and n.endswith(".weight") for n in eights)
    for name in eights:
        (rows, columns), scales, q = after[name][1], floats(after[name + "_scale"]), floats(after[name])
        assert after[name + "_scale"][:2] == ("F32", [rows, 1])
        want = floats(before[name])
        for r in range(rows):
            row, integers = want[r * columns:(r + 1) * columns], q[r * columns:(r + 1) * columns]
            assert scales[r] == pytest.approx(max(map(abs, row)) / 127, rel=1e-6)
            assert max(map(abs, integers)) == 127
            for x, i in zip(row, integers):
                assert abs(x - i * scales[r]) <= scales[r] * 0.5001
    words = "deberta.embeddings.word_embeddings.weight"
    assert after[words][0] == "BF16"
    for name, tensor in after.items():
        if name in before and name not in eights and name != words:
            assert tensor == before[name]
    scheme = json.loads((tmp_path / "int8" / "config.json").read_text())["quantization_config"]
    assert scheme["quant_method"] == "compressed-tensors" and scheme["format"] == "int-quantized"
    assert scheme["ignore"] == ["classifier", "pooler.dense"]
    refused("quantize", tmp_path / "int8", tmp_path / "again", says="quantised already", status=2)
    ok("convert", tmp_path / "int8", tmp_path / "wide", "--dtype", "f32")
    wide = tensors(tmp_path / "wide")
    assert set(wide) == set(before) and all(t[0] == "F32" for t in wide.values())
    assert "quantization_config" not in json.loads((tmp_path / "wide" / "config.json").read_text())
    ok("quantise", tmp_path / "wide", tmp_path / "int8again")                       # the same integers
    again = tensors(tmp_path / "int8again")
    assert all(again[n] == after[n] for n in eights)


def test_in_place(ok, refused, router):
    refused("convert", router, router, "--dtype", "bf16", says="not empty", status=2)
    ok("convert", router, router, "--dtype", "bf16", "--force")
    assert all(t[0] == "BF16" for t in tensors(router).values())
    assert [p.name for p in router.parent.iterdir()] == ["router"]


def test_too_large_for_float16(refused, router, tmp_path):
    t = tensors(router)
    t["classifier.bias"] = ("F32", [6], struct.pack("<6f", 1, 2, 3, 4, 5, 70000))
    write_safetensors(router / "model.safetensors", t)
    refused("convert", router, tmp_path / "out", "--dtype", "f16", says="'classifier.bias' is too large for F16")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["router"]


def test_integers_are_left_out(ok, router, tmp_path):
    t = tensors(router)
    t["deberta.embeddings.position_ids"] = ("I64", [1, 4], bytes(32))
    write_safetensors(router / "model.safetensors", t)
    p = ok("convert", router, tmp_path / "out", "--dtype", "f32")
    assert "1 tensors of integers were left out" in p.stderr
    assert "deberta.embeddings.position_ids" not in tensors(tmp_path / "out")


# ---- info ----
def facts(ok, folder):
    return json.loads(ok("info", folder, "--json").stdout)


def test_info(ok, router):
    f = facts(ok, router)
    assert (f["model_type"], f["kind"], f["architecture"]) == ("deberta-v2", "classifier",
                                                               "DebertaV2ForSequenceClassification")
    assert (f["layers"], f["hidden_size"], f["heads"], f["intermediate_size"], f["vocab_size"], f["max_tokens"]) == \
        (3, 48, 4, 96, 4001, 512)
    assert f["tensors"] == 58 and f["dtypes"] == {"F32": 58} and f["zooter"] is None
    count = sum(len(raw) // 4 for _, _, raw in tensors(router).values())
    assert f["parameters"] == count and f["backbone_parameters"] == count - 4001 * 48
    assert f["labels"][0] == "wizardlm-13b" and len(f["labels"]) == 6
    assert f["files"] == [{"name": "model.safetensors", "bytes": (router / "model.safetensors").stat().st_size}]
    assert f["tokenizer"][:2] == ["tokenizer.json", "spm.model"]
    assert f["memory"]["int8"] < f["memory"]["bf16"] < f["memory"]["f32"] and f["auto"] in ("f32", "bf16")
    text = ok("info", router).stdout
    assert "deberta-v2, classifier" in text and "llama-2-13b-chat" in text and f"{count}" in text
    assert "deberta.encoder.rel_embeddings.weight" in ok("info", router, "--tensors").stdout


@pytest.mark.parametrize("golden, kind, labels", [("reward", "scalar reward", 1), ("pair-reward", "comparer", 0),
                                                  ("backbone-bin", "backbone", 0), ("bert", "classifier", 6),
                                                  ("router-v5", "classifier", 6)])
def test_info_of_other_kinds(ok, golden, kind, labels):
    f = facts(ok, GOLDEN / golden)
    assert f["kind"] == kind and len(f["labels"]) == labels


def test_info_of_what_training_noted(ok, router, tmp_path):
    config = json.loads((router / "config.json").read_text())
    config["zooter"] = {"format": 1, "temperature": 0.25, "mean_rewards": {"vicuna-13b": 0.5}}
    (router / "config.json").write_text(json.dumps(config))
    assert facts(ok, router)["zooter"] == config["zooter"]
    text = ok("info", router).stdout
    assert "vicuna-13b, mean reward 0.5000" in text and "temperature    0.25" in text
    ok("quantise", router, tmp_path / "q")
    f = facts(ok, tmp_path / "q")
    assert f["dtypes"] == {"F32": 57, "I8": 18, "BF16": 1} and f["parameters"] == facts(ok, router)["parameters"]


def test_info_of_an_ngram_router(ok, tmp_path):
    write_router(tmp_path / "r", {"alpha": 0.0, "beta": 1.0})
    f = facts(ok, tmp_path / "r")
    assert f["kind"] == "n-gram router" and f["labels"] == ["alpha", "beta"] and f["encoder"]["dim"] == 2


# ---- new ----
def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def test_a_head_on_a_backbone(ok, tmp_path):
    p = ok("new", tmp_path / "r", "--from", GOLDEN / "backbone-bin", "--experts", "coder,org/writer,math:7b")
    assert "3 tensors of" in p.stderr and "left out: heads for other tasks" in p.stderr
    ok("convert", GOLDEN / "backbone-bin", tmp_path / "backbone", "--dtype", "f32")
    backbone, router = tensors(tmp_path / "backbone"), tensors(tmp_path / "r")
    new = {"classifier.weight", "classifier.bias", "pooler.dense.weight", "pooler.dense.bias"}
    assert set(router) - set(backbone) == new
    assert all(n.startswith(("lm_", "mask_")) for n in set(backbone) - set(router))
    assert all(router[n] == backbone[n] for n in set(router) - new)
    assert router["classifier.weight"][1] == [3, 48] and set(floats(router["classifier.bias"])) == {0.0}
    weights = floats(router["pooler.dense.weight"])
    assert 0.018 < (sum(x * x for x in weights) / len(weights)) ** 0.5 < 0.022
    config = config_of(tmp_path / "r")
    assert config["architectures"] == ["DebertaV2ForSequenceClassification"]
    assert config["id2label"] == {"0": "coder", "1": "org/writer", "2": "math:7b"}
    assert config["label2id"] == {"coder": 0, "org/writer": 1, "math:7b": 2}
    former = config_of(GOLDEN / "backbone-bin")
    assert {k: v for k, v in config.items() if k in former} == former
    assert (tmp_path / "r" / "spm.model").read_bytes() == (GOLDEN / "backbone-bin" / "spm.model").read_bytes()


def test_experts_keep_their_rows(ok, router, tmp_path):
    config = config_of(router)
    config["zooter"] = {"max_tokens": 77, "temperature": 0.2, "mean_rewards": {"vicuna-13b": 1.0}}
    (router / "config.json").write_text(json.dumps(config))
    ok("new", tmp_path / "a", "--from", router, "--experts", "vicuna-13b,newcomer,wizardlm-13b")
    p = ok("new", tmp_path / "b", "--from", router, "--experts", "newcomer,other", "--seed", "1")
    assert "keep their row" not in p.stderr
    ok("new", tmp_path / "c", "--from", router, "--experts", "newcomer,other", "--seed", "2")
    old, a, b, c = (tensors(f) for f in (router, tmp_path / "a", tmp_path / "b", tmp_path / "c"))
    row = lambda t, i: floats(t["classifier.weight"])[48 * i:48 * (i + 1)]
    assert row(a, 0) == row(old, 3) and row(a, 2) == row(old, 0)
    assert row(a, 1) == row(b, 0) != row(b, 1)                  # an expert's row depends on its name and the seed alone
    assert row(c, 0) != row(b, 0)
    biases = floats(old["classifier.bias"])
    assert floats(a["classifier.bias"]) == [biases[3], 0, biases[0]]
    assert all(a[n] == old[n] for n in old if not n.startswith("classifier"))
    assert config_of(tmp_path / "a")["zooter"] == {"max_tokens": 77}


def test_a_quantised_or_half_backbone(ok, router, tmp_path):
    ok("convert", router, tmp_path / "half", "--dtype", "bf16")
    ok("new", tmp_path / "a", "--from", tmp_path / "half", "--experts", "x,y")
    half, a = tensors(tmp_path / "half"), tensors(tmp_path / "a")
    assert all(a[n] == half[n] for n in half if not n.startswith("classifier")) and a["classifier.weight"][0] == "BF16"
    ok("quantise", router, tmp_path / "int8")
    ok("new", tmp_path / "b", "--from", tmp_path / "int8", "--experts", "x,y")
    assert all(t[0] == "F32" for t in tensors(tmp_path / "b").values())
    assert "quantization_config" not in config_of(tmp_path / "b")


@pytest.mark.parametrize("golden", ["router", "router-v5", "router-variants", "bert"])
def test_random_weights(ok, tmp_path, golden):
    config = config_of(GOLDEN / golden)
    ok("new", tmp_path / "a", "--config", GOLDEN / golden / "config.json", "--tokenizer", GOLDEN / golden)
    ok("new", tmp_path / "b", "--config", GOLDEN / golden / "config.json", "--tokenizer", GOLDEN / golden)
    ok("new", tmp_path / "c", "--config", GOLDEN / golden / "config.json", "--seed", "2")
    a, want = tensors(tmp_path / "a"), tensors(GOLDEN / golden)
    assert {n: t[:2] for n, t in a.items()} == {n: t[:2] for n, t in want.items()}
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    assert tensors(tmp_path / "c")["classifier.weight"] != a["classifier.weight"]
    for name, tensor in a.items():
        x = floats(tensor)
        if name.endswith("LayerNorm.weight"):
            assert set(x) == {1.0}
        elif name.endswith(".bias"):
            assert set(x) == {0.0}
        elif len(x) > 1000:
            assert 0.019 < (sum(v * v for v in x) / len(x)) ** 0.5 < 0.021, name
        if name.endswith("word_embeddings.weight"):
            width = tensor[1][1]
            assert set(x[:width]) == {0.0} and 0.0 not in x[width:]
    assert config_of(tmp_path / "a") == config
    assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (GOLDEN / golden / "tokenizer.json").read_bytes()


def test_bare_backbones(ok, tmp_path):
    for golden, architecture, extra in (("bert", "BertModel", {"pooler.dense.weight", "pooler.dense.bias"}),
                                        ("router", "DebertaV2Model", set())):
        config = {**config_of(GOLDEN / golden), "architectures": [architecture]}
        (tmp_path / f"{golden}.json").write_text(json.dumps(config))
        ok("new", tmp_path / golden, "--config", tmp_path / f"{golden}.json")
        family = "bert." if golden == "bert" else "deberta."
        names = {n[len(family):] for n in tensors(GOLDEN / golden) if n.startswith(family)}
        assert set(tensors(tmp_path / golden)) == names and extra <= names
        assert config_of(tmp_path / golden) == config
        ok("new", tmp_path / f"{golden}-router", "--from", tmp_path / golden, "--experts", "a,b")
        assert set(tensors(tmp_path / f"{golden}-router")) == set(tensors(GOLDEN / golden))


def test_a_config_without_architecture_becomes_a_classifier(ok, tmp_path):
    ok("new", tmp_path / "a", "--config", GOLDEN / "backbone-bin" / "config.json", "--experts", "x,y,z")
    assert config_of(tmp_path / "a")["architectures"] == ["DebertaV2ForSequenceClassification"]
    assert tensors(tmp_path / "a")["classifier.weight"][1] == [3, 48]


@pytest.mark.parametrize("args, says, status", [
    (["--from", "x"], "--from needs --experts", 2),
    ([], "needs one of --config FILE and --from DIR", 2),
    (["--from", GOLDEN / "router", "--experts", "a,b,a"], "'a' is there twice", 2),
    (["--from", GOLDEN / "router", "--experts", "a,b c"], "b c", 2),
    (["--config", GOLDEN / "pair-reward" / "config.json"], "the architecture 'DebertaV2PairRM' cannot be made", 2),
    (["--from", "/nowhere", "--experts", "a"], "/nowhere/config.json: No such file", 1),
    (["--config", GOLDEN / "texts.jsonl"], "texts.jsonl", 1),
])
def test_what_cannot_be_made(refused, tmp_path, args, says, status):
    refused("new", tmp_path / "out", *args, says=says, status=status)
    assert not list(tmp_path.iterdir())


# ---- verify ----
def verified(run, *args, fit=True, **kw):
    p = run("model", "verify", *args, "--json", **kw)
    assert p.returncode == (0 if fit else 1), p.stdout + p.stderr
    report = json.loads(p.stdout)
    assert report["fit"] is fit
    return report


@pytest.mark.parametrize("golden", ["router", "router-v5", "router-variants", "bert", "reward", "pair-reward",
                                    "backbone-bin"])
def test_goldens_are_fit(run, golden):
    report = verified(run, GOLDEN / golden)
    assert all(c["ok"] for c in report["checks"]) and report["comparison"] is None


def set_values(folder, name, raw, dtype="F32"):
    t = tensors(folder)
    t[name] = (dtype, t[name][1] if name in t else [len(raw) // 4], raw)
    write_safetensors(folder / "model.safetensors", t)


def set_config(folder, **kw):
    config = json.loads((folder / "config.json").read_text())
    config.update(kw)
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v != "gone"}))


def drop(folder, name):
    t = tensors(folder)
    del t[name]
    write_safetensors(folder / "model.safetensors", t)


def cut_embedding(folder):
    t = tensors(folder)
    name = "deberta.embeddings.word_embeddings.weight"
    t[name] = ("F32", [4000, 48], t[name][2][:4000 * 48 * 4])
    write_safetensors(folder / "model.safetensors", t)
    set_config(folder, vocab_size=4000)


@pytest.mark.parametrize("change, check, says", [
    (lambda f: set_values(f, "classifier.bias", struct.pack("<6f", 1, 2, float("nan"), 4, 5, 6)), "values",
     "'classifier.bias' holds a value that is not"),
    (lambda f: set_values(f, "pooler.dense.bias", struct.pack("<48f", *[float("-inf")] * 48)), "values",
     "'pooler.dense.bias' holds"),
    (lambda f: drop(f, "deberta.encoder.layer.2.output.LayerNorm.bias"), "network",
     "deberta.encoder.layer.2.output.LayerNorm.bias"),
    (lambda f: set_config(f, hidden_size=96, pooler_hidden_size=96), "network", "the config asks for 4001 x 96"),
    (lambda f: set_config(f, num_hidden_layers=400), "network", "deberta.encoder.layer.3."),
    (lambda f: set_config(f, vocab_size=200000000), "config", "vocab_size"),
    (lambda f: set_config(f, intermediate_size=2 ** 40), "config", "intermediate_size"),
    (lambda f: set_config(f, id2label={"0": "a", "1": "b"}), "network", "classifier"),
    (lambda f: set_config(f, id2label={str(i): "same" for i in range(6)}), "router", "'same' is there twice"),
    (lambda f: set_config(f, label2id={"wizardlm-13b": 3}), "router", "'label2id' disagrees"),
    (lambda f: set_config(f, hidden_act="mish"), "config", "hidden_act"),
    (cut_embedding, "tokenizer", "4001 pieces, the embedding has 4000 rows"),
    (lambda f: [(f / n).unlink() for n in ("tokenizer.json", "spm.model")], "tokenizer", "none of tokenizer.json"),
    (lambda f: os.truncate(f / "model.safetensors", 900000), "weights", "cut short"),
    (lambda f: (f / "model.safetensors").unlink(), "weights", "No such file"),
], ids=range(15))
def test_what_is_not_fit(run, router, change, check, says):
    change(router)
    report = verified(run, router, fit=False)
    failed = [c for c in report["checks"] if not c["ok"]]
    assert failed and failed[0]["check"] == check and says in failed[0]["says"], failed


def test_precisions_agree(run, ok, router, tmp_path):
    ok("quantise", router, tmp_path / "int8")
    ok("convert", router, tmp_path / "half", "--dtype", "bf16")
    for folder, precision in ((router, "bf16"), (router, "int8"), (tmp_path / "int8", "int8"),
                              (tmp_path / "half", "f32"), (tmp_path / "half", "bf16")):
        c = verified(run, folder, "--against", router, "--precision", precision)["comparison"]
        assert c["queries"] == 120 and c["clear"] > 60 and c["clear_agreeing"] == c["clear"] and \
            0 < c["largest_difference"] < 0.1
    c = verified(run, router, "--precision", "f32")["comparison"]
    assert c["agreeing"] == 120 and c["largest_difference"] == 0


def test_another_router_is_not_fit(run, router, tmp_path):
    shutil.copytree(router, tmp_path / "other")
    t = tensors(router)
    raw = t["classifier.weight"][2]
    set_values(tmp_path / "other", "classifier.weight", raw[48 * 4:] + raw[:48 * 4])
    c = verified(run, tmp_path / "other", "--against", router, fit=False)["comparison"]
    assert not c["fit"] and c["clear_agreeing"] < 0.995 * c["clear"]
    p = run("model", "verify", tmp_path / "other", "--against", router)
    assert p.returncode == 1 and p.stdout.endswith("other: NOT FIT\n")
    set_config(tmp_path / "other", id2label={str(i): f"x{i}" for i in range(6)}, label2id="gone")
    p = run("model", "verify", tmp_path / "other", "--against", router)
    assert p.returncode == 2 and "not the same labels" in p.stderr


def test_rewards_are_told(run, router, tmp_path):
    """Reward 1 for the expert that the router chooses, 0 for the others: its mean is 1, a turned router's is less."""
    texts = ["What is 2 + 2?", "Write a poem about rain.", "def f(x):", "", "\u00e9\u4f60\u597d", "x" * 3000]
    chosen = [json.loads(l)["expert"] for l in
              run("route", "--router", router, "--precision", "f32", "--jsonl",
                  input="".join(json.dumps({"query": t}) + "\n" for t in texts)).stdout.splitlines()]
    experts = config_of(router)["id2label"].values()
    rows = [{"query": t, "rewards": {e: float(e == c) for e in experts}} for t, c in zip(texts, chosen)] + \
        [{"query": "no rewards"}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    c = verified(run, router, "--precision", "f32", "--queries", tmp_path / "q.jsonl")["comparison"]
    assert (c["queries"], c["rewarded"], c["reward"], c["reference_reward"]) == (7, 6, 1, 1)
    p = run("model", "verify", router, "--queries", "-", input='{"query": 3}\n')
    assert p.returncode == 1 and "stdin:1: 'query' should be a string" in p.stderr
    p = run("model", "verify", router, "--queries", "-", input="")
    assert p.returncode == 1 and "no queries" in p.stderr


def test_other_kinds_are_compared(run):
    c = verified(run, GOLDEN / "backbone-bin", "--precision", "bf16")["comparison"]
    assert 0.999 < c["least_cosine"] < 1
    assert verified(run, GOLDEN / "reward", "--precision", "bf16")["comparison"]["largest_difference"] < 0.2
    c = verified(run, GOLDEN / "pair-reward", "--precision", "int8")["comparison"]
    assert c["queries"] == 120 and 0 < c["clear_agreeing"] == c["clear"] and 0 < c["largest_difference"] < 0.1
    p = run("model", "verify", GOLDEN / "pair-reward", "--against", GOLDEN / "reward")
    assert p.returncode == 2 and "different kinds" in p.stderr


def test_an_ngram_router_is_verified(run, tmp_path):
    write_router(tmp_path / "r", {"alpha": 0.0, "beta": 1.0})
    report = verified(run, tmp_path / "r", "--precision", "int8")
    assert report["comparison"]["agreeing"] == 120


# ---- while it is served ----
def test_a_file_that_is_cut_while_it_is_used_is_an_error(ok, zooter, tmp_path):
    """Word embeddings of more than 64 MiB stay in the file; a mapping of it would raise SIGBUS."""
    import subprocess
    config = {**config_of(GOLDEN / "router"), "vocab_size": 360000}
    (tmp_path / "big.json").write_text(json.dumps(config))
    ok("new", tmp_path / "big", "--config", tmp_path / "big.json", "--tokenizer", GOLDEN / "router")
    weights = tmp_path / "big" / "model.safetensors"
    assert weights.stat().st_size > 65 << 20
    with subprocess.Popen([zooter, "route", "--router", tmp_path / "big", "--jsonl"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        p.stdin.write('{"query": "hello"}\n')
        p.stdin.flush()
        assert "probabilities" in p.stdout.readline()
        os.truncate(weights, 1 << 20)
        out, err = p.communicate('{"query": "hello again"}\n')
    assert p.returncode == 1 and out == "", (p.returncode, err)
    assert "model.safetensors: written to while it was in use" in err or "cut short" in err, err


# ---- hostile and damaged ----
class Touch:
    """What a pickle would do to whoever executes it."""
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_a_pickle_that_calls_functions_is_refused_and_calls_none(refused, router, tmp_path, protocol):
    (router / "model.safetensors").unlink()
    write_zip(router / "pytorch_model.bin", pickle.dumps({"a": Touch(tmp_path / "executed")}, protocol), {})
    refused("info", router, says="not part of a state_dict")
    assert not (tmp_path / "executed").exists()


def test_what_torch_wrote_before_2020(refused, router):
    (router / "model.safetensors").unlink()
    (router / "pytorch_model.bin").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
                                               + b"x" * 100)
    refused("info", router, says="before version 1.6; load it with torch and save it again")


@pytest.mark.parametrize("change, says", [
    (lambda p, t: torchlike.save(p, t, compression=zipfile.ZIP_DEFLATED), "is compressed"),
    (lambda p, t: torchlike.save(p, t, byteorder=b"big"), "big-endian"),
    (lambda p, t: p.write_bytes(b"PK\3\4" + b"x" * 100), "not a zip file, or cut short"),
    (lambda p, t: p.write_bytes(b""), "not a zip file, or cut short"),
    (lambda p, t: (torchlike.save(p, t), os.truncate(p, p.stat().st_size - 30)), "not a zip file, or cut short"),
    (lambda p, t: write_zip(p, pickled({"a": Tensor(Storage("7", "F32", 4), 0, [4])}), {}),
     "'archive/data/7', which is missing"),
    (lambda p, t: write_zip(p, pickled({"a": Tensor(Storage("0", "F32", 99), 0, [99])}), {"0": bytes(8)}),
     "ends at byte 396 of the member"),
    (lambda p, t: write_zip(p, pickled({"a": Tensor(Storage("0", "F32", 2), 1 << 62, [2])}), {"0": bytes(8)}),
     "impossible shape"),
    (lambda p, t: write_zip(p, pickled({"a": Tensor(Storage("0", "F32", 4), 0, [2, 2], (1, 2))}), {"0": bytes(16)}),
     "row by row"),
    (lambda p, t: write_zip(p, pickled({"epoch": 3, "model": {}}), {}), "no tensor in its outermost dictionary"),
    (lambda p, t: write_zip(p, pickled(3), {}), "no dictionary of tensors"),
    (lambda p, t: zipfile.ZipFile(p, "w").close(), "it has no member data.pkl"),
], ids=range(12))
def test_damaged_torch_files(refused, router, change, says):
    t = tensors(router)
    (router / "model.safetensors").unlink()
    change(router / "pytorch_model.bin", t)
    refused("info", router, says=says)


@pytest.mark.parametrize("change, says", [
    (lambda m, f: m.update({"classifier.bias": "../model-00001-of-00003.safetensors"}), "a file in this folder"),
    (lambda m, f: m.update({"classifier.bias": "/etc/passwd"}), "a file in this folder"),
    (lambda m, f: m.update({"absent.weight": "model-00001-of-00003.safetensors"}),
     "'absent.weight' should be in model-00001-of-00003.safetensors and is in no file"),
    (lambda m, f: m.update({"classifier.weight": m["deberta.embeddings.word_embeddings.weight"]}),
     "'classifier.weight' should be in"),
    (lambda m, f: m.update({"absent.weight": "model-00009-of-00009.safetensors"}),
     "model-00009-of-00009.safetensors: No such file"),
    (lambda m, f: (f / "model-00003-of-00003.safetensors").unlink(), "model-00003-of-00003.safetensors: No such file"),
    (lambda m, f: shutil.copy(f / "model-00001-of-00003.safetensors", f / "model-00002-of-00003.safetensors"),
     "is there twice, also in"),
    (lambda m, f: m.clear(), "'weight_map' should be an object"),
], ids=range(8))
def test_damaged_shards(ok, refused, router, tmp_path, change, says):
    folder = tmp_path / "shards"
    ok("convert", router, folder, "--dtype", "f32", "--max-shard-size", "400KB")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    change(index["weight_map"], folder)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused("info", folder, says=says)


def test_a_folder_without_weights(refused, router):
    (router / "model.safetensors").unlink()
    refused("info", router,
            says="model.safetensors: No such file or directory, nor shards with an index, nor pytorch_model.bin")


def test_a_disk_that_is_full_leaves_nothing(router, zooter, tmp_path):
    import resource
    import subprocess
    p = subprocess.run([zooter, "model", "convert", router, tmp_path / "out", "--dtype", "f32"], capture_output=True,
                       text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (700000, 700000)))
    assert p.returncode == 1 and "File too large" in p.stderr, p.stderr
    assert sorted(x.name for x in tmp_path.iterdir()) == ["router"]


@pytest.mark.parametrize("args, says", [
    (["convert", "a", "b", "--dtype", "int8"], "see model quantise"),
    (["convert", "a", "b", "--dtype", "f32", "--max-shard-size", "2XB"], "is no size"),
    (["convert", "a", "b", "--dtype", "f32", "--format", "gguf"], "only safetensors is written"),
    (["convert", "a", "b"], "--dtype TYPE is required"),
    (["convert", "a", "--dtype", "f32"], "missing IN OUT"),
    (["cnvert"], "did you mean convert"),
    ([], "missing SUBCOMMAND"),
])
def test_wrong_use(refused, args, says):
    refused(*args, says=says, status=2)
