"""Downloads against a local server: whole, broken off, moved, changed, wrong, missing, no network."""

import hashlib
import socket
import time

import numpy as np
import pytest
import range_server

from contrastive_nas.errors import InputError
from contrastive_nas.pipelines.download.nodes import download_benchmark
from contrastive_nas.tables import download, list_downloads
from contrastive_nas.tables.download import read_downloads
from contrastive_nas.tables.registry import FORMATS

MB = 1 << 20


@pytest.fixture
def server():
    data = np.random.default_rng(3).bytes(5 * MB + 17)
    with range_server.serve(data) as content:
        yield content


def benchmark(url: str, data: bytes | None = None) -> dict:
    checksum = f"\n      sha256: {hashlib.sha256(data).hexdigest()}" if data is not None else ""
    text = f"""
bench:
  title: A benchmark
  page: https://example.org/bench
  licence: MIT
  citation: Nobody
  files:
    - name: bench.bin
      url: {url}{checksum}
"""
    return read_downloads(text)


def test_a_whole_file(server, tmp_path) -> None:
    paths = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file", server.data))
    assert paths == [tmp_path / "bench.bin"]
    assert paths[0].read_bytes() == server.data
    assert [path.name for path in tmp_path.iterdir()] == ["bench.bin"]


@pytest.mark.parametrize("checked", [True, False])
def test_what_is_there_is_not_fetched_again(server, tmp_path, checked) -> None:
    downloads = benchmark(f"{server.url}/file", server.data if checked else None)
    for _ in range(2):
        download("bench", tmp_path, downloads=downloads)
    assert len(server.requests) == 1


def test_a_damaged_file_that_is_there_is_replaced(server, tmp_path) -> None:
    (tmp_path / "bench.bin").write_bytes(b"damaged")
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file", server.data))
    assert path.read_bytes() == server.data


def test_goes_on_where_the_transfer_broke_off(server, tmp_path) -> None:
    server.break_after = [2 * MB + 5, MB]
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file", server.data))
    assert path.read_bytes() == server.data
    starts = [int(asked[6:-1]) for _, asked in server.requests if asked]
    assert len(server.requests) == 3
    assert 0 < starts[0] < starts[1]


def test_a_later_call_goes_on_too(server, tmp_path) -> None:
    server.break_after = [2 * MB, 0, 0]
    downloads = benchmark(f"{server.url}/file", server.data)
    with pytest.raises(
        InputError, match=r"could not be fetched.*By hand: download it from there or from https://example"
    ):
        download("bench", tmp_path, downloads=downloads)
    assert not (tmp_path / "bench.bin").exists()
    server.break_after, server.requests = [], []
    (path,) = download("bench", tmp_path, downloads=downloads)
    assert path.read_bytes() == server.data
    assert server.requests[0][1] is not None
    assert server.requests[0][1] != "bytes=0-"


def test_a_part_of_another_version_is_thrown_away(server, tmp_path) -> None:
    server.break_after = [2 * MB, 0]
    with pytest.raises(InputError):
        download("bench", tmp_path, downloads=benchmark(f"{server.url}/file"))
    server.data, server.tag = server.data[::-1], '"two"'
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file"))
    assert path.read_bytes() == server.data


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path) -> None:
    server.break_after = [2 * MB, 0]
    with pytest.raises(InputError):
        download("bench", tmp_path, downloads=benchmark(f"{server.url}/file"))
    server.data = server.data[:MB]
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file"))
    assert path.read_bytes() == server.data


def test_a_server_without_ranges_sends_all_again(server, tmp_path) -> None:
    server.ranges, server.break_after = False, [2 * MB]
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/file", server.data))
    assert path.read_bytes() == server.data


def test_a_redirect_is_followed(server, tmp_path) -> None:
    (path,) = download("bench", tmp_path, downloads=benchmark(f"{server.url}/moved", server.data))
    assert path.read_bytes() == server.data


def test_a_wrong_checksum_leaves_nothing(server, tmp_path) -> None:
    with pytest.raises(InputError, match=r"hash of downloaded file .* does not match"):
        download("bench", tmp_path, downloads=benchmark(f"{server.url}/file", b"other"))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_says_what_to_do(server, tmp_path) -> None:
    with pytest.raises(InputError, match=r"404 .*By hand: .*save it as .*bench\.bin"):
        download("bench", tmp_path, downloads=benchmark(f"{server.url}/gone"))
    assert not (tmp_path / "bench.bin").exists()


def test_without_a_network_it_fails_in_seconds(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    begin = time.monotonic()
    for url in (f"http://127.0.0.1:{port}/file", "http://nowhere.invalid/file"):
        with pytest.raises(InputError, match="By hand"):
            download("bench", tmp_path, downloads=benchmark(url))
    assert time.monotonic() - begin < 20


def test_unknown_and_by_hand_only(tmp_path) -> None:
    with pytest.raises(InputError, match=r"'imagenet' is unknown: choose from nasbench101, .*"):
        download("imagenet", tmp_path)
    with pytest.raises(InputError, match=r"cannot be fetched by a program\. Get NAS-Bench-201"):
        download("nasbench201", tmp_path)


def test_the_pipeline_says_which_benchmarks_there_are(tmp_path) -> None:
    with pytest.raises(InputError, match=r"Give --params source=NAME, one of nasbench101, "):
        download_benchmark(None, str(tmp_path))
    with pytest.raises(InputError, match="cannot be fetched by a program"):
        download_benchmark("nasbench301", str(tmp_path))


def test_the_list_is_complete() -> None:
    downloads = list_downloads()
    assert len(downloads) >= 8
    for benchmark in downloads.values():
        assert benchmark.licence
        assert benchmark.citation
        assert benchmark.page.startswith("https://")
        assert bool(benchmark.files) != bool(benchmark.by_hand)
    assert len(FORMATS) == len(set(FORMATS))


def test_a_wrong_list_is_one_error() -> None:
    with pytest.raises(InputError, match="the list of downloads"):
        read_downloads("bench: {title: x}")
