"""What torch.save writes, made without torch: classes and functions of its names for the pickler,
bytes in a zip beside it; and safetensors read and written with nothing but struct.

    save(path, {"a.weight": ("F32", [2, 3], raw_bytes)})
"""
import collections
import io
import json
import math
import pickle
import struct
import sys
import types
import zipfile

STORAGES = {"F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "F64": "DoubleStorage",
            "I64": "LongStorage"}
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I64": 8, "I8": 1}


def _make_names():
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    for name in "_rebuild_tensor_v2", "_rebuild_parameter":
        function = eval("lambda *args: None")
        function.__module__, function.__qualname__, function.__name__ = "torch._utils", name, name
        setattr(utils, name, function)
    torch._utils = utils
    return torch, utils


TORCH, UTILS = _make_names()


class Storage:
    def __init__(self, key, dtype, elements):
        self.key, self.dtype, self.elements = key, dtype, elements


class Tensor:
    def __init__(self, storage, offset, shape, strides=None):
        self.storage, self.offset, self.shape = storage, offset, tuple(shape)
        self.strides = strides or tuple(math.prod(shape[i + 1:]) for i in range(len(shape)))

    def __reduce__(self):
        return UTILS._rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.strides, False,
                                          collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", getattr(TORCH, STORAGES[value.dtype]), value.key, "cpu", value.elements
        return None


def pickled(value, protocol=2):
    out = io.BytesIO()
    former = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": TORCH, "torch._utils": UTILS})
    try:
        Pickler(out, protocol).dump(value)
    finally:
        for name, module in former.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return out.getvalue()


def write_zip(path, program, storages, prefix="archive", compression=zipfile.ZIP_STORED, byteorder=b"little"):
    with zipfile.ZipFile(path, "w", compression) as z:
        z.writestr(f"{prefix}/data.pkl", program)
        z.writestr(f"{prefix}/byteorder", byteorder)
        for key, raw in storages.items():
            z.writestr(f"{prefix}/data/{key}", raw)
        z.writestr(f"{prefix}/version", b"3\n")


def save(path, tensors, protocol=2, **kw):
    state, storages = collections.OrderedDict(), {}
    for i, (name, (dtype, shape, raw)) in enumerate(tensors.items()):
        storages[str(i)] = raw
        state[name] = Tensor(Storage(str(i), dtype, len(raw) // WIDTHS[dtype]), 0, shape)
    write_zip(path, pickled(state, protocol), storages, **kw)


# ---- safetensors ----
def read_safetensors(path):
    """{name: (dtype, shape, raw)}"""
    data = path.read_bytes()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], data[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]]) for name,
            t in header.items()}


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        at += len(raw)
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(raw for _, _, raw in tensors.values()))


def floats(tensor):
    dtype, _, raw = tensor
    if dtype == "BF16":
        return [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0] for i in range(0, len(raw), 2)]
    code, width = {"F32": ("f", 4), "F16": ("e", 2), "F64": ("d", 8), "I8": ("b", 1)}[dtype]
    return list(struct.unpack(f"<{len(raw) // width}{code}", raw))
