"""Readers of pictures: what each format and mode becomes, tiles, limits, and what is said of the rest."""

import contextlib
import gzip
import io
import re
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from verifier.base.errors import InputError
from verifier.data.batch import Batch, concatenate
from verifier.data.intensity import LEVELS
from verifier.data.medium import medium_named
from verifier.data.tensor import tensor_of
from verifier.image import read as image
from verifier.image.read import batch_of_image, is_image, read_images
from verifier.image.view import ImageView
from verifier.judge.storage import storage_of

GREY = ImageView(height=6, width=8)
COLOUR = ImageView(height=6, width=8, channels=3)
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 8, 3), np.uint8)


def read(path, view=GREY):
    return concatenate(view, list(read_images(path, view, name=path.name)))


def fault(path, view=GREY):
    with pytest.raises(InputError) as caught:
        read(path, view)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def saved(path, pixels, mode=None, **options):
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "webp"])
def test_lossless_formats_keep_every_level(tmp_path, suffix):
    path = saved(tmp_path / f"x.{suffix}", PIXELS, lossless=True)
    batch = read(path, COLOUR)
    assert batch.values.dtype == np.float32
    assert np.array_equal(batch.values[0], LEVELS[PIXELS.transpose(2, 0, 1).reshape(18, 8)])
    assert batch.names == batch.groups == [path.name]


def test_grey_is_the_luma_of_itu_r_601(tmp_path):
    batch = read(saved(tmp_path / "x.png", PIXELS))
    exact = PIXELS @ np.array([0.299, 0.587, 0.114])
    assert np.abs(batch.values[0] * 255 - exact).max() <= 0.51
    palette = Image.fromarray(PIXELS).quantize(7)
    palette.save(tmp_path / "p.png")
    palette.convert("RGB").save(tmp_path / "q.png")
    assert np.array_equal(read(tmp_path / "p.png").values, read(tmp_path / "q.png").values)


def test_modes_of_grey(tmp_path):
    grey = PIXELS[:, :, 0]
    assert np.array_equal(read(saved(tmp_path / "l.png", grey)).values[0], LEVELS[grey])
    deep = RNG.integers(0, 65536, (6, 8)).astype(np.uint16)
    assert np.array_equal(read(saved(tmp_path / "d.png", deep)).values[0], (deep / 65535).astype(np.float32))
    assert np.array_equal(read(saved(tmp_path / "d.tif", deep)).values[0], (deep / 65535).astype(np.float32))
    bits = grey > 127
    assert np.array_equal(read(saved(tmp_path / "b.png", bits)).values[0], bits.astype(np.float32))
    assert "expected a picture in colour, as the view has 3 channels, found mode L" in fault(tmp_path / "l.png", COLOUR)
    assert "in colour" in fault(tmp_path / "d.png", COLOUR)


def test_jpeg_and_gif(tmp_path):
    smooth = np.repeat(np.linspace(0, 255, 8).astype(np.uint8)[None], 6, 0)
    assert read(saved(tmp_path / "x.jpg", smooth, quality=95)).values[0] == pytest.approx(smooth / 255, abs=0.05)
    flat = np.full((6, 8), 40, np.uint8)
    assert read(saved(tmp_path / "x.gif", flat)).values[0] == pytest.approx(flat / 255)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_an_orientation_in_exif_is_obeyed(tmp_path, suffix):
    lying = np.rot90(PIXELS, 1)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    path = saved(tmp_path / f"x.{suffix}", lying, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(read(path, COLOUR).values[0], LEVELS[PIXELS.transpose(2, 0, 1).reshape(18, 8)])
    assert "found 8 x 6" in fault(path, ImageView(height=8, width=6, channels=3))


def test_what_is_transparent_is_put_on_black_and_said(tmp_path):
    opaque = np.dstack([PIXELS, np.full((6, 8), 255, np.uint8)])
    assert np.array_equal(
        read(saved(tmp_path / "x.png", opaque)).values, read(saved(tmp_path / "y.png", PIXELS)).values
    )
    plain = read(tmp_path / "x.png")
    opaque[0, :6, 3] = 0
    clear = read(saved(tmp_path / "x.png", opaque))
    expected = PIXELS.copy()
    expected[0, :6] = 0
    assert np.array_equal(clear.values, read(saved(tmp_path / "y.png", expected)).values)
    (note,) = medium_named("image").confounds(storage_of(plain), storage_of(clear))
    assert note == "100% of the pictures have transparent pixels, which were put on black"
    ink = np.dstack([np.full((6, 8), 255, np.uint8), PIXELS[:, :, 0]])
    assert np.array_equal(read(saved(tmp_path / "la.png", ink)).values[0], LEVELS[PIXELS[:, :, 0]])
    keyed = read(saved(tmp_path / "k.png", PIXELS, transparency=tuple(PIXELS[2, 3].tolist())))
    assert keyed.values[0, 2, 3] == 0


def test_sixteen_bits_that_hold_eight_are_eight(tmp_path):
    grey = PIXELS[:, :, 0]
    for factor in (256, 257):
        deep = grey.astype(np.uint16) * factor
        assert np.array_equal(read(saved(tmp_path / "d.png", deep)).values[0], LEVELS[grey])


def test_pictures_that_look_inverted_or_padded_are_said_so():
    y, x = np.mgrid[:28, :28]
    rings = [(np.hypot(x - 14, y - 14 + i % 3) // 3 == 2 + i % 2).astype(np.float32) for i in range(20)]
    view = ImageView()
    real = storage_of(Batch.of(view, np.stack(rings)))
    assert list(medium_named("image").confounds(real, real)) == []
    inverted = storage_of(Batch.of(view, 1 - np.stack(rings)))
    (note,) = medium_named("image").confounds(real, inverted)
    assert re.fullmatch(r"the pictures look inverted: mean 0\.79 against 0\.21 in the corpus", note)
    padded = np.stack([np.pad(ring[::2, ::2], 7) for ring in rings])
    (note,) = medium_named("image").confounds(real, storage_of(Batch.of(view, padded)))
    assert note.startswith("a plain frame of 8.") or note.startswith("a plain frame of 9.")
    (note,) = medium_named("image").confounds(real, storage_of(Batch.of(view, np.stack(rings) / 2)))
    assert note.startswith("a picture spans 128 of 255 levels on average, 255 in the corpus")
    (note,) = medium_named("image").confounds(real, storage_of(Batch.of(view, np.stack(rings) / 255)))
    assert note == "the pictures are dark: mean 0.001 against 0.209 in the corpus; is the scale right?"


def test_pictures_of_jpeg_files_are_counted(tmp_path):
    medium = medium_named("image")
    files = [saved(tmp_path / f"{i}.{suffix}", PIXELS) for i, suffix in enumerate(("png", "jpg", "JPEG", "bmp"))]
    real, half, all_of_it = (
        storage_of(concatenate(GREY, [read(path) for path in some])) for some in (files[:1], files, files[1:3])
    )
    assert (half.jpeg, all_of_it.jpeg) == (2, 2)
    (note,) = medium.confounds(real, half)
    assert note == "50% of the pictures are of JPEG files, 0% in the corpus; check these by themselves"
    assert list(medium.confounds(all_of_it, real)) == ["0% of the pictures are of JPEG files, 100% in the corpus"]
    (note,) = medium.confounds(real, all_of_it)
    assert note == "100% of the pictures are of JPEG files, 0% in the corpus"
    with Image.open(files[1]) as opened:
        assert batch_of_image(opened, GREY, "x").extra.jpeg.all()


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (
            lambda x: (x - 0.1307) / 0.3081,
            "found -0.424 to 2.82, 83% of them off it; if they were normalised as MNIST",
        ),
        (
            lambda x: np.rint(x * 255) / 256,
            "found multiples of 1/256, up to 0.996: 8-bit levels that were divided by",
        ),
        (
            lambda x: (x - 0.5) / 0.25,
            "values from -2 to 2 from sample 0 on; if they were normalised, save x * std + mean",
        ),
    ],
)
def test_floats_on_another_scale_are_refused_with_what_to_type(stored, what):
    pictures = np.concatenate([np.zeros((2, 28, 28)), RNG.integers(0, 256, (2, 28, 28)) / 255])
    pictures[2:, ::16] = pictures[0, 0, 0]
    pictures[2, 5, 5] = 1
    for array in (stored(pictures).astype(np.float32), stored(pictures)):
        with pytest.raises(InputError, match=re.escape(what)):
            list(tensor_of(array, ImageView(), name="x").batches())


def test_what_a_generator_overshoots_and_a_few_grey_levels_are_on_the_scale():
    pictures = RNG.integers(0, 256, (4, 28, 28)).astype(np.float32) / 255
    for array in (pictures * 1.04 - 0.02, (pictures > 0.5) / 2, pictures):
        (batch,) = tensor_of(array.astype(np.float32), ImageView(), name="x").batches()
        assert np.array_equal(batch.values, array.astype(np.float32))


def test_modes_that_are_not_read(tmp_path):
    path = saved(tmp_path / "f.tif", RNG.random((6, 8)).astype(np.float32))
    advice = "save floating-point pictures as an array, from 0 to 1, with numpy.save"
    assert fault(path) == f"f.tif: expected grey or colour of 1, 8 or 16 bits, found mode F; {advice}"


@pytest.mark.parametrize("suffix", ["tif", "gif", "webp", "png"])
def test_no_frame_of_several_is_lost(tmp_path, suffix):
    frames = [Image.fromarray(np.full((6, 8), level, np.uint8)) for level in (10, 90, 200)]
    frames[0].save(tmp_path / f"x.{suffix}", save_all=True, append_images=frames[1:])
    assert fault(tmp_path / f"x.{suffix}") == (
        f"x.{suffix}: expected one picture, found 3 frames or pages; save each as a file"
    )


def test_of_jpeg_as_phones_write_it_the_first_picture_is_read(tmp_path):
    frames = [Image.fromarray(np.full((6, 8), level, np.uint8)) for level in (10, 90)]
    frames[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "x.jpg") as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    (batch,) = read_images(tmp_path / "x.jpg", GREY, name="x.jpg")
    assert abs(batch.values * 255 - 10).max() <= 1
    assert batch.extra.jpeg.tolist() == [True]


def test_a_line_cuts_the_frame_off_padded_arrays():
    with pytest.raises(InputError, match=re.escape("if they were padded, save x[:, 2:-2, 2:-2]")):
        tensor_of(np.zeros((5, 32, 32), np.uint8), ImageView(), name="x")


@pytest.mark.parametrize(
    ("size", "view", "message"),
    [
        ((6, 9), GREY, "expected 8 x 6 pixels, as the view has, found 9 x 6; crop or resize them as the corpus was"),
        ((5, 9), GREY, "expected 8 x 6 pixels, as the view has, found 9 x 5"),
        ((5, 9), ImageView(height=6, width=8, cut="tiles"), "expected at least 8 x 6 pixels for one tile, found 9 x 5"),
    ],
)
def test_a_wrong_size_is_said(tmp_path, size, view, message):
    found = fault(saved(tmp_path / "x.png", np.zeros(size, np.uint8)), view)
    assert found.startswith(f"x.png: {message}")
    larger = size[0] >= view.height and size[1] >= view.width
    assert found.endswith(", or from their parts with --view cut=tiles") == larger


def test_tiles(tmp_path):
    whole = RNG.integers(0, 256, (20, 27), np.uint8)
    path = saved(tmp_path / "x.png", whole)
    batch = read(path, ImageView(height=6, width=8, cut="tiles"))
    places = [(row, column) for row in (0, 6, 12) for column in (0, 8, 16)]
    assert batch.names == [f"x.png@{row},{column}" for row, column in places]
    assert set(batch.groups) == {"x.png"}
    for tile, (row, column) in zip(batch.values, places, strict=True):
        assert np.array_equal(tile, LEVELS[whole[row : row + 6, column : column + 8]])
    colour = saved(tmp_path / "c.png", np.dstack([whole, whole // 2, whole // 3]))
    batch = read(colour, ImageView(height=6, width=8, channels=3, cut="tiles"))
    assert np.array_equal(batch.values[4, 6:12], LEVELS[whole[6:12, 8:16] // 2])
    exact = read(saved(tmp_path / "e.png", whole[:6, :8]), ImageView(height=6, width=8, cut="tiles"))
    assert exact.names == ["e.png"]


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), tiles=st.integers(1, 60))
def test_few_tiles_are_spread_over_the_picture(rows, columns, tiles):
    view = ImageView(height=2, width=3, cut="tiles", tiles=tiles)
    corners = image._corners(2 * rows + 1, 3 * columns + 2, view)
    assert len(set(corners)) == len(corners) <= tiles
    assert min(rows * columns, tiles) / 2 <= len(corners)
    for axis, size, total in ((0, 2, rows), (1, 3, columns)):
        at = sorted({corner[axis] // size for corner in corners})
        assert 0 <= at[0] <= at[-1] < total
        # The gaps before, between and after them differ by no more than rounding.
        gaps = np.diff(at)
        assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
        assert abs(at[0] - (total - 1 - at[-1])) <= 1


def test_pixels_are_counted_before_they_are_decoded(tmp_path, monkeypatch):
    path = saved(tmp_path / "x.png", np.zeros((60, 80), np.uint8))
    monkeypatch.setattr(image, "MAX_PIXELS", 4000)
    tiles = ImageView(height=6, width=8, cut="tiles")
    assert fault(path, tiles) == "x.png: expected a picture of at most 4,000 pixels, found 80 x 60"
    for limit in (3000, 2000):  # Pillow warns beyond its limit, and refuses beyond twice that
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert "expected a picture of at most 4,000 pixels, found" in fault(path, tiles)


WHOLE = {}
for suffix in ("png", "jpg", "gif", "webp", "tif", "bmp"):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    WHOLE[suffix] = stream.getvalue()
WHOLE["idx"] = struct.pack(">4B3I", 0, 0, 8, 3, 4, 6, 8) + RNG.integers(0, 256, 4 * 48, np.uint8).tobytes()
WHOLE["gz"] = gzip.compress(WHOLE["idx"])


@given(
    suffix=st.sampled_from(sorted(WHOLE)),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
    end=st.one_of(st.none(), st.integers(0, 400)),
)
@settings(max_examples=300, deadline=None)
def test_damaged_files_give_samples_or_an_input_error(tmp_path_factory, suffix, edits, end):
    data = bytearray(WHOLE[suffix])
    for at, value in edits:
        data[at % len(data)] = value
    path = tmp_path_factory.getbasetemp() / f"fuzz.{suffix}"
    path.write_bytes(data[:end])
    with contextlib.suppress(InputError):
        assert len(read(path)) > 0


@pytest.mark.parametrize("suffix", sorted(WHOLE))
def test_a_file_that_ends_early_or_is_empty_is_one_clear_error(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    for content in (b"", b"hello", WHOLE[suffix][: len(WHOLE[suffix]) // 2]):
        path.write_bytes(content)
        assert ": expected " in fault(path)


def test_a_missing_file_and_a_folder(tmp_path):
    assert "expected a readable file" in fault(tmp_path / "x.png")
    (tmp_path / "d.png").mkdir()
    assert "expected an ordinary file" in fault(tmp_path / "d.png")


# Data sets


def idx(pictures):
    return struct.pack(">4B3I", 0, 0, 8, 3, *pictures.shape) + pictures.tobytes()


@pytest.mark.parametrize("name", ["x.idx", "x.ubyte", "train-images-idx3-ubyte", "x.idx3-ubyte.gz"])
def test_idx(tmp_path, monkeypatch, name):
    monkeypatch.setattr(image, "CHUNK_CELLS", 100)
    pictures = RNG.integers(0, 256, (5, 6, 8), np.uint8)
    content = idx(pictures)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    parts = list(read_images(tmp_path / name, GREY, name="x"))
    assert [len(part) for part in parts] == [2, 2, 1]
    batch = concatenate(GREY, parts)
    assert np.array_equal(batch.values, LEVELS[pictures])
    assert batch.names == batch.groups == [f"x[{i}]" for i in range(5)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes(5), "found type 0x08 of 1 axes (labels)"),
        (struct.pack(">4B3I", 0, 0, 13, 3, 1, 6, 8), "found type 0x0d of 3 axes"),
        (idx(np.zeros((2, 6, 8), np.uint8)) + b"x", "expected 2 x 6 x 8 bytes and 16 of header, at least one"),
        (idx(np.zeros((0, 6, 8), np.uint8)), "at least one picture, found 16 bytes"),
        (struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "found 16 bytes"),
        (struct.pack(">4BI", 0, 0, 8, 3, 5), "expected three extents after the header"),
        (idx(np.zeros((2, 6, 9), np.uint8)), "expected 8 x 6 pixels, as the view has, found 9 x 6"),
    ],
)
def test_idx_that_is_no_pictures_of_the_view(tmp_path, content, message):
    (tmp_path / "x.idx").write_bytes(content)
    assert message in fault(tmp_path / "x.idx")


def test_idx_is_grey_and_bounded(tmp_path, monkeypatch):
    (tmp_path / "x.gz").write_bytes(WHOLE["gz"])
    assert "expected pictures in colour" in fault(tmp_path / "x.gz", COLOUR)
    monkeypatch.setattr(image, "MAX_WHOLE", 100)
    assert "expected at most 100 bytes of pictures" in fault(tmp_path / "x.gz")


@pytest.mark.parametrize(("labels", "classes"), [(1, 10), (2, 20)])
def test_binary_batches_of_cifar(tmp_path, labels, classes):
    pictures = RNG.integers(0, 256, (3, 3, 32, 32), np.uint8)
    marks = RNG.integers(0, classes, (3, labels)).astype(np.uint8)
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(np.concatenate([marks, pictures.reshape(3, -1)], axis=1).tobytes())
    batch = read(path, ImageView(height=32, width=32, channels=3))
    assert np.array_equal(batch.values, LEVELS[pictures.reshape(3, 96, 32)])
    grey = read(path, ImageView(height=32, width=32))
    saved(tmp_path / "x.png", np.ascontiguousarray(pictures[1].transpose(1, 2, 0)))
    assert np.array_equal(grey.values[1], read(tmp_path / "x.png", ImageView(height=32, width=32)).values[0])
    for content in (path.read_bytes()[:-1], bytes([200]) * 3073, b""):
        path.write_bytes(content)
        assert "expected a binary batch of CIFAR" in fault(path, ImageView(height=32, width=32))


def test_names_of_files_that_hold_pictures():
    yes = [
        "a.PNG",
        "b.jpeg",
        "train-images-idx3-ubyte",
        "t10k-images-idx3-ubyte.gz",
        "x.idx3-ubyte",
        "data_batch_1.bin",
    ]
    no = ["train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "t10k-labels-idx1-ubyte.gz", "a.txt", "a.npy", "a"]
    assert all(map(is_image, yes))
    assert not any(map(is_image, no))
