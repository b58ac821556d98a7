"""Build the conda package, and test it as its recipe says: ``pip install py-rattler-build && python .ci/build_conda.py OUT``.

The recipe is always read and rendered. Where conda's channels cannot be reached, the build is skipped, and says so.
"""

import sys
from pathlib import Path
from urllib.request import Request, urlopen

from rattler_build import Stage0Recipe, ToolConfiguration

CHANNELS = "conda-forge", "brian-team"  # the second has brian2tools

(variant,) = Stage0Recipe.from_file(Path(__file__).parent.parent / "conda" / "recipe.yaml").render()
print(f"conda/recipe.yaml is well-formed: {variant}")
try:
    for channel in CHANNELS:
        urlopen(
            Request(f"https://conda.anaconda.org/{channel}/noarch/repodata.json", method="HEAD"), timeout=30
        ).close()
except OSError as error:
    print(f"skipped: conda's channels cannot be reached from here, so that the package is not built ({error})")
else:
    built = variant.run_build(ToolConfiguration(test_strategy="native"), output_dir=sys.argv[1], channels=[*CHANNELS])
    print("built and tested:", *built.packages)
