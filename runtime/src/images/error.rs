//! Why an image cannot be used.

use super::Size;
use crate::exit::{ExitClass, io_exit_class};
use std::error::Error;
use std::fmt::{self, Display};
use std::io;

/// Why an image cannot be used, and what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// The file cannot be opened or read.
    Io(io::Error),
    /// The file is larger than allowed.
    TooLarge {
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// Neither PNG nor JPEG.
    NotAnImage {
        /// The format it has instead, if that is known.
        looks_like: Option<String>,
    },
    /// The file ends before the image does.
    Truncated {
        /// What was being read.
        during: &'static str,
    },
    /// The file contradicts its own format.
    Damaged(String),
    /// Another size than the plan takes.
    Size {
        /// The image's.
        found: Size,
        /// The plan's.
        allowed: Size,
    },
    /// Not 8-bit RGB.
    Colours {
        /// What it is instead.
        found: &'static str,
    },
    /// The plan does not take three channels, so no RGB image fits.
    Channels {
        /// Channels the plan takes.
        plan: u32,
    },
    /// A CIFAR-10 file whose length is not a number of records.
    CifarLength {
        /// Bytes found.
        found: u64,
        /// Bytes of a record.
        record: u64,
    },
    /// A CIFAR-10 record whose label is not a class.
    CifarLabel {
        /// Index of the record.
        record: usize,
        /// Its label.
        found: u8,
    },
    /// A record that the CIFAR-10 file does not have.
    CifarIndex {
        /// The record asked for.
        found: usize,
        /// Records there are.
        records: usize,
    },
}

impl ImageError {
    /// What kind of failure this is.
    pub fn exit_class(&self) -> ExitClass {
        match self {
            Self::Io(error) => io_exit_class(error),
            Self::TooLarge { .. }
            | Self::NotAnImage { .. }
            | Self::Truncated { .. }
            | Self::Damaged(_)
            | Self::Size { .. }
            | Self::Colours { .. }
            | Self::Channels { .. }
            | Self::CifarLength { .. }
            | Self::CifarLabel { .. }
            | Self::CifarIndex { .. } => ExitClass::Input,
        }
    }
}

impl Error for ImageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Io(error) = self { Some(error) } else { None }
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the image cannot be read: {error}"),
            Self::TooLarge { found, allowed } => {
                write!(f, "the image is too large: {found}; allowed: at most {allowed}")
            }
            Self::NotAnImage { looks_like: Some(format) } => {
                write!(f, "a {format} file; allowed: PNG and JPEG; convert it with `magick IMAGE out.png`")
            }
            Self::NotAnImage { looks_like: None } => {
                f.write_str("not an image, whatever its name says; allowed: PNG and JPEG files")
            }
            Self::Truncated { during } => {
                write!(
                    f,
                    "the image file ends within {during}; it may have been copied or downloaded only in part"
                )
            }
            Self::Damaged(message) => write!(f, "the image is damaged: {message}"),
            Self::Size { found, allowed } => write!(
                f,
                "the image is {found} pixels, the network takes {allowed}; images are never resized silently: crop or scale it yourself, for instance `magick IMAGE -resize {allowed}! out.png`"
            ),
            Self::Colours { found } => write!(
                f,
                "the image is {found}, the network takes 8-bit RGB; convert it with `magick IMAGE -background white -alpha remove -alpha off -colorspace sRGB -depth 8 -define png:color-type=2 out.png`"
            ),
            Self::Channels { plan } => {
                write!(f, "the network takes {plan} channels; RGB images have 3")
            }
            Self::CifarLength { found, record } => write!(
                f,
                "a CIFAR-10 file of {found} bytes; allowed: a multiple of {record}, one label and 3072 pixels a record (the \"binary version\" of the data set)"
            ),
            Self::CifarLabel { record, found } => {
                write!(f, "record {record} has label {found}; CIFAR-10 labels are 0 to 9")
            }
            Self::CifarIndex { found, records } => {
                write!(f, "there is no record {found}; the file has {records}")
            }
        }
    }
}
