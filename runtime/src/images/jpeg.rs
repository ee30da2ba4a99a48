//! A walk over the markers of a JPEG file, before anything is decoded.
//!
//! Decoders are lenient: they fill in what a truncated file lacks and convert CMYK. Here both are refused.

use super::{ImageError, Size};

const START_OF_SCAN: u8 = 0xda;
const END_OF_IMAGE: u8 = 0xd9;

/// The size from the frame header, if it is an 8-bit colour frame and the end mark is there.
pub(super) fn check(bytes: &[u8]) -> Result<Size, ImageError> {
    let truncated = |during| ImageError::Truncated { during };
    // The first two bytes are the start mark, or this would not be called.
    let mut rest = bytes.get(2..).ok_or(truncated("the JPEG start mark"))?;
    let mut size = None;
    loop {
        let marker = next_marker(&mut rest).ok_or(truncated("JPEG data: there is no end mark"))?;
        match marker {
            END_OF_IMAGE => {
                return size.ok_or_else(|| ImageError::Damaged("a JPEG file without a frame".to_owned()));
            }
            // Markers without a segment: restarts, another start, temporary.
            0xd0..=0xd8 | 0x01 => continue,
            _ => {}
        }
        let length = rest.first_chunk().map(|b| usize::from(u16::from_be_bytes(*b)));
        let length = length.ok_or(truncated("a JPEG segment"))?;
        let segment = rest.get(2..length.max(2)).ok_or(truncated("a JPEG segment"))?;
        rest = &rest[length.max(2)..];
        match marker {
            0xc4 | 0xc8 | 0xcc => {}
            0xc0..=0xcf => size = Some(frame(segment)?),
            START_OF_SCAN if size.is_none() => {
                return Err(ImageError::Damaged("a JPEG scan before the frame header".to_owned()));
            }
            _ => {}
        }
    }
}

/// Skips to the next marker; in coded data `ff 00` is a plain byte.
fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    loop {
        let at = rest.iter().position(|&b| b == 0xff)?;
        let code = *rest.get(at + 1)?;
        if code == 0xff {
            *rest = &rest[at + 1..];
            continue;
        }
        *rest = &rest[at + 2..];
        if code != 0 {
            return Some(code);
        }
    }
}

fn frame(segment: &[u8]) -> Result<Size, ImageError> {
    let [precision, h1, h0, w1, w0, components, ..] = *segment else {
        return Err(ImageError::Damaged(format!("a JPEG frame header of {} bytes", segment.len())));
    };
    match (precision, components) {
        (8, 3) => {}
        (8, 1) => return Err(ImageError::Colours { found: "grey" }),
        (8, 4) => return Err(ImageError::Colours { found: "CMYK" }),
        (8, _) => return Err(ImageError::Colours { found: "a JPEG of neither 1, 3 nor 4 components" }),
        _ => return Err(ImageError::Colours { found: "a JPEG of more than 8 bits" }),
    }
    let size = |high, low| u32::from(u16::from_be_bytes([high, low]));
    Ok(Size { width: size(w1, w0), height: size(h1, h0) })
}
