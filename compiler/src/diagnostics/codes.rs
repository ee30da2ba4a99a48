//! Every code, once, with what it stands for.

/// Codes of the errors in networks, those of the passes (E08xx) included, and their meaning in one line.
pub const CODES: &[(&str, &str)] = &[
    ("E0101", "the text does not follow the grammar"),
    ("E0102", "a bracket is not closed, closes nothing, or closes another kind"),
    ("E0103", "a text is not closed on its line"),
    ("E0104", "a character has no meaning where it stands"),
    ("E0105", "brackets are nested too deep"),
    ("E0106", "the file, a name or a number is too long"),
    ("E0201", "the file holds no network, or several"),
    ("E0202", "the network lacks a setting"),
    ("E0203", "a setting is given twice or in the wrong place"),
    ("E0204", "a name is defined twice or is reserved"),
    ("E0205", "the network has no layers"),
    ("E0301", "there is no such layer or block"),
    ("E0302", "there is no such parameter"),
    ("E0303", "there is no such name"),
    ("E0304", "an argument is missing"),
    ("E0305", "an argument is given twice, or there are too many"),
    ("E0306", "a layer with weights has no name"),
    ("E0307", "a block contains itself"),
    ("E0308", "a word may mean a layer or a kind of layer"),
    ("E0401", "a value is of the wrong kind"),
    ("E0402", "a value lies outside of its range"),
    ("E0403", "a division leaves a remainder or is by zero"),
    ("E0404", "a number is too large"),
    ("E0405", "a word is not among those allowed"),
    ("E0501", "the shapes of two operands differ"),
    ("E0502", "a window is larger than its input"),
    ("E0503", "channels cannot be divided into groups"),
    ("E0504", "a tensor is too large"),
    ("E0505", "the result of a layer is never used"),
    ("E0506", "a setting has the wrong number of entries"),
    ("E0601", "the network has too many layers"),
    ("E0602", "blocks are nested too deep"),
    ("E0603", "expanding the network takes too long"),
    ("E0701", "the weights file lacks a tensor"),
    ("E0702", "a tensor has the wrong shape"),
    ("E0703", "a tensor holds values that cannot be used"),
    ("E0704", "a measured range or density is missing"),
    ("E0801", "a tensor does not fit one ciphertext"),
    ("E0802", "the profile has too few levels for a layer"),
    ("E0803", "an activation cannot be approximated as asked"),
];

/// What a code stands for.
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(explain("E0101"), Some(CODES[0].1));
        assert_eq!(explain("E9999"), None);
    }
}
