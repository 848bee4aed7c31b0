"""Speed, as ratios against bare OpenSSL calls of the same run: `python -m tests.bench`."""
