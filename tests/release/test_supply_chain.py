"""Locks with hashes and without hosts, licences that can be kept, reasons for dependencies, a wheel of our files."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS = re.compile(
    r"pypi[.]org|files[.]pythonhosted|registry[.]npmjs|npmjs[.]org|yarnpkg[.]com|deb[.]debian|archive[.]ubuntu|crates[.]io"
    r"|anaconda[.]org|download[.]pytorch|ghcr[.]io|docker[.]io|proxy[.]golang|huggingface[.]co/"
)
LOCKS = ("light", "dev", "all")


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"release_{name}", ROOT / "release" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


licences, build = load("licences"), load("build")


def tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    return sorted(build.tracked_files())


def entries(lock: str) -> list[str]:
    text = (ROOT / "locks" / f"{lock}.txt").read_text()
    return re.split(r"(?<!\\)\n", text.split("\n", 1)[1].strip())


def test_no_tracked_file_names_a_registry_host() -> None:
    found = []
    for name in tracked():
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            match = HOSTS.search(path.read_text(encoding="latin-1"))
            found += [f"{name}: {match.group()}"] if match else []
    assert found == []
    assert HOSTS.search("--index-url https://" + "pypi" + ".org/simple"), "the search itself works"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_one_exact_version_with_hashes(lock) -> None:
    wrong = [e for e in entries(lock) if not re.fullmatch(r"[a-z0-9-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", e)]
    assert wrong == []
    assert len(entries(lock)) > 50


def test_the_locks_agree_and_contain_what_pyproject_asks_for() -> None:
    light, dev, whole = (licences.pins(ROOT / "locks" / f"{lock}.txt") for lock in LOCKS)
    assert light.items() <= dev.items() <= whole.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {re.split(r"[\[<>=~!;\s]", one)[0].lower() for one in project["project"]["dependencies"]}
    assert asked | {"setuptools"} <= light.keys(), "run make lock"
    extras = project["project"]["optional-dependencies"]
    assert {re.split(r"[\[<>=~!;\s]", one)[0].lower() for one in extras["dev"]} <= dev.keys(), "run make lock"
    assert {re.split(r"[\[<>=~!;\s]", one)[0].lower() for one in extras["yolo"]} <= whole.keys(), "run make lock"
    assert not [name for name in dev if name.startswith(("nvidia-", "torch"))]


def test_every_install_asks_for_hashes() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines() + (ROOT / ".ci" / "run").read_text().splitlines()
    installs = [line for line in lines if re.search(r"pip3? install", line)]
    assert installs
    assert all("--require-hashes" in line or "--no-deps --no-build-isolation" in line for line in installs)


def test_pip_refuses_a_poisoned_release_and_a_lock_without_its_hash(tmp_path) -> None:
    """A file of the right name and version and other bytes; pip itself is the judge, without any index."""
    entry = next(e for e in entries("light") if e.startswith("defusedxml=="))
    name = entry.split(" ")[0].replace("==", "-")
    with zipfile.ZipFile(tmp_path / f"{name}-py2.py3-none-any.whl", "w") as poisoned:
        poisoned.writestr(
            f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: defusedxml\nVersion: {name[-5:]}\n"
        )
        poisoned.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        poisoned.writestr(f"{name}.dist-info/RECORD", "")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path), "--no-deps"]
    command += ["--disable-pip-version-check", "--target", str(tmp_path / "there"), "--require-hashes", "-r"]
    for text, says in ((entry, "DO NOT MATCH THE HASHES"), (entry.split(" ")[0], "Hashes are required")):
        (tmp_path / "lock.txt").write_text(text + "\n")
        refused = subprocess.run([*command, str(tmp_path / "lock.txt")], capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert says in refused.stderr


def test_every_locked_licence_can_be_kept_and_every_direct_dependency_says_why() -> None:
    assert licences.wrong_licences() == []
    assert licences.unjustified() == []


@pytest.mark.parametrize(
    ("licence", "kept"),
    [
        ("MIT", True),
        ("BSD License", True),
        ("GPL-2.0-only OR MIT", True),
        ("MIT AND (Apache-2.0 OR GPL-2.0-only)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only", False),
        ("MIT AND SSPL-1.0", False),
        ("BUSL-1.1", False),
        ("CC-BY-NC-4.0", False),
        ("LicenseRef-NVIDIA-Proprietary", False),
        ("Other/Proprietary License", False),
        ("not stated", False),
        ("", False),
    ],
)
def test_licences_are_judged_as_expressions(licence, kept) -> None:
    assert licences._parsed(licence) is kept


@pytest.fixture
def copy(tmp_path) -> Path:
    for name in ("locks", "docs/decisions"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_a_wrong_stale_or_missing_licence_is_named(copy) -> None:
    table = copy / "locks" / "licences.csv"
    good = table.read_text()
    version = licences.pins(copy / "locks" / "light.txt")["numpy"]
    row = re.search(r"^numpy,.*$", good, re.MULTILINE).group()
    for changed, says in (
        (f"numpy,{version},BUSL-1.1", "'BUSL-1.1' cannot be kept with AGPL-3.0-or-later"),
        ("numpy,0.0.1,MIT", "has no licence in locks/licences.csv; run make lock"),
        ("", "has no licence in locks/licences.csv; run make lock"),
    ):
        table.write_text(good.replace(row + "\n", changed + "\n" if changed else ""))
        assert any(f"numpy {version}" in wrong and says in wrong for wrong in licences.wrong_licences(copy)), says


def test_an_unjustified_dependency_is_named(copy) -> None:
    project = copy / "pyproject.toml"
    project.write_text(project.read_text().replace('    "numpy>=', '    "left-pad>=1",\n    "numpy>=', 1))
    assert licences.unjustified(copy) == [
        "pyproject.toml: left-pad is not justified in docs/decisions/0002-dependencies.md"
    ]


def test_a_wheel_carries_our_files_and_no_others(tmp_path) -> None:
    ours = build.in_a_wheel(set(tracked()))
    wheel = tmp_path / "vedette-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in sorted(ours - {"geo/egm96_15min.npz", "examples/demo/brief.toml"}):
            archive.writestr(name, "")
        archive.writestr("tests/secret.py", "")
        archive.writestr("vedette-0.1.0.dist-info/METADATA", "")
    assert build.wrong_in_wheel(wheel, set(tracked())) == [
        f"{wheel.name} carries tests/secret.py, which is not ours",
        f"{wheel.name} lacks examples/demo/brief.toml",
        f"{wheel.name} lacks geo/egm96_15min.npz",
    ]


def test_the_wheel_that_is_built_carries_models_assets_and_ground(tmp_path) -> None:
    """Built for real, from a copy, with this environment's setuptools."""
    source, wanted = tmp_path / "source", build.in_a_wheel(set(tracked()))
    for name in tracked():
        if name in wanted or name in ("pyproject.toml", "README.md", "LICENSE"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--skip-dependency-check"]
    done = subprocess.run(
        [*command, "--outdir", str(tmp_path), str(source)], capture_output=True, text=True, check=False
    )
    if "Backend 'setuptools.build_meta' is not available" in done.stdout + done.stderr:
        pytest.skip("setuptools is not in this environment; make test installs it from the lock")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    wheel = next(tmp_path.glob("*.whl"))
    assert build.wrong_in_wheel(wheel, set(tracked())) == []
    assert set(build.CARRIED) <= set(zipfile.ZipFile(wheel).namelist())
