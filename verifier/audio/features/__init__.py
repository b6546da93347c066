"""Pure functions of mel spectrograms and waves."""
