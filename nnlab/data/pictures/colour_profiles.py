"""The colours of a picture as sRGB, whatever its embedded profile says that its numbers stand for.

What nnlab writes carries no profile and is shown as sRGB, and numbers of several pictures mean one thing only in one
space: so a photo in Display P3 or Adobe RGB is converted when it is read.
"""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np

UNUSABLE = "an embedded colour profile that cannot be used: the values are read as sRGB"
ROUNDING = 2  # grey levels: makers of sRGB profiles round its primaries and its curve in their own ways
STEPS = np.linspace(0, 255, 17).round().astype(np.uint8)
GREY = ("1", "L", "LA", "La")  # Pillow's modes


def in_srgb(picture: Any) -> tuple[Any, bool]:
    """A Pillow picture of 8 bits as sRGB, relative colorimetric, and whether its profile, if any, could be used.

    Pictures without a profile, or with one that is sRGB to rounding, keep every bit. The picture may be changed.

    Returns:
        A picture of mode RGB, or RGBA where it is transparent somewhere, and False where the profile is damaged, or
        of another kind of picture: the values are then what they were.
    """
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    plain = picture if picture.mode == mode else picture.convert(mode)
    profile = picture.info.get("icc_profile")
    if not profile:
        return plain, True
    try:
        space, change = _change(bytes(profile))
        if change is None:
            return plain, True
        given = {"RGB": plain if mode == "RGB" else plain.convert("RGB")}  # of a grey picture as well: many have such
        if picture.mode in GREY:
            given["GRAY"] = plain.convert("L")
        if picture.mode == "CMYK":
            given = {"CMYK": picture}
        if space not in given:
            return plain, False
        colours = _applied(change, given[space])
    except MemoryError:
        raise
    except Exception:  # what Pillow raises where a profile is damaged, or where it was built without LittleCMS
        return plain, False
    if mode == "RGBA":
        colours.putalpha(plain.getchannel("A"))
    return colours, True


def is_srgb(picture: Any) -> bool:
    """Whether a picture has no profile, or one that is sRGB to rounding."""
    profile = picture.info.get("icc_profile")
    try:
        return not profile or _change(bytes(profile))[1] is None
    except MemoryError:
        raise
    except Exception:  # as above
        return False


def _applied(change: Any, picture: Any) -> Any:
    """The picture as RGB, in place where it can be: large ones fill memory."""
    if isinstance(change, list):
        return picture.point(change).convert("RGB")
    if picture.mode == "RGB":
        change.apply_in_place(picture)
        return picture
    return change.apply(picture)


@functools.lru_cache(maxsize=16)
def _change(profile: bytes) -> tuple[str, Any]:
    """("RGB", "GRAY" or "CMYK", what turns such a picture into sRGB; None where that changes nothing).

    It is a transform of LittleCMS, or of greys a list of what each of the 256 becomes.
    """
    from PIL import Image, ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = opened.profile.xcolor_space.strip()
    transform = ImageCms.buildTransform(
        opened,
        ImageCms.createProfile("sRGB"),
        {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[space],
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.NOOPTIMIZE if space == "GRAY" else ImageCms.Flags.NONE,  # else 10 levels off in the dark
    )
    if space == "CMYK":
        return space, transform
    cube = np.stack(np.meshgrid(STEPS, STEPS, STEPS), -1).reshape(-1, len(STEPS), 3)
    tried = Image.fromarray(cube if space == "RGB" else np.arange(256, dtype=np.uint8)[None])
    changed = np.asarray(transform.apply(tried), int)
    if np.abs(changed - np.asarray(tried.convert("RGB"), int)).max() <= ROUNDING:
        return space, None
    return space, transform if space == "RGB" else changed[0, :, 1].tolist()
