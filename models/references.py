"""What sources name, as BibTeX: `source` of a component or a task says "Zenke & Ganguli 2018", and the entry is here."""

import re

PAPER, SIMULATOR, DIRECT = "Zenke & Ganguli 2018", "Stimberg et al. 2019", "Nokland 2016"

REFERENCES = {
    PAPER: """\
@article{zenke2018superspike,
  author  = {Zenke, Friedemann and Ganguli, Surya},
  title   = {{SuperSpike}: Supervised Learning in Multilayer Spiking Neural Networks},
  journal = {Neural Computation},
  year    = {2018},
  volume  = {30},
  number  = {6},
  pages   = {1514--1541},
  doi     = {10.1162/neco_a_01086}
}""",
    SIMULATOR: """\
@article{stimberg2019brian2,
  author  = {Stimberg, Marcel and Brette, Romain and Goodman, Dan F. M.},
  title   = {{Brian} 2, an Intuitive and Efficient Neural Simulator},
  journal = {eLife},
  year    = {2019},
  volume  = {8},
  pages   = {e47314},
  doi     = {10.7554/eLife.47314}
}""",
    "Bellec et al. 2020": """\
@article{bellec2020eprop,
  author  = {Bellec, Guillaume and Scherr, Franz and Subramoney, Anand and Hajek, Elias and Salaj, Darjan
             and Legenstein, Robert and Maass, Wolfgang},
  title   = {A Solution to the Learning Dilemma for Recurrent Networks of Spiking Neurons},
  journal = {Nature Communications},
  year    = {2020},
  volume  = {11},
  pages   = {3625},
  doi     = {10.1038/s41467-020-17236-y}
}""",
    "Lillicrap et al. 2016": """\
@article{lillicrap2016feedback,
  author  = {Lillicrap, Timothy P. and Cownden, Daniel and Tweed, Douglas B. and Akerman, Colin J.},
  title   = {Random Synaptic Feedback Weights Support Error Backpropagation for Deep Learning},
  journal = {Nature Communications},
  year    = {2016},
  volume  = {7},
  pages   = {13276},
  doi     = {10.1038/ncomms13276}
}""",
    DIRECT: """\
@misc{nokland2016direct,
  author        = {N{\\o}kland, Arild},
  title         = {Direct Feedback Alignment Provides Learning in Deep Neural Networks},
  year          = {2016},
  eprint        = {1609.01596},
  archiveprefix = {arXiv}
}""",
    "Tieleman & Hinton 2012": """\
@misc{tieleman2012rmsprop,
  author       = {Tieleman, Tijmen and Hinton, Geoffrey},
  title        = {Lecture 6.5 -- {RMSProp}: Divide the Gradient by a Running Average of Its Recent Magnitude},
  year         = {2012},
  howpublished = {Coursera: Neural Networks for Machine Learning}
}""",
    "Kingma & Ba 2015": """\
@inproceedings{kingma2015adam,
  author        = {Kingma, Diederik P. and Ba, Jimmy},
  title         = {Adam: A Method for Stochastic Optimization},
  booktitle     = {3rd International Conference on Learning Representations ({ICLR})},
  year          = {2015},
  eprint        = {1412.6980},
  archiveprefix = {arXiv}
}""",
    "Cramer et al. 2022": """\
@article{cramer2022heidelberg,
  author  = {Cramer, Benjamin and Stradmann, Yannik and Schemmel, Johannes and Zenke, Friedemann},
  title   = {The {Heidelberg} Spiking Data Sets for the Systematic Evaluation of Spiking Neural Networks},
  journal = {IEEE Transactions on Neural Networks and Learning Systems},
  year    = {2022},
  volume  = {33},
  pages   = {2744--2757},
  doi     = {10.1109/TNNLS.2020.3044364}
}""",
    "Zenke & Vogels 2021": """\
@article{zenke2021robustness,
  author  = {Zenke, Friedemann and Vogels, Tim P.},
  title   = {The Remarkable Robustness of Surrogate Gradient Learning for Instilling Complex Function in Spiking Neural
             Networks},
  journal = {Neural Computation},
  year    = {2021},
  volume  = {33},
  number  = {4},
  pages   = {899--925},
  doi     = {10.1162/neco_a_01367}
}""",
    "Alpaydin & Kaynak 1998": """\
@misc{alpaydin1998digits,
  author       = {Alpaydin, E. and Kaynak, C.},
  title        = {Optical Recognition of Handwritten Digits},
  year         = {1998},
  howpublished = {UCI Machine Learning Repository},
  doi          = {10.24432/C50P49}
}""",
    "scikit-learn": """\
@article{pedregosa2011scikit,
  author  = {Pedregosa, Fabian and others},
  title   = {Scikit-learn: Machine Learning in {Python}},
  journal = {Journal of Machine Learning Research},
  year    = {2011},
  volume  = {12},
  pages   = {2825--2830}
}""",
    "github.com/fzenke/ssbm": """\
@misc{zenke2017ssbm,
  author       = {Zenke, Friedemann},
  title        = {{SSBM}: Supervised Spiking Benchmark Suite},
  year         = {2017},
  howpublished = {\\url{https://github.com/fzenke/ssbm}}
}""",
}


def named(source: str) -> list[str]:
    """Keys of `REFERENCES` that a source names, as "Zenke & Ganguli 2018" or "Zenke & Ganguli (2018)", in its order."""
    text = re.sub(r"\((\d{4})\)", r"\1", source)
    return sorted((key for key in REFERENCES if key in text), key=text.index)
