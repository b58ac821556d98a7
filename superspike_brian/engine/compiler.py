"""From generated C++ to a program: every object file is compiled once per content and shared by all programs.

The key of an object file is a hash of its source, the headers that it includes, the flags and the compiler. So an edited
equation recompiles what depends on it, and several processes can build side by side. Its name holds that key and the hash of
what is in it: a file that a full disk, a crash or a fault of the disk has damaged is compiled again.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from platformdirs import user_cache_path

from ..errors import UserError
from ..files.durable import replace_file

# parsing the standard headers takes most of the time of a small source: GCC compiles them once for all programs
_STANDARD = Path(__file__).parents[1] / "codegen" / "standard.h"
_RUNS_ONCE = re.compile(r"^(objects|bundles/once)\.cpp$")  # not worth the optimiser's time
_ONCE = re.compile(r"^((before|after)_run_|.*_(create_generator|create_array|set_conditional)_)")
_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
_INCLUDE_LINE = re.compile(r"^\s*#\s*include.*", re.M)


class BuildError(UserError):
    """The program could not be compiled; the message holds the compiler's own."""


def default_build_dir() -> Path:
    """Where programs and object files live: the user's cache folder."""
    return user_cache_path("superspike_brian")


def compiler() -> str:
    """Path of the C++ compiler: ``$CXX`` or g++ or c++ or clang++.

    Raises
    ------
    BuildError
        If there is none.
    """
    for name in filter(None, (os.environ.get("CXX"), "g++", "c++", "clang++")):
        if path := shutil.which(name):
            return path
    raise BuildError(
        "no C++ compiler found (looked for $CXX, g++, c++ and clang++). Install one, for instance `apt install g++`, "
        "`dnf install gcc-c++`, `xcode-select --install` or `conda install gxx`. Small networks run without a compiler on "
        "Brian2's runtime device: device='runtime' in Python, --device runtime on the command line."
    )


@lru_cache
def compiler_identity(path: str, flags: tuple[str, ...]) -> str:
    """What the compiler makes of the flags on this machine (``-march=native`` differs between machines)."""
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    macros = [path, *flags, "-dM", "-E", "-x", "c++", os.devnull]  # what the processor has, in GCC and Clang
    return version + subprocess.run(macros, capture_output=True, text=True).stdout


def identity(flags: Iterable[str]) -> str:
    """What compiled code depends on besides its text: not the environment's folders, where no source looks."""
    path, flags = compiler(), [f for f in flags if not f.startswith("-I")]
    return path + compiler_identity(path, tuple(flags)) + " ".join(flags)


def compile_program(
    folder: Path,
    sources: Sequence[str],
    compiler_flags: Sequence[str],
    linker_flags: Sequence[str],
    objects: Path,
    jobs: int,
) -> int:
    """Compile `sources` in `folder` and link them to ``folder/main``.

    Parameters
    ----------
    folder : Path
        Root of the generated project, and of its includes.
    sources : list of str
        C++ files, relative to `folder`.
    compiler_flags, linker_flags : list of str
        Flags for every source, and for linking.
    objects : Path
        Folder of the shared object files.
    jobs : int
        Compiler processes at a time.

    Returns
    -------
    n_compiled : int
        How many object files had to be compiled.

    Raises
    ------
    BuildError
        With the compiler's message.
    """
    path = compiler()
    machine = identity(compiler_flags)
    precompiled = precompile(compiler_flags, objects)
    sources = _bundle(folder, sources)
    digests: dict[str, tuple[str, list[str]]] = {}
    keys = {s: _key(folder, s, digests, machine) for s in sources}
    targets = {s: _stored(objects, key, ".o") for s, key in keys.items()}
    missing = [s for s, target in targets.items() if target is None]

    def compile_one(source):
        flags = [re.sub("^-O[23]$", "-O0", f) for f in compiler_flags] if _RUNS_ONCE.search(source) else compiler_flags
        command = [path, "-c", *flags, *precompiled, "-I.", source]
        targets[source] = _compile(command, folder, source, objects, keys[source], ".o")

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        list(pool.map(compile_one, sorted(missing, key=lambda s: not _RUNS_ONCE.search(s))))  # the longest first
    _call([path, *map(str, targets.values()), "-o", "main.tmp", *linker_flags], folder, "the program")
    os.replace(folder / "main.tmp", folder / "main")
    return len(missing)


def _bundle(folder, sources):
    """Put small sources together, by the kind of object that they belong to: most of their time goes into headers.

    Every one keeps a namespace of its own, because Brian2 writes the same helpers into each. Returns the new sources, those
    of optimised code first: the linker takes the first of several copies of an inline function.
    """
    bundles: dict[str, list[tuple[str, list[str]]]] = {}
    others = []
    for source in sources:
        folders, _, name = source.rpartition("/")
        header = (folder / source).with_suffix(".h")
        if folders != "code_objects" or ("_stateupdater_" in name and name.startswith("forward")):
            others.append(source)
            continue
        kind = "once" if _ONCE.match(name) else name.split("_")[0]
        functions = re.findall(r"^void (\w+)\(\);", header.read_text(), re.M)
        bundles.setdefault(kind, []).append((source, functions))
    (folder / "bundles").mkdir(exist_ok=True)
    for kind, parts in bundles.items():
        includes = [line for s, _ in parts for line in _INCLUDE_LINE.findall((folder / s).read_text())]
        text = "\n".join([*dict.fromkeys(includes), ""])
        for number, (source, functions) in enumerate(parts):
            text += f'namespace part_{number} {{\n#include "{source}"\n}}\n'
            text += "".join(f"void {f}() {{ part_{number}::{f}(); }}\n" for f in functions)
        (folder / "bundles" / f"{kind}.cpp").write_text(text)
    return [*(f"bundles/{kind}.cpp" for kind in sorted(bundles)), *others]


def precompile(flags: Sequence[str], objects: Path) -> list[str]:
    """Flags that include the standard headers in compiled form; none where the compiler is not GCC."""
    path = compiler()
    machine = identity(flags)
    objects.mkdir(parents=True, exist_ok=True)
    if "Free Software Foundation" not in machine:
        return []
    text = _STANDARD.read_text()
    key = "standard-" + hashlib.sha256((machine + text).encode()).hexdigest()[:32]
    if (compiled := _stored(objects, key, ".h.gch")) is None:
        command = [path, *flags, "-x", "c++-header", str(_STANDARD)]
        compiled = _compile(command, objects, "the standard headers", objects, key, ".h.gch")
    header = compiled.with_suffix("")  # the compiler finds the compiled form beside it
    if not header.is_file() or header.read_bytes() != text.encode():
        replace_file(header, text.encode())
    return ["-include", str(header)]


def file_hash(path: Path | str) -> str:
    """Hash of what is in a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _stored(objects, key, suffix):
    """The intact file of a key; removes damaged ones. None if there is none."""
    for path in objects.glob(f"{key}.*{suffix}"):
        try:
            if path.name == f"{key}.{file_hash(path)}{suffix}":
                return path
        except OSError:
            continue
        path.unlink(missing_ok=True)
    return None


def _compile(command, folder, what, objects, key, suffix):
    """Call the compiler; its output gets a name that says what is in it."""
    handle, temporary = tempfile.mkstemp(dir=objects, suffix=".tmp")
    os.close(handle)
    _call([*command, "-o", temporary], folder, what)
    path = objects / f"{key}.{file_hash(temporary)}{suffix}"
    os.replace(temporary, path)
    return path


def _key(folder, source, digests, machine):
    """Hash of everything that the object file of `source` depends on."""
    files, todo = set(), [source]
    while todo:
        name = todo.pop()
        if name in files:
            continue
        files.add(name)
        if name not in digests:
            content = (folder / name).read_bytes()
            included = _INCLUDE.findall(content.decode(errors="replace"))
            beside = [str(Path(name).parent / i) for i in included]
            found = [b if (folder / b).exists() else i for b, i in zip(beside, included, strict=True)]
            digests[name] = hashlib.sha256(content).hexdigest(), [f for f in found if (folder / f).exists()]
        todo += digests[name][1]
    parts = [machine, source, *sorted(f"{n} {digests[n][0]}" for n in files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _call(command, folder, what):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode < 0:
        raise BuildError(f"the compiler was killed by signal {-done.returncode} while it worked on {what}; run again")
    if done.returncode:
        raise BuildError(f"compiling {what} failed:\n{done.stderr.strip()[:3000]}\nin {folder}")
