"""Speed against baselines in the same run: `./run bench`. Never a test: a shared machine's clock proves nothing alone."""
