"""Images for training and testing: where they are read from and how they become batches."""
