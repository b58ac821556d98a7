from . import models as models
from . import tasks as tasks
from .baselines.descent import gradient as gradient
from .exchange.from_nir import from_nir as from_nir
from .exchange.nir import to_nir as to_nir
from .exchange.script import export_brian2 as export_brian2
from .live.notebook import watch as watch
from .network.objects import error_synapses as error_synapses
from .network.objects import feedback_synapses as feedback_synapses
from .network.objects import plastic_synapses as plastic_synapses
from .network.objects import population as population
from .results import load as load
from .results.neo import to_neo as to_neo
from .runs.loaded import load_network as load_network
from .runs.steps import steps as steps
from .runs.training import resume as resume
from .runs.training import train as train
from .spec.recipe import RECIPES as RECIPES
from .sweeps.sweep import load_sweep as load_sweep
from .sweeps.sweep import run_sweep as run_sweep

__version__: str
