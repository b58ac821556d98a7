r"""Sphinx extension: formulas as MathML, which browsers show by themselves, without script, font or another host."""

from docutils import nodes
from latex2mathml.converter import convert


def mathml(tex, display="inline"):
    r"""MathML of a formula; lines that ``\\`` ends are aligned at their ``&``.

    Raises
    ------
    ValueError
        If it has a command that is unknown.
    """
    aligned = "&" in tex and r"\begin" not in tex
    found = convert(rf"\begin{{align*}}{tex}\end{{align*}}" if aligned else tex.strip(), display=display)
    if "\\" in found:
        raise ValueError(f"MathML does not have a command of the formula {tex}")
    return found


def _inline(self, node):
    self.body.append(f'<span class="math">{mathml(node.astext())}</span>')
    raise nodes.SkipNode


def _block(self, node):
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(mathml(node.astext(), "block") + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register with Sphinx: `html_math_renderer = "mathml"`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
