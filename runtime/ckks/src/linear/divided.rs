//! Babies without special primes.

use std::sync::Arc;

use fhecc_kernels::Automorphism;
use rayon::prelude::*;

use super::babies::{BabyRow, BabyRows, Halves, HoistedBabies};
use super::{GiantStep, Packing, baby_rotations};
use crate::error::EvaluationError;
use crate::poly::Poly;

/// Rotated inputs over the primes of the level. Each was divided by `P` once, so that plaintexts, products and sums
/// need no rows for the special primes, and giant steps can decompose the sums as they are.
pub(crate) struct DividedBabies {
    level: usize,
    rotations: Vec<i32>,
    /// The automorphisms that make the babies from their halves; `None` for the identity.
    permutations: Vec<Option<Arc<Automorphism>>>,
    /// Both halves, before the automorphism.
    halves: Vec<(Poly, Poly)>,
    /// Bytes of the encoded diagonals held at a time. The babies are only read again for every block, but they are
    /// more than a cache holds.
    block_bytes: usize,
}

/// Whether dividing the babies first is cheaper than rows for the special primes, counting transforms of one row.
///
/// Dividing costs `special_count + limbs` of them for both halves of every baby. It saves as many for one half
/// of every giant step, and `special_count` rows of every diagonal. With the product such a row costs about a third of a
/// transform if two real diagonals share one, and four thirds if a diagonal has its own, which is then of full length.
pub(crate) fn dividing_pays(
    giants: &[GiantStep],
    packing: Packing,
    (limbs, special_count): (usize, usize),
) -> bool {
    let thirds = match packing {
        Packing::RealPairs => 1,
        Packing::Single => 4,
    };
    let division = special_count + limbs;
    let babies = baby_rotations(giants).iter().filter(|&&rotation| rotation != 0).count();
    let steps = giants.iter().filter(|giant| giant.rotation != 0).count();
    let diagonals: usize = giants.iter().map(|giant| giant.babies.len()).sum();
    2 * babies * division < steps * division + thirds * diagonals * special_count / 3
}

impl DividedBabies {
    /// Divides babies, whose digits are then no longer held.
    pub(crate) fn new(hoisted: HoistedBabies<'_>, block_bytes: usize) -> Result<Self, EvaluationError> {
        let (level, rotations) = (hoisted.level(), hoisted.rotations().to_vec());
        let permutations = (0..rotations.len()).map(|index| hoisted.permutation(index).cloned()).collect();
        let halves = (0..rotations.len())
            .into_par_iter()
            .map(|index| hoisted.divided(index))
            .collect::<Result<_, _>>()?;
        Ok(Self { level, rotations, permutations, halves, block_bytes })
    }
}

impl BabyRows for DividedBabies {
    fn level(&self) -> usize {
        self.level
    }

    fn special_count(&self) -> usize {
        0
    }

    fn rotations(&self) -> &[i32] {
        &self.rotations
    }

    fn digits(&self) -> Option<usize> {
        None
    }

    fn row(&self, row: usize) -> Result<Vec<BabyRow<'_>>, EvaluationError> {
        let halves = self.halves.iter().map(|(c0, c1)| Halves::Stored([c0.limb(row), c1.limb(row)]));
        let permutations = self.permutations.iter().map(Option::as_deref);
        Ok(halves.zip(permutations).map(|(halves, permutation)| BabyRow { halves, permutation }).collect())
    }

    fn block_bytes(&self) -> usize {
        self.block_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::split_rotations;

    #[test]
    fn maps_with_many_diagonals_per_baby_are_divided_first() {
        let pays = |diagonals: i32, span: i32| {
            dividing_pays(&split_rotations(&(0..diagonals).collect(), span), Packing::RealPairs, (4, 3))
        };
        assert!(pays(900, 45) && pays(144, 9));
        assert!(!pays(9, 9) && !pays(8, 4));
        let folded = split_rotations(&(0..120).collect(), 15);
        assert!(dividing_pays(&folded, Packing::Single, (6, 5)));
        assert!(!dividing_pays(&folded, Packing::RealPairs, (6, 5)));
    }
}
