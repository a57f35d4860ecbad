"""Speed against baselines in the same run: `./run bench`. Ratios only: a shared machine's clock proves nothing."""
