"""The cache is huggingface_hub's: what it downloaded is ours and what we fetched is its, from the same hub,
on the same disk."""
import os
import pathlib
import subprocess
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))
import hub_server  # noqa: E402

ZOOTER = os.environ.get("ZOOTER", str(ROOT / "build/zooter"))
FILES = {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"weights" * 30_000, "tokenizer.json": b"{}",
         "vocab.txt": b"[PAD]\n",
         "1_Pooling/config.json": b"{}", "README.md": b"read me"}
TOKEN = "hf_Secret"


@pytest.fixture
def hub():
    with hub_server.Hub() as hub:
        hub.repos["org/name"] = hub_server.Repo(FILES, lfs={"model.safetensors"}, token=TOKEN,
                                                branches={"main", "refs/pr/1"})
        yield hub


@pytest.fixture
def env(hub, tmp_path):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING", "TRANSFORMERS"))
             and not k.lower().endswith("_proxy")}
    return {**clean, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}


def ours(env, *args):
    p = subprocess.run([ZOOTER, "model", "fetch", *args], env=env, capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return p.stdout.strip()


def theirs(env, code, **values):
    p = subprocess.run([sys.executable, "-c", "from huggingface_hub import *\n" + code.format(**values)], env=env,
                       capture_output=True, text=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return p.stdout.strip()


SNAPSHOT = "print(snapshot_download('org/name', revision={revision!r}, ignore_patterns=['README.md']))"


@pytest.mark.parametrize("revision", ["main", "refs/pr/1", hub_server.COMMIT])
def test_they_use_what_we_fetched(hub, env, revision):
    folder = ours(env, "org/name@" + revision)
    bodies = len(hub.asked("GET", "/resolve/"))
    assert theirs(env, SNAPSHOT, revision=revision) == folder
    assert len(hub.asked("GET", "/resolve/")) == bodies, "nothing came again"
    offline = {**env, "HF_HUB_OFFLINE": "1"}
    assert theirs(offline, SNAPSHOT, revision=revision) == folder
    assert theirs(offline, "print(open(hf_hub_download('org/name', 'config.json', revision={revision!r})).read())",
                  revision=revision) == FILES["config.json"].decode()


@pytest.mark.parametrize("revision", ["main", "refs/pr/1", hub_server.COMMIT])
def test_we_use_what_they_fetched(hub, env, revision):
    folder = theirs(env, SNAPSHOT, revision=revision)
    bodies = len(hub.asked("GET", "/resolve/"))
    assert ours(env, "org/name@" + revision) == folder
    assert len(hub.asked("GET", "/resolve/")) == bodies, "nothing came again"
    assert ours({**env, "HF_HUB_OFFLINE": "1"}, "org/name@" + revision) == folder


def test_the_cache_is_laid_out_alike(hub, env, tmp_path):
    def layout(home):
        root = home / "hub"
        return {str(p.relative_to(root)): os.readlink(p) if p.is_symlink() else p.read_bytes()
                for p in root.rglob("models--*/**/*") if p.is_symlink() or p.is_file() if ".locks" not in p.parts}

    ours({**env, "HF_HOME": str(tmp_path / "a")}, "org/name")
    theirs({**env, "HF_HOME": str(tmp_path / "b")}, SNAPSHOT, revision="main")
    a, b = layout(tmp_path / "a"), layout(tmp_path / "b")
    assert a and a == {k: v for k, v in b.items() if k in a}
    extra = set(b) - set(a)
    assert not [k for k in extra if "/blobs/" in k or "/snapshots/" in k or "/refs/" in k], extra


def test_their_cache_scan_finds_nothing_wrong(env, hub):
    ours(env, "org/name")
    assert theirs(env, \
                  "i = scan_cache_dir(); print(len(i.warnings), [r.repo_id for r in i.repos], [sorted(v.refs) for r "
                  "in i.repos for v in r.revisions])") == \
        "0 ['org/name'] [['main']]"


def test_both_at_once_fetch_the_weights_once(hub, env):
    hub.rate = 100_000
    runs = [threading.Thread(target=theirs, args=(env, SNAPSHOT), kwargs={"revision": "main"}),
            threading.Thread(target=ours, args=(env, "org/name"))]
    for t in runs:
        t.start()
    for t in runs:
        t.join()
    assert len(hub.asked("GET", "model.safetensors", "cdn")) == 1


def test_a_token_of_their_login(hub, env):
    del env["HF_TOKEN"]
    path = theirs(env, "from huggingface_hub import constants; print(constants.HF_TOKEN_PATH)")
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(TOKEN)
    ours(env, "org/name")
