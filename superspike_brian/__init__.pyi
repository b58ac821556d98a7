from . import models as models
from . import tasks as tasks
from .exchange.script import export_brian2 as export_brian2
from .results import load as load
from .results.neo import to_neo as to_neo
from .runs.loaded import load_network as load_network
from .runs.training import resume as resume
from .runs.training import train as train
from .sweeps.sweep import load_sweep as load_sweep
from .sweeps.sweep import run_sweep as run_sweep

__version__: str
