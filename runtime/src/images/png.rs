//! A walk over the chunks of a PNG file, before anything is decoded.
//!
//! The decoder stops once it has all pixels, so a file that ends too early can go unnoticed; here it cannot.

use super::{ImageError, Size};

const SIGNATURE: usize = 8;

/// The size from the header, if every chunk up to the end mark is there.
pub(super) fn check(bytes: &[u8]) -> Result<Size, ImageError> {
    let truncated = |during| ImageError::Truncated { during };
    let mut rest = bytes.get(SIGNATURE..).ok_or(truncated("the PNG signature"))?;
    let mut size = None;
    loop {
        let (length, tail) = rest.split_first_chunk::<4>().ok_or(truncated("a PNG chunk header"))?;
        let (kind, tail) = tail.split_first_chunk::<4>().ok_or(truncated("a PNG chunk header"))?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (data, tail) = tail.split_at_checked(length).ok_or(truncated("a PNG chunk"))?;
        rest = tail.get(4..).ok_or(truncated("a PNG checksum"))?;
        match (kind, size) {
            (b"IHDR", None) => size = Some(header(data)?),
            (_, None) => return Err(ImageError::Damaged("the PNG header is not its first chunk".to_owned())),
            (b"IEND", Some(size)) => return Ok(size),
            (_, Some(_)) => {}
        }
    }
}

fn header(data: &[u8]) -> Result<Size, ImageError> {
    let be = |at: usize| Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?));
    let (Some(width), Some(height), 13) = (be(0), be(4), data.len()) else {
        return Err(ImageError::Damaged(format!("a PNG header of {} bytes; allowed: 13", data.len())));
    };
    Ok(Size { width, height })
}
