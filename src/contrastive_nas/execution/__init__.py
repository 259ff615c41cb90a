"""How pipelines run: datasets, fingerprints, the caching runner and the record of every run."""
