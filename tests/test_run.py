"""run.py: the part that runs before there is an environment."""

import subprocess
import sys
from pathlib import Path

import pytest

import run

ROOT = Path(run.ROOT)


def test_the_running_interpreter_knows_its_version():
    assert run.version_of(sys.executable) == sys.version_info[:2]
    assert run.version_of("/does/not/exist") is None


def test_an_interpreter_that_nobody_has_is_not_found():
    assert run.find_python("3.1") is None


def test_a_ready_environment_is_reused(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("")
    inside = Path(run.environment_python(str(tmp_path / "venv")))
    inside.parent.mkdir(parents=True)
    inside.symlink_to(sys.executable)
    (tmp_path / "venv" / "made-from.txt").write_text(run.fingerprint(sys.executable, str(requirements)))
    monkeypatch.setattr(run.shutil, "rmtree", lambda *_, **__: pytest.fail("it was made anew"))
    assert run.prepare_environment(sys.executable, str(tmp_path / "venv"), str(requirements)) == str(inside)


def test_changed_requirements_change_the_fingerprint(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("a==1\n")
    before = run.fingerprint(sys.executable, str(requirements))
    requirements.write_text("a==2\n")
    assert run.fingerprint(sys.executable, str(requirements)) != before


def test_a_python_without_venv_is_told_what_to_install(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("")
    no = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(run, "fingerprint", lambda *_: "x")
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: no)
    with pytest.raises(run.CannotPrepare, match="python3-venv"):
        run.prepare_environment(sys.executable, str(tmp_path / "venv"), str(requirements))


def test_a_data_folder_without_prices_is_refused_in_one_sentence(tmp_path):
    command = [sys.executable, "-m", "rehearsal", "--for", "1", "--data", str(tmp_path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert answer.returncode == 1
    assert "CSV" in answer.stderr.decode("utf-8")
    assert "Traceback" not in answer.stderr.decode("utf-8")
