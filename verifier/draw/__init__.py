"""What pictures of every medium share."""
