"""Objects in memory -> Batch: arrays of NumPy and PyTorch, and those that a medium reads, known without importing the
libraries.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.medium import ObjectReader, medium_of
from verifier.data.tensor import array_of_torch, tensor_of
from verifier.data.view import View


def batch_from(objects: object, view: View) -> Batch:
    """All windows of all objects, in order: one object, or an iterable of them. None gives a Batch of no samples.

    An object is an array of NumPy or PyTorch in one of the shapes that files hold (see ``tensor``), or what the medium
    of the view reads: of music a ``mido.MidiFile``, a ``pretty_midi.PrettyMIDI``, a stream of ``music21``, a score of
    ``symusic``, a ``muspy.Music``, a ``pypianoroll.Multitrack``, or ``Notes``; of sound a pair (wave, rate); of
    pictures an image of ``PIL``. Notes keep their name and group; other objects are called ``[0]``, ``[1]`` and so
    on, and the samples of an array ``[0][0]``, or ``[0]`` where it stands alone. Raises InputError for an object of
    another type, and for one that holds nothing to read.
    """
    readers = {**medium_of(view).objects(), **ARRAYS}
    reader = _reader(objects, readers)
    if reader is not None:
        alone = hasattr(objects, "group") or getattr(objects, "ndim", 2) > 2
        return reader(objects, view, "" if alone else "[0]")
    if not isinstance(objects, Iterable):
        raise _unknown(objects, "", readers)
    batches = []
    for i, item in enumerate(objects):
        reader = _reader(item, readers)
        if reader is None:
            raise _unknown(item, f"[{i}]", readers)
        batches.append(reader(item, view, f"[{i}]"))
    return concatenate(view, batches)


def _unknown(item: object, place: str, readers: Mapping[tuple[str, str], ObjectReader]) -> InputError:
    kinds = ", ".join(f"{module}.{name}" for module, name in readers)
    return InputError(place, f"expected one of {kinds}, found {type(item).__module__}.{type(item).__qualname__}")


def _reader(item: object, readers: Mapping[tuple[str, str], ObjectReader]) -> ObjectReader | None:
    """What reads an object, by the library and the name of its type or of one that it derives from."""
    for base in type(item).__mro__:
        found = readers.get((base.__module__.split(".")[0], base.__name__))
        if found is not None:
            return found
    return None


def _of_array(item: Any, view: View, name: str) -> Batch:
    return concatenate(view, list(tensor_of(item, view, name=name).batches()))


def _of_torch(item: Any, view: View, name: str) -> Batch:
    return _of_array(array_of_torch(item, name), view, name)


ARRAYS: dict[tuple[str, str], ObjectReader] = {("numpy", "ndarray"): _of_array, ("torch", "Tensor"): _of_torch}
"""What reads arrays, by the name of the library and of the class."""
