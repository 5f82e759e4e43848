"""Pictures that are as hard to decode and store as photographs."""
import io

from PIL import Image


def photograph(seed, size, quality=85, grain=0.4):
    """A JPEG: large soft areas, and noise over them (grain, 0 to 1: more makes more bytes)."""
    width, height = size
    soft = [Image.effect_noise((width // 8 + seed % 7, height // 8), 90).resize(size, Image.BICUBIC) for _ in range(3)]
    noise = Image.effect_noise(size, 60)
    out = io.BytesIO()
    Image.merge("RGB", [Image.blend(channel, noise, grain) for channel in soft]).save(out, "JPEG", quality=quality)
    return out.getvalue()


def with_comment(jpeg, text):
    """The same picture as other bytes: a comment after its first marker."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
