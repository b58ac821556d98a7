"""Handwritten digits of 8 x 8 pixels as spikes: a small set that needs no download.

Source of the images: the test set of E. Alpaydin & C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine
Learning Repository, doi:10.24432/C50P49, as scikit-learn ships it.
"""

from brian2 import Quantity, ms

from superspike_brian.values.renamed import IN_TASKS, formerly

from . import arguments
from .encoding import check_code
from .labelled import LabelledSpikes
from .presentation import LabelledTask

BRIGHTEST = 16.0  # of the images


@formerly(IN_TASKS)
def digits(
    code: str = "rate",
    stimulus: Quantity = 20 * ms,
    response_window: Quantity = 10 * ms,
    pause: Quantity = 50 * ms,
    test_fraction: float = 0.2,
    split: int = 0,
) -> LabelledTask:
    """Name the digit in a picture: 1437 pictures to learn from and 360 held out, 65 inputs, 10 classes.

    Parameters
    ----------
    code : {'rate', 'latency', 'on-off'}
        How bright pixels spike: more often (rate), earlier (latency), or earlier with dark ones last (on-off).
    stimulus : Quantity
        Length of a stimulus (second).
    response_window : Quantity
        From the end of the stimulus to the deadline (second).
    pause : Quantity
        From the deadline to the next onset (second).
    test_fraction : float
        Fraction of the samples that is held out, as many of each class.
    split : int
        Seed of the choice of held-out samples; the run's seed does not change it.
    """
    arguments.seed(split, "split")
    arguments.durations(stimulus=stimulus, response_window=response_window, pause=pause)
    test_fraction = arguments.fraction(test_fraction, "test_fraction")
    check_code(code)
    try:
        from sklearn.datasets import load_digits  # here, as it is slow to import and not needed by the other tasks
    except ImportError:
        raise ImportError(
            "the digits come with scikit-learn, which is not installed: pip install 'superspike_brian[data]'"
        ) from None
    found = load_digits()
    source = "8x8 digits of scikit-learn; Alpaydin & Kaynak (1998), doi:10.24432/C50P49, CC BY 4.0"
    samples = LabelledSpikes.from_images(
        found.data, found.target, code, stimulus, brightest=BRIGHTEST, name="digits", source=source
    )
    training, test = samples.split(test_fraction, split)
    return LabelledTask("digits", training, test, response_window, pause)
