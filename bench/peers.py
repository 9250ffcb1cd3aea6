"""What the benchmarks against Python libraries share: the Python that has them, and the checkpoints that both sides run."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HERE = pathlib.Path(__file__).resolve().parent
NEEDS = "a Python with torch, transformers, onnxruntime and openvino (script/bootstrap bench, or PEERS_PYTHON)"


def find_python():
    """$PEERS_PYTHON, or that of build/venv-reference; None where neither has the libraries."""
    python = os.environ.get("PEERS_PYTHON") or str(ROOT / "build" / "venv-reference" / "bin" / "python")
    if not shutil.which(python):
        return None
    check = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('torch', 'transformers', 'onnxruntime', 'openvino'))))"
    return python if subprocess.run([python, "-c", check]).returncode == 0 else None


def make_mdeberta(python, work):
    """mDeBERTa-v3-base's shape, random weights; the tokenizer of the golden files, which has fewer pieces than the embedding has rows."""
    folder = work / "mdeberta"
    if not (folder / "model.safetensors").exists():
        subprocess.run([python, HERE / "encoder_peers.py", "make", folder], check=True, stderr=subprocess.DEVNULL)
    for name in ("spm.model", "tokenizer_config.json"):
        shutil.copy(ROOT / "tests" / "golden" / "pair-reward" / name, folder)
    return folder


def link_minilm(python, work):
    """The real weights of MiniLM-L6 under a plain name; None, with a sentence on stderr, where their package is not installed."""
    find = "import sys; sys.path[:0] = [sys.argv[1]]; import minilm_router; print(minilm_router.packaged_backbone())"
    where = subprocess.run([python, "-c", find, HERE], capture_output=True, text=True)
    if where.returncode:
        print("MiniLM's cases are skipped: " + where.stderr.strip(), file=sys.stderr)
        return None
    folder = work / "minilm"
    if not folder.exists():
        folder.symlink_to(where.stdout.strip())
    return folder
