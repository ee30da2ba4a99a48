use super::*;

fn weights() -> Weights {
    let mut weights = Weights::default();
    let values = (0..6).map(|i| i as f32 * 0.5 - 1.0).collect();
    weights.insert("a.weight".to_owned(), Tensor { shape: vec![2, 3], values });
    weights.insert("b.bias".to_owned(), Tensor { shape: vec![1], values: vec![7.5] });
    weights.insert("scalar".to_owned(), Tensor { shape: vec![], values: vec![-2.0] });
    weights
}

/// A file with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

#[test]
fn weights_round_trip_through_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.safetensors");
    write(&path, &weights()).expect("written");
    assert_eq!(read(&path, DEFAULT_MAX_BYTES).expect("read"), weights());
    let size = path.metadata().expect("there").len();
    assert!(matches!(
        read(&path, size - 1),
        Err(WeightsError::TooLarge { found, allowed, .. }) if (found, allowed) == (size, size - 1)
    ));
    let missing = read(&folder.path().join("none"), 1).expect_err("missing");
    assert_eq!(missing.exit_class(), ExitClass::Input);
    assert_eq!(to_bytes(&weights()).expect("bytes"), std::fs::read(&path).expect("bytes"));
}

#[test]
fn other_types_are_named() {
    for (dtype, size) in [("F16", 4), ("F64", 16), ("I64", 16), ("BF16", 4), ("BOOL", 2)] {
        let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":[2],"data_offsets":[0,{size}]}}}}"#);
        let error = parse(&file(&header, &vec![0; size])).expect_err(dtype);
        assert!(
            matches!(&error, WeightsError::Type { name, found } if name == "w" && found == dtype),
            "{error}"
        );
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut data = 1.0f32.to_le_bytes().to_vec();
    data.extend_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(parse(&file(header, &data)), Err(WeightsError::NotFinite { index: 1, .. })));
}

#[test]
fn hostile_headers_are_refused() {
    let huge = u64::MAX;
    for header in [
        format!(r#"{{"w":{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,8]}}}}"#),
        r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#.to_owned(),
        format!(r#"{{"w":{{"dtype":"F32","shape":[2],"data_offsets":[0,{huge}]}}}}"#),
        r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#.to_owned(),
        r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#.to_owned(),
        "[".repeat(100_000),
        "not json".to_owned(),
    ] {
        assert!(matches!(parse(&file(&header, &[0; 8])), Err(WeightsError::Format(_))), "{header:.80}");
    }
    let mut long = vec![b' '; 17 << 20];
    long[..8].copy_from_slice(&((17u64 << 20) - 8).to_le_bytes());
    assert!(matches!(parse(&long), Err(WeightsError::TooLarge { what: "the header", .. })));
}

#[test]
fn truncated_or_damaged_files_never_panic() {
    let good = to_bytes(&weights()).expect("bytes");
    for cut in 0..good.len() {
        parse(&good[..cut]).expect_err("truncated");
    }
    let header = 8 + u64::from_le_bytes(*good.first_chunk().expect("a length")) as usize;
    for at in 0..header {
        for bit in 0..8 {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << bit;
            // Another valid name or shape may come out; a panic may not.
            let _outcome = parse(&damaged).is_ok();
        }
    }
}

#[test]
fn what_a_plan_needs_is_compared_by_name_shape_and_values() {
    let plan = crate::execution::tests::small_plan(13).0;
    let good = crate::execution::tests::small_plan(13).1;
    check(&good, &plan).expect("its own weights");
    let missing = check(&weights(), &plan).expect_err("other weights");
    assert!(matches!(&missing, WeightsError::Missing { name } if *name == plan.weights[0].name));
    assert_eq!(missing.exit_class(), ExitClass::Mismatch);

    let name = "linear.weight";
    let mut tensor = good.get(name).expect("there").clone();
    let mut other = good.clone();
    tensor.values[3] += 1.0;
    other.insert(name.to_owned(), tensor.clone());
    let error = check(&other, &plan).expect_err("other values");
    assert!(
        matches!(&error, WeightsError::Digest { name: n, found, expected } if n == name && found != expected)
    );

    tensor.shape.reverse();
    other.insert(name.to_owned(), tensor);
    let error = check(&other, &plan).expect_err("other shape");
    assert!(
        matches!(&error, WeightsError::Shape { found, expected, .. } if *found == [8, 5] && *expected == [5, 8])
    );
    assert_eq!(error.exit_class(), ExitClass::Mismatch);
}
