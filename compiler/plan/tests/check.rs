//! One good plan, and for every invariant of the checker a plan that breaks it.

#![allow(dead_code, clippy::wildcard_enum_match_arm, reason = "test support is shared between tests")]

#[path = "support/refused.rs"]
mod refused;
#[path = "support/small_plan.rs"]
mod small_plan;

use fhecc_plan::prediction::{MemoryUse, RotationKeys};
use fhecc_plan::{
    BootstrapCosts, CheckError, CheckedPlan, Composite, KeyGroup, KeyPlace, KeyUse, Layout, LayoutError,
    Level, LinearSource, Memory, Op, Plan, ProfileError, Reg, Rotation, StepScale,
};
use refused::{assert_refused, good, refused};
use small_plan::{compose, fill_frees, fill_keys, small_plan};

fn conv(plan: &mut Plan) -> (&mut (u32, u32), &mut u32, &mut u32, &mut u32) {
    match &mut plan.linears[0].source {
        LinearSource::Conv { kernel, stride, padding, groups, .. } => (kernel, stride, padding, groups),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_good_plan_passes() {
    CheckedPlan::new(good()).expect("good");
}

#[test]
fn parameters() {
    assert_refused("below 128-bit security", |p| p.parameters.compute_bits = vec![31; 12]);
    assert!(matches!(
        CheckedPlan::new(small_plan(11).0),
        Err(CheckError::Profile(ProfileError::Insecure { .. }))
    ));
    CheckedPlan::insecure_for_tests(small_plan(11).0).expect("only the security table is skipped");
    assert_refused("log_n", |p| p.parameters.log_n = 40);
    for huge in [0, u32::MAX] {
        assert_refused("log_message_ratio", |p| p.parameters.bootstrap.log_message_ratio = huge);
        assert_refused("interval", |p| p.parameters.bootstrap.interval = huge);
        assert_refused("degree", |p| p.parameters.bootstrap.degree = huge);
        assert_refused("ephemeral_weight", |p| p.parameters.bootstrap.ephemeral_weight = huge);
    }
    assert_refused("double_angles", |p| p.parameters.bootstrap.double_angles = u32::MAX);
    assert_refused("even", |p| p.parameters.bootstrap.degree = 25);
}

#[test]
fn numbers_are_finite() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_refused("input.mean", |p| p.input.mean[1] = bad);
        assert_refused("input.std", |p| p.input.std[0] = bad);
        assert_refused("input.range", |p| p.input.range = bad);
        assert_refused("output.range", |p| p.output.range = bad);
        assert_refused("linears[1].weight_factor", |p| p.linears[1].weight_factor = bad);
        assert_refused("linears[1].bias_factor", |p| p.linears[1].bias_factor = bad);
        assert_refused("polynomials[0].coefficients", |p| p.polynomials[0].coefficients[2] = bad);
        assert_refused("polynomials[1].domain", |p| p.polynomials[1].domain = bad);
        assert_refused("seconds_one_core", |p| p.predicted.seconds_one_core = bad);
        assert_refused("range of `relu`", |p| p.ranges.push(("relu".to_owned(), bad)));
        assert_refused("costs", |p| p.parameters.costs.bootstrap_ms = bad);
    }
    assert_refused("input.std", |p| p.input.std[0] = 0.0);
    assert_refused("epsilon", |p| match &mut p.linears[0].source {
        LinearSource::Conv { batch_norm: Some(bn), .. } => bn.epsilon = -1.0,
        other => panic!("{other:?}"),
    });
}

#[test]
fn layouts_fit() {
    let slots = 1 << 14;
    let mut plan = good();
    plan.linears[0].output = Layout::dense(1 << 12, 8, 8);
    let error = LayoutError::TooManySlots { needed: 1 << 18, slots };
    let place = "linears[0].output".to_owned();
    assert_eq!(CheckedPlan::new(plan).err(), Some(CheckError::Layout { place, error }));
    assert_refused("input.layout", |p| p.input.layout.gap = 2);
    assert_refused("output.layout", |p| p.output.layout.channels = 0);
    for huge in [1 << 16, 1 << 20, u32::MAX] {
        let hostile = [
            Layout { gap: huge, pitch: huge, grid_height: huge, grid_width: huge, ..Layout::dense(1, 1, 1) },
            Layout { gap: huge, pitch: huge, ..Layout::dense(1, 1, 1) },
            Layout { channels: huge, ..Layout::dense(1, 1, 1) },
            Layout { grid_height: huge, ..Layout::dense(1, 1, 1) },
            Layout { height: huge, width: huge, ..Layout::dense(1, 1, 1) },
        ];
        for layout in hostile {
            assert_refused("linears[2].input", |p| p.linears[2].input = layout);
            assert_refused("input.layout", |p| p.input.layout = layout);
        }
    }
}

#[test]
fn linear_maps_compute_what_their_layouts_say() {
    assert_refused("it follows from the input that it is 4x8x8", |p| p.linears[0].output.height = 7);
    assert_refused("it is 4x9x9", |p| *conv(p).0 = (2, 2));
    assert_refused("it is 4x4x4", |p| *conv(p).1 = 2);
    assert_refused("it is 4x10x10", |p| *conv(p).2 = 2);
    assert_refused("does not fit", |p| *conv(p).0 = (11, 3));
    assert_refused("kernel's width is 0", |p| *conv(p).0 = (3, 0));
    assert_refused("the stride is 0", |p| *conv(p).1 = 0);
    for huge in [1 << 16, u32::MAX] {
        assert_refused("kernel's height", |p| *conv(p).0 = (huge, 3));
        assert_refused("the stride", |p| *conv(p).1 = huge);
        assert_refused("the padding", |p| *conv(p).2 = huge);
        assert_refused("channels placed before", |p| {
            p.linears[2].source = LinearSource::Select { stride: 2, before: huge };
        });
        assert_refused("window", |p| {
            p.linears[2].source = LinearSource::AveragePool { kernel: 2, stride: 2, padding: huge };
        });
        assert_refused("kernel's height", |p| {
            p.linears[2].source = LinearSource::AveragePool { kernel: huge, stride: 2, padding: 0 };
        });
    }
    for groups in [0, 2, 3, u32::MAX] {
        assert_refused("groups", |p| *conv(p).3 = groups);
    }
    assert_refused("do not hold", |p| p.linears[2].source = LinearSource::Select { stride: 2, before: 5 });
    assert_refused("it is 8x4x4", |p| {
        p.linears[2].source = LinearSource::AveragePool { kernel: 2, stride: 2, padding: 0 };
        p.linears[2].input.channels = 8;
        p.linears[2].output.channels = 4;
    });
    assert_refused("it is 5x1x1", |p| p.linears[3].output = Layout::dense(5, 2, 1));
}

#[test]
fn the_schedule_is_that_of_the_diagonals() {
    assert_refused("diagonals are stated", |p| p.linears[0].diagonals += 1);
    assert_refused("baby steps are stated, such as 3", |p| p.linears[0].babies.push(Rotation(3)));
    assert_refused("baby steps are stated", |p| p.linears[1].babies.truncate(1));
    assert_refused("giant steps are stated", |p| p.linears[0].giants.reverse());
    assert_refused("giant steps are stated", |p| p.linears[3].giants.clear());
    assert_refused("linears[0]: 1 gathers; allowed: 0", |p| p.linears[0].gathers = 1);
    assert_refused("fold 0 turns the argument onto itself", |p| p.linears[0].folds = vec![Rotation(0)]);
    assert_refused("fold 32 is not half of 128 and not the last", |p| {
        p.linears[0].folds = [128, 32, 32].map(Rotation).to_vec();
    });
    assert_refused("folds; allowed: ", |p| p.linears[0].folds = vec![Rotation(128); 9]);
    assert_refused("diagonals are stated; there are", |p| p.linears[0].folds = vec![Rotation(128)]);
    for modulus in [0, u32::MAX] {
        assert_refused("baby_modulus", |p| p.linears[0].baby_modulus = modulus);
    }
}

#[test]
fn weights_are_listed_with_their_shapes() {
    assert_refused("has no tensor `conv2.weight`", |p| p.weights.retain(|t| t.name != "conv2.weight"));
    assert_refused("has no tensor `conv1.bn.running_var`", |p| {
        p.weights.retain(|t| t.name != "conv1.bn.running_var");
    });
    assert_refused("the layer needs [5, 8]", |p| {
        p.weights.iter_mut().filter(|t| t.name == "linear.weight").for_each(|t| t.shape = vec![8, 5]);
    });
    assert_refused("does not come before", |p| p.weights.reverse());
    assert_refused("64 lower-case hexadecimal", |p| p.weights[0].digest.truncate(63));
    assert_refused("at most 8 dimensions", |p| p.weights[0].shape = vec![1 << 32, 1 << 32]);
    assert_refused("source_digest", |p| p.network.source_digest = "zz".to_owned());
}

#[test]
fn lists_have_the_right_lengths() {
    assert_refused("input.mean has 2 values", |p| p.input.mean.truncate(2));
    assert_refused("input.std has 4 values", |p| p.input.std.push(1.0));
    assert_refused("network.labels has 3 entries", |p| p.network.labels = vec![String::new(); 3]);
    let mut plan = good();
    plan.network.labels = vec![String::new(); 5];
    CheckedPlan::new(plan).expect("one label per logit");
    assert_refused("polynomials[0].degree is 0", |p| p.polynomials[0].coefficients.clear());
    assert_refused("polynomials[0].degree is 1024", |p| p.polynomials[0].coefficients = vec![1.0; 1025]);
    assert_refused("format_version is 99", |p| p.format_version = 99);
    assert_refused("predicted.bootstraps is 4", |p| p.predicted.bootstraps = 4);
}

#[test]
fn registers_are_written_once_read_after_and_freed_at_the_end() {
    assert_refused("step 1 (layer `conv1`): %99 is read before", |p| {
        p.steps[1].op = Op::Linear { src: Reg(99), map: 0 };
    });
    assert_refused("%1 is read before", |p| p.steps[1].op = Op::Linear { src: Reg(1), map: 0 });
    assert_refused("%1 is written a second time", |p| p.steps[2].dst = Reg(1));
    assert_refused("%2 is freed but not read here", |p| p.steps[4].frees.push(Reg(2)));
    assert_refused("%2 is read after it was freed", |p| p.steps[3].frees.push(Reg(2)));
    assert_refused("%3 is freed twice", |p| p.steps[4].frees.push(Reg(3)));
    assert_refused("%3 is never freed", |p| p.steps[4].frees.clear());
    assert_refused("output register %77 is never written", |p| p.output.register = Reg(77));
    assert_refused("%9 is freed but holds the output", |p| p.output.register = Reg(9));
    assert_refused("a second time; allowed: once", |p| p.steps[1].op = Op::Input);
    assert_refused("no step takes the image", |p| {
        p.steps.clear();
        p.keys.clear();
    });
    assert_refused("is written but never read", |p| {
        let mut step = p.steps[1].clone();
        (step.dst, step.frees) = (Reg(77), Vec::new());
        p.steps.insert(1, step);
        p.keys.iter_mut().for_each(|key| key.last_step += 1);
    });
    assert_refused("linear map 7 of 4", |p| p.steps[1].op = Op::Linear { src: Reg(0), map: 7 });
    assert_refused("polynomial 7 of 2", |p| p.steps[2].op = Op::Polynomial { src: Reg(1), polynomial: 7 });
    assert_refused("polynomials[2] is needed by no step", |p| p.polynomials.push(p.polynomials[0].clone()));
    assert_refused("linears[4] is needed by no step", |p| p.linears.push(p.linears[0].clone()));
}

#[test]
fn layers_do_not_rotate_where_only_bootstraps_have_keys() {
    assert_refused("at level 1; the lowest is 2", |p| {
        p.parameters.merged_bits = vec![48; 2];
        (p.steps[0].level, p.steps[1].level) = (Level(1), Level(0));
    });
}

#[test]
fn levels_and_scales_follow_from_the_operations() {
    for index in 0..good().steps.len() {
        let message = refused(|p| p.steps[index].level.0 += 1);
        assert!(message.contains("level"), "step {index}: {message}");
        let elsewhere = StepScale::Argument { polynomial: 0, level: Level(3) };
        let message = refused(|p| p.steps[index].scale = elsewhere);
        assert!(message.contains("scale") || message.contains("not monic"), "step {index}: {message}");
    }
    assert_refused("above the highest, 18", |p| p.steps[0].level = Level(200));
    assert_refused("a bootstrap takes 2", |p| {
        for (index, level) in [(0, 7), (1, 6), (2, 4), (3, 3)] {
            p.steps[index].level = Level(level);
        }
        p.keys.iter_mut().for_each(|key| key.level = Level(7));
    });
    assert_refused("degree 3 needs 2", |p| {
        (p.steps[0].level, p.steps[1].level) = (Level(2), Level(1));
    });
    assert_refused("a linear map consumes one", |p| p.steps[0].level = Level(0));
    assert_refused("levels 3 and 2", |p| p.steps[7].level = Level(3));
    assert_refused("not below the operand's, 4", |p| p.steps[7].level = Level(4));
}

#[test]
fn readers_expect_the_layout_that_was_written() {
    assert_refused("step 1 (layer `conv1`): the operand is 3x8x8", |p| p.input.layout.grid_height = 9);
    assert_refused("output.layout states 1x5x1", |p| p.output.layout = Layout::dense(1, 5, 1));
    assert_refused("the linear map reads 8x1x1", |p| {
        p.steps[10].op = Op::Linear { src: Reg(8), map: 3 };
        p.steps.remove(9);
        p.output.register = Reg(10);
        fill_frees(p);
        fill_keys(p);
    });
    // A sum of registers in different slots.
    assert_refused("lie in different slots", |p| {
        p.steps[6].op = Op::DropLevel { src: Reg(2) };
    });
}

#[test]
fn a_sum_of_rotations_takes_every_pixel_once() {
    let with = |rotations: &[i32]| {
        let rotations: Vec<Rotation> = rotations.iter().copied().map(Rotation).collect();
        refused(move |p| p.steps[9].op = Op::RotateSum { src: Reg(8), rotations })
    };
    assert!(with(&[2, 4, 16]).contains("pixel 8 is not summed"));
    assert!(with(&[2, 2, 16, 32]).contains("pixel 1 is summed twice"));
    assert!(with(&[2, 4, 16, 1]).contains("channel 1 is summed into 0"));
    assert!(with(&[i32::MIN; 30]).contains("30 rotations"));
    // The activation has put a constant into the unused slots.
    assert!(with(&[2, 4, 16, 32, 64]).contains("channel 4 is summed into 0"));
    assert_refused("unused slot is summed", |p| {
        let wide = Layout { grid_width: 16, ..p.linears[1].output };
        (p.linears[1].output, p.linears[2].output) = (wide, wide);
        p.linears[3].input = Layout { height: 1, width: 1, ..wide };
        p.linears.iter_mut().for_each(small_plan::schedule);
        let rotations = [2, 4, 8, 32, 64].map(Rotation).to_vec();
        p.steps[9].op = Op::RotateSum { src: Reg(8), rotations };
        fill_keys(p);
    });
}

#[test]
fn sums_in_unused_slots_never_reach_an_approximation() {
    let mut plan = good();
    plan.polynomials.push(plan.polynomials[0].clone());
    plan.steps[10].op = Op::Polynomial { src: Reg(9), polynomial: 2 };
    plan.steps[10].level = Level(0);
    let message = CheckedPlan::new(plan).expect_err("unbounded").to_string();
    assert!(message.contains("sums in unused slots"), "{message}");
}

#[test]
fn composites_add_up_and_stand_for_rotations_without_keys() {
    let composed = |plan: &mut Plan| compose(plan, 8, 4, 4);
    let mut plan = good();
    composed(&mut plan);
    let plan = CheckedPlan::new(plan).expect("as good");
    let pool = plan.steps.iter().find(|step| matches!(step.op, Op::RotateSum { .. })).expect("a pool");
    assert_eq!(plan.key_switches(pool).len(), plan.rotations(pool).count());
    let refused = |words: &str, change: &dyn Fn(&mut Plan)| {
        assert_refused(words, |p| {
            composed(p);
            change(p);
        });
    };
    refused("4 and 2 add up to 6, not 8", &|p| p.composites[0].second = Rotation(2));
    refused("part 7000 of rotation 8 has no key", &|p| p.composites[0].first = Rotation(7000));
    refused("rotation 4 has a key of its own", &|p| {
        let [rotation, first] = [4, 2].map(Rotation);
        p.composites.insert(0, Composite { rotation, first, second: first });
    });
    refused("not in ascending order", &|p| p.composites.push(p.composites[0]));
    refused("composites[1] is needed by no step", &|p| {
        let [rotation, first, second] = [36, 4, 32].map(Rotation);
        p.composites.push(Composite { rotation, first, second });
    });
    for odd in [0, 1 << 13, i32::MIN, i32::MAX] {
        refused("is zero or not centred", &|p| p.composites[0].rotation = Rotation(odd));
    }
    refused("part 2147483647 of rotation 8 has no key", &|p| p.composites[0].first = Rotation(i32::MAX));
    refused("no key for rotation", &|p| p.composites.clear());
    refused("no key for rotation 4 at level", &|p| {
        p.keys.iter_mut().filter(|key| key.rotation.0 == 4).for_each(|key| key.level = Level(0));
    });
    refused("is needed by no step", &|p| {
        let unused = KeyUse { rotation: Rotation(-8000), ..p.keys[0] };
        p.keys.insert(0, unused);
    });
}

#[test]
fn every_rotation_has_a_key_and_every_key_a_rotation() {
    for index in 0..good().keys.len() {
        assert_refused("no key for rotation", |p| {
            p.keys.remove(index);
        });
        if good().keys[index].last_step < 10 {
            assert_refused("no key for rotation", |p| {
                (p.keys[index].first_step, p.keys[index].last_step) = (p.keys[index].last_step + 1, 10);
            });
        }
        assert_refused("no key for rotation", |p| p.keys[index].level = Level(0));
    }
    let key = |rotation, level, steps: (u32, u32)| KeyUse {
        rotation: Rotation(rotation),
        level: Level(level),
        first_step: steps.0,
        last_step: steps.1,
        place: KeyPlace::Memory,
    };
    for bad in [key(0, 2, (0, 1)), key(8192, 2, (0, 1)), key(i32::MIN, 2, (0, 1))] {
        assert_refused("or zero", |p| p.keys[0] = bad);
    }
    assert_refused("above the highest", |p| p.keys[0].level = Level(200));
    assert_refused("steps 3 to 2 of 11", |p| p.keys[0] = key(-8000, 2, (3, 2)));
    assert_refused("steps 0 to 11 of 11", |p| p.keys[0] = key(-8000, 2, (0, 11)));
    assert_refused("is needed by no step", |p| p.keys.insert(0, key(-8000, 2, (0, 10))));
    assert_refused("not in ascending order", |p| p.keys.reverse());
    // Two keys of one rotation, each for a part of the program.
    let mut plan = good();
    let at = plan.keys.iter().position(|k| k.last_step - k.first_step > 1).expect("a shared key");
    let again = KeyUse { first_step: plan.keys[at].last_step, ..plan.keys[at] };
    plan.keys[at].last_step -= 1;
    plan.keys.insert(at + 1, again);
    CheckedPlan::new(plan).expect("both are needed");
}

/// Small texts that ask for unbounded work are refused at once.
#[test]
fn hostile_sizes_are_refused_quickly() {
    let start = std::time::Instant::now();
    // A pooling window as large as the image, on an image of one column: 2^27 pairs of pixels each.
    assert_refused("too large to be checked", |p| {
        let mut map = p.linears.remove(2);
        map.source = LinearSource::AveragePool { kernel: 16383, stride: 1, padding: 8191 };
        (map.input, map.output) = (Layout::dense(1, 1 << 14, 1), Layout::dense(1, 1 << 14, 1));
        (map.babies, map.giants) =
            ((-64..64).map(Rotation).collect(), (-64..64).map(|g| Rotation(128 * g)).collect());
        (map.baby_modulus, map.diagonals) = (128, (1 << 14) - 1);
        p.linears.extend(vec![map; 1000]);
    });
    assert_refused("the linear maps have", |p| {
        for t in &mut p.weights {
            if t.name == "linear.weight" {
                t.shape = vec![1 << 13, 1 << 13];
            }
            if t.name == "linear.bias" {
                t.shape = vec![1 << 13];
            }
        }
        let mut map = p.linears.remove(3);
        (map.input, map.output) = (Layout::dense(1 << 13, 1, 1), Layout::dense(1 << 13, 1, 1));
        (map.babies, map.giants) =
            ((-64..64).map(Rotation).collect(), (-32..32).map(|g| Rotation(128 * g)).collect());
        (map.baby_modulus, map.diagonals) = (128, 1 << 13);
        p.linears.extend(vec![map; 1000]);
    });
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn memory() {
    let largest = Memory::LARGEST_BLOCK;
    assert_refused("threads", |p| p.memory.threads = 0);
    assert_refused("threads", |p| p.memory.threads = u32::MAX);
    assert_refused("block_bytes", |p| p.memory.block_bytes = 0);
    assert_refused("block_bytes", |p| p.memory.block_bytes = largest + 1);
    assert_refused("bootstrap_keys_on_disk", |p| p.memory.bootstrap_keys_on_disk = vec!["raise".to_owned()]);
    assert_refused("peak_bytes", |p| p.memory.peak_bytes = Some(1));
    assert_refused("budget", |p| p.memory.budget = Some(1 << 40));
    let with_figures = |p: &mut Plan| {
        let group =
            |name: &str, bytes| KeyGroup { name: name.to_owned(), count: 2, bytes, read_bytes: bytes };
        p.parameters.costs.bootstraps = vec![BootstrapCosts {
            rotations: p.parameters.bootstrap.rotations,
            relative: 1.0,
            plaintext_bytes: 5_000_000,
            transformed: None,
            scratch_bytes: 90_000_000,
            thread_bytes: 3_000_000,
            keys: vec![group("raise", 70_000_000), group("sums", 10_000_000)],
        }];
        p.memory.peak_bytes = MemoryUse::predict(p, 2).map(|memory| memory.peak());
    };
    let accepted = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good();
        with_figures(&mut plan);
        change(&mut plan);
        plan.memory.peak_bytes = MemoryUse::predict(&plan, 2).map(|memory| memory.peak());
        CheckedPlan::new(plan).expect("as predicted").memory.peak_bytes.expect("figures")
    };
    let peak = accepted(&|_| {});
    // The bootstrap is the step that needs most, and its keys count only where they are in memory.
    assert!(peak > 5_000_000 + 93_000_000 + 80_000_000);
    assert_eq!(accepted(&|p| p.memory.bootstrap_keys_on_disk = vec!["raise".to_owned()]), peak - 70_000_000);
    let key_on_disk = accepted(&|p| p.keys[0].place = KeyPlace::Disk);
    let level = good().keys[0].level;
    assert_eq!(key_on_disk + RotationKeys::of(&good()).expect("keys").bytes(level).expect("level"), peak);
    assert_eq!(accepted(&|p| p.memory.budget = Some(peak)), peak);
    assert_refused("budget", |p| {
        with_figures(p);
        p.memory.budget = Some(peak - 1);
    });
    assert_refused("does not come before", |p| {
        with_figures(p);
        p.memory.bootstrap_keys_on_disk = vec!["sums".to_owned(), "raise".to_owned()];
    });
}
