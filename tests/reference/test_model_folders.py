"""The folders that zooter model writes, as transformers reads them:
it finds every tensor under its name and computes the same."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
GOLDEN = ROOT / "tests" / "golden"
CLASSIFIERS = ["router", "router-v5", "router-variants", "reward", "bert"]


def model(*args):
    p = subprocess.run([ZOOTER, "model", *map(str, args)], capture_output=True, text=True, timeout=600)
    assert p.returncode == 0, p.stderr
    return p.stdout


def load(folder, kind=transformers.AutoModelForSequenceClassification, **kw):
    """The model, which must need every tensor of the folder and find there every tensor that it needs."""
    net, info = kind.from_pretrained(folder, output_loading_info=True, **kw)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    return net.eval()


def cases(folder, n=12):
    with open(GOLDEN / folder / "expected.jsonl") as f:
        rows = [json.loads(line) for line in f]
    return [r for r in rows if len(r["ids"]) <= 128][:n]


def logits(net, row):
    ids = torch.tensor([row["ids"]])
    kw = {"token_type_ids": torch.tensor([row["types"]])} if row.get("types") else {}
    with torch.no_grad():
        return net(ids, **kw).logits[0].float()


def distance(net, folder):
    worst = 0.0
    for row in cases(folder):
        a, b = logits(net, row), torch.tensor(row["logits"])
        assert torch.isfinite(a).all()
        worst = max(worst, float(((a - b).abs() / b.abs().clamp(min=1)).max()))
    return worst


@pytest.mark.parametrize("golden", CLASSIFIERS)
@pytest.mark.parametrize("dtype, tolerance", [("f32", 1e-5), ("f16", 5e-3), ("bf16", 5e-2)])
def test_converted_checkpoints_agree(tmp_path, golden, dtype, tolerance):
    model("convert", GOLDEN / golden, tmp_path / "a", "--dtype", dtype)
    model("convert", GOLDEN / golden, tmp_path / "b", "--dtype", dtype, "--max-shard-size", "200KB")
    a = load(tmp_path / "a", dtype="auto")
    assert next(a.parameters()).dtype == {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[dtype]
    a, b = load(tmp_path / "a", dtype=torch.float32), load(tmp_path / "b", dtype=torch.float32)
    assert distance(a, golden) <= tolerance
    for x, y in zip(a.parameters(), b.parameters()):
        assert torch.equal(x, y)


def test_a_torch_file_of_their_own(tmp_path):
    """state_dict() as torch itself saves it, views and half precision included."""
    net = load(GOLDEN / "router")
    shutil.copytree(GOLDEN / "router", tmp_path / "in", ignore=shutil.ignore_patterns("*.safetensors"))
    state = net.state_dict()
    for dtype in torch.float32, torch.float16, torch.bfloat16, torch.float64:
        torch.save({n: t.to(dtype) for n, t in state.items()}, tmp_path / "in" / "pytorch_model.bin")
        model("convert", tmp_path / "in", tmp_path / "out", "--dtype", "f32", "--force")
        out = load(tmp_path / "out").state_dict()
        assert all(torch.equal(out[n], t.to(dtype).float()) for n, t in state.items()), dtype
    torch.save(state, tmp_path / "in" / "pytorch_model.bin")          # an OrderedDict with the versions of modules
    model("convert", tmp_path / "in", tmp_path / "out", "--dtype", "f32", "--force")
    assert distance(load(tmp_path / "out"), "router") <= 1e-5
    torch.save(net.state_dict(), tmp_path / "in" / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    p = subprocess.run([ZOOTER, "model", "info", tmp_path / "in"], capture_output=True, text=True)
    assert p.returncode == 1 and "before version 1.6" in p.stderr
    torch.save(net, tmp_path / "in" / "pytorch_model.bin")            # a whole module: code
    p = subprocess.run([ZOOTER, "model", "info", tmp_path / "in"], capture_output=True, text=True)
    assert p.returncode == 1 and "not part of a state_dict" in p.stderr


@pytest.mark.parametrize("golden", ["backbone-bin", "router", "bert"])
def test_new_heads_load(tmp_path, golden):
    model("new", tmp_path / "r", "--from", GOLDEN / golden, "--experts", "a,b,wizardmath-13b")
    net = load(tmp_path / "r")
    assert net.config.id2label == {0: "a", 1: "b", 2: "wizardmath-13b"}
    backbone = transformers.AutoModel.from_pretrained(GOLDEN / golden).eval()
    with torch.no_grad():
        for row in cases(golden, 4):
            ids = torch.tensor([row["ids"]])
            assert torch.equal(net.base_model(ids).last_hidden_state, backbone(ids).last_hidden_state)
            if golden != "backbone-bin" and not any(row.get("types") or [0]):
                old, new = torch.tensor(row["logits"]), net(ids).logits[0]
                assert abs(float(old[2] - new[2])) <= 1e-5              # wizardmath-13b kept its row


@pytest.mark.parametrize("golden", CLASSIFIERS[:3] + ["bert"])
def test_random_checkpoints_look_like_theirs(tmp_path, golden):
    model("new", tmp_path / "r", "--config", GOLDEN / golden / "config.json")
    ours = load(tmp_path / "r").state_dict()
    config = transformers.AutoConfig.from_pretrained(GOLDEN / golden)
    theirs = transformers.AutoModelForSequenceClassification.from_config(config).state_dict()
    assert set(ours) == set(theirs)
    for name, t in theirs.items():
        if not t.is_floating_point() or t.numel() < 2:
            continue
        assert ours[name].shape == t.shape
        assert abs(float(ours[name].std()) - float(t.std())) <= 0.15 * float(t.std()) + 1e-9 or t.numel() < 500, name
        assert abs(float(ours[name].mean() - t.mean())) <= 0.005, name


@pytest.mark.parametrize("golden", CLASSIFIERS)
def test_quantised_checkpoints_agree(tmp_path, golden):
    """compressed-tensors gives back the floats that we read, and computes nearly the same."""
    pytest.importorskip("compressed_tensors")
    model("quantise", GOLDEN / golden, tmp_path / "q")
    model("convert", tmp_path / "q", tmp_path / "wide", "--dtype", "f32")
    wide = load(tmp_path / "wide").state_dict()
    net = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "q", dtype=torch.float32).eval()
    stored = {n: t for n, t in net.state_dict().items()}
    eights = 0
    for name, t in wide.items():
        scale = stored.get(name + "_scale")
        if scale is not None:
            eights += 1
            t2 = stored[name].float() * scale if stored[name].dtype == torch.int8 else stored[name]
            assert torch.allclose(t2, t, atol=1e-6, rtol=1e-5), name
        else:
            assert torch.allclose(stored[name].float(), t), name
    assert eights >= 12
    assert distance(net, golden) <= 0.1
