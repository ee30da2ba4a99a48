//! What happened, as data.

/// The largest magnitude that reached an approximation, and the largest it is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Largest slot found.
    pub largest: f64,
    /// Largest slot allowed: 1 at a bootstrap, the domain at a polynomial.
    pub allowed: f64,
}

impl Reading {
    /// Whether a slot was outside of the range, so that the result means nothing.
    pub fn exceeded(&self) -> bool {
        // NaN is outside, too.
        self.largest.is_nan() || self.largest > self.allowed
    }
}

/// Bytes of values: ciphertexts and, at most, whatever was temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When the step was done.
    pub after: u64,
    /// At most while it ran.
    pub peak: u64,
}

/// One executed step.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceEntry {
    /// Index of the step.
    pub step: usize,
    /// Its layer.
    pub layer: String,
    /// The operation's name.
    pub op: &'static str,
    /// Wall-clock time.
    pub nanos: u64,
    /// Level of the result.
    pub level: u8,
    /// The range alarm, before a bootstrap or polynomial on a backend that sees values.
    pub reading: Option<Reading>,
    /// Memory of values, on a backend that counts it.
    pub held: Option<Held>,
}

/// One execution, step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The steps in their order.
    pub entries: Vec<TraceEntry>,
}

impl Trace {
    /// Wall-clock time of all steps.
    pub fn seconds(&self) -> f64 {
        self.entries.iter().map(|entry| entry.nanos as f64 * 1e-9).sum()
    }

    /// The steps whose input left the range of their approximation.
    pub fn alarms(&self) -> impl Iterator<Item = &TraceEntry> {
        self.entries.iter().filter(|entry| entry.reading.is_some_and(|reading| reading.exceeded()))
    }
}
