"""What of the machine is asked without a backend."""

from __future__ import annotations

import ctypes
import os

import pytest

from nnlab import machine


class Driver:
    """CUDA's driver as nnlab asks it: how a GPU's memory is told, or why it is not."""

    def __init__(self, failing=""):
        self.failing = failing

    def __getattr__(self, name):
        def function(*arguments):
            if name == "cuDeviceTotalMem_v2":
                arguments[0]._obj.value = 24 * 2**30
            return 100 if name == self.failing else 0  # CUDA_ERROR_NO_DEVICE

        return function


@pytest.mark.parametrize(("failing", "size"), [("", 24 * 2**30), ("cuInit", 0), ("cuDeviceGet", 0)])
def test_memory_of_a_gpu_is_asked_of_its_driver(monkeypatch, failing, size):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(failing))
    assert machine.gpu_memory() == size


def test_no_driver_is_no_gpu(monkeypatch):
    def none(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", none)
    assert machine.gpu_memory() == 0


@pytest.mark.parametrize(("shown", "written"), [(True, "a warning"), (False, "")])
def test_what_native_code_says_is_shown_on_failure_where_it_says_why(capfd, shown, written):
    with machine.quiet_native_stderr(enabled=True, shown=shown):
        os.write(2, b"in silence")

    def fails():
        with machine.quiet_native_stderr(enabled=True, shown=shown):
            os.write(2, b"a warning")
            raise ValueError("told")

    with pytest.raises(ValueError, match="told"):
        fails()
    assert capfd.readouterr().err == written
