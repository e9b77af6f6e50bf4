"""Compilation, cache and records."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import plant_models
import thermal_bms
from plant_models.kernels import CACHE_FOLDER, kernel, record, sources_hash

CALLER = """
from plant_models.circuit import face_heat_per_k
print(face_heat_per_k(900, 0.7, 1.42, 0.6, 0.531, 0.5, 1.42, 0.531, 3300.0))
"""


@kernel
def doubled(s, dt_s):  # type: ignore[no-untyped-def]
    s[0].x = 2.0 * s[0].x * dt_s
    return s[0].x


def test_the_cache_folder_is_named_by_the_sources() -> None:
    assert CACHE_FOLDER.name == f"kernels-{sources_hash()}"


def test_any_edited_kernel_file_gives_another_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("y = 1\n")
    before = sources_hash(tmp_path)
    (tmp_path / "b.py").write_text("y = 2\n")
    assert sources_hash(tmp_path) != before


def test_an_edited_callee_in_another_file_never_meets_an_old_caller(tmp_path: Path) -> None:
    for package in (plant_models, thermal_bms):
        source = Path(package.__path__[0])
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path / "home")}

    def result() -> float:
        command = [sys.executable, "-c", CALLER]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return float(done.stdout)

    before = result()
    assert result() == before
    callee = tmp_path / "plant_models" / "radiator.py"
    text = callee.read_text()
    assert "def radiator_heat_per_k" in text
    callee.write_text(text.replace("return smaller * cross_flow", "return 2.0 * smaller * cross_flow"))
    assert callee.read_text() != text
    assert result() == pytest.approx(2.0 * before)


def test_a_record_reads_and_writes_by_name_compiled_and_plain() -> None:
    compiled, plain = record(x=3.0, y=1.0), record(x=3.0, y=1.0)
    assert doubled(compiled, 2.0) == 12.0
    assert doubled.py_func(plain, 2.0) == 12.0  # type: ignore[attr-defined]
    assert np.array_equal(compiled, plain)
