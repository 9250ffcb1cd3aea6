"""What zooter train --encoder writes, as transformers reads it: every tensor is found, logits agree to 1e-4,
labels are the experts; also where experts came and went between two trainings."""
import json
import os
import pathlib
import random
import subprocess

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
GOLDEN = ROOT / "tests" / "golden"
KINDS = ["write a short poem about {}", "what is {} plus 17 ?", "def f{}(x): return the list"]
TEXTS = ["What is 12 + 30?", "write a poem about the sea", "", "x" * 900, "数学の問題", "def f(x):\n    return sorted(x)",
         "naïve café 🤖"]


def zooter(*args, **kw):
    p = subprocess.run([ZOOTER, *map(str, args)], capture_output=True, text=True, timeout=600, **kw)
    assert p.returncode == 0, p.stderr
    return p.stdout


def train(folder, name, encoder, experts, *options):
    r = random.Random(name)
    rows = [{"id": f"{name}-{i}", "query": KINDS[i % 3].format(r.randrange(10 ** 5)),
             "rewards": {e: int(r.random() < (0.9 if j % 3 == i % 3 else 0.3))
             for j, e in enumerate(experts)}} for i in range(90)]
    zooter("import", "--store", folder / f"{name}.db", "-", input="".join(json.dumps(x) + "\n" for x in rows))
    zooter("train", "--store", folder / f"{name}.db", "--encoder", encoder, "--out", folder / name, "--beta", "1",
           "--temperature", "0.2", "--rate",
           "1e-3", "--epochs", "2", *options)
    return folder / name


def check(folder, experts):
    net, info = transformers.AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
    assert [net.config.id2label[i] for i in range(len(experts))] == experts
    most = json.loads((folder / "config.json").read_text())["zooter"]["max_tokens"]
    ours = zooter("model", "run", folder, "--precision", "f32", input="".join(json.dumps({"text": t,
                                                                                          "max_length": most}) + "\n"
                                                                              for t in TEXTS))
    for row in map(json.loads, ours.splitlines()):
        with torch.no_grad():
            theirs = net.eval()(torch.tensor([row["ids"]])).logits[0]
        got = torch.tensor(row["logits"])
        assert ((got - theirs).abs() <= 1e-4 * theirs.abs().clamp(min=1)).all(), (row, theirs)


@pytest.mark.parametrize("golden", ["router", "bert", "backbone-bin"])
@pytest.mark.parametrize("options", [["--precision", "f32"], ["--layers", "head"], ["--layers", "1"]])
def test_a_trained_folder(tmp_path, golden, options):
    check(train(tmp_path, "r", GOLDEN / golden, ["a", "org/b", "c.d"], *options), ["a", "org/b", "c.d"])


@pytest.mark.parametrize("golden", ["router", "bert"])
def test_experts_that_come_and_go(tmp_path, golden):
    first = train(tmp_path, "first", GOLDEN / golden, ["a", "b", "c"])
    second = train(tmp_path, "second", first, ["c", "new", "a", "newer"])
    check(second, ["c", "new", "a", "newer"])
    check(train(tmp_path, "third", second, ["newer", "c"]), ["newer", "c"])
