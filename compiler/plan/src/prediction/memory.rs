//! What an evaluation holds in memory, step by step, from the shapes of keys, ciphertexts and temporary polynomials.
//!
//! A row is one residue of every coefficient, `8 N` bytes; a ciphertext has two for every prime of its level.

use std::collections::BTreeMap;

use super::key::{KeyShape, RotationKeys, relinearisation_key};
use crate::{KeyPlace, Level, LinearMap, Op, Plan, Polynomial, Reg, Rotation, Step};

/// The program itself, its stacks, small tables, and what buffers are longer than their contents.
const PROGRAM_BYTES: u64 = 28 << 20;

/// Rows of tables per prime: the roots for both directions of the transform, and constants.
const TABLE_ROWS_PER_PRIME: u64 = 3;

/// Memory of a weight: as read, and folded in double precision.
const BYTES_PER_WEIGHT: u64 = 12;

/// The keys of one use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMemory {
    /// What they are for.
    pub name: String,
    /// How many.
    pub count: usize,
    /// Bytes of all of them, wherever they lie.
    pub bytes: u64,
    /// Bytes of those that lie on disk.
    pub on_disk: u64,
}

/// What one step holds besides keys and plaintexts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepMemory {
    /// Registers alive while the step runs, its result included.
    pub ciphertexts: u64,
    /// Temporary polynomials at their largest.
    pub scratch: u64,
}

/// The memory of one evaluation, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Program, tables, automorphisms, weights.
    pub fixed: u64,
    /// All evaluation keys, by use.
    pub keys: Vec<KeyMemory>,
    /// Encoded matrices of the bootstrap.
    pub plaintexts: u64,
    /// Diagonals of linear maps that are held encoded.
    pub diagonals: u64,
    /// For every step of the plan.
    pub steps: Vec<StepMemory>,
}

impl MemoryUse {
    /// The prediction for `plan` with `threads` threads; `None` if its profile has no figures for its bootstraps.
    pub fn predict(plan: &Plan, threads: u64) -> Option<Self> {
        let row = 8u64 << plan.parameters.log_n;
        let keys = keys(plan)?;
        let automorphisms: usize = keys.iter().map(|group| group.count).sum();
        let primes = plan.parameters.primes() as u64;
        let weights: u64 =
            plan.weights.iter().map(|t| t.shape.iter().fold(1, |n: u64, &e| n.saturating_mul(e))).sum();
        let fixed = PROGRAM_BYTES
            + primes * TABLE_ROWS_PER_PRIME * row
            // Four bytes for eight positions each.
            + automorphisms as u64 * row / 16
            + weights.saturating_mul(BYTES_PER_WEIGHT);
        let bootstraps = plan.steps.iter().any(|step| matches!(step.op, Op::Bootstrap { .. }));
        let bootstrap = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations);
        let levels = plan.steps.iter().map(|step| (step.dst, step.level)).collect();
        let shapes = Shapes { plan, row, threads, levels, keys: RotationKeys::of(plan) };
        let mut alive: BTreeMap<Reg, u64> = BTreeMap::new();
        let mut steps = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            alive.insert(step.dst, shapes.ciphertext(step.level));
            steps.push(StepMemory { ciphertexts: alive.values().sum(), scratch: shapes.scratch(step)? });
            alive.retain(|reg, _| !step.frees.contains(reg));
        }
        let plaintexts = match (bootstraps, plan.memory.transformed_matrices) {
            (false, _) => 0,
            (true, false) => bootstrap?.plaintext_bytes,
            (true, true) => bootstrap?.transformed?.bytes,
        };
        Some(Self { fixed, keys, plaintexts, diagonals: encoded_diagonals(plan), steps })
    }

    /// Bytes of all keys, wherever they lie: what a client sends.
    pub fn key_bytes(&self) -> u64 {
        self.keys.iter().map(|group| group.bytes).sum()
    }

    /// Bytes of the keys in memory.
    pub fn resident_keys(&self) -> u64 {
        self.keys.iter().map(|group| group.bytes - group.on_disk).sum()
    }

    /// What is held during the whole evaluation.
    pub fn constant(&self) -> u64 {
        self.fixed + self.resident_keys() + self.plaintexts + self.diagonals
    }

    /// Everything held at a step.
    pub fn at(&self, step: usize) -> u64 {
        self.constant() + self.steps.get(step).map_or(0, |step| step.ciphertexts + step.scratch)
    }

    /// The step that needs most, the first of several.
    pub fn peak_step(&self) -> usize {
        let of = |index: &usize| (self.at(*index), std::cmp::Reverse(*index));
        (0..self.steps.len()).max_by_key(of).unwrap_or(0)
    }

    /// Everything held at the step that needs most.
    pub fn peak(&self) -> u64 {
        self.at(self.peak_step())
    }

    /// Ciphertexts and temporary polynomials at their largest: what another image at the same time needs.
    pub fn per_image(&self) -> u64 {
        self.peak() - self.constant()
    }
}

/// Diagonals of maps with folded arguments, if they are held: four bytes per coefficient, of which a diagonal has one for
/// every slot of the period and every rotation that it stands for.
fn encoded_diagonals(plan: &Plan) -> u64 {
    let held = plan.linears.iter().filter(|map| plan.memory.encoded_diagonals && !map.folds.is_empty());
    held.map(|map| u64::from(map.diagonals) * ((4 * map.diagonal_period() as u64) << map.folds.len())).sum()
}

fn keys(plan: &Plan) -> Option<Vec<KeyMemory>> {
    let mut groups = Vec::new();
    let profile = &plan.parameters;
    let bootstraps = plan.steps.iter().any(|step| matches!(step.op, Op::Bootstrap { .. }));
    if bootstraps {
        groups.extend(profile.costs.bootstrap(profile.bootstrap.rotations)?.keys.iter().map(|group| {
            let stored = plan.memory.bootstrap_keys_on_disk.contains(&group.name);
            KeyMemory {
                name: format!("bootstrap, {}", group.name),
                count: group.count as usize,
                bytes: group.bytes,
                on_disk: if stored { group.bytes } else { 0 },
            }
        }));
    }
    if !plan.keys.is_empty() {
        let shapes = RotationKeys::of(plan)?;
        let bytes = |place: Option<KeyPlace>| -> Option<u64> {
            let counted = plan.keys.iter().filter(|key| place.is_none_or(|place| key.place == place));
            counted.map(|key| shapes.bytes(key.level)).sum()
        };
        groups.push(KeyMemory {
            name: "linear layers".to_owned(),
            count: plan.keys.len(),
            bytes: bytes(None)?,
            on_disk: bytes(Some(KeyPlace::Disk))?,
        });
    }
    if let Some(level) = plan.highest_conjugation() {
        let bytes = RotationKeys::of(plan)?.bytes(level)?;
        groups.push(KeyMemory {
            name: "conjugation in linear layers".to_owned(),
            count: 1,
            bytes,
            on_disk: 0,
        });
    }
    // Without primes of their own, bootstraps bring a key for a higher level, which is used everywhere.
    let brought = bootstraps && profile.raised_bits.is_empty();
    if let (false, Some(level)) = (brought, plan.highest_product()) {
        let bytes = relinearisation_key(profile, level)?.bytes();
        groups.push(KeyMemory { name: "relinearisation".to_owned(), count: 1, bytes, on_disk: 0 });
    }
    Some(groups)
}

struct Shapes<'a> {
    plan: &'a Plan,
    /// Bytes of a row.
    row: u64,
    threads: u64,
    levels: BTreeMap<Reg, Level>,
    keys: Option<RotationKeys<'a>>,
}

impl Shapes<'_> {
    fn limbs(&self, level: Level) -> u64 {
        self.plan.parameters.limbs(level.0) as u64
    }

    fn ciphertext(&self, level: Level) -> u64 {
        2 * self.limbs(level) * self.row
    }

    fn level(&self, reg: Reg) -> Level {
        self.levels.get(&reg).copied().unwrap_or(Level(0))
    }

    fn scratch(&self, step: &Step) -> Option<u64> {
        let plan = self.plan;
        Some(match &step.op {
            Op::Input | Op::Add { .. } | Op::DropLevel { .. } => 0,
            Op::Linear { src, map } => self.linear(plan.linears.get(*map as usize)?, self.level(*src)),
            Op::RotateSum { src, rotations } => {
                let level = self.level(*src);
                let composed = u64::from(plan.composites_of(rotations).next().is_some());
                (1 + composed) * self.ciphertext(level) + self.key_switch(level)
            }
            Op::Bootstrap { .. } => {
                let costs = plan.parameters.costs.bootstrap(plan.parameters.bootstrap.rotations)?;
                costs.scratch_bytes + (self.threads - 1) * costs.thread_bytes
            }
            Op::Polynomial { src, polynomial } => {
                self.polynomial(plan.polynomials.get(*polynomial as usize)?, self.level(*src))
            }
        })
    }

    /// Digits, special primes, rows over the level and the special primes.
    fn key(&self, level: Level) -> (u64, u64, u64) {
        let shape: Option<KeyShape> = self.keys.and_then(|keys| keys.shape(level));
        let (digits, special) = shape.map_or((1, 1), |shape| (shape.digits as u64, shape.special as u64));
        (digits, special, self.limbs(level) + special)
    }

    /// One key switch that is not hoisted: coefficients, digits of some rows, the pair of sums.
    fn key_switch(&self, level: Level) -> u64 {
        let (digits, _, rows) = self.key(level);
        (self.limbs(level) + digits * rows.min(4) + 2 * rows) * self.row
    }

    fn linear(&self, map: &LinearMap, level: Level) -> u64 {
        let (digits, special, rows) = self.key(level);
        let (babies, giants) = (map.babies.len() as u64, map.giants.len() as u64);
        let in_chain = self.limbs(level);
        let decomposed = digits * rows;
        // The folded argument, beside the argument.
        let folded = if map.folds.is_empty() { 0 } else { self.ciphertext(level) };
        // Two real diagonals, or a folded one, in a polynomial of twice as many coefficients as there are values: one for every
        // slot of the period and diagonal.
        let per_diagonal = (8 * map.diagonal_period() as u64) << map.folds.len();
        let encoded = u64::from(map.diagonals) * per_diagonal;
        let widest_giant = encoded.div_ceil(giants.max(1));
        let block = encoded.min(self.plan.memory.block_bytes.max(widest_giant));
        let giants_at_once = (block * giants).div_ceil(encoded.max(1)).max(1);
        // The input's digits, and for composite baby steps ciphertexts with digits of their own.
        let origins = self.plan.baby_origins(map).len() as u64;
        let origins = decomposed + origins * (decomposed + 2 * in_chain);
        let sum = 2 * rows * self.row;
        // What is rotated once in a composite giant step.
        let turned = if self.plan.composites_of(&map.other_rotations()).next().is_some() { sum } else { 0 };
        // The encoded diagonals, and either one row of their transforms or the key switches of the giant steps.
        let threads = self.threads * (self.key_switch(level) + sum + turned);
        let products = sum + block + block.max(threads);
        folded
            + if dividing_pays(map, in_chain, special) {
                // The digits are no longer held when the products begin.
                let divided = babies * 2 * in_chain;
                let dividing = (origins + divided) * self.row + self.threads * sum;
                dividing.max((divided + giants_at_once * 2 * in_chain) * self.row + products)
            } else {
                (origins + babies * 2 + giants_at_once * 2 * rows) * self.row + products
            }
    }

    /// Powers of the argument, blocks of the polynomial, and one product.
    fn polynomial(&self, polynomial: &Polynomial, level: Level) -> u64 {
        let powers = 2 * (polynomial.degree() as f64).sqrt().ceil() as u64 + 2;
        powers * self.ciphertext(level) + self.key_switch(level)
    }
}

/// Whether the evaluator divides the baby steps by the special primes before the products, which it decides by the same
/// count of transforms.
fn dividing_pays(map: &LinearMap, in_chain: u64, special: u64) -> bool {
    let moving = |rotations: &[Rotation]| rotations.iter().filter(|rotation| rotation.0 != 0).count() as u64;
    let (division, diagonals) = (special + in_chain, u64::from(map.diagonals));
    let thirds = if map.folds.is_empty() { 1 } else { 4 };
    2 * moving(&map.babies) * division < moving(&map.giants) * division + thirds * diagonals * special / 3
}
