"""Writes NAS-Bench-101's record files from their published description; shares nothing with the reader."""

import base64
import json
import struct
from pathlib import Path

CASTAGNOLI = 0x82F63B78


def crc32c(data: bytes) -> int:
    """Bit by bit, as RFC 3720 defines it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)


def evaluation(epoch: float, seconds: float, train: float, valid: float, test: float) -> bytes:
    body = b"".join(double(n, v) for n, v in enumerate((epoch, seconds, train, valid, test), start=1))
    return varint(1 << 3 | 2) + varint(len(body)) + body


def metrics(epochs: int, parameters: int, seconds: float, accuracies: tuple[float, float, float]) -> bytes:
    """A ModelMetrics message with the evaluations at the start, half-way and at the end."""
    body = evaluation(0.0, 0.0, 0.1, 0.1, 0.1) + evaluation(epochs / 2, seconds / 2, 0.5, 0.4, 0.3)
    body += evaluation(float(epochs), seconds, *accuracies)
    return body + varint(2 << 3 | 0) + varint(parameters) + double(3, seconds + 20)


def row(
    module_hash: str,
    epochs: int,
    matrix: str,
    operations: str,
    message: bytes,
) -> bytes:
    encoded = base64.b64encode(message).decode()
    return json.dumps([module_hash, epochs, matrix, operations, encoded]).encode()


CELLS = {
    "a" * 32: ("010001000", "input,conv3x3-bn-relu,output"),
    # Vertex 2 leads nowhere.
    "b" * 32: ("0110000100000000", "input,maxpool3x3,conv1x1-bn-relu,output"),
    "c" * 32: ("0101001000010000", "input,conv1x1-bn-relu,conv3x3-bn-relu,output"),
}


def accuracies(cell: int, epochs: int, repeat: int) -> tuple[float, float, float]:
    valid = 0.5 + epochs / 400 + cell / 50 + repeat / 1000
    return min(1.0, valid + 0.1), valid, valid - 0.01


def rows(epochs: tuple[int, ...] = (108,), repeats: int = 3) -> list[bytes]:
    """Every cell trained ``repeats`` times for every number of epochs, repeats apart as in the original."""
    return [
        row(
            key,
            budget,
            matrix,
            operations,
            metrics(budget, 1000 + i, 10.0 * budget + repeat, accuracies(i, budget, repeat)),
        )
        for repeat in range(repeats)
        for i, (key, (matrix, operations)) in enumerate(CELLS.items())
        for budget in epochs
    ]


def write(path: Path, payloads: list[bytes]) -> Path:
    path.write_bytes(b"".join(map(record, payloads)))
    return path
