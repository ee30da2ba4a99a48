//! The steps: registers, levels, scales, layouts, keys.

use super::layouts::{channel_start, describe, same_slots};
use super::{Budget, CheckError};
use crate::{Form, KeyUse, Layout, Level, Op, Plan, Polynomial, Reg, Rotation, Step, StepScale};
use std::collections::BTreeMap;

/// What the slots without an element hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unused {
    /// Zero.
    Zero,
    /// The same few values as an activation makes of zero.
    Bounded,
    /// Sums without a bound; nothing but a linear map may follow.
    Sums,
}

/// What is known of a register.
#[derive(Clone)]
struct State {
    level: u8,
    scale: StepScale,
    layout: Layout,
    unused: Unused,
    read: bool,
}

struct Program<'a> {
    plan: &'a Plan,
    budget: &'a mut Budget,
    /// Every register that was written; `None` once it is freed.
    registers: BTreeMap<Reg, Option<State>>,
    keys: BTreeMap<Rotation, Vec<usize>>,
    key_needed: Vec<bool>,
    composite_needed: Vec<bool>,
    linear_used: Vec<bool>,
    polynomial_used: Vec<bool>,
    inputs: usize,
    bootstraps: u32,
}

pub(super) fn check(plan: &Plan, budget: &mut Budget) -> Result<(), CheckError> {
    keys(plan)?;
    let mut by_rotation: BTreeMap<Rotation, Vec<usize>> = BTreeMap::new();
    for (index, key) in plan.keys.iter().enumerate() {
        by_rotation.entry(key.rotation).or_default().push(index);
    }
    let mut program = Program {
        plan,
        budget,
        registers: BTreeMap::new(),
        keys: by_rotation,
        key_needed: vec![false; plan.keys.len()],
        composite_needed: vec![false; plan.composites.len()],
        linear_used: vec![false; plan.linears.len()],
        polynomial_used: vec![false; plan.polynomials.len()],
        inputs: 0,
        bootstraps: 0,
    };
    for (index, step) in plan.steps.iter().enumerate() {
        let located = |message| CheckError::Step { index, layer: step.layer.clone(), message };
        program.apply(index, step).map_err(located)?;
    }
    program.finish().map_err(CheckError::Field)
}

fn keys(plan: &Plan) -> Result<(), CheckError> {
    let half = (plan.parameters.slots() / 2) as i64;
    for (index, key) in plan.keys.iter().enumerate() {
        let KeyUse { rotation, level, first_step, last_step, place: _ } = *key;
        let fail = |message: String| Err(CheckError::Field(format!("keys[{index}]: {message}")));
        if rotation.0 == 0 || i64::from(rotation.0) < -half || i64::from(rotation.0) >= half {
            return fail(format!("rotation {} is outside [-{half}, {half}) or zero", rotation.0));
        }
        if level.0 > plan.parameters.input_level() {
            return fail(format!(
                "level {} is above the highest, {}",
                level.0,
                plan.parameters.input_level()
            ));
        }
        if first_step > last_step || last_step as usize >= plan.steps.len() {
            return fail(format!("steps {first_step} to {last_step} of {}", plan.steps.len()));
        }
        let order = |key: &KeyUse| (key.rotation, key.first_step);
        if index > 0 && order(&plan.keys[index - 1]) >= order(key) {
            return fail(format!("rotation {} is not in ascending order", rotation.0));
        }
    }
    Ok(())
}

impl Program<'_> {
    fn apply(&mut self, index: usize, step: &Step) -> Result<(), String> {
        let state = self.result(index, step)?;
        if step.level.0 != state.level {
            return Err(format!("level {} is stated; it follows that it is {}", step.level.0, state.level));
        }
        if step.scale != state.scale {
            return Err(format!("scale {:?} is stated; it follows that it is {:?}", step.scale, state.scale));
        }
        let reads = step.op.reads();
        for reg in &reads {
            if let Some(Some(state)) = self.registers.get_mut(reg) {
                state.read = true;
            }
        }
        for reg in &step.frees {
            if !reads.contains(reg) {
                return Err(format!("{reg} is freed but not read here"));
            }
            if *reg == self.plan.output.register {
                return Err(format!("{reg} is freed but holds the output"));
            }
            if self.registers.insert(*reg, None).flatten().is_none() {
                return Err(format!("{reg} is freed twice"));
            }
        }
        if self.registers.contains_key(&step.dst) {
            return Err(format!("{} is written a second time", step.dst));
        }
        self.registers.insert(step.dst, Some(state));
        Ok(())
    }

    /// A register at the scale of layers.
    fn read(&self, reg: Reg) -> Result<&State, String> {
        let state = self.read_any(reg)?;
        match state.scale {
            StepScale::Layer => Ok(state),
            StepScale::Argument { polynomial, .. } => {
                Err(format!("{reg} is at the scale for polynomial {polynomial}, which alone may read it"))
            }
            StepScale::Square { .. } | StepScale::Raised { .. } => {
                Err(format!("{reg} was not rescaled; only sums and linear maps without a rescale read it"))
            }
        }
    }

    /// A register at the scale of layers or of a square that was not rescaled.
    fn read_square(&self, reg: Reg) -> Result<&State, String> {
        let state = self.read_any(reg)?;
        if matches!(state.scale, StepScale::Square { .. }) { Ok(state) } else { self.read(reg) }
    }

    /// Refuses a scale that leaves no room for values at `level`.
    fn room(&self, scale: StepScale, level: u8) -> Result<(), String> {
        let allowed = self.plan.parameters.largest_raised_log2(level);
        match scale.nominal_log2(self.plan) {
            Some(found) if found <= f64::from(allowed) => Ok(()),
            found => Err(format!(
                "the result is at scale 2^{:.1}; allowed without a rescale at level {level}: up to 2^{allowed}",
                found.unwrap_or(f64::NAN)
            )),
        }
    }

    /// The scale that a linear map or a bootstrap is asked for: a layer's, or that of a monic polynomial's argument.
    fn made_for(&self, scale: StepScale, result: u8) -> Result<StepScale, String> {
        let (polynomial, level) = match scale {
            StepScale::Layer => return Ok(scale),
            StepScale::Argument { polynomial, level } => (polynomial, level),
            StepScale::Square { .. } | StepScale::Raised { .. } => {
                return Err(format!("the result is made at {scale:?}, but rescaled"));
            }
        };
        let form = self.plan.polynomials.get(polynomial as usize).map(|p| p.form);
        if form != Some(Form::Monic) {
            return Err(format!("the result is made for polynomial {polynomial}, which is not monic"));
        }
        if level.0 > result || scale.nominal_log2(self.plan).is_none() {
            return Err(format!(
                "no scale is known for a monic polynomial at level {} behind level {result}",
                level.0
            ));
        }
        Ok(scale)
    }

    fn read_any(&self, reg: Reg) -> Result<&State, String> {
        match self.registers.get(&reg) {
            Some(Some(state)) => Ok(state),
            Some(None) => Err(format!("{reg} is read after it was freed")),
            None => Err(format!("{reg} is read before it is written")),
        }
    }

    /// What the step leaves in its register.
    fn result(&mut self, index: usize, step: &Step) -> Result<State, String> {
        let parameters = &self.plan.parameters;
        let state = match &step.op {
            Op::Input => {
                self.inputs += 1;
                if self.inputs > 1 {
                    return Err("the image is an input a second time; allowed: once".to_owned());
                }
                if step.level.0 > parameters.input_level() {
                    return Err(format!(
                        "level {} is above the highest, {}",
                        step.level.0,
                        parameters.input_level()
                    ));
                }
                State {
                    level: step.level.0,
                    scale: StepScale::Layer,
                    layout: self.plan.input.layout,
                    unused: Unused::Zero,
                    read: false,
                }
            }
            Op::Linear { src, map } => self.linear(index, *src, *map, step.scale)?,
            Op::RotateSum { src, rotations } => {
                let state = self.read_square(*src)?.clone();
                let layout = self.rotate_sum(&state, rotations)?;
                rotations.iter().try_for_each(|&r| self.key(index, r, state.level))?;
                State { layout, unused: Unused::Sums, ..state }
            }
            Op::Add { a, b } => {
                let (a, b) = (self.read(*a)?.clone(), self.read(*b)?.clone());
                self.budget.spend(a.layout.channels as usize)?;
                if a.level != b.level {
                    return Err(format!(
                        "the operands have levels {} and {}; allowed: equal ones",
                        a.level, b.level
                    ));
                }
                if !same_slots(&a.layout, &b.layout) {
                    let (a, b) = (describe(&a.layout), describe(&b.layout));
                    return Err(format!("the operands lie in different slots: {a} and {b}"));
                }
                State { unused: a.unused.max(b.unused), ..a }
            }
            Op::DropLevel { src } => {
                let state = self.read_any(*src)?.clone();
                if matches!(state.scale, StepScale::Square { .. } | StepScale::Raised { .. }) {
                    return Err(format!("{src} was not rescaled: a lower level may not hold it"));
                }
                if step.level.0 >= state.level {
                    return Err(format!(
                        "level {} is not below the operand's, {}",
                        step.level.0, state.level
                    ));
                }
                State { level: step.level.0, ..state }
            }
            Op::Bootstrap { src } => {
                let state = bounded(self.read(*src)?)?;
                let needed = parameters.bootstrap_input_level();
                if state.level != needed {
                    return Err(format!("the operand has level {}; a bootstrap takes {needed}", state.level));
                }
                self.bootstraps += 1;
                let level = parameters.bootstrap_output_level();
                State { level, scale: self.made_for(step.scale, level)?, ..state }
            }
            Op::Polynomial { src, polynomial } => {
                let at = *polynomial as usize;
                let Some(found) = self.plan.polynomials.get(at) else {
                    return Err(format!("polynomial {at} of {}", self.plan.polynomials.len()));
                };
                let state = match found.form {
                    Form::Series => bounded(self.read(*src)?)?,
                    Form::Unrescaled => {
                        let state = bounded(self.read(*src)?)?;
                        let scale = StepScale::Square { polynomial: *polynomial };
                        self.room(scale, state.level)?;
                        State { scale, ..state }
                    }
                    Form::Monic => {
                        let state = bounded(self.read_any(*src)?)?;
                        let level = Level(state.level);
                        let expected = StepScale::Argument { polynomial: *polynomial, level };
                        if state.scale != expected {
                            return Err(format!(
                                "the operand has scale {:?}; the monic polynomial takes {expected:?}",
                                state.scale
                            ));
                        }
                        State { scale: StepScale::Layer, ..state }
                    }
                };
                self.polynomial_used[at] = true;
                activated(state, found)?
            }
        };
        Ok(State { read: false, ..state })
    }

    fn linear(&mut self, index: usize, src: Reg, map: u32, scale: StepScale) -> Result<State, String> {
        let Some(linear) = self.plan.linears.get(map as usize) else {
            return Err(format!("linear map {map} of {}", self.plan.linears.len()));
        };
        let state = if linear.rescaled { self.read(src)? } else { self.read_square(src)? }.clone();
        let others = linear.other_rotations();
        self.budget.spend(linear.input.channels as usize + linear.babies.len() + others.len())?;
        if !same_slots(&state.layout, &linear.input) {
            let (found, expected) = (describe(&state.layout), describe(&linear.input));
            return Err(format!("the operand is {found}; the linear map reads {expected}"));
        }
        let Some(level) = state.level.checked_sub(linear.depth()) else {
            return Err("the operand has level 0; a linear map consumes one".to_owned());
        };
        self.linear_used[map as usize] = true;
        for &rotation in linear.babies.iter().chain(&others) {
            self.key(index, rotation, state.level)?;
        }
        let scale = match linear.rescaled {
            true => self.made_for(scale, level)?,
            false => self.raised(scale, state.scale, level)?,
        };
        Ok(State { level, scale, layout: linear.output, unused: Unused::Zero, read: false })
    }

    /// The scale that a linear map without a rescale is asked for: above its operand's, and with room for values.
    fn raised(&self, scale: StepScale, operand: StepScale, level: u8) -> Result<StepScale, String> {
        if !matches!(scale, StepScale::Raised { .. }) {
            return Err(format!("scale {scale:?} is stated; allowed without a rescale: Raised"));
        }
        let operand = operand.nominal_log2(self.plan).unwrap_or(f64::INFINITY);
        if scale.nominal_log2(self.plan).is_none_or(|log2| log2 <= operand) {
            return Err(format!("{scale:?} is not above the operand's scale, 2^{operand:.1}"));
        }
        self.room(scale, level)?;
        Ok(scale)
    }

    /// Checks that rotations sum every channel over its pixels, and gives the layout of the sums.
    fn rotate_sum(&mut self, state: &State, rotations: &[Rotation]) -> Result<Layout, String> {
        let layout = &state.layout;
        let (period, pixels) = (layout.period(), layout.height as usize * layout.width as usize);
        if rotations.len() > 20 || (1 << rotations.len()) > period.max(1) {
            return Err(format!("{} rotations for {pixels} pixels", rotations.len()));
        }
        let mut offsets = vec![0usize];
        for rotation in rotations {
            let step = i64::from(rotation.0).rem_euclid(period as i64) as usize;
            offsets.extend(offsets.clone().iter().map(|offset| (offset + step) % period));
        }
        self.budget.spend(offsets.len() * layout.channels as usize)?;
        for channel in 0..layout.channels {
            let mut seen = vec![false; pixels];
            for offset in &offsets {
                match layout.element(channel_start(layout, channel) + offset) {
                    Some(e) if e.channel == channel => {
                        let pixel = e.row as usize * layout.width as usize + e.column as usize;
                        if std::mem::replace(&mut seen[pixel], true) {
                            return Err(format!("channel {channel}: pixel {pixel} is summed twice"));
                        }
                    }
                    Some(e) => return Err(format!("channel {} is summed into {channel}", e.channel)),
                    None if state.unused == Unused::Zero => {}
                    None => return Err(format!("channel {channel}: an unused slot is summed")),
                }
            }
            if let Some(pixel) = seen.iter().position(|seen| !seen) {
                return Err(format!("channel {channel}: pixel {pixel} is not summed"));
            }
        }
        Ok(Layout { height: 1, width: 1, clean: false, ..*layout })
    }

    /// Marks the keys that allow `rotation` at `level` in step `index`, its own or those of a composite's parts; there
    /// must be such.
    fn key(&mut self, index: usize, rotation: Rotation, level: u8) -> Result<(), String> {
        let rotation = Rotation::centred(i64::from(rotation.0), self.plan.parameters.slots());
        if rotation.0 == 0 {
            return Ok(());
        }
        let composites = &self.plan.composites;
        let Ok(at) = composites.binary_search_by_key(&rotation, |composite| composite.rotation) else {
            return self.own_key(index, rotation, level);
        };
        self.composite_needed[at] = true;
        self.own_key(index, composites[at].first, level)?;
        self.own_key(index, composites[at].second, level)
    }

    fn own_key(&mut self, index: usize, rotation: Rotation, level: u8) -> Result<(), String> {
        let lowest = self.plan.parameters.lowest_rotation_level();
        if level < lowest {
            return Err(format!("rotation {} at level {level}; the lowest is {lowest}", rotation.0));
        }
        let mut found = false;
        for &at in self.keys.get(&rotation).into_iter().flatten() {
            let key = &self.plan.keys[at];
            let held = (key.first_step as usize..=key.last_step as usize).contains(&index);
            if held && key.level.0 >= level {
                self.key_needed[at] = true;
                found = true;
            }
        }
        if found {
            return Ok(());
        }
        Err(format!("no key for rotation {} at level {level} is held at this step", rotation.0))
    }

    fn finish(self) -> Result<(), String> {
        let plan = self.plan;
        let output = plan.output.register;
        if self.inputs != 1 {
            return Err("no step takes the image".to_owned());
        }
        let Some(Some(result)) = self.registers.get(&output) else {
            return Err(format!("output register {output} is never written"));
        };
        if !matches!(result.scale, StepScale::Layer | StepScale::Raised { .. }) {
            return Err(format!("output register {output} is not at the scale of a layer's result"));
        }
        if !same_slots(&result.layout, &plan.output.layout) {
            let (found, stated) = (describe(&result.layout), describe(&plan.output.layout));
            return Err(format!("output register {output} is {found}; output.layout states {stated}"));
        }
        for (reg, state) in &self.registers {
            match state {
                Some(_) if *reg == output => {}
                Some(state) if state.read => return Err(format!("{reg} is never freed")),
                Some(_) => return Err(format!("{reg} is written but never read")),
                None => {}
            }
        }
        let unused = |used: &[bool]| used.iter().position(|used| !used);
        for (name, used) in [
            ("keys", &self.key_needed),
            ("composites", &self.composite_needed),
            ("linears", &self.linear_used),
            ("polynomials", &self.polynomial_used),
        ] {
            if let Some(index) = unused(used) {
                return Err(format!("{name}[{index}] is needed by no step"));
            }
        }
        if plan.predicted.bootstraps != self.bootstraps {
            let stated = plan.predicted.bootstraps;
            return Err(format!("predicted.bootstraps is {stated}; there are {}", self.bootstraps));
        }
        Ok(())
    }
}

/// The state, if no slot of it may leave the range of an approximation.
fn bounded(state: &State) -> Result<State, String> {
    match state.unused {
        Unused::Zero | Unused::Bounded => Ok(state.clone()),
        Unused::Sums => {
            Err("the operand holds sums in unused slots, which only a linear map clears".to_owned())
        }
    }
}

fn activated(state: State, polynomial: &Polynomial) -> Result<State, String> {
    let (found, depth) = (state.level, polynomial.depth());
    let Some(level) = found.checked_sub(depth) else {
        return Err(format!("the operand has level {found}; degree {} needs {depth}", polynomial.degree()));
    };
    let kept = state.unused == Unused::Zero && polynomial.value(0.0) == 0.0;
    Ok(State { level, unused: if kept { Unused::Zero } else { Unused::Bounded }, ..state })
}
