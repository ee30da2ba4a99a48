//! Plaintexts that are kept transformed: more memory, and nothing to compute when they are used.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::plaintexts::Place;
use super::strips::GAP;
use crate::encoder::IntegerPolynomial;
use crate::parameters::Parameters;
use crate::poly::{AlignedWords, aligned_zeros};

/// Where a row has the transform of a polynomial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(super) start: usize,
    pub(super) length: usize,
}

/// The transforms of some polynomials modulo every prime of a level and some special ones.
pub(crate) struct Transforms {
    places: BTreeMap<Place, Span>,
    rows: Vec<AlignedWords>,
}

impl Transforms {
    /// Transforms all of them over the primes of `level` and the first `special_count` special ones.
    pub(crate) fn new(
        parameters: &Parameters,
        polynomials: &BTreeMap<Place, IntegerPolynomial>,
        (level, special_count): (usize, usize),
    ) -> Self {
        let mut end = 0;
        let place = |(&place, polynomial): (&Place, &IntegerPolynomial)| {
            let span = Span { start: end, length: polynomial.len() };
            end += polynomial.len() + GAP;
            (place, span)
        };
        let places: BTreeMap<Place, Span> = polynomials.iter().map(place).collect();
        let row = |row: usize| {
            let prime = parameters.extended_prime(level, row);
            let mut values = aligned_zeros(end);
            for (span, polynomial) in places.values().zip(polynomials.values()) {
                polynomial.transform(prime, &mut values[span.start..][..span.length]);
            }
            values
        };
        let rows = (0..parameters.limbs_at(level) + special_count).into_par_iter().map(row).collect();
        Self { places, rows }
    }

    /// Where the transform of a polynomial is, in every row; `None` if there is none.
    pub(super) fn place(&self, place: Place) -> Option<Span> {
        self.places.get(&place).copied()
    }

    /// The values of a row in a span.
    pub(super) fn row(&self, row: usize, span: Span) -> &[u64] {
        &self.rows[row][span.start..][..span.length]
    }

    /// Bytes of all of them.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.rows.iter().map(|row| size_of_val(&**row)).sum()
    }
}
