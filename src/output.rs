//! Everything that is printed: results to stdout, the rest to stderr.

use crate::error::Failure;
use crate::exit::Status;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes a result to stdout. A reader that went away is no error.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Status::Other, format!("the result cannot be written to standard output: {e}.")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes one JSON object and a line end to stdout.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|e| Failure::new(Status::Other, format!("the result has no JSON form: {e}.")))?;
    result(&(text + "\n"))
}

/// Writes an error to stderr; nobody may be reading.
pub(crate) fn error(text: &str) {
    let heading = if colour() { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    note(&format!("{heading} {text}\n"));
}

/// Writes a failure to stderr.
pub(crate) fn failure(failure: &Failure) {
    if failure.rendered {
        note(&failure.message);
    } else {
        error(&failure.message);
    }
}

/// Writes to stderr as it is.
pub(crate) fn note(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Whether stderr takes colours: a terminal, and `NO_COLOR` absent or empty.
pub(crate) fn colour() -> bool {
    io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// Columns of a table, the first to the left and the others to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &w))| if c == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Bytes in a unit that a person reads.
pub(crate) fn bytes(count: u64) -> String {
    let mib = count as f64 / f64::from(1 << 20);
    if mib >= 1024.0 { format!("{:.2} GiB", mib / 1024.0) } else { format!("{mib:.0} MiB") }
}

/// The largest memory that the process has held, where the system tells.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_have_no_trailing_blanks() {
        let rows = [vec!["a".into(), "1.0".into(), String::new()], vec!["long".into(), "10.0".into()]];
        assert_eq!(table(&rows), "  a      1.0\n  long  10.0\n");
    }

    #[test]
    fn bytes_choose_their_unit() {
        assert_eq!(bytes(5 << 20), "5 MiB");
        assert_eq!(bytes(3 << 29), "1.50 GiB");
    }
}
