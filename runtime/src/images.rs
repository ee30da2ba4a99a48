//! Images: read with explicit limits, never resized or converted, normalised as the plan says.

mod cifar;
mod error;
mod jpeg;
mod png;

pub use cifar::{CIFAR10_CLASSES, CifarFile};
pub use error::ImageError;

use fhecc_plan::InputSpec;
use image::{ColorType, ExtendedColorType, ImageDecoder, ImageFormat, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// Largest image file that is read.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// Largest width or height that any plan may ask for.
const MAX_EXTENT: u32 = 1 << 12;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// An 8-bit RGB image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRgb {
    size: Size,
    /// Row after row, red, green, blue.
    pixels: Vec<u8>,
}

impl ImageRgb {
    /// An image from its pixels, row after row, three bytes each; `None` if their number is not the size's.
    pub fn new(size: Size, pixels: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(size.width) * u64::from(size.height) * 3;
        (pixels.len() as u64 == bytes && bytes > 0).then_some(Self { size, pixels })
    }

    /// Its size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Its pixels, row after row, three bytes each.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The normalised tensor in channel, row, column order: `(pixel / 255 - mean) / std / range`.
    ///
    /// # Errors
    ///
    /// [`ImageError::Channels`] if the plan does not take three channels, [`ImageError::Size`] if it takes
    /// another size.
    pub fn tensor(&self, input: &InputSpec) -> Result<Vec<f64>, ImageError> {
        let allowed = plan_size(input)?;
        if self.size != allowed {
            return Err(ImageError::Size { found: self.size, allowed });
        }
        let mut tensor = Vec::with_capacity(self.pixels.len());
        for (channel, (mean, std)) in input.mean.iter().zip(&input.std).enumerate() {
            let values = self.pixels.iter().skip(channel).step_by(3);
            tensor.extend(values.map(|&p| (f64::from(p) / 255.0 - mean) / std / input.range));
        }
        Ok(tensor)
    }

    /// The normalised image on all `slots` of a ciphertext.
    ///
    /// # Errors
    ///
    /// As [`ImageRgb::tensor`].
    pub fn slots(&self, input: &InputSpec, slots: usize) -> Result<Vec<f64>, ImageError> {
        Ok(input.layout.pack(&self.tensor(input)?, slots))
    }
}

/// The size of the images that a plan takes.
///
/// # Errors
///
/// [`ImageError::Channels`] if it does not take three channels.
pub fn plan_size(input: &InputSpec) -> Result<Size, ImageError> {
    let found = input.layout.channels;
    if found != 3 || input.mean.len() != 3 || input.std.len() != 3 {
        return Err(ImageError::Channels { plan: found });
    }
    Ok(Size { width: input.layout.width, height: input.layout.height })
}

/// Reads a PNG or JPEG file of exactly the `allowed` size.
///
/// # Errors
///
/// [`ImageError`]: nothing is resized or converted.
pub fn read(path: &Path, allowed: Size) -> Result<ImageRgb, ImageError> {
    let open = |error: std::io::Error| ImageError::Io(error);
    let metadata = std::fs::metadata(path).map_err(open)?;
    if metadata.is_dir() {
        return Err(ImageError::Io(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(open)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(open)?;
    parse(&bytes, allowed)
}

/// Reads an image from the bytes of a PNG or JPEG file.
///
/// # Errors
///
/// [`ImageError`] as for [`read`].
pub fn parse(bytes: &[u8], allowed: Size) -> Result<ImageRgb, ImageError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImageError::TooLarge { found: bytes.len() as u64, allowed: MAX_FILE_BYTES });
    }
    if allowed.width > MAX_EXTENT || allowed.height > MAX_EXTENT {
        return Err(ImageError::TooLarge {
            found: u64::from(allowed.width.max(allowed.height)),
            allowed: u64::from(MAX_EXTENT),
        });
    }
    let cursor = Cursor::new(bytes);
    match image::guess_format(bytes).ok() {
        Some(ImageFormat::Png) => {
            let size = png::check(bytes)?;
            same_size(size, allowed)?;
            let decoder =
                image::codecs::png::PngDecoder::with_limits(cursor, limits(allowed)).map_err(damaged)?;
            decode(decoder, allowed)
        }
        Some(ImageFormat::Jpeg) => {
            let size = jpeg::check(bytes)?;
            same_size(size, allowed)?;
            let mut decoder = image::codecs::jpeg::JpegDecoder::new(cursor).map_err(damaged)?;
            decoder.set_limits(limits(allowed)).map_err(damaged)?;
            decode(decoder, allowed)
        }
        other => Err(ImageError::NotAnImage { looks_like: other.map(|f| format!("{f:?}")) }),
    }
}

fn limits(allowed: Size) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(allowed.width);
    limits.max_image_height = Some(allowed.height);
    // Pixels of up to 8 bytes, and what the decoders need besides.
    limits.max_alloc = Some(u64::from(allowed.width) * u64::from(allowed.height) * 8 + (1 << 20));
    limits
}

fn same_size(found: Size, allowed: Size) -> Result<(), ImageError> {
    if found == allowed { Ok(()) } else { Err(ImageError::Size { found, allowed }) }
}

fn damaged(error: image::ImageError) -> ImageError {
    ImageError::Damaged(error.to_string())
}

fn decode(decoder: impl ImageDecoder, allowed: Size) -> Result<ImageRgb, ImageError> {
    let (width, height) = decoder.dimensions();
    same_size(Size { width, height }, allowed)?;
    if decoder.color_type() != ColorType::Rgb8 {
        return Err(ImageError::Colours { found: colours(decoder.original_color_type()) });
    }
    let mut pixels = vec![0; allowed.width as usize * allowed.height as usize * 3];
    if decoder.total_bytes() != pixels.len() as u64 {
        return Err(ImageError::Damaged("the number of pixels is not that of its size".to_owned()));
    }
    decoder.read_image(&mut pixels).map_err(damaged)?;
    ImageRgb::new(allowed, pixels).ok_or_else(|| ImageError::Damaged("there are no pixels".to_owned()))
}

/// What pixels that are not 8-bit RGB are.
#[expect(clippy::wildcard_enum_match_arm, reason = "colour types that PNG and JPEG do not have")]
fn colours(found: ExtendedColorType) -> &'static str {
    use ExtendedColorType::{L1, L2, L4, L8, L16, La8, La16, Rgb16, Rgba8, Rgba16};
    match found {
        L1 | L2 | L4 | L8 => "grey",
        La8 => "grey with transparency",
        Rgba8 => "RGB with transparency",
        L16 | La16 => "16-bit grey",
        Rgb16 | Rgba16 => "16-bit colour",
        _ => "not plain RGB (perhaps a palette with transparency)",
    }
}

#[cfg(test)]
mod tests;
