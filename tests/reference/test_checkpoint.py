"""A trained router is an ordinary checkpoint: the safetensors package reads what we write,
and we read what it writes."""
import json
import os
import pathlib
import random
import shutil
import subprocess

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
QUERIES = ["What is 12 + 30?", "Spell the word ccc", "", "你好", "x" * 5000]


def zooter(*args, **kw):
    p = subprocess.run([ZOOTER, *map(str, args)], capture_output=True, text=True, timeout=300, **kw)
    assert p.returncode == 0, p.stderr
    return p.stdout


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    folder = tmp_path_factory.mktemp("router")
    rng = random.Random(1)
    rows = []
    for i in range(400):
        digits = i % 2
        text = f"What is {rng.randint(1, 99)} + {rng.randint(1, 99)}?" if digits else "Spell the word " + \
            rng.choice("abcdefg") * rng.randint(1, 9)
        rows.append(json.dumps({"id": str(i), "query": text, "subset": str(digits),
                                "rewards": {"adder": digits, "org/speller": 1 - digits}}))
    zooter("import", "--store", folder / "s.db", "-", input="\n".join(rows))
    zooter("train", "--store", folder / "s.db", "--out", folder / "router")
    return folder / "router"


def route(folder):
    lines = zooter("route", "--router", folder, "--jsonl", input="".join(json.dumps({"query": q}) + "\n"
                                                                         for q in QUERIES)).splitlines()
    return np.array([list(json.loads(line)["probabilities"].values()) for line in lines])


def test_safetensors_reads_what_we_write(router):
    config = json.loads((router / "config.json").read_text())
    encoder = config["zooter"]["encoder"]
    tensors = load_file(router / "model.safetensors")
    assert config["id2label"] == {"0": "adder", "1": "org/speller"}
    assert tensors["embedding.weight"].shape == (encoder["buckets"], encoder["dim"])
    assert tensors["classifier.weight"].shape == (2, encoder["hidden"] or encoder["dim"])
    for name, tensor in tensors.items():
        assert tensor.dtype == np.float32 and np.isfinite(tensor).all(), name


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 0), (np.float16, 2e-2)])
def test_we_read_what_safetensors_writes(router, tmp_path, dtype, tolerance):
    """Also in another order of tensors, and at half precision."""
    copy = tmp_path / "router"
    shutil.copytree(router, copy)
    tensors = load_file(router / "model.safetensors")
    save_file({name: tensors[name].astype(dtype) for name in reversed(tensors)}, copy / "model.safetensors",
              metadata={"format": "pt"})
    ours, theirs = route(router), route(copy)
    assert ours.shape == (len(QUERIES), 2)
    assert (np.abs(ours - theirs) <= tolerance).all()


def test_a_weight_that_they_change_changes_the_route(router, tmp_path):
    copy = tmp_path / "router"
    shutil.copytree(router, copy)
    tensors = load_file(router / "model.safetensors")
    save_file({**tensors, "classifier.weight": tensors["classifier.weight"][::-1].copy(),
               "classifier.bias": tensors["classifier.bias"][::-1].copy()}, copy / "model.safetensors")
    assert (np.abs(route(router)[:, ::-1] - route(copy)) <= 1e-5).all()
