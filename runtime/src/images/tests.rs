use super::*;
use crate::ExitClass;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ImageEncoder, ImageReader};

const SIZE: Size = Size { width: 7, height: 5 };

fn pixels(bytes_per_pixel: usize) -> Vec<u8> {
    (0..7 * 5 * bytes_per_pixel).map(|i| (i * 37 % 251) as u8).collect()
}

fn png(kind: ExtendedColorType, bytes_per_pixel: usize) -> Vec<u8> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out).write_image(&pixels(bytes_per_pixel), 7, 5, kind).expect("encodes");
    out
}

fn jpeg(kind: ExtendedColorType, bytes_per_pixel: usize) -> Vec<u8> {
    let mut out = Vec::new();
    JpegEncoder::new(&mut out).write_image(&pixels(bytes_per_pixel), 7, 5, kind).expect("encodes");
    out
}

/// A PNG of the given header and chunks, with correct checksums and an empty-deflate-free body.
fn raw_png(width: u32, height: u32, depth: u8, colour: u8, chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = width.to_be_bytes().to_vec();
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[depth, colour, 0, 0, 0]);
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        out.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let mut body = kind.to_vec();
        body.extend_from_slice(data);
        let mut crc = u32::MAX;
        for byte in &body {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        out.extend_from_slice(&body);
        out.extend_from_slice(&(!crc).to_be_bytes());
    };
    chunk(b"IHDR", &header);
    chunks.iter().for_each(|(kind, data)| chunk(kind, data));
    chunk(b"IEND", &[]);
    out
}

/// A zlib stream of one stored block.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    let mut out = vec![0x78, 0x01, 1];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(data);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    out.extend_from_slice(&(b << 16 | a).to_be_bytes());
    out
}

fn palette(transparency: bool) -> Vec<u8> {
    let mut chunks = vec![(b"PLTE", vec![10, 20, 30, 40, 50, 60])];
    if transparency {
        chunks.push((b"tRNS", vec![0]));
    }
    let rows: Vec<u8> = (0..5).flat_map(|y| [0, 0, 1, 0, 1, 0, 1, y % 2]).collect();
    chunks.push((b"IDAT", stored(&rows)));
    raw_png(7, 5, 8, 3, &chunks)
}

fn colours(bytes: &[u8]) -> &'static str {
    match parse(bytes, SIZE) {
        Err(error @ ImageError::Colours { found }) => {
            assert!(error.to_string().contains("convert"), "{error}");
            assert_eq!(error.exit_class(), ExitClass::Input);
            found
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rgb_is_read_as_it_is() {
    let image = parse(&png(ExtendedColorType::Rgb8, 3), SIZE).expect("RGB");
    assert_eq!((image.size(), image.pixels()), (SIZE, &*pixels(3)));
    let bytes = jpeg(ExtendedColorType::Rgb8, 3);
    let image = parse(&bytes, SIZE).expect("RGB");
    let reference = ImageReader::new(Cursor::new(bytes)).with_guessed_format().expect("known");
    assert_eq!(image.pixels(), reference.decode().expect("decodes").into_rgb8().as_raw().as_slice());
    let image = parse(&palette(false), SIZE).expect("a palette of RGB");
    assert_eq!(&image.pixels()[..9], &[10, 20, 30, 40, 50, 60, 10, 20, 30]);
}

#[test]
fn other_colours_are_named_with_a_remedy() {
    assert_eq!(colours(&png(ExtendedColorType::L8, 1)), "grey");
    assert_eq!(colours(&png(ExtendedColorType::La8, 2)), "grey with transparency");
    assert_eq!(colours(&png(ExtendedColorType::Rgba8, 4)), "RGB with transparency");
    assert_eq!(colours(&png(ExtendedColorType::L16, 2)), "16-bit grey");
    assert_eq!(colours(&png(ExtendedColorType::Rgb16, 6)), "16-bit colour");
    assert_eq!(colours(&png(ExtendedColorType::Rgba16, 8)), "16-bit colour");
    assert!(colours(&palette(true)).contains("transparency"));
    assert_eq!(colours(&jpeg(ExtendedColorType::L8, 1)), "grey");
    let bits = raw_png(7, 5, 1, 0, &[(b"IDAT", stored(&[0, 0xaa].repeat(5)))]);
    assert_eq!(colours(&bits), "grey");
    // The frame header of a colour file, turned into one of four components.
    let mut cmyk = jpeg(ExtendedColorType::Rgb8, 3);
    let frame = cmyk.windows(2).position(|w| w == [0xff, 0xc0]).expect("a frame");
    cmyk[frame + 9] = 4;
    assert_eq!(colours(&cmyk), "CMYK");
    cmyk[frame + 4] = 12;
    assert!(colours(&cmyk).contains("more than 8 bits"));
}

#[test]
fn other_sizes_are_refused_before_decoding() {
    let found = Size { width: 7, height: 5 };
    let allowed = Size { width: 32, height: 32 };
    for bytes in [png(ExtendedColorType::Rgb8, 3), jpeg(ExtendedColorType::Rgb8, 3)] {
        let error = parse(&bytes, allowed).expect_err("another size");
        assert!(matches!(error, ImageError::Size { found: f, allowed: a } if (f, a) == (found, allowed)));
        assert!(error.to_string().contains("7x5") && error.to_string().contains("32x32"), "{error}");
    }
    // Enormous by its header alone: refused without an allocation.
    let bomb = raw_png(u32::MAX, u32::MAX, 16, 6, &[(b"IDAT", stored(&[0; 64]))]);
    assert!(matches!(parse(&bomb, SIZE), Err(ImageError::Size { .. })));
    assert!(matches!(
        parse(&bomb, Size { width: u32::MAX, height: u32::MAX }),
        Err(ImageError::TooLarge { .. })
    ));
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.png");
    std::fs::write(&path, "this is text\n").expect("written");
    assert!(matches!(read(&path, SIZE), Err(ImageError::NotAnImage { looks_like: None })));
    assert!(matches!(parse(b"", SIZE), Err(ImageError::NotAnImage { .. })));
    assert!(matches!(parse(b"GIF89a......", SIZE), Err(ImageError::NotAnImage { looks_like: Some(_) })));
    assert!(matches!(read(&folder.path().join("none.png"), SIZE), Err(ImageError::Io(_))));
    assert!(matches!(read(folder.path(), SIZE), Err(ImageError::Io(_))));
    let huge = vec![0xff; MAX_FILE_BYTES as usize + 1];
    assert!(matches!(parse(&huge, SIZE), Err(ImageError::TooLarge { .. })));
}

#[test]
fn every_truncation_is_noticed() {
    for bytes in [png(ExtendedColorType::Rgb8, 3), jpeg(ExtendedColorType::Rgb8, 3), palette(false)] {
        for cut in 0..bytes.len() {
            let error = parse(&bytes[..cut], SIZE).expect_err("truncated");
            assert!(
                matches!(error, ImageError::Truncated { .. } | ImageError::NotAnImage { .. }),
                "{cut} of {}: {error:?}",
                bytes.len()
            );
        }
    }
}

#[test]
fn damage_never_panics() {
    for good in [png(ExtendedColorType::Rgb8, 3), jpeg(ExtendedColorType::Rgb8, 3), palette(true)] {
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff, good[at] ^ 0x10] {
                let mut bytes = good.clone();
                bytes[at] = value;
                let _outcome = parse(&bytes, SIZE).is_ok();
            }
        }
    }
}

#[test]
fn normalisation_follows_the_plan() {
    let layout = fhecc_plan::Layout::dense(3, 2, 1);
    let mut input = InputSpec { mean: vec![0.5, 0.0, 1.0], std: vec![0.5, 0.25, 2.0], range: 4.0, layout };
    let image =
        ImageRgb::new(Size { width: 1, height: 2 }, vec![255, 0, 51, 0, 255, 255]).expect("two pixels");
    let want = [0.25, -0.25, 0.0, 1.0, (0.2 - 1.0) / 8.0, 0.0];
    let tensor = image.tensor(&input).expect("fits");
    assert!(tensor.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-15), "{tensor:?}");
    let slots = image.slots(&input, 16).expect("fits");
    assert_eq!(input.layout.unpack(&slots), tensor);
    assert_eq!(slots[..8], slots[8..]);
    input.layout.height = 3;
    assert!(matches!(image.tensor(&input), Err(ImageError::Size { .. })));
    input.layout.channels = 1;
    assert!(matches!(image.tensor(&input), Err(ImageError::Channels { plan: 1 })));
}

#[test]
fn cifar_files_are_records_of_a_label_and_three_planes() {
    let mut bytes: Vec<u8> = (0..2 * 3073).map(|i| (i % 256) as u8).collect();
    (bytes[0], bytes[3073]) = (9, 3);
    let file = CifarFile::parse(bytes.clone()).expect("two records");
    assert_eq!((file.len(), file.is_empty()), (2, false));
    let (label, image) = file.record(1).expect("there");
    assert_eq!(label, 3);
    assert_eq!(image.pixels()[3..6], [bytes[3073 + 2], bytes[3073 + 1026], bytes[3073 + 2050]]);
    assert!(matches!(file.record(2), Err(ImageError::CifarIndex { found: 2, records: 2 })));
    assert!(matches!(CifarFile::parse(Vec::new()), Err(ImageError::CifarLength { found: 0, record: 3073 })));
    assert!(matches!(CifarFile::parse(vec![0; 3074]), Err(ImageError::CifarLength { found: 3074, .. })));
    bytes[3073] = 10;
    assert!(matches!(CifarFile::parse(bytes), Err(ImageError::CifarLabel { record: 1, found: 10 })));
}
