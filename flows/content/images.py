"""Images: what is in them, and smaller ones made of them (Pillow)."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

from flows.content.files import GIF, IMAGES, JPEG, FileType

WIDTHS: Final = (160, 320, 640, 1200)  # of which images are made; others could fill the store
MAX_PIXELS: Final = 40_000_000  # a few KB may unpack to gigabytes
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")  # no other of Pillow's parsers is reached
_QUALITY: Final = 85


def size_of(data: bytes, type: FileType) -> tuple[int, int]:
    """Width and height in pixels, (0, 0) of what is no image; ValueError for one that is damaged or too large."""
    if type not in IMAGES:
        return 0, 0
    with _opened(data) as image:
        return image.size


def resized(data: bytes, type: FileType, width: int) -> bytes:
    """The image no wider than `width`, upright and without the camera's notes; animations stay as they are."""
    if type not in IMAGES or type is GIF:
        return data
    with _opened(data) as image:
        if image.width <= width or getattr(image, "n_frames", 1) > 1:
            return data
        height = max(1, round(image.height * width / image.width))
        upright = ImageOps.exif_transpose(image)
        if upright.width != image.width:  # turned by a quarter
            height = max(1, round(image.width * width / image.height))
        smaller = upright.resize((width, height), Image.Resampling.LANCZOS)
        made = BytesIO()
        smaller.save(made, image.format, optimize=True, **({"quality": _QUALITY} if type is JPEG else {}))
    return made.getvalue()


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels; at most {MAX_PIXELS} are taken")
            image.load()
    except ValueError:
        raise
    except Exception as fault:  # Pillow raises whatever its parsers come upon
        raise ValueError(f"it cannot be read as an image: {fault}") from None
    return image
