"""Every file, option, command, module and name that documentation, comments and messages speak of is there."""

import ast
import builtins
import configparser
import importlib
import io
import keyword
import re
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import brian2
import pages
import pytest

from superspike_brian.cli.main import COMMANDS, command_parser

ROOT = Path(__file__).parent.parent
PAGES = [*pages.PAGES, *sorted(p for p in ROOT.glob("*.md") if p not in pages.PAGES)]
PACKAGE = [p for folder in ("superspike_brian", "models", "tasks") for p in sorted((ROOT / folder).rglob("*.py"))]
CPP = [p for end in ("h", "cpp") for p in sorted((ROOT / "superspike_brian").rglob(f"*.{end}"))]
OTHERS = [p for d in ("tests", "docs") for p in sorted((ROOT / d).rglob("*.py")) if p != Path(__file__)]
OTHERS += [*CPP, *sorted((ROOT / ".ci").iterdir()), ROOT / "setup.cfg", ROOT / "ruff.toml"]
SUFFIX = r"\.(?:py|md|h|cpp|cfg|toml|cff|ipynb|nc|json|npz|bin|ras|ini)\b"
FILE = re.compile(rf"(?<![\w*{{}}<./-])([A-Za-z.][\w.-]*(?:/[\w.*-]+)*(?:{SUFFIX}|/(?=[\s`,.;:)]|$)))")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# a reader's own files, and those that other commands write
NOT_OURS = re.compile(r"my|FILE|\.samples/|runs/|OUT/|docs/_build/|scheduler\.json|main\.cpp")
OTHER_COMMANDS = re.compile(r"(?:dask|sphinx-build|pytest|xcode-select|pip|jupyter|kill|twine|git|grep) [^`\n]*")
# what stands for something else
PLACEHOLDERS = {
    "NAME",
    "DIR",
    "TASK",
    "FILE",
    "WORD",
    "N",
    "K",
    "T",
    "F",
    "M",
    "X",
    "MODEL",
    "MY_MODEL",
    "PATHWAY",
    "RHO",
}
PLACEHOLDERS |= {"OUT", "HOST", "PORT", "PROBE", "THREADS", "EAGER", "B_r", "object"}
PLACEHOLDERS |= {"time_in_seconds", "unit_id", "lambda_i", "lambda_j"}
WORLD = {
    "xi_1",
    "xi_2",
    "brian_preferences",
    "XDG_CACHE_HOME",
    "OMP_NUM_THREADS",
    "CXX",
    "tanh",
    "INFO",
    "HDF5",
    "ssh",
    "segment",
    "run_args",
}


def name(path):
    return str(path.relative_to(ROOT))


@cache
def options():
    """Option strings of every subcommand."""
    return {name: {o for a in command_parser(name)._actions for o in a.option_strings} for name in COMMANDS}


@cache
def extras():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(setup["options.extras_require"])


def docstrings(tree):
    """Docstrings by the number of their node."""
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef
    found = [n.body[0].value for n in ast.walk(tree) if isinstance(n, kinds) and ast.get_docstring(n) is not None]
    return {id(node): node.value for node in found}


def comments(source):
    return [t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]


def strings(tree):
    """Strings that are no docstrings."""
    said, nodes = docstrings(tree), (n for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return [n.value for n in nodes if isinstance(n.value, str) and id(n) not in said]


@cache
def words():
    """Every name of the package's code, and every word of its strings but docstrings and of its C++."""
    found = {path.stem for path in PACKAGE}
    for path in PACKAGE:
        tree = ast.parse(path.read_text())
        fields = (getattr(n, f, None) for n in ast.walk(tree) for f in ("id", "attr", "name", "arg", "module"))
        found |= {part for field in fields if isinstance(field, str) for part in field.split(".")}
        found |= {word for text in strings(tree) for word in re.findall(r"[A-Za-z_]\w*|[\w.*-]+", text)}
        found |= {word for text in strings(tree) for word in re.findall(r"[\w.*-]+", text)}
    return found | {word for path in CPP for word in re.findall(r"[A-Za-z_]\w*", path.read_text())}


def resolves(dotted):
    """Whether a dotted name is a module or in one."""
    parts = dotted.split(".")
    for n in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def is_known(word):
    """Whether a name is of the package, of Python or of Brian2."""
    family = {
        word,
        re.sub("_(pre|post)$", "", word),  # what Brian2 calls a variable in synapses
        *re.findall("^((?:[^_]*_)+?)(?:[^_]+_)*[A-Za-z]$", word),  # one of a row of names, such as probed_pre_K
    }
    return bool(
        family & words()
        or set(word.split("-")) <= words()
        or word in PLACEHOLDERS | WORLD | extras()
        or keyword.iskeyword(word)
        or (ROOT / word).exists()
        or any(hasattr(module, word) for module in (builtins, brian2))
    )


def wrong_names(code):
    """Names in a piece of code that are nowhere."""
    code = re.sub(r"\.\.\.|~|NAME|SEED|\bSTEP\b|\.VARIABLE", "", code)
    code = re.sub("LAYER|POPULATION|MONITOR", "K", code)
    dotted = re.findall(r"(?:superspike_brian|models|tasks|concurrent)(?:\.[A-Za-z_]\w*)+", code)
    full = [d if d.startswith(("superspike_brian", "concurrent")) else f"superspike_brian.{d}" for d in dotted]
    single = re.findall(r"(?<![\w.\"-])[A-Za-z_][\w-]*[A-Za-z_0-9]|(?<![\w.])[A-Za-z_]\b", code)
    wrong = [d for d, whole in zip(dotted, full, strict=True) if not resolves(whole)]
    return wrong + [word for word in single if not is_known(word)]


def wrong_files(text, where):
    """Files that a text names, and that are neither in the checkout nor written by the package."""
    bases = [where.parent, ROOT, *(ROOT / "superspike_brian" / d for d in ("", "codegen", "codegen/templates"))]
    wrong = []
    for path in FILE.findall(text):
        written = re.sub("STEP|[0-9]+", "*", path.rstrip("/").split("/")[-1])
        there = any(list(base.glob(re.sub(r"\bN\b", "*", path.rstrip("/")))) for base in bases)
        if not (there or NOT_OURS.match(path) or written in words()):
            wrong.append(path)
    return wrong


def wrong_options(text):
    """Subcommands that are none, options that theirs does not have, and options of none."""
    wrong = []
    for command, rest in re.findall(r"(?:`|^)superspike ([a-z]+)\b([^`\n&]*)", text, re.M):
        known = options().get(command)
        wrong += [f"superspike {command}"] if known is None else [o for o in OPTION.findall(rest) if o not in known]
    known = set().union(*options().values()) | {"--version", "--name", "--no-name"}
    known |= {"--always", "--dirty", "--exclude"}  # of git
    return wrong + [o for o in OPTION.findall(OTHER_COMMANDS.sub("", text)) if o not in known]


def quoted(text):
    """What stands between backticks, outside blocks of code."""
    text = re.sub(r"^(```+).*?^\1$", "", text, flags=re.M | re.S)
    return [" ".join("".join(found).split()) for found in re.findall(r"``([^`]+)``|`([^`]+)`", text)]


def is_code(quotation):
    """Whether it is neither a command, a file, nor a value with its unit."""
    shell = r"superspike |--|\.|[\d.]+\w+$|[\w-]+ --"
    return (
        "/" not in re.sub(r"\(.*\)", "", quotation)
        and not re.match(shell, quotation + " ")
        and not FILE.fullmatch(quotation)
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages(page):
    text = page.read_text()
    wrong = wrong_files(text, page) + wrong_options(text)
    own = set(re.findall(r"\w+", "".join(pages.BLOCK.findall(text))))  # names of the page's code, which runs
    wrong += {w for q in quoted(text) if is_code(q) and not OTHER_COMMANDS.match(q) for w in wrong_names(q)} - own
    wrong += [e for found in re.findall(r"\.\[([\w,]+)\]", text) for e in found.split(",") if e not in extras()]
    for module, members in re.findall(r"automodule:: ([\w.]+)\n(?:   :members: ?(.*)\n)?", text):
        found = importlib.import_module(module)
        wrong += [f"{module}.{m}" for m in re.findall(r"\w+", members) if not hasattr(found, m)]
    for target in re.findall(r"\{doc\}`([^`]+)`", text):
        wrong += [] if (ROOT / f"{target}.ipynb").exists() or (page.parent / f"{target}.md").exists() else [target]
    assert not wrong


@pytest.mark.parametrize("path", PACKAGE, ids=name)
def test_docstrings_comments_and_messages(path):
    source = path.read_text()
    tree = ast.parse(source)
    said = list(docstrings(tree).values())
    wrong = [w for text in [*said, *comments(source)] for w in wrong_files(text, path)]
    wrong += [w for text in [*said, *comments(source), *strings(tree)] for w in wrong_options(text)]
    wrong += [w for text in said for q in quoted(text) if not FILE.fullmatch(q) for w in wrong_names(q)]
    assert not wrong


@pytest.mark.parametrize("path", OTHERS, ids=name)
def test_files_in_comments_of_other_sources(path):
    text = path.read_text()
    if path.suffix == ".py":
        text = "\n".join([*comments(text), *docstrings(ast.parse(text)).values()])
    else:
        text = "\n".join(re.findall(r"(?:^|\s)(?://|#)(?!\s*include)(.*)", text))
    assert not wrong_files(text, path)


def test_the_commands_of_the_readme_are_those_of_ci():
    block = re.search(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)[1].splitlines()
    assert len(block) == 2 and block[0].endswith("superspike run spike-timing") and " pytest " in block[1]
    script = 'source .ci/pythons >/dev/null && readme 1 && readme 2 && rm -rf "$work"'
    found = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == block


def test_what_is_not_there_is_found():
    page = ROOT / "docs" / "kernels.md"
    for there, missing in [
        ("`run.nc`, codegen/kernels.py, `notebooks/`", "superspike_brian/codegen/flushes.py"),
        ("docs/kernels.md and kernels.md and superspike.h", "no_such_file.md"),
    ]:
        assert wrong_files(f"{there}: {missing}", page) == [missing]
    text = "`superspike rnu`, `superspike show DIR --threads 2`, --kernel, --kernal, `dask worker --nworkers 8`"
    assert wrong_options(text) == ["superspike rnu", "--threads", "--kernal"]
    for bad in ("superspike_brian.codegen.kernel", "WORTH_A_THRED", "tasks.Clasification", "z_prae", "error-gatet"):
        assert wrong_names(bad) == [bad]
    for good in ("WORTH_A_THREAD", "tasks.Classification", "z_pre", "error-gated-decay", "train(kernel=NAME)"):
        assert wrong_names(good) == []
    assert sum(len(quoted(page.read_text())) for page in PAGES) > 200
