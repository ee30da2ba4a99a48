//! Linear maps: sizes, tensors, rotations.

use super::fields::{MAX_TENSOR_VALUES, fail, finite};
use super::{Budget, CheckError, layouts, rotations};
use crate::{BatchNorm, Layout, LinearMap, LinearSource, Plan, Rotation, TensorRef};
use std::collections::BTreeSet;

/// Most effective weights over all linear maps: a gibibyte of f64 once they are loaded.
const MAX_WEIGHTS: u64 = 1 << 27;
/// Largest kernel, stride, padding or number of channels placed before others.
const MAX_EXTENT: u32 = 1 << 15;

pub(super) fn check(plan: &Plan, budget: &mut Budget) -> Result<(), CheckError> {
    let slots = plan.parameters.slots();
    let mut weights = 0;
    for (index, map) in plan.linears.iter().enumerate() {
        let context = |message: String| CheckError::Field(format!("linears[{index}]: {message}"));
        layouts::check(&map.input, slots, || format!("linears[{index}].input"))?;
        layouts::check(&map.output, slots, || format!("linears[{index}].output"))?;
        finite(map.weight_factor, || format!("linears[{index}].weight_factor"))?;
        finite(map.bias_factor, || format!("linears[{index}].bias_factor"))?;
        shapes(map).map_err(context)?;
        tensors(map, &plan.weights).map_err(context)?;
        weights += weight_values(map);
        if weights > MAX_WEIGHTS {
            return fail(format!("the linear maps have {weights} weights or more; allowed: {MAX_WEIGHTS}"));
        }
        if map.baby_modulus == 0 || map.baby_modulus as usize > slots {
            return Err(context(format!("baby_modulus is {}; allowed: 1 to {slots}", map.baby_modulus)));
        }
        let (most, folds) = (map.most_folds(slots), map.folds.len());
        if folds > most {
            return Err(context(format!(
                "{folds} folds; allowed: {most} for an argument with so many copies"
            )));
        }
        map.checked_folds().map_err(context)?;
        let rotations = map.folded(&rotations::taps(map, budget).map_err(context)?);
        schedule(map, &rotations).map_err(context)?;
    }
    Ok(())
}

/// Size of the result along one axis, if the window fits.
fn windows(extent: u32, kernel: u32, stride: u32, padding: u32) -> Option<u32> {
    Some((extent + 2 * padding).checked_sub(kernel)? / stride + 1)
}

fn bounded(name: &str, value: u32, least: u32) -> Result<(), String> {
    if (least..=MAX_EXTENT).contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}; allowed: {least} to {MAX_EXTENT}"))
}

/// Checks that the layouts around the map are those of its result.
fn shapes(map: &LinearMap) -> Result<(), String> {
    let (input, output) = (&map.input, &map.output);
    let strided = |kernel: (u32, u32), stride: u32, padding: u32| {
        bounded("a kernel's height", kernel.0, 1)?;
        bounded("a kernel's width", kernel.1, 1)?;
        bounded("the stride", stride, 1)?;
        bounded("the padding", padding, 0)?;
        let rows = windows(input.height, kernel.0, stride, padding);
        let columns = windows(input.width, kernel.1, stride, padding);
        rows.zip(columns).ok_or_else(|| {
            format!("a window of {}x{} does not fit into {}", kernel.0, kernel.1, layouts::describe(input))
        })
    };
    let (channels, (rows, columns)) = match &map.source {
        LinearSource::Conv { kernel, stride, padding, groups, .. } => {
            let (from, to) = (input.channels, output.channels);
            if *groups == 0 || from % groups != 0 || to % groups != 0 {
                return Err(format!("{groups} groups; allowed: a divisor of both {from} and {to} channels"));
            }
            (to, strided(*kernel, *stride, *padding)?)
        }
        LinearSource::Affine { .. } => (input.channels, (input.height, input.width)),
        LinearSource::Select { stride, before } => {
            bounded("the channels placed before", *before, 0)?;
            if before + input.channels > output.channels {
                return Err(format!(
                    "{} channels do not hold {} channels after {before} others",
                    output.channels, input.channels
                ));
            }
            (output.channels, strided((1, 1), *stride, 0)?)
        }
        LinearSource::AveragePool { kernel, stride, padding } => {
            if *padding > kernel / 2 {
                return Err(format!(
                    "the padding is {padding}; allowed: half the window of {kernel} at most"
                ));
            }
            (input.channels, strided((*kernel, *kernel), *stride, *padding)?)
        }
        LinearSource::Dense { .. } => (output.channels, (1, 1)),
    };
    let (found, expected) = ((output.channels, output.height, output.width), (channels, rows, columns));
    if found == expected {
        return Ok(());
    }
    let show = |(c, h, w): (u32, u32, u32)| format!("{c}x{h}x{w}");
    Err(format!("the output is {}; it follows from the input that it is {}", show(found), show(expected)))
}

fn elements(layout: &Layout) -> u64 {
    u64::from(layout.channels) * u64::from(layout.height) * u64::from(layout.width)
}

/// Shape of the weight: a convolution's or a dense layer's, empty for other sources.
fn weight_shape(map: &LinearMap) -> Vec<u64> {
    let (from, to) = (u64::from(map.input.channels), u64::from(map.output.channels));
    match &map.source {
        LinearSource::Conv { kernel, groups, .. } => {
            vec![to, from / u64::from(*groups), u64::from(kernel.0), u64::from(kernel.1)]
        }
        LinearSource::Dense { .. } => vec![to, elements(&map.input)],
        LinearSource::Affine { .. } | LinearSource::Select { .. } | LinearSource::AveragePool { .. } => {
            Vec::new()
        }
    }
}

/// Number of effective weights and biases.
fn weight_values(map: &LinearMap) -> u64 {
    weight_shape(map).iter().product::<u64>() + u64::from(map.output.channels)
}

/// Checks that the weights list has the tensors that the map names.
fn tensors(map: &LinearMap, listed: &[TensorRef]) -> Result<(), String> {
    let needs = |name: &str, shape: Vec<u64>| {
        if shape.iter().try_fold(1u64, |n, &e| n.checked_mul(e)).is_none_or(|n| n > MAX_TENSOR_VALUES) {
            return Err(format!(
                "tensor `{name}` would have shape {shape:?}; allowed: {MAX_TENSOR_VALUES} values"
            ));
        }
        match listed.binary_search_by(|tensor| tensor.name.as_str().cmp(name)) {
            Err(_) => Err(format!("the weights list has no tensor `{name}`")),
            Ok(at) if listed[at].shape != shape => Err(format!(
                "tensor `{name}` is listed with shape {:?}; the layer needs {shape:?}",
                listed[at].shape
            )),
            Ok(_) => Ok(()),
        }
    };
    let channels = vec![u64::from(map.output.channels)];
    let normalisation = |bn: &BatchNorm| {
        for name in [&bn.weight, &bn.bias, &bn.running_mean, &bn.running_var] {
            needs(name, channels.clone())?;
        }
        if !bn.epsilon.is_finite() || bn.epsilon < 0.0 {
            return Err(format!("epsilon is {}; allowed: a finite number, not negative", bn.epsilon));
        }
        Ok(())
    };
    match &map.source {
        LinearSource::Conv { weight, bias, batch_norm, .. } => {
            needs(weight, weight_shape(map))?;
            bias.iter().try_for_each(|name| needs(name, channels.clone()))?;
            batch_norm.iter().try_for_each(normalisation)
        }
        LinearSource::Affine { batch_norm } => normalisation(batch_norm),
        LinearSource::Dense { weight, bias } => {
            needs(weight, weight_shape(map))?;
            bias.iter().try_for_each(|name| needs(name, channels.clone()))
        }
        LinearSource::Select { .. } | LinearSource::AveragePool { .. } => Ok(()),
    }
}

/// Checks babies, giants and the number of diagonals against the rotations of the map.
fn schedule(map: &LinearMap, rotations: &BTreeSet<Rotation>) -> Result<(), String> {
    let (giants, babies): (BTreeSet<Rotation>, BTreeSet<Rotation>) =
        rotations.iter().copied().map(map.splitter()).unzip();
    if map.diagonals as usize != rotations.len() {
        return Err(format!("{} diagonals are stated; there are {}", map.diagonals, rotations.len()));
    }
    for (name, stated, expected) in [("baby", &map.babies, babies), ("giant", &map.giants, giants)] {
        if !stated.iter().eq(&expected) {
            let odd = stated.iter().find(|r| !expected.contains(r)).map(|r| format!(", such as {}", r.0));
            return Err(format!(
                "{} {name} steps are stated{}; its diagonals need {} others or in ascending order",
                stated.len(),
                odd.unwrap_or_default(),
                expected.len()
            ));
        }
    }
    Ok(())
}
