use super::*;
use crate::ExitClass;

fn identity() -> Identity {
    Identity { plan: [1; 32], parameters: [2; 32], keys: [3; 32] }
}

fn sections() -> Vec<(&'static str, Vec<u8>)> {
    vec![("first", (0..200).collect()), ("second", Vec::new()), ("third", vec![7; 1000])]
}

fn expected() -> Expected {
    Expected {
        kind: Kind::EvaluationKeys,
        plan: Some([1; 32]),
        parameters: Some([2; 32]),
        keys: Some([3; 32]),
        sections: sections()
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), 0..=bytes.len() as u64))
            .collect(),
    }
}

fn good() -> Vec<u8> {
    let sections = sections();
    let borrowed: Vec<(&str, &[u8])> = sections.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    to_bytes(Kind::EvaluationKeys, identity(), &borrowed).expect("short names")
}

fn refused(bytes: &[u8], expected: &Expected) -> FrameError {
    from_bytes(bytes, expected).expect_err("must be refused")
}

#[test]
fn frames_round_trip_in_memory_and_through_a_file() {
    let contents: Vec<Vec<u8>> = sections().into_iter().map(|(_, bytes)| bytes).collect();
    let (header, read) = from_bytes(&good(), &expected()).expect("good");
    assert_eq!((header.identity, &read), (identity(), &contents));

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let names = sections().into_iter().map(|(name, _)| name.to_owned());
    let mut writer = FrameWriter::create(&path, Protection::Public, Kind::EvaluationKeys, identity(), names)
        .expect("created");
    for bytes in &contents {
        assert!(!path.exists());
        writer.section(bytes).expect("written");
    }
    assert!(matches!(writer.section(&[]), Err(FrameError::SectionCount { found: 4, expected: 3 })));
    writer.finish().expect("complete");
    assert_eq!(std::fs::read(&path).expect("readable"), good());
    let mut reader = FrameReader::open(&path, &expected()).expect("good");
    assert_eq!(reader.section().expect("good").as_ref(), Some(&contents[0]));
    assert!(matches!(reader.finish(), Err(FrameError::Trailing)));
}

#[test]
fn an_incomplete_writer_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys");
    let names = ["a".to_owned(), "b".to_owned()];
    let mut writer =
        FrameWriter::create(&path, Protection::Secret, Kind::SecretKey, identity(), names).expect("created");
    writer.section(&[1]).expect("written");
    assert!(matches!(writer.finish(), Err(FrameError::SectionCount { found: 1, expected: 2 })));
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 0);
}

#[test]
fn every_truncation_and_addition_is_damage() {
    let mut good = good();
    for cut in 0..good.len() {
        let error = refused(&good[..cut], &expected());
        assert!(matches!(error, FrameError::Truncated { .. }), "{cut}: {error}");
        assert_eq!(error.exit_class(), ExitClass::Integrity);
    }
    good.push(0);
    assert_eq!(refused(&good, &expected()).exit_class(), ExitClass::Integrity);
}

#[test]
fn every_flipped_bit_is_damage() {
    let good = good();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            let error = refused(&bytes, &expected());
            assert_eq!(error.exit_class(), ExitClass::Integrity, "byte {at} bit {bit}: {error}");
        }
    }
}

#[test]
fn what_belongs_to_something_else_is_a_mismatch_that_names_both() {
    let other = [0xab; 32];
    let change: [fn(&mut Expected, [u8; 32]); 3] =
        [|e, id| e.plan = Some(id), |e, id| e.parameters = Some(id), |e, id| e.keys = Some(id)];
    for change in change {
        let mut expected = expected();
        change(&mut expected, other);
        let error = refused(&good(), &expected);
        assert_eq!(error.exit_class(), ExitClass::Mismatch);
        let message = error.to_string();
        assert!(
            message.contains("abababab")
                && message.contains("0202") | message.contains("0101") | message.contains("0303")
        );
    }
    let expected = Expected { kind: Kind::SecretKey, plan: None, ..expected() };
    assert_eq!(refused(&good(), &expected).exit_class(), ExitClass::Mismatch);
}

#[test]
fn sections_have_the_dictated_names_and_lengths() {
    let mut wrong = expected();
    wrong.sections[2].1 = 0..=999;
    assert!(matches!(refused(&good(), &wrong), FrameError::Section { length: 1000, allowed: (0, 999), .. }));
    wrong.sections[2] = ("fourth".to_owned(), 0..=1000);
    assert!(matches!(refused(&good(), &wrong), FrameError::Section { .. }));
    wrong.sections.pop();
    assert!(matches!(refused(&good(), &wrong), FrameError::SectionCount { found: 3, expected: 2 }));
}

/// Well-formed headers that ask for what is not there.
#[test]
fn hostile_headers_take_no_memory() {
    let claim = |length| {
        let info = SectionInfo { name: "first".to_owned(), length, digest: [0; 32] };
        Header { kind: Kind::EvaluationKeys, identity: identity(), sections: vec![info] }
            .to_bytes()
            .expect("short")
    };
    let mut greedy = expected();
    greedy.sections = vec![("first".to_owned(), 0..=u64::MAX)];
    assert!(matches!(refused(&claim(u64::MAX), &greedy), FrameError::Truncated { .. }));
    // A length of the header itself beyond any header.
    let mut bytes = good();
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(refused(&bytes, &expected()), FrameError::Damaged { .. }));
    let long = "n".repeat(65);
    assert!(matches!(
        to_bytes(Kind::PublicKey, identity(), &[(&long, &[])]),
        Err(FrameError::SectionName { .. })
    ));
}
