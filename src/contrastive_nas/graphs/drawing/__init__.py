"""Drawings of networks as SVG, made from the computation graph alone, so that any space has them."""

from contrastive_nas.graphs.drawing.diagram import draw_graph

__all__ = ["draw_graph"]
