"""Runs that a command line or Python means, short ones among them."""

from superspike_brian.tasks import TASKS

from superspike_brian.cli import options
from superspike_brian.cli.main import parse
from superspike_brian.spec.run import RunSpec

SHORT = ("--duration", "100ms", "--burn-in", "20ms", "--block", "20ms")


def spec(*arguments):
    """The run that a command line means."""
    return options.make_spec(parse(["run", *map(str, arguments)]))


def made(name, **changes):
    """A task made in Python."""
    return TASKS[name](**changes)


def same_task(one, two):
    return not RunSpec.make(one).differences(RunSpec.make(two))
