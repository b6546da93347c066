"""Tokens: row k of a sample is where token k stands. A file is text: a sample a line, tokens as numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from verifier.base.errors import InputError
from verifier.data.batch import Batch
from verifier.data.medium import Medium
from verifier.data.view import View


class TokenView(View, frozen=True, kw_only=True, tag="tokens"):
    tokens: Annotated[int, Meta(ge=2)] = 8
    window: Annotated[int, Meta(ge=1)] = 16

    @property
    def rows(self) -> int:
        return self.tokens


class TokenMedium(Medium):
    name = "tokens"
    view = TokenView
    suffixes = (".tok",)
    rules = "toy_tokens.rules"

    def read(self, path: Path, view: TokenView, *, name: str, keep_source: bool = False) -> Iterator[Batch]:
        lines = [[int(token) for token in line.split()] for line in path.read_text("utf-8").splitlines()]
        values = np.zeros((len(lines), view.tokens, view.window), np.bool_)
        for i, line in enumerate(lines):
            if len(line) > view.window or max(line) >= view.tokens:
                raise InputError(name, f"expected at most {view.window} tokens below {view.tokens}, found {line}")
            values[i, line, range(len(line))] = True
        lengths = np.array([len(line) for line in lines], np.int64)
        yield Batch.of(view, values, lengths=lengths, names=[f"{name}:{i + 1}" for i in range(len(lines))])


MEDIUM = TokenMedium()
