"""The generators under test: the only part of verifier that needs torch (``pip install 'verifier[generators]'``)."""
