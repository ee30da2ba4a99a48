//! A small residual network, planned by hand: every operation once or more, on 8x8 images.

use fhecc_plan::prediction::MemoryUse;
use fhecc_plan::{
    BatchNorm, BootstrapRotations, BootstrapSpec, Composite, Costs, Counts, Form, InputSpec, KeyPlace,
    KeyUse, Layout, Level, LevelCosts, LinearMap, LinearSource, Memory, NetworkInfo, Op, OutputSpec, Plan,
    Polynomial, Profile, Reg, Rotation, Step, StepScale, Tensor, Weights, digest_hex,
};
use std::collections::BTreeMap;

/// A deterministic value in [-1, 1].
pub(crate) fn pseudo(seed: u64, index: usize) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (index as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// The parameter set of the default profile, on a ring of degree `2^log_n`.
pub(crate) fn profile(log_n: u32) -> Profile {
    Profile {
        name: "test".to_owned(),
        description: "For tests.".to_owned(),
        log_n,
        base_bits: 40,
        slots_to_coeffs_bits: vec![28; 2],
        merged_bits: vec![],
        compute_bits: vec![31; 5],
        input_bits: vec![],
        raised_bits: vec![],
        eval_mod_bits: vec![40; 8],
        coeffs_to_slots_bits: vec![40; 3],
        special_bits: vec![48; 3],
        log_scale: 31,
        bootstrap: BootstrapSpec {
            log_message_ratio: 3,
            interval: 14,
            double_angles: 3,
            degree: 26,
            ephemeral_weight: 32,
            rotations: BootstrapRotations::Hoisted,
        },
        costs: Costs {
            bootstrap_ms: 900.0,
            second_core: 1.8,
            disk_mib_per_s: 1000.0,
            bootstraps: Vec::new(),
            levels: vec![LevelCosts {
                level: 3,
                linear_ms: 2.0,
                baby_ms: 0.7,
                giant_ms: 1.5,
                diagonal_ms: 0.5,
                rotation_ms: 1.5,
                multiply_ms: 5.0,
            }],
        },
    }
}

/// Builds plans and the weights they need.
pub(crate) struct Builder {
    pub(crate) plan: Plan,
    pub(crate) weights: Weights,
}

impl Builder {
    pub(crate) fn new(log_n: u32, input: Layout) -> Self {
        let parameters = profile(log_n);
        let channels = input.channels as usize;
        let plan = Plan {
            format_version: fhecc_plan::FORMAT_VERSION,
            compiler: "by hand".to_owned(),
            digest: String::new(),
            network: NetworkInfo {
                name: "small".to_owned(),
                source_digest: digest_hex(b"by hand"),
                labels: Vec::new(),
            },
            parameters,
            input: InputSpec {
                mean: vec![0.5; channels],
                std: vec![0.25; channels],
                range: 2.0,
                layout: input,
            },
            output: OutputSpec { register: Reg(0), layout: input, range: 1.0 },
            weights_file: "small.safetensors".to_owned(),
            weights: Vec::new(),
            ranges: Vec::new(),
            linears: Vec::new(),
            polynomials: Vec::new(),
            keys: Vec::new(),
            composites: Vec::new(),
            memory: Memory::default(),
            predicted: Counts::default(),
            steps: Vec::new(),
        };
        Self { plan, weights: Weights::default() }
    }

    /// Adds a tensor of values in `offset` +- `size`.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[u64], offset: f64, size: f64) -> String {
        let seed = name.bytes().fold(7, |h: u64, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        let count = shape.iter().product::<u64>() as usize;
        let values = (0..count).map(|i| (offset + size * pseudo(seed, i)) as f32).collect();
        self.weights.insert(name.to_owned(), Tensor { shape: shape.to_vec(), values });
        name.to_owned()
    }

    pub(crate) fn batch_norm(&mut self, path: &str, channels: u64) -> BatchNorm {
        BatchNorm {
            weight: self.tensor(&format!("{path}.weight"), &[channels], 1.0, 0.3),
            bias: self.tensor(&format!("{path}.bias"), &[channels], 0.0, 0.1),
            running_mean: self.tensor(&format!("{path}.running_mean"), &[channels], 0.0, 0.1),
            running_var: self.tensor(&format!("{path}.running_var"), &[channels], 1.0, 0.5),
            epsilon: 1e-5,
        }
    }

    /// Adds a linear map with the schedule that its diagonals need.
    pub(crate) fn linear(
        &mut self,
        source: LinearSource,
        input: Layout,
        output: Layout,
        baby_modulus: u32,
    ) -> u32 {
        let (weight_factor, bias_factor) = (0.7, 0.9);
        let mut map = LinearMap {
            source,
            weight_factor,
            bias_factor,
            input,
            output,
            gathers: 0,
            folds: Vec::new(),
            baby_modulus,
            babies: Vec::new(),
            giants: Vec::new(),
            diagonals: 0,
            rescaled: true,
        };
        schedule(&mut map);
        self.plan.linears.push(map);
        self.plan.linears.len() as u32 - 1
    }

    pub(crate) fn polynomial(&mut self, domain: f64, coefficients: &[f64]) -> u32 {
        self.plan.polynomials.push(Polynomial::series(domain, coefficients.to_vec()));
        self.plan.polynomials.len() as u32 - 1
    }

    /// Adds a step; frees are filled in by [`Builder::finish`].
    pub(crate) fn step(&mut self, layer: &str, level: u8, op: Op) -> Reg {
        let dst = Reg(self.plan.steps.len() as u32);
        self.plan.steps.push(Step {
            dst,
            op,
            level: Level(level),
            scale: StepScale::Layer,
            layer: layer.to_owned(),
            frees: Vec::new(),
        });
        dst
    }

    /// Fills in weights, frees, keys and counts, and makes `register` the output.
    pub(crate) fn finish(mut self, register: Reg, layout: Layout) -> (Plan, Weights) {
        self.plan.output.register = register;
        self.plan.output.layout = layout;
        let names: Vec<String> = self.weights.iter().map(|(name, _)| name.to_owned()).collect();
        self.plan.weights = names.iter().filter_map(|name| self.weights.reference(name)).collect();
        fill_frees(&mut self.plan);
        fill_keys(&mut self.plan);
        let bootstraps = self.plan.steps.iter().filter(|s| matches!(s.op, Op::Bootstrap { .. })).count();
        self.plan.predicted.bootstraps = bootstraps as u32;
        let memory = MemoryUse::predict(&self.plan, self.plan.memory.threads.into());
        self.plan.memory.peak_bytes = memory.map(|memory| memory.peak());
        self.plan.seal().expect("finite");
        (self.plan, self.weights)
    }
}

/// Derives babies, giants and diagonals.
pub(crate) fn schedule(map: &mut LinearMap) {
    let rotations = map.structural_rotations();
    let mut babies: Vec<Rotation> = rotations.iter().map(|&r| map.split(r).1).collect();
    let mut giants: Vec<Rotation> = rotations.iter().map(|&r| map.split(r).0).collect();
    for steps in [&mut babies, &mut giants] {
        steps.sort_unstable();
        steps.dedup();
    }
    (map.babies, map.giants, map.diagonals) = (babies, giants, rotations.len() as u32);
}

/// Derives where registers are freed.
pub(crate) fn fill_frees(plan: &mut Plan) {
    let mut last = BTreeMap::new();
    for (index, step) in plan.steps.iter_mut().enumerate() {
        step.frees.clear();
        step.op.reads().into_iter().for_each(|reg| {
            last.insert(reg, index);
        });
    }
    last.remove(&plan.output.register);
    for (reg, index) in last {
        plan.steps[index].frees.push(reg);
    }
}

/// Derives the rotation keys.
pub(crate) fn fill_keys(plan: &mut Plan) {
    let levels: BTreeMap<Reg, u8> = plan.steps.iter().map(|step| (step.dst, step.level.0)).collect();
    let mut keys: BTreeMap<Rotation, KeyUse> = BTreeMap::new();
    for (index, step) in (0u32..).zip(&plan.steps) {
        let (rotations, src): (Vec<Rotation>, Reg) = match &step.op {
            Op::Linear { src, map } => {
                let map = &plan.linears[*map as usize];
                (map.babies.iter().copied().chain(map.other_rotations()).collect(), *src)
            }
            Op::RotateSum { src, rotations } => (rotations.clone(), *src),
            Op::Input
            | Op::Add { .. }
            | Op::DropLevel { .. }
            | Op::Bootstrap { .. }
            | Op::Polynomial { .. } => {
                continue;
            }
        };
        for rotation in rotations {
            let rotation = Rotation::centred(i64::from(rotation.0), plan.parameters.slots());
            if rotation.0 == 0 {
                continue;
            }
            let level = Level(levels[&src]);
            let key = keys.entry(rotation).or_insert(KeyUse {
                rotation,
                level,
                first_step: index,
                last_step: index,
                place: KeyPlace::Memory,
            });
            key.level = key.level.max(level);
            key.last_step = index;
        }
    }
    plan.predicted.rotation_keys = keys.len() as u32;
    plan.keys = keys.into_values().collect();
}

/// Does every rotation by `sum` as two.
pub(crate) fn compose(plan: &mut Plan, sum: i32, first: i32, second: i32) {
    let whole = plan.keys.iter().position(|key| key.rotation.0 == sum).expect("a key");
    let whole = plan.keys.remove(whole);
    for key in plan.keys.iter_mut().filter(|key| [first, second].contains(&key.rotation.0)) {
        key.level = key.level.max(whole.level);
        key.first_step = key.first_step.min(whole.first_step);
        key.last_step = key.last_step.max(whole.last_step);
    }
    let [rotation, first, second] = [sum, first, second].map(Rotation);
    plan.composites.push(Composite { rotation, first, second });
    plan.composites.sort();
}

/// Does every rotation as two that is the sum of two others with keys.
pub(crate) fn compose_all(plan: &mut Plan) {
    let slots = plan.parameters.slots();
    for whole in plan.keys.clone() {
        let part = |r: Rotation| {
            plan.composites.iter().any(|composite| [composite.first, composite.second].contains(&r))
        };
        let rest = |key: &KeyUse| {
            let rest = i64::from(whole.rotation.0) - i64::from(key.rotation.0);
            Rotation::centred(rest, slots)
        };
        let with_rest = |key: &&KeyUse| plan.keys.iter().any(|other| other.rotation == rest(key));
        let first = plan.keys.iter().find(with_rest).filter(|_| !part(whole.rotation));
        if let Some((first, second)) = first.map(|first| (first.rotation, rest(first))) {
            compose(plan, whole.rotation.0, first.0, second.0);
        }
    }
    let memory = MemoryUse::predict(plan, plan.memory.threads.into());
    plan.memory.peak_bytes = memory.map(|memory| memory.peak());
    plan.predicted.rotation_keys = plan.keys.len() as u32;
    plan.seal().expect("finite");
}

/// Folds the argument of every linear map as often as its copies allow, and gathers what can be.
pub(crate) fn fold_all(plan: &mut Plan) {
    let slots = plan.parameters.slots();
    for map in &mut plan.linears {
        map.gathers = map.most_gathers();
        let least = (map.input.period() >> map.gathers) as i32;
        let halves = (1..).map(|j| Rotation(least >> j)).take_while(|half| half.0 > 0);
        map.folds = halves.take(map.most_folds(slots)).collect();
        schedule(map);
    }
    fill_keys(plan);
    plan.seal().expect("finite");
}

/// Puts an activation of degree two before the pool, and rescales nothing from there on.
pub(crate) fn unrescale_tail(plan: &mut Plan) {
    let series = Polynomial::series(4.0, vec![0.2, 1.0, 4.0]);
    plan.polynomials.push(Polynomial { form: Form::Unrescaled, ..series });
    let (polynomial, dst) = (plan.polynomials.len() as u32 - 1, Reg(plan.steps.len() as u32));
    let scale = StepScale::Square { polynomial };
    let (sum, pool) = (plan.steps[8].clone(), plan.steps[9].clone());
    let op = Op::Polynomial { src: sum.dst, polynomial };
    plan.steps.insert(9, Step { dst, op, scale, layer: "relu3".to_owned(), ..sum });
    let Op::RotateSum { rotations, .. } = pool.op else { panic!("{:?}", pool.op) };
    plan.steps[10].op = Op::RotateSum { src: dst, rotations };
    plan.steps[10].scale = scale;
    let log2 = plan.parameters.raised_log2(2, scale.nominal_log2(plan).expect("degree two"));
    (plan.steps[11].level, plan.steps[11].scale) = (Level(2), StepScale::Raised { log2 });
    // The head-room is for logits up to 1.
    let map = &mut plan.linears[3];
    (map.rescaled, map.weight_factor, map.bias_factor) =
        (false, map.weight_factor / 32.0, map.bias_factor / 32.0);
    fill_frees(plan);
    fill_keys(plan);
    plan.seal().expect("finite");
}

pub(crate) fn multiplexed(channels: u32, size: u32, gap: u32, grid: u32) -> Layout {
    Layout {
        channels,
        height: size,
        width: size,
        gap,
        pitch: gap,
        grid_height: grid,
        grid_width: grid,
        clean: true,
    }
}

/// conv, activation, strided conv, bootstrap, activation, a skip with `Select`, pooling, dense.
pub(crate) fn small_plan(log_n: u32) -> (Plan, Weights) {
    let (image, stage1, stage2) = (Layout::dense(3, 8, 8), Layout::dense(4, 8, 8), multiplexed(8, 4, 2, 8));
    let (pooled, logits) = (Layout { height: 1, width: 1, clean: false, ..stage2 }, Layout::dense(5, 1, 1));
    let mut b = Builder::new(log_n, image);
    let conv = |b: &mut Builder, path: &str, shape: [u64; 4], stride| LinearSource::Conv {
        weight: b.tensor(&format!("{path}.weight"), &shape, 0.0, 1.0 / ((shape[1] * 9) as f64)),
        bias: None,
        batch_norm: Some(b.batch_norm(&format!("{path}.bn"), shape[0])),
        kernel: (shape[2] as u32, shape[3] as u32),
        stride,
        padding: 1,
        groups: 1,
    };
    let source = conv(&mut b, "conv1", [4, 3, 3, 3], 1);
    let conv1 = b.linear(source, image, stage1, 4);
    let source = conv(&mut b, "conv2", [8, 4, 3, 3], 2);
    let conv2 = b.linear(source, stage1, stage2, 4);
    let select = b.linear(LinearSource::Select { stride: 2, before: 2 }, stage1, stage2, 16);
    let dense = LinearSource::Dense {
        weight: b.tensor("linear.weight", &[5, 8], 0.0, 0.2),
        bias: Some(b.tensor("linear.bias", &[5], 0.0, 0.3)),
    };
    let dense = b.linear(dense, pooled, logits, 8);
    let first = b.polynomial(1.0, &[0.25, 0.5, 0.22, 0.01]);
    let second = b.polynomial((std::f64::consts::TAU * 1.1 / 8.0).sin(), &[0.3, 0.5, 0.2, -0.01, -0.03]);

    let input = b.step("input", 6, Op::Input);
    let x = b.step("conv1", 5, Op::Linear { src: input, map: conv1 });
    let x = b.step("relu1", 3, Op::Polynomial { src: x, polynomial: first });
    let y = b.step("conv2", 2, Op::Linear { src: x, map: conv2 });
    let y = b.step("relu2", 7, Op::Bootstrap { src: y });
    let y = b.step("relu2", 4, Op::Polynomial { src: y, polynomial: second });
    let skip = b.step("shortcut", 2, Op::Linear { src: x, map: select });
    let y = b.step("add", 2, Op::DropLevel { src: y });
    let y = b.step("add", 2, Op::Add { a: y, b: skip });
    let rotations = [2, 4, 16, 32].map(Rotation).to_vec();
    let y = b.step("pool", 2, Op::RotateSum { src: y, rotations });
    let y = b.step("linear", 1, Op::Linear { src: y, map: dense });
    b.finish(y, logits)
}
