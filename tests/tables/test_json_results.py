"""Results that come as JSON or CSV: NAS-Bench-301, Accel-NASBench, CTNAS, DyNAS-T."""

import csv
import json
import shutil
import tarfile

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.tables import detect, read_table

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
Cell = list[list[tuple[str, int]]]


def random_cell(rng: np.random.Generator) -> Cell:
    return [
        [(str(rng.choice(OPERATIONS)), int(i)) for i in sorted(rng.choice(node, 2, replace=False))]
        for node in range(2, 6)
    ]


def nasbench301_result(normal: Cell, reduction: Cell, valid: float, test: float, epochs: int = 98) -> dict:
    """A results file as the data set has it: 14 possible edges a cell, two of them for each node."""
    prefix = "NetworkSelectorDatasetInfo:darts:"
    configuration = {f"{prefix}layers": 8, f"{prefix}init_channels": 32, "OptimizerSelector:optimizer": "sgd"}
    for kind, cell in (("normal", normal), ("reduce", reduction)):
        numbers = {}
        for node in range(2, 6):
            for origin in range(node):
                numbers[origin, node] = len(numbers)
        for node, edges in enumerate(cell, start=2):
            if node > 2:
                configuration[f"{prefix}inputs_node_{kind}_{node}"] = "_".join(str(o) for _, o in edges)
            for operation, origin in edges:
                configuration[f"{prefix}edge_{kind}_{numbers[origin, node]}"] = operation
    return {
        "final_metric_score": -valid,
        "optimized_hyperparamater_config": configuration,
        "budget": epochs,
        "info": [{"val_accuracy": valid, "model_parameters": 4_000_000, "epochs": epochs - 1}],
        "test_accuracy": test,
        "runtime": 9000,
    }


def darts_string(normal: Cell, reduction: Cell) -> str:
    cells = ("|".join(",".join(f"{o}~{i}" for o, i in node) for node in cell) for cell in (normal, reduction))
    return "//".join(cells)


def write_nasbench301(folder) -> list[tuple[Cell, Cell]]:
    rng = np.random.default_rng(5)
    cells = [(random_cell(rng), random_cell(rng)) for _ in range(6)]
    for number, (normal, reduction) in enumerate(cells):
        place = folder / ("re" if number % 2 else "bananas") / "results_fidelity_0"
        place.mkdir(parents=True, exist_ok=True)
        result = nasbench301_result(normal, reduction, 90 + number / 10, 89 + number / 10)
        (place / f"results_{number}.json").write_text(json.dumps(result))
    return cells


def test_nasbench301(tmp_path) -> None:
    cells = write_nasbench301(tmp_path / "nb301")
    assert detect(tmp_path / "nb301") == "nasbench301"
    table = read_table(tmp_path / "nb301")
    assert table.space == "darts"
    got = table.frame.set_index("architecture")
    for number, cell in enumerate(cells):
        row = got.loc[darts_string(*cell)]
        assert row.cifar10_valid_accuracy == 90 + number / 10
        assert row.cifar10_test_accuracy == 89 + number / 10
        assert row.optimiser == ("re" if number % 2 else "bananas")
        assert (row.epochs, row.layers, row.trainable_parameters) == (98, 8, 4_000_000)


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_nasbench301_still_packed(tmp_path, kind) -> None:
    write_nasbench301(tmp_path / "nb301")
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path, "nb301")
    assert detect(archive) == "nasbench301"
    packed, unpacked = (read_table(p, validate=lambda a: None).frame for p in (archive, tmp_path / "nb301"))
    assert sorted(packed.architecture) == sorted(unpacked.architecture)
    assert sorted(packed.optimiser) == sorted(unpacked.optimiser)


def test_nasbench301_does_not_mix_trainings_that_do_not_compare(tmp_path) -> None:
    cells = write_nasbench301(tmp_path)
    odd = nasbench301_result(*cells[0], valid=97.7, test=97.5, epochs=1500)
    (tmp_path / "re" / "results_fidelity_0" / "results_99.json").write_text(json.dumps(odd))
    with pytest.raises(InputError, match=r"results_99\.json: trained with epochs 1500"):
        read_table(tmp_path, validate=lambda a: None)
    table = read_table(tmp_path, validate=lambda a: None, on_error="skip")
    assert (len(table.frame), table.problem_count) == (6, 1)


def test_nasbench301_averages_repeats(tmp_path) -> None:
    cells = write_nasbench301(tmp_path)
    again = nasbench301_result(*cells[0], valid=91.0, test=90.0)
    (tmp_path / "re" / "results_fidelity_0" / "results_98.json").write_text(json.dumps(again))
    got = read_table(tmp_path, validate=lambda a: None).frame.set_index("architecture")
    row = got.loc[darts_string(*cells[0])]
    assert (row.evaluations, row.cifar10_valid_accuracy) == (2, 90.5)


def accel_result(kernel: int, top1: float) -> dict:
    blocks = {}
    for i in range(7):
        blocks |= {
            f"block{i}_e": 6,
            f"block{i}_k": kernel,
            f"block{i}_l": 1 + i % 3,
            f"block{i}_se": i % 2 == 0,
        }
    blocks["block6_se"] = "True"
    return {
        "architecture": blocks,
        "metrics": {"val_top1": top1, "val_top5": top1 + 20, "train_time": 1000.5},
        "platform_perf": {
            "throughput_a100": {"throughput_mean": 7000.0, "throughput_std": 3.0},
            "latency_zcu102": {"latency_mean": 5.0, "latency_std": 0.1},
        },
    }


def test_accel_nasbench(tmp_path) -> None:
    folder = tmp_path / "anb"
    folder.mkdir()
    for number, (kernel, top1) in enumerate([(3, 60.0), (5, 61.5)]):
        (folder / f"result_{number}.json").write_text(json.dumps(accel_result(kernel, top1)))
    archive = tmp_path / "anb_dataset_jsons.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        out.add(folder, "anb")
    for path in (folder, archive):
        assert detect(path) == "accel_nasbench"
        table = read_table(path, validate=lambda a: None)
        assert table.frame.architecture.tolist() == [
            "|".join(f"e6k{kernel}l{1 + i % 3}s{int(i % 2 == 0)}" for i in range(7)) for kernel in (3, 5)
        ]
        assert table.frame.imagenet_top1_accuracy.tolist() == [60.0, 61.5]
        assert table.frame.imagenet_top5_accuracy.tolist() == [80.0, 81.5]
        assert table.frame.throughput_a100.tolist() == [7000.0, 7000.0]
        assert table.frame.latency_zcu102.tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"architecture": 1, "metrics": {}}', "no architecture"),
        ('{"architecture": {}, "metrics": {}}', "block0_e is 'None'"),
        (" " * (2 << 20), "longer than 1 MB"),
    ],
)
def test_a_bad_file_among_results_is_named(tmp_path, content, message) -> None:
    (tmp_path / "result_0.json").write_text(json.dumps(accel_result(3, 60.0)))
    (tmp_path / "result_1.json").write_text(content)
    with pytest.raises(InputError, match=rf"row result_1\.json: {message}"):
        read_table(tmp_path, validate=lambda a: None)
    assert len(read_table(tmp_path, validate=lambda a: None, on_error="skip").frame) == 1


def ctnas_cell(matrix: list[list[int]], operations: list[str], test: float) -> dict:
    return {
        "matrix": matrix,
        "ops": operations,
        "n_params": 123,
        "training_time": 1.5,
        "train_accuracy": 1.0,
        "validation_accuracy": test + 0.01,
        "test_accuracy": test,
        "hash_": "f" * 32,
        "rank": 1,
    }


LINE = ctnas_cell([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "maxpool3x3", "output"], 0.9)
DIRECT = ctnas_cell([[0, 1], [0, 0]], ["input", "output"], 0.5)


@pytest.mark.parametrize("indent", [None, 2])
def test_ctnas(tmp_path, indent) -> None:
    path = tmp_path / "nas_bench.json"
    path.write_text(json.dumps([LINE, DIRECT], indent=indent))
    assert detect(path) == "ctnas"
    table = read_table(path)
    assert table.space == "nasbench101"
    assert table.frame.architecture.tolist() == ["input,maxpool3x3,output/010001000", "input,output/0100"]
    np.testing.assert_allclose(table.frame.cifar10_test_accuracy, [90, 50])
    np.testing.assert_allclose(table.frame.cifar10_valid_accuracy, [91, 51])
    assert table.frame.trainable_parameters.tolist() == [123, 123]


def test_ctnas_items_across_the_edges_of_what_is_read_at_once(tmp_path) -> None:
    path = tmp_path / "nas_bench.json"
    filler = DIRECT | {"note": "x" * 300_000}
    path.write_text(json.dumps([LINE, *[filler] * 10]))
    table = read_table(path, on_error="skip")
    assert (len(table.frame), table.problem_count) == (2, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps([LINE]) + "x", "something follows the list"),
        (json.dumps([LINE])[:-1], "neither goes on after it nor ends"),
        (json.dumps([LINE])[:-9], "row 1: not valid JSON"),
        (json.dumps([LINE, 5]), "row 2: not a JSON object"),
        (json.dumps([LINE])[:-1] + "}", "row 1: the list neither"),
        (json.dumps([LINE])[:-1] + ',{"a":' + "[" * 200_000, "row 2: (nested too deeply|not valid JSON)"),
        (json.dumps([LINE, DIRECT | {"note": "x" * 3_000_000}])[:-2], "row 2: not valid JSON"),
        (json.dumps([LINE | {"test_accuracy": 93.0}]), "row 1: test_accuracy is 93.0, not a fraction"),
        (json.dumps([LINE | {"matrix": "010"}]), "row 1: matrix is not a list"),
        (
            json.dumps([LINE | {"matrix": [[0, 2, 0], [0, 0, 1], [0, 0, 0]]}]),
            "row 1: .*(zeros and ones|digits 0 or 1)",
        ),
        (json.dumps([LINE | {"ops": ["input", None, "output"]}]), "row 1: ops is not a list of names"),
    ],
)
def test_damaged_ctnas_is_named(tmp_path, text, message) -> None:
    path = tmp_path / "nas_bench.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_table(path, source="ctnas")


HEADER = ["Sub-network", "Date", "Model Parameters", "Latency (ms)", "MACs", "Top-1 Acc (%)"]


def sub_network(kernel: int = 3, depth: int = 2, resolution: str = "[224]") -> str:
    return f"{{'wid': None, 'ks': {[kernel] * 20}, 'e': {[4] * 20}, 'd': {[depth] * 5}, 'r': {resolution}}}"


def write_dynast(path, rows) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])


def test_dynast(tmp_path) -> None:
    path = tmp_path / "ofa.csv"
    rest = ["2022-11-01 05:39:22.800806", 5029656, 0, 255502624]
    write_dynast(
        path,
        [[sub_network(), *rest, 75.0], [sub_network(5, 3, "192"), *rest, 76.0], [sub_network(), *rest, 75.5]],
    )
    assert detect(path) == "dynast"
    table = read_table(path, validate=lambda a: None)
    assert table.space == "mobilenet_v3"
    assert table.frame.architecture.tolist() == ["224" + "|k3e4,k3e4" * 5, "192" + "|k5e4,k5e4,k5e4" * 5]
    assert table.frame.imagenet_top1_accuracy.tolist() == [75.25, 76.0]
    assert table.frame.evaluations.tolist() == [2, 1]
    assert table.frame.macs.tolist() == [255502624] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('touch ran')", "not a dictionary"),
        ("{'ks': [3.5], 'e': [4], 'd': [1], 'r': 224}", "ks of the sub-network is"),
        ("{'ks': [3], 'e': [4], 'd': [1], 'r': [1, 2]}", "one resolution"),
        ("[" * 100_000, "not a dictionary"),
        ("5", "not a dictionary"),
        ("{}", "r of the sub-network is 'None'"),
    ],
)
def test_a_bad_sub_network_is_named(tmp_path, text, message) -> None:
    path = tmp_path / "ofa.csv"
    write_dynast(path, [[sub_network(), "", 1, 2, 3, 75.0], [text, "", 1, 2, 3, 75.0]])
    with pytest.raises(InputError, match=f"row 2: .*{message}"):
        read_table(path, validate=lambda a: None)
