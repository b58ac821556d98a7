"""What a newcomer, a package index and a journal see agrees with the package: metadata, recipe, forms, workflows, container."""

import configparser
import json
import re
import shlex

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from pages import ROOT

from superspike_brian import __version__
from superspike_brian.cli.main import parse

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
CONDA = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CONDA_NAMES = {"matplotlib": "matplotlib-base", "netCDF4": "netcdf4"}  # conda-forge has its own
CONDA_ALONE = {"python", "cxx-compiler"}  # what an index of Python packages does not hold
FORMS = sorted(p for p in (ROOT / ".github" / "ISSUE_TEMPLATE").iterdir() if p.name != "config.yml")
WORKFLOWS = {"ci.yml": ".ci/run", "nightly.yml": ".ci/nightly"}


def lines(section, option):
    return [line for line in SETUP[section][option].splitlines() if line and not line.startswith("#")]


def pythons():
    """The supported versions, of which .ci/pythons has the list."""
    return re.search(r"^versions=\((.*)\)$", (ROOT / ".ci" / "pythons").read_text(), re.M)[1].split()


def test_there_is_one_version():
    assert SETUP["metadata"]["version"] == "attr: superspike_brian._version.__version__"
    assert CITATION["version"] == CONDA["package"]["version"] == __version__
    headings = re.findall("^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert headings[0] == "Unreleased"
    released = [re.fullmatch(r"(\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d", heading)[1] for heading in headings[1:]]
    assert not released or released[0] == __version__


def test_the_changelog_has_the_usual_sections():
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for release in (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        found = re.findall("^### (.*)$", release, re.M)
        assert set(found) <= kinds and len(set(found)) == len(found)
        assert not re.search("^- ", release.partition("\n### ")[0], re.M)  # none without a heading


def test_the_public_address_is_the_same_everywhere():
    urls = dict(line.split(" = ") for line in lines("metadata", "project_urls"))
    assert urls.get("Source") == CITATION.get("repository-code") == CONDA["about"].get("repository")
    assert all(url.startswith("https://") for url in urls.values())


def test_licence_and_supported_pythons_are_the_same_everywhere():
    assert SETUP["metadata"]["license_expression"] == CITATION["license"] == CONDA["about"]["license"] == "MIT"
    assert (ROOT / SETUP["metadata"]["license_files"]).read_text().startswith("MIT License")
    assert SETUP["metadata"]["description"] == CONDA["about"]["summary"]
    classifiers = [c for c in lines("metadata", "classifiers") if re.search(r":: 3\.\d+$", c)]
    assert [c.rpartition(" ")[2] for c in classifiers] == pythons()
    assert SETUP["options"]["python_requires"] == f">={pythons()[0]}"


def bounds(requirements):
    """Bounds by name; a package that is named twice, for some Pythons each, has those of both."""
    found = {}
    for requirement in map(Requirement, requirements):
        found[requirement.name] = found.get(requirement.name, SpecifierSet()) & requirement.specifier
    return found


def test_the_conda_recipe_needs_what_the_package_needs():
    ours = {CONDA_NAMES.get(n, n): b for n, b in bounds(lines("options", "install_requires")).items()}
    recipe = bounds(CONDA["requirements"]["run"])
    assert {name: b for name, b in recipe.items() if name not in CONDA_ALONE} == ours
    assert str(recipe["python"]) == SETUP["options"]["python_requires"]
    build = re.search(r'requires = \["(.*)"\]', (ROOT / "pyproject.toml").read_text())[1]
    assert bounds([build]).items() <= bounds(CONDA["requirements"]["host"]).items()
    assert CONDA["build"]["python"]["entry_points"] == lines("options.entry_points", "console_scripts")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_call_the_scripts_with_every_python(name):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    (job,) = workflow["jobs"].values()
    steps = job["steps"]
    (setup,) = (step["with"] for step in steps if step.get("uses", "").startswith("actions/setup-python@"))
    assert setup["python-version"].split() == pythons()
    assert [step["run"] for step in steps if step.get("run", "").startswith(".ci/")] == [WORKFLOWS[name]]
    assert (ROOT / WORKFLOWS[name]).stat().st_mode & 0o100
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_are_forms(path):
    form = yaml.safe_load(path.read_text())
    assert form.keys() == {"name", "description", "labels", "body"}
    assert len({part["id"] for part in form["body"]}) == len(form["body"])
    for part in form["body"]:
        assert part["type"] in ("textarea", "input") and part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["attributes"]["label"] and part["attributes"].keys() <= {"label", "description", "render"}


def test_whoever_reports_a_fault_is_asked_for_what_helps():
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text()
    commands = re.findall("`(superspike [^`]+)`", text)
    assert {"superspike doctor", "superspike --version"} <= set(commands) and "run.json" in text
    for command in commands:
        assert command == "superspike --version" or parse(shlex.split(command)[1:]).function, command


def test_the_container_runs_the_first_command_of_the_readme():
    said = (ROOT / "Dockerfile").read_text()
    first = re.search("^```sh\n(.*)$", (ROOT / "README.md").read_text(), re.M)[1]
    entry, command = (json.loads(re.search(rf"^{word} (.*)$", said, re.M)[1]) for word in ("ENTRYPOINT", "CMD"))
    assert shlex.join(entry + command) == first.partition(" && ")[2]
    assert re.search(r"^FROM python:(.*)-slim$", said, re.M)[1] in pythons()
    assert re.search("^USER [1-9]", said, re.M)  # not root
    for example in re.findall("docker run superspike_brian (.*)`", said):
        assert parse(shlex.split(example)).function


def test_the_container_is_given_what_the_wheel_is_made_of():
    allowed = set(re.findall("^!(.*)$", (ROOT / ".dockerignore").read_text(), re.M))
    folders = {line.split(" = ")[1] for line in lines("options", "package_dir")}
    files = {SETUP["metadata"]["license_files"], SETUP["metadata"]["long_description"].removeprefix("file: ")}
    assert allowed == folders | files | {"setup.cfg", "pyproject.toml"}
    assert all((ROOT / name).exists() for name in allowed)


def test_places_for_a_reviewer_are_there():
    text = (ROOT / "docs" / "review.md").read_text()
    named = re.findall(r'`([\w./]+)`((?:(?:,| and) "[^"]+")*)', text)
    assert len(named) > 15
    for name, sections in named:
        place = ROOT / name
        assert place.exists(), name
        for section in re.findall('"([^"]+)"', sections):
            assert re.search(f"^#+ {section}$", place.read_text(), re.M), (name, section)
