"""Builds the extraction Lambda's zip: `python infra/build_lambda.py [--out build/lambda.zip] [--installed]`.

Into it go the modules of this project that `spotify_assets.lambda_handler` reaches, and the packages those need, in the
versions and with the hashes of requirements.lock, as wheels for Lambda's machine. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
HANDLER = "spotify_assets.lambda_handler"
OWN_PACKAGES = ("spotify_assets", "glue_scripts")
PYTHON = (3, 13)
GLIBC_MINOR = 34
"""Lambda's python3.13 runtime is Amazon Linux 2023: glibc 2.34. A wheel for a newer one does not load there."""

_VERSION, _ABI = f"{PYTHON[0]}.{PYTHON[1]}", f"cp{PYTHON[0]}{PYTHON[1]}"

AWS_SERVICES = ("s3", "secretsmanager", "sts")
"""The services whose descriptions botocore keeps; those of the four hundred others are most of its size."""

_LEFT_OUT = re.compile(
    r"(^|/)(tests?|__pycache__)/|\.py[ic]$|\.h$|^\.\./"
    r"|\.dist-info/((RECORD|INSTALLER|REQUESTED|direct_url\.json)$|sboms/)"
)
_BOTOCORE_SERVICE = re.compile(r"botocore/data/([^/]+)/")
_LIMIT = 50 * 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)


def main(arguments: list[str] | None = None) -> int:
    """Build the zip and say its size in bytes and its content hash."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "lambda.zip")
    parser.add_argument(
        "--installed",
        action="store_true",
        help="take the packages installed here instead of downloading Lambda's wheels: for trying the zip out here",
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        packages = installed_files() if options.installed else downloaded_files(Path(folder))
        size = write_zip(options.out, {**packages, **own_files()})
    digest = hashlib.sha256(options.out.read_bytes()).hexdigest()[:16]
    print(f"{options.out}: {size:,} bytes ({size / 2**20:.1f} MiB), content {digest}")  # noqa: T201
    if options.installed:
        unfit = sorted(name for name in closure(needs(HANDLER)) if not fits_lambda(name))
        print(f"Built for this machine; not for Lambda: {', '.join(unfit) or 'every wheel fits it too'}")  # noqa: T201
    if size > _LIMIT:
        print(f"Lambda takes at most {_LIMIT:,} bytes directly; S3 takes more.", file=sys.stderr)  # noqa: T201
    return 0


def own_files() -> dict[str, Path]:
    """The project's modules that the handler reaches, by their place in the zip."""
    return {path.relative_to(ROOT).as_posix(): path for path in reached(HANDLER)}


def reached(module: str) -> list[Path]:
    """The files of this project's modules that `module` imports, directly or not, at load or in a function."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _module_path(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
        imported = _imports(ast.parse(path.read_text(encoding="utf-8")))
        waiting += [one for one in imported if one.startswith(OWN_PACKAGES)]
    return sorted(found.values())


def needs(module: str) -> list[str]:
    """The packages, by name, that `module` and what it reaches of this project import from outside."""
    distributions = metadata.packages_distributions()
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in reached(module))
    outside = {name.partition(".")[0] for tree in trees for name in _imports(tree)}
    outside -= {*OWN_PACKAGES, *sys.stdlib_module_names}
    return sorted({canonicalize_name(found) for name in outside for found in distributions[name]})


def _module_path(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(node: ast.AST) -> Iterator[str]:
    """Every name imported under `node`; `from a import b` is both `a` and `a.b`.

    Not those for type checkers only, and not what a package would import only when asked for one of its names.
    """
    if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def closure(names: Iterable[str]) -> dict[str, str]:
    """Name and installed version of the packages and of everything they need on Lambda."""
    machine = {
        "python_version": _VERSION, "python_full_version": f"{_VERSION}.0", "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64", "implementation_name": "cpython", "platform_python_implementation": "CPython",
        "os_name": "posix", "extra": "",
    }  # fmt: skip
    found: dict[str, str] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name in found:
            continue
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(dict(machine)):
                waiting.append(requirement)
    return found


def locked(names: Iterable[str], lock: str) -> str:
    """The lines of a lock file that pin `names`, hashes included. Raises ValueError naming one it does not pin."""
    pins: dict[str, str] = {
        canonicalize_name(match[1]): match[0]
        for match in re.finditer(r"^([A-Za-z0-9._-]+)==.*(?:\n    --hash=.*)+", lock, re.MULTILINE)
    }
    missing = sorted(set(names) - pins.keys())
    if missing:
        raise ValueError(f"requirements.lock does not pin {', '.join(missing)}")
    return "\n".join(pins[name].rstrip(" \\") for name in sorted(names)) + "\n"


def pip_command(target: Path, requirements: Path) -> list[str]:
    """How to fetch the wheels for Lambda's machine, whatever this one is."""
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC_MINOR, 4, -1)] + ["manylinux2014_x86_64"]
    return [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--implementation", "cp", "--python-version", _VERSION, "--abi", _ABI, "--abi", "abi3",
        "--abi", "none", *(part for platform in platforms for part in ("--platform", platform)),
        "--target", str(target), "--requirement", str(requirements),
    ]  # fmt: skip


def downloaded_files(folder: Path) -> dict[str, Path]:
    """The packages as wheels for Lambda, in the locked versions, by their place in the zip."""
    requirements = folder / "requirements.txt"
    requirements.write_text(locked(closure(needs(HANDLER)), (ROOT / "requirements.lock").read_text(encoding="utf-8")))
    target = folder / "packages"
    subprocess.run(pip_command(target, requirements), check=True)
    files = (path for path in target.rglob("*") if path.is_file())
    return {place: path for path in files if wanted(place := path.relative_to(target).as_posix())}


def installed_files() -> dict[str, Path]:
    """The packages as they are installed here, by their place in the zip."""
    found: dict[str, Path] = {}
    for name in closure(needs(HANDLER)):
        for file in metadata.distribution(name).files or ():
            if wanted(file.as_posix()):
                found[file.as_posix()] = Path(str(file.locate()))
    return found


def wanted(place: str) -> bool:
    """Whether a package's file is of use in the zip."""
    service = _BOTOCORE_SERVICE.match(place)
    return not _LEFT_OUT.search(place) and (service is None or service[1] in AWS_SERVICES)


def fits_lambda(name: str) -> bool:
    """Whether the installed wheel of a package would load on Lambda's Python."""
    text = metadata.distribution(name).read_text("WHEEL") or ""
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC_MINOR, 4, -1)] + ["manylinux2014_x86_64"]
    usable = {*cpython_tags(PYTHON, platforms=platforms), *compatible_tags(PYTHON, _ABI, platforms)}
    tags = {Tag(*line.split("-")) for line in re.findall(r"^Tag: (.+)$", text, re.MULTILINE)}
    return bool(tags & usable)


def write_zip(out: Path, files: dict[str, Path]) -> int:
    """Write the files under their places, the same bytes for the same files; the zip's size in bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for place, path in sorted(files.items()):
            entry = zipfile.ZipInfo(place, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    return out.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
