"""The generators under test: the only part of verifier that needs torch (the extra ``generators``)."""
