"""Makes the sample images in this folder; README.md says what they are and where they come from.

    pip install scikit-image==0.25.2 pillow==11.1.0
    python make.py

Photographs: a square crop, averaged down to 32x32. Drawings: drawn at 512x512, averaged down to 32x32.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

HERE = Path(__file__).parent
SIZE = 32
BIG = 512


def shrink(picture):
    """Averages a square picture down to 32x32."""
    return picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX)


def cat():
    """The photograph of Chelsea, the largest square around the middle."""
    return Image.fromarray(data.chelsea()).crop((75, 0, 375, 300))


def cat_close():
    """The same photograph, closer: eyes and nose."""
    return Image.fromarray(data.chelsea()).crop((90, 10, 370, 290))


def gradient(top, bottom, height=BIG):
    """A vertical gradient over the whole picture."""
    ramp = np.linspace(0, 1, height)[:, None, None]
    rows = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
    return Image.fromarray(np.broadcast_to(rows, (height, BIG, 3)).astype(np.uint8))


def horse():
    """The outline of a horse, coloured brown and shaded from above, on a photographed lawn under a sky."""
    outline = Image.fromarray((~data.horse() * 255).astype(np.uint8)).resize((480, 394))
    mask = Image.new("L", (BIG, BIG), 0)
    mask.paste(outline, (16, 70))
    picture = gradient((150, 185, 225), (205, 220, 232))
    lawn = np.asarray(Image.fromarray(data.grass()).resize((BIG, BIG)), dtype=float)[:, :, None] / 255
    lawn = Image.fromarray((lawn * np.array([130, 165, 70]) + np.array([10, 20, 5])).astype(np.uint8))
    picture.paste(lawn.crop((0, 0, BIG, 230)), (0, 282))
    picture.paste(gradient((150, 95, 55), (70, 42, 25)), (0, 0), mask.filter(ImageFilter.GaussianBlur(2)))
    return picture


def ship():
    """A cargo ship at sea."""
    picture = gradient((120, 165, 215), (200, 218, 235))
    picture.paste(gradient((50, 95, 140), (25, 60, 100), 190), (0, 322))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(30, 270), (490, 255), (450, 370), (80, 370)], fill=(45, 48, 60))
    draw.polygon([(68, 340), (462, 336), (450, 370), (80, 370)], fill=(150, 45, 40))
    draw.rectangle((80, 165, 175, 268), fill=(238, 238, 235))
    draw.rectangle((90, 180, 165, 198), fill=(60, 75, 95))
    draw.rectangle((105, 110, 140, 165), fill=(200, 120, 40))
    colours = [(170, 60, 45), (215, 215, 205), (60, 110, 80), (190, 140, 60)]
    for column in range(4):
        for row in range(1 + (column + 1) % 2):
            left, low = 195 + 62 * column, 262 - 40 * row
            draw.rectangle((left, low - 38, left + 56, low), fill=colours[(column + 2 * row) % 4])
    draw.line([(470, 255), (470, 150)], fill=(70, 70, 75), width=8)
    draw.line([(30, 372), (490, 372)], fill=(215, 228, 238), width=8)
    return picture


def airplane():
    """An airliner in the sky, seen from the side and a little from below."""
    picture = gradient((90, 150, 220), (190, 215, 240))
    draw = ImageDraw.Draw(picture)
    body, dark, wing = (238, 240, 244), (150, 160, 175), (175, 182, 195)
    draw.polygon([(250, 235), (330, 230), (420, 110), (385, 105)], fill=wing)
    draw.polygon([(60, 235), (120, 235), (70, 110), (30, 105)], fill=(60, 90, 150))
    draw.polygon([(70, 235), (470, 205), (500, 235), (480, 258), (400, 275), (120, 285)], fill=body)
    draw.polygon([(100, 275), (470, 248), (480, 258), (400, 275), (120, 285)], fill=dark)
    draw.polygon([(220, 268), (330, 258), (190, 420), (150, 425)], fill=wing)
    draw.polygon([(70, 262), (125, 258), (60, 320), (35, 320)], fill=wing)
    draw.ellipse((215, 295, 275, 330), fill=(95, 105, 120))
    draw.line([(140, 248), (430, 226)], fill=(70, 85, 115), width=8)
    return picture


def truck():
    """A lorry on a road."""
    picture = gradient((170, 195, 220), (215, 220, 222))
    picture.paste(gradient((120, 120, 122), (85, 85, 88), 162), (0, 350))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 110, 340, 355), fill=(225, 225, 220))
    draw.rectangle((20, 110, 340, 135), fill=(245, 245, 242))
    draw.rectangle((20, 330, 345, 375), fill=(60, 60, 66))
    draw.polygon([(350, 175), (440, 175), (490, 265), (492, 375), (350, 375)], fill=(195, 40, 35))
    draw.polygon([(385, 195), (432, 195), (468, 265), (385, 265)], fill=(70, 90, 110))
    draw.rectangle((470, 320, 494, 345), fill=(250, 240, 180))
    for x in (70, 165, 400):
        draw.ellipse((x, 325, x + 82, 407), fill=(28, 28, 30))
        draw.ellipse((x + 24, 349, x + 58, 383), fill=(150, 150, 155))
    return picture


def main():
    """Writes every image."""
    for make in (cat, horse, ship, airplane, truck):
        shrink(make()).save(HERE / f"{make.__name__}.png", optimize=True)
    shrink(cat_close()).save(HERE / "cat_close.jpg", quality=95, subsampling=0)


if __name__ == "__main__":
    main()
