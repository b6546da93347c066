"""What knows nothing of samples: errors, files, statistics, text."""
