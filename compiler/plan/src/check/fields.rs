//! Everything outside of the linear maps and the steps.

use super::{CheckError, layouts};
use crate::{FORMAT_VERSION, Plan, TensorRef};

/// Most values that one tensor may have: a gibibyte of f32.
pub(super) const MAX_TENSOR_VALUES: u64 = 1 << 28;
/// Most steps, and most entries of any list of the plan.
const MAX_ENTRIES: usize = 1 << 20;
/// Highest degree of an activation polynomial.
const MAX_DEGREE: usize = 1023;

pub(super) fn fail<T>(message: String) -> Result<T, CheckError> {
    Err(CheckError::Field(message))
}

/// Refuses NaN and infinities.
pub(super) fn finite(value: f64, place: impl Fn() -> String) -> Result<(), CheckError> {
    if value.is_finite() {
        return Ok(());
    }
    fail(format!("{} is {value}; allowed: a finite number", place()))
}

fn positive(value: f64, place: impl Fn() -> String) -> Result<(), CheckError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    fail(format!("{} is {value}; allowed: a positive finite number", place()))
}

fn hexadecimal_digest(digest: &str, place: impl Fn() -> String) -> Result<(), CheckError> {
    let valid = digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if valid {
        return Ok(());
    }
    fail(format!("{} is not a BLAKE3 digest in 64 lower-case hexadecimal digits", place()))
}

pub(super) fn check(plan: &Plan) -> Result<(), CheckError> {
    if plan.format_version != FORMAT_VERSION {
        let found = plan.format_version;
        return fail(format!("format_version is {found}; allowed: {FORMAT_VERSION}"));
    }
    for (name, entries) in [
        ("steps", plan.steps.len()),
        ("linears", plan.linears.len()),
        ("polynomials", plan.polynomials.len()),
        ("weights", plan.weights.len()),
        ("ranges", plan.ranges.len()),
        ("keys", plan.keys.len()),
        ("composites", plan.composites.len()),
        ("labels", plan.network.labels.len()),
    ] {
        if entries > MAX_ENTRIES {
            return fail(format!("{name} has {entries} entries; allowed: at most {MAX_ENTRIES}"));
        }
    }
    bootstrap(plan)?;
    hexadecimal_digest(&plan.network.source_digest, || "network.source_digest".to_owned())?;
    input_and_output(plan)?;
    weights(&plan.weights)?;
    for (path, range) in &plan.ranges {
        positive(*range, || format!("the range of `{path}`"))?;
    }
    for (index, polynomial) in plan.polynomials.iter().enumerate() {
        let place = |field: &str| format!("polynomials[{index}].{field}");
        positive(polynomial.domain, || place("domain"))?;
        if !(1..=MAX_DEGREE).contains(&polynomial.degree()) {
            let found = polynomial.degree();
            return fail(format!("{} is {found}; allowed: 1 to {MAX_DEGREE}", place("degree")));
        }
        polynomial.coefficients.iter().try_for_each(|&c| finite(c, || place("coefficients")))?;
        if !polynomial.suits_form() {
            return fail(format!(
                "{} is {:?}; allowed for degree 2 (Monic also 4) with a coefficient of the highest power between 2^-3 and 2^3 to that degree",
                place("form"),
                polynomial.form
            ));
        }
    }
    predicted(plan)
}

fn bootstrap(plan: &Plan) -> Result<(), CheckError> {
    let spec = &plan.parameters.bootstrap;
    let most_weight = 1 << (plan.parameters.log_n - 1);
    for (name, found, least, most) in [
        ("log_message_ratio", spec.log_message_ratio, 1, 20),
        ("interval", spec.interval, 2, 1024),
        ("double_angles", spec.double_angles, 0, 10),
        ("degree", spec.degree, 2, 254),
        ("ephemeral_weight", spec.ephemeral_weight, 32, most_weight),
    ] {
        if !(least..=most).contains(&found) {
            return fail(format!("parameters.bootstrap.{name} is {found}; allowed: {least} to {most}"));
        }
    }
    if !spec.degree.is_multiple_of(2) {
        return fail(format!("parameters.bootstrap.degree is {}; allowed: even degrees", spec.degree));
    }
    Ok(())
}

fn input_and_output(plan: &Plan) -> Result<(), CheckError> {
    let slots = plan.parameters.slots();
    let (input, output) = (&plan.input, &plan.output);
    layouts::check(&input.layout, slots, || "input.layout".to_owned())?;
    layouts::check(&output.layout, slots, || "output.layout".to_owned())?;
    positive(input.range, || "input.range".to_owned())?;
    positive(output.range, || "output.range".to_owned())?;
    let channels = input.layout.channels as usize;
    for (name, found) in [("mean", input.mean.len()), ("std", input.std.len())] {
        if found != channels {
            return fail(format!("input.{name} has {found} values; the image has {channels} channels"));
        }
    }
    input.mean.iter().try_for_each(|&m| finite(m, || "input.mean".to_owned()))?;
    input.std.iter().try_for_each(|&s| positive(s, || "input.std".to_owned()))?;
    let (labels, logits) = (plan.network.labels.len(), output.layout.len());
    if labels != 0 && labels != logits {
        return fail(format!(
            "network.labels has {labels} entries; allowed: none, or one for each of {logits} logits"
        ));
    }
    Ok(())
}

fn weights(weights: &[TensorRef]) -> Result<(), CheckError> {
    if let Some(pair) = weights.windows(2).find(|pair| pair[0].name >= pair[1].name) {
        return fail(format!("weights: `{}` does not come before `{}`", pair[0].name, pair[1].name));
    }
    for tensor in weights {
        let values = tensor.shape.iter().try_fold(1u64, |size, &extent| size.checked_mul(extent));
        if tensor.shape.len() > 8 || values.is_none_or(|values| values > MAX_TENSOR_VALUES) {
            return fail(format!(
                "tensor `{}` has shape {:?}; allowed: at most 8 dimensions and {MAX_TENSOR_VALUES} values",
                tensor.name, tensor.shape
            ));
        }
        hexadecimal_digest(&tensor.digest, || format!("the digest of tensor `{}`", tensor.name))?;
    }
    Ok(())
}

fn predicted(plan: &Plan) -> Result<(), CheckError> {
    let times = [("seconds_one_core", plan.predicted.seconds_one_core), ("seconds", plan.predicted.seconds)];
    for (name, seconds) in times {
        if !seconds.is_finite() || seconds < 0.0 {
            return fail(format!("predicted.{name} is {seconds}; allowed: a finite number, not negative"));
        }
    }
    Ok(())
}
