"""Who stands for a log: keys kept outside the folder, signed heads, and anchors that others hold."""
