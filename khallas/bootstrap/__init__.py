"""What a process is joined of, part by part: only here does anything name what stands behind a port."""
