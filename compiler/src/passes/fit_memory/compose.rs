//! Rotation keys are replaced by pairs of others, one after the other: a rotation is then done as two.
//!
//! Every time that key is dropped whose bytes cost the least time. Rotations that were done with it are done with
//! another pair from then on. No key can be dropped any more when every one is the only way to some rotation.

use fhecc_plan::prediction::{RotationKeys, rotation_ms};
use fhecc_plan::{Composite, KeyPlace, KeyUse, Level, Op, Plan, Rotation};
use std::collections::BTreeMap;

/// What a rotation is needed for in one step.
#[derive(Clone, Copy)]
struct Use {
    step: u32,
    level: Level,
    /// Baby steps of one step share the rotations that they begin with.
    baby: bool,
}

/// What stays the same while keys are dropped. Rotations are named by their index, ascending.
struct Problem<'a> {
    plan: &'a Plan,
    rotations: Vec<Rotation>,
    uses: Vec<Vec<Use>>,
    /// For every rotation the key that does all of its uses.
    needed: Vec<KeyUse>,
    /// For every rotation the pairs of others that add up to it.
    pairs: Vec<Vec<(usize, usize)>>,
    /// Bytes of a key, and milliseconds of a rotation, by level.
    bytes: Vec<u64>,
    milliseconds: Vec<f64>,
}

/// Which keys are left.
#[derive(Clone)]
struct State {
    /// For every rotation without a key what it is done with.
    parts: Vec<Option<(usize, usize)>>,
    /// For every step and first rotation the baby steps that begin with it.
    begun: BTreeMap<(u32, usize), u32>,
    /// Added by the composites.
    milliseconds: f64,
}

impl<'a> Problem<'a> {
    fn new(plan: &'a Plan) -> Option<Self> {
        let slots = plan.parameters.slots();
        let keys = RotationKeys::of(plan)?;
        let levels: BTreeMap<_, _> = plan.steps.iter().map(|step| (step.dst, step.level)).collect();
        let mut uses: BTreeMap<Rotation, Vec<Use>> = BTreeMap::new();
        for (index, step) in (0u32..).zip(&plan.steps) {
            let (src, babies, others): (_, &[Rotation], Vec<Rotation>) = match &step.op {
                Op::Linear { src, map } => {
                    let map = plan.linears.get(*map as usize)?;
                    (src, &map.babies, map.other_rotations())
                }
                Op::RotateSum { src, rotations } => (src, &[], rotations.clone()),
                Op::Input
                | Op::Add { .. }
                | Op::DropLevel { .. }
                | Op::Bootstrap { .. }
                | Op::Polynomial { .. } => continue,
            };
            let level = *levels.get(src)?;
            for (rotations, baby) in [(babies, true), (&others, false)] {
                for rotation in rotations.iter().map(|r| Rotation::centred(r.0.into(), slots)) {
                    if rotation.0 != 0 {
                        uses.entry(rotation).or_default().push(Use { step: index, level, baby });
                    }
                }
            }
        }
        let rotations: Vec<Rotation> = uses.keys().copied().collect();
        let pairs = |sum: &Rotation| {
            let partner = |first: &Rotation| {
                let rest = Rotation::centred(i64::from(sum.0) - i64::from(first.0), slots);
                rotations.binary_search(&rest).ok()
            };
            let pairs = rotations.iter().enumerate();
            pairs.filter_map(|(first, rotation)| Some((first, partner(rotation)?))).collect()
        };
        let pairs = rotations.iter().map(pairs).collect();
        let highest = uses.values().flatten().map(|used| used.level).max()?;
        let needed = uses.iter().filter_map(|(&rotation, uses)| {
            let steps = || uses.iter().map(|used| used.step);
            let level = uses.iter().map(|used| used.level).max()?;
            let (first_step, last_step) = (steps().min()?, steps().max()?);
            Some(KeyUse { rotation, level, first_step, last_step, place: KeyPlace::Memory })
        });
        let needed = needed.collect();
        let bytes = (0..=highest.0).map(|level| keys.bytes(Level(level))).collect::<Option<_>>()?;
        let costs = &plan.parameters.costs;
        let milliseconds = (0..=highest.0).map(|level| rotation_ms(costs, Level(level))).collect();
        Some(Self { plan, uses: uses.into_values().collect(), needed, pairs, rotations, bytes, milliseconds })
    }

    /// A key for every rotation.
    fn start(&self) -> State {
        State { parts: vec![None; self.rotations.len()], begun: BTreeMap::new(), milliseconds: 0.0 }
    }

    /// The keys that are left: of what level, and over which steps.
    fn keys(&self, state: &State) -> Vec<KeyUse> {
        let mut keys: Vec<Option<KeyUse>> = vec![None; self.rotations.len()];
        for (rotation, needed) in self.needed.iter().enumerate() {
            let (first, second) = state.parts[rotation].unwrap_or((rotation, rotation));
            for at in [first, second] {
                let key = keys[at].get_or_insert(KeyUse { rotation: self.rotations[at], ..*needed });
                key.level = key.level.max(needed.level);
                key.first_step = key.first_step.min(needed.first_step);
                key.last_step = key.last_step.max(needed.last_step);
            }
        }
        keys.into_iter().flatten().collect()
    }

    fn bytes(&self, state: &State) -> u64 {
        self.keys(state).iter().map(|key| self.bytes[usize::from(key.level.0)]).sum()
    }

    /// Milliseconds that a rotation takes longer as a composite that begins with `first`.
    fn added(&self, state: &State, rotation: usize, first: usize) -> f64 {
        let uses = self.uses[rotation].iter();
        let paid = uses.filter(|used| !(used.baby && state.begun.contains_key(&(used.step, first))));
        paid.map(|used| self.milliseconds[usize::from(used.level.0)]).sum()
    }

    /// Does a rotation without a key with the pair of keys that takes least time; `None` if there is no pair.
    fn compose(&self, state: &mut State, rotation: usize) -> Option<()> {
        let has_key = |at: usize| state.parts[at].is_none();
        let pairs = self.pairs[rotation].iter();
        let (added, (first, second)) = pairs
            .filter(|&&(first, second)| has_key(first) && has_key(second))
            .map(|&pair| (self.added(state, rotation, pair.0), pair))
            .min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        state.milliseconds += added;
        state.parts[rotation] = Some((first, second));
        for used in self.uses[rotation].iter().filter(|used| used.baby) {
            *state.begun.entry((used.step, first)).or_default() += 1;
        }
        Some(())
    }

    /// Takes back what [`Problem::compose`] did, but for the mark that the rotation has no key.
    fn dissolve(&self, state: &mut State, rotation: usize) {
        let Some((first, _)) = state.parts[rotation] else { return };
        for used in self.uses[rotation].iter().filter(|used| used.baby) {
            if let Some(count) = state.begun.get_mut(&(used.step, first)) {
                *count -= 1;
                if *count == 0 {
                    state.begun.remove(&(used.step, first));
                }
            }
        }
        state.milliseconds -= self.added(state, rotation, first);
    }

    /// The state without the key of `rotation`, if everything can be done without it.
    fn without(&self, state: &State, rotation: usize) -> Option<State> {
        let mut next = state.clone();
        let concerned = |&at: &usize| {
            let parts = state.parts[at];
            parts.is_some_and(|(first, second)| first == rotation || second == rotation)
        };
        let concerned: Vec<usize> = (0..self.rotations.len()).filter(concerned).collect();
        concerned.iter().for_each(|&at| self.dissolve(&mut next, at));
        // No pair may name it from now on; what it is done with is decided last.
        next.parts[rotation] = Some((rotation, rotation));
        concerned.iter().try_for_each(|&at| self.compose(&mut next, at))?;
        self.compose(&mut next, rotation)?;
        Some(next)
    }

    /// The state with one key less that adds least time for the bytes it frees.
    fn next(&self, state: &State) -> Option<State> {
        let bytes = self.bytes(state);
        let with_keys = (0..self.rotations.len()).filter(|&at| state.parts[at].is_none());
        let choices = with_keys.filter_map(|at| {
            let next = self.without(state, at)?;
            let freed = bytes.checked_sub(self.bytes(&next)).filter(|&freed| freed > 0)?;
            let price = (next.milliseconds - state.milliseconds) / freed as f64;
            Some((price, self.pairs[at].len(), next))
        });
        let best = choices.min_by(|(a, few, _), (b, many, _)| a.total_cmp(b).then(few.cmp(many)));
        best.map(|(_, _, next)| next)
    }

    fn plan(&self, state: &State) -> Plan {
        let named = |(rotation, parts): (usize, &Option<(usize, usize)>)| {
            let (first, second) = (*parts)?;
            let [rotation, first, second] = [rotation, first, second].map(|at| self.rotations[at]);
            Some(Composite { rotation, first, second })
        };
        let mut plan = self.plan.clone();
        plan.keys = self.keys(state);
        plan.composites = state.parts.iter().enumerate().filter_map(named).collect();
        plan.predicted.rotation_keys = u32::try_from(plan.keys.len()).unwrap_or(u32::MAX);
        plan
    }
}

/// `plan` with `1/parts, 2/parts ..` of all keys replaced by composites that can be, for a plan that has a key for every
/// rotation. Empty if none can.
pub(super) fn with_fewer_keys(plan: &Plan, parts: usize) -> Vec<Plan> {
    let Some(problem) = Problem::new(plan) else { return Vec::new() };
    let mut state = problem.start();
    let mut states = Vec::new();
    while let Some(next) = problem.next(&state) {
        states.push(next.clone());
        state = next;
    }
    let mut chosen: Vec<usize> = (1..=parts).map(|part| states.len() * part / parts).collect();
    chosen.retain(|&count| count > 0);
    chosen.dedup();
    chosen.into_iter().map(|count| problem.plan(&states[count - 1])).collect()
}

#[cfg(test)]
mod tests;
