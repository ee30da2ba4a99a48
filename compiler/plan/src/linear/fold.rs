//! Folded arguments: several rotations of the argument in one ciphertext.
//!
//! What is real and repeats, with the copies that the slots have room for, can be packed with rotations of itself, by powers
//! of `X`; a product with such an argument, summed over the automorphisms that leave it unchanged (its trace), does the work of
//! several rotations. `fhecc-ckks` (`linear/folded.rs`) has the algebra. Every fold halves the diagonals if it can, for one
//! rotation more of the argument and one of the result.
//!
//! Where the result repeats more often than the input, products in different copies of it may belong to different rotations:
//! a gather halves the diagonals too, for one rotation of the result.

use super::LinearMap;
use crate::Rotation;
use std::collections::BTreeSet;

impl LinearMap {
    /// Most folds of the argument, for ciphertexts of `slots` slots: one for the imaginary parts and one for every doubling
    /// of the copies.
    pub fn most_folds(&self, slots: usize) -> usize {
        slots
            .checked_div(self.diagonal_period())
            .and_then(usize::checked_ilog2)
            .map_or(0, |log| log as usize + 1)
    }

    /// The rotations of the unfolded argument that one rotation of the folded one stands for, less that one: all sums of
    /// some of the folds, in binary order of which.
    pub fn fold_sums(&self) -> Vec<i32> {
        let mut sums = vec![0_i32];
        for fold in &self.folds {
            sums.extend(sums.clone().iter().map(|sum| sum.wrapping_add(fold.0)));
        }
        sums
    }

    /// Most gathers.
    pub fn most_gathers(&self) -> u8 {
        self.input
            .period()
            .checked_div(self.output.period())
            .and_then(usize::checked_ilog2)
            .map_or(0, |log| log as u8)
    }

    /// By how much the result is turned when it is gathered.
    pub fn gather_rotations(&self) -> impl Iterator<Item = Rotation> + use<> {
        self.doublings(0, self.gathers.into())
    }

    /// The rotations of the trace. A folded map also conjugates.
    pub fn trace_rotations(&self) -> impl Iterator<Item = Rotation> + use<> {
        self.doublings(self.gathers.into(), self.folds.len().saturating_sub(1))
    }

    /// Doublings of what the gathers leave of the diagonals' period.
    fn doublings(&self, first: usize, count: usize) -> impl Iterator<Item = Rotation> + use<> {
        let least = self.diagonal_period() as u64 >> u32::from(self.gathers).min(63);
        (first..first + count).map(move |j| {
            let rotation = u32::try_from(j).ok().and_then(|j| least.checked_shl(j));
            Rotation(rotation.and_then(|rotation| i32::try_from(rotation).ok()).unwrap_or(i32::MAX))
        })
    }

    /// All rotations but the baby steps: giant steps, those of folds and trace, those of gathers.
    pub fn other_rotations(&self) -> Vec<Rotation> {
        let steps = self.giants.iter().chain(&self.folds).copied();
        steps.chain(self.trace_rotations()).chain(self.gather_rotations()).collect()
    }

    /// The period of the input halved by every gather, and by every fold that is half of what the one before left, and the
    /// fold that is not.
    ///
    /// # Errors
    ///
    /// What is wrong with gathers and folds.
    pub(crate) fn checked_folds(&self) -> Result<(usize, Option<Rotation>), String> {
        if self.gathers > self.most_gathers() {
            return Err(format!("{} gathers; allowed: {}", self.gathers, self.most_gathers()));
        }
        let mut left = self.input.period() >> self.gathers;
        let mut folds = self.folds.iter();
        for fold in folds.by_ref() {
            if left > 1 && i64::from(fold.0) == left as i64 / 2 {
                left /= 2;
                continue;
            }
            if fold.0.unsigned_abs() as usize > left {
                return Err(format!("fold {} is outside of -{left} to {left}", fold.0));
            }
            return match (folds.next(), i64::from(fold.0).rem_euclid(left as i64)) {
                (None, 1..) => Ok((left, Some(*fold))),
                (None, _) => Err(format!("fold {} turns the argument onto itself", fold.0)),
                (Some(_), _) => Err(format!("fold {} is not half of {left} and not the last", fold.0)),
            };
        }
        Ok((left, None))
    }

    /// The rotations of the folded argument that stand for these, modulo what the gathers leave of the period: together with
    /// [`LinearMap::fold_sums`] they make each of these once, and others whose diagonals are zero.
    ///
    /// The folds by half the period, half of that and so on together are all multiples of what is left: one representative
    /// of each class does. What another fold reaches are circles, on which every second rotation of a run does.
    pub fn folded(&self, rotations: &BTreeSet<Rotation>) -> BTreeSet<Rotation> {
        let Ok((left, last)) = self.checked_folds() else { return rotations.clone() };
        let mut present = vec![false; left];
        let residue = |steps: i64| steps.rem_euclid(left as i64) as usize;
        rotations.iter().for_each(|rotation| present[residue(rotation.0.into())] = true);
        if let Some(fold) = last {
            let step = residue(fold.0.into());
            let next = |at: usize| (at + step) % left;
            let mut seen = vec![false; left];
            // The first of every run, then the least of every circle without a gap.
            let begins = |at: &usize| present[*at] && !present[(at + left - step) % left];
            let starts: Vec<usize> = (0..left).filter(begins).chain(0..left).collect();
            let all = present.clone();
            for start in starts {
                let (mut at, mut kept) = (start, true);
                while all[at] && !std::mem::replace(&mut seen[at], true) {
                    present[at] = kept;
                    (at, kept) = (next(at), !kept);
                }
            }
        }
        (0..left).filter(|&at| present[at]).map(|at| Rotation::centred(at as i64, left)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::LinearSource;
    use crate::{Element, Layout};

    fn conv(layout: Layout, folds: &[i32]) -> LinearMap {
        LinearMap {
            source: LinearSource::AveragePool { kernel: 3, stride: 1, padding: 1 },
            weight_factor: 1.0,
            bias_factor: 1.0,
            input: layout,
            output: layout,
            gathers: 0,
            folds: folds.iter().copied().map(Rotation).collect(),
            baby_modulus: 1,
            babies: Vec::new(),
            giants: Vec::new(),
            diagonals: 0,
            rescaled: true,
        }
    }

    #[test]
    fn every_rotation_has_exactly_one_place() {
        let layout = Layout::dense(8, 8, 8);
        let period = layout.period() as i64;
        let slot = |row: u32, column: u32| layout.slot(Element { channel: 0, row, column }) as i64;
        let sets: [Vec<i64>; 5] = [
            (0..period).collect(),
            vec![0, 1, 2, 5, 64, 65, 100, 101, 511],
            (-9..10).collect(),
            (0..8).flat_map(|row| (0..3).map(move |column| slot(row, column))).collect(),
            vec![],
        ];
        let cases: [&[i32]; 9] =
            [&[], &[256], &[256, 128], &[256, 128, 64, 32], &[8], &[1], &[256, -8], &[256, 128, 3], &[3]];
        for folds in cases {
            let map = conv(layout, folds);
            for set in &sets {
                let all: BTreeSet<Rotation> =
                    set.iter().map(|&r| Rotation::centred(r, period as usize)).collect();
                let kept = map.folded(&all);
                let mut places: Vec<Rotation> = kept
                    .iter()
                    .flat_map(|r| map.fold_sums().into_iter().map(|sum| i64::from(r.0) + i64::from(sum)))
                    .map(|r| Rotation::centred(r, period as usize))
                    .filter(|r| all.contains(r))
                    .collect();
                places.sort_unstable();
                assert!(places.iter().eq(&all), "folds {folds:?}, set {set:?}");
                assert!(kept.len() >= all.len().div_ceil(1 << folds.len()));
            }
        }
        assert_eq!(conv(layout, &[256, 128]).folded(&(0..512).map(Rotation).collect()).len(), 128);
        assert_eq!(conv(layout, &[8]).folded(&(0..32).map(Rotation).collect()).len(), 16);
    }

    #[test]
    fn folds_that_would_count_a_rotation_twice_are_found() {
        let layout = Layout::dense(8, 8, 8);
        for (folds, why) in [
            (&[3, 256][..], "not half of 512 and not the last"),
            (&[256, 256], "onto itself"),
            (&[512], "onto itself"),
            (&[0], "onto itself"),
            (&[i32::MIN], "outside of -512 to 512"),
            (&[256, 64, 32], "not half of 256 and not the last"),
        ] {
            let found = conv(layout, folds).checked_folds().expect_err("refused");
            assert!(found.contains(why), "{folds:?}: {found}");
        }
        assert_eq!(conv(layout, &[256, 128, -5]).checked_folds(), Ok((128, Some(Rotation(-5)))));
    }

    #[test]
    fn there_are_as_many_folds_as_automorphisms_leave_the_argument_unchanged() {
        let map = conv(Layout::dense(8, 8, 8), &[256, 128, 8]);
        assert_eq!([256, 512, 1024, 2048].map(|slots| map.most_folds(slots)), [0, 1, 2, 3]);
        assert_eq!(map.fold_sums(), [0, 256, 128, 384, 8, 264, 136, 392]);
        assert!(map.trace_rotations().eq([512, 1024].map(Rotation)));
        assert!(map.gather_rotations().eq([]));
    }

    #[test]
    fn results_of_shorter_periods_are_gathered() {
        let (input, output) = (Layout::dense(8, 8, 8), Layout::dense(2, 8, 8));
        let map = LinearMap { output, gathers: 2, ..conv(input, &[64, 32]) };
        assert_eq!((map.most_gathers(), map.checked_folds()), (2, Ok((32, None))));
        assert!(map.gather_rotations().eq([128, 256].map(Rotation)));
        assert!(map.trace_rotations().eq([512].map(Rotation)));
        assert_eq!(map.folded(&(-200..200).map(Rotation).collect()).len(), 32);
        let more = LinearMap { gathers: 3, ..map };
        assert_eq!(more.checked_folds(), Err("3 gathers; allowed: 2".to_owned()));
    }
}
