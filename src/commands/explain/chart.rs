//! Memory over time as lines of text.

use super::facts::{Facts, Moment};
use crate::output;

/// Characters of the longest bar.
const WIDTH: u64 = 60;

/// One line for every run of steps of the same layer and operation, as long as what is held then: what is held all the
/// time, ciphertexts, and temporary polynomials, each with a letter of its own.
pub(super) fn over_time(facts: &Facts) -> String {
    let memory = &facts.memory;
    let keys = memory.keys_in_memory;
    let matrices = memory.plaintexts + memory.diagonals;
    let constant = memory.fixed + keys + matrices;
    let unit = memory.peak.div_ceil(WIDTH).max(1);
    let letters = |moment: &Moment| -> String {
        let mut held = 0;
        let mut bar = String::new();
        for (letter, bytes) in [
            ('.', memory.fixed),
            ('k', keys),
            ('m', matrices),
            ('c', moment.ciphertexts),
            ('t', moment.scratch),
        ] {
            held += bytes;
            // Rounded sums, so that the parts add up to the rounded whole.
            let end = (held + unit / 2) / unit;
            (bar.len() as u64..end).for_each(|_| bar.push(letter));
        }
        bar
    };
    let mut rows = vec![vec!["step".to_owned(), "second".into(), "MiB".into(), String::new()]];
    let lines: Vec<(&Moment, u64)> = facts
        .timeline
        .iter()
        .filter(|moment| moment.seconds > 0.0)
        .map(|moment| (moment, constant + moment.ciphertexts + moment.scratch))
        .collect();
    for (moment, bytes) in lines {
        rows.push(vec![
            format!("{:>3} {} {}", moment.step, moment.op, moment.layer),
            format!("{:.1}", moment.second),
            bytes.div_ceil(1 << 20).to_string(),
            format!("|{:<width$}|", letters(moment), width = WIDTH as usize),
        ]);
    }
    format!(
        "memory over time; a letter is {}: . program, k keys, m matrices and diagonals, c ciphertexts, t temporary \
         polynomials\n{}",
        output::bytes(unit),
        output::table(&rows)
    )
}
