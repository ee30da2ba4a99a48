//! From a plan's parameters to those of the cryptography, and to the keys that the plan needs.
//!
//! Pure functions: the owner of the data generates keys with them, the server checks keys against them.

use fhecc_ckks::bootstrap::key_plan;
use fhecc_ckks::{BootstrapLiteral, EvaluationError, KeyKind, KeyRequest, Parameters, ParametersLiteral};
use fhecc_plan::{BootstrapRotations, Op, Plan, Profile};
use std::collections::BTreeMap;

/// The literal of [`fhecc_ckks::Parameters`] for a profile.
pub fn parameters_literal(profile: &Profile) -> ParametersLiteral {
    let bootstrap = &profile.bootstrap;
    ParametersLiteral {
        log_n: profile.log_n,
        base_bits: profile.base_bits,
        slots_to_coeffs_bits: profile.slots_to_coeffs_bits.clone(),
        merged_bits: profile.merged_bits.clone(),
        compute_bits: profile.compute_bits.clone(),
        input_bits: profile.input_bits.clone(),
        raised_bits: profile.raised_bits.clone(),
        eval_mod_bits: profile.eval_mod_bits.clone(),
        coeffs_to_slots_bits: profile.coeffs_to_slots_bits.clone(),
        special_bits: profile.special_bits.clone(),
        log_scale: profile.log_scale,
        bootstrap: Some(BootstrapLiteral {
            log_message_ratio: bootstrap.log_message_ratio,
            interval: bootstrap.interval,
            double_angles: bootstrap.double_angles,
            degree: bootstrap.degree,
            ephemeral_weight: bootstrap.ephemeral_weight,
            rotations: match bootstrap.rotations {
                BootstrapRotations::Hoisted => fhecc_ckks::BootstrapRotations::Hoisted,
                BootstrapRotations::Ladder => fhecc_ckks::BootstrapRotations::Ladder,
                BootstrapRotations::Minimal => fhecc_ckks::BootstrapRotations::Minimal,
            },
        }),
    }
}

/// Whether the plan bootstraps, and so needs the keys of [`fhecc_ckks::bootstrap::key_plan`].
pub fn needs_bootstrap(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step.op, Op::Bootstrap { .. }))
}

/// The keys that the plan needs outside of bootstraps: its rotations, the conjugation up to the highest level of a folded
/// argument, and relinearisation up to the highest level at which a polynomial is evaluated. Ascending.
///
/// All rotation keys have the same number of special primes, as a linear map demands of its keys: the number
/// for which they are smallest altogether.
pub fn key_requests(plan: &Plan, parameters: &Parameters) -> Vec<KeyRequest> {
    let rows = |special_count: usize| -> Option<usize> {
        plan.keys.iter().try_fold(0, |sum, key| {
            let level = usize::from(key.level.0);
            Some(
                sum + parameters.digits(level, special_count)?.len()
                    * (parameters.limbs_at(level) + special_count),
            )
        })
    };
    let all = parameters.special_limbs();
    let smallest = (1..=all).filter_map(|count| Some((rows(count)?, count))).min();
    let special_count = smallest.map_or(all, |(_, count)| count);
    let mut requests: Vec<KeyRequest> = plan
        .keys
        .iter()
        .map(|key| KeyRequest {
            kind: KeyKind::rotation(i64::from(key.rotation.0), parameters.n()),
            level: key.level.0.into(),
            special_count,
        })
        .collect();
    if let Some(level) = plan.highest_conjugation().map(|level| usize::from(level.0)) {
        requests.push(KeyRequest { kind: KeyKind::conjugation(parameters.n()), level, special_count });
    }
    if let Some(level) = plan.highest_product().map(|level| usize::from(level.0)) {
        requests.push(KeyRequest { kind: KeyKind::Relinearisation, level, special_count: all });
    }
    requests.sort_unstable();
    requests.dedup();
    requests
}

/// [`key_requests`] and, if the plan bootstraps, the ordinary keys of a bootstrap. Ascending. A
/// relinearisation key below another one with the same limbs is left out, since that one does its work.
///
/// # Errors
///
/// [`EvaluationError`] if the plan bootstraps and the parameters cannot.
pub fn all_key_requests(plan: &Plan, parameters: &Parameters) -> Result<Vec<KeyRequest>, EvaluationError> {
    let mut requests = key_requests(plan, parameters);
    if needs_bootstrap(plan) {
        requests.extend(key_plan(parameters)?.iter().filter_map(|request| request.shared()));
    }
    let chain = |request: &KeyRequest| {
        let products = request.kind == KeyKind::Relinearisation;
        products.then(|| parameters.lowest_level(request.level))
    };
    let mut highest = BTreeMap::new();
    for request in &requests {
        highest
            .entry(chain(request))
            .and_modify(|level: &mut usize| *level = request.level.max(*level))
            .or_insert(request.level);
    }
    requests.retain(|request| {
        let chain = chain(request);
        chain.is_none() || highest[&chain] == request.level
    });
    requests.sort_unstable();
    requests.dedup();
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::tests::small_plan;

    #[test]
    fn requests_cover_the_plan_and_its_bootstraps() {
        let (plan, _) = small_plan(11);
        let parameters =
            Parameters::insecure_for_tests(parameters_literal(&plan.parameters)).expect("in range");
        assert!(needs_bootstrap(&plan));
        let requests = key_requests(&plan, &parameters);
        for key in &plan.keys {
            let kind = KeyKind::rotation(i64::from(key.rotation.0), parameters.n());
            assert!(requests.iter().any(|r| r.kind == kind && r.level == usize::from(key.level.0)));
        }
        let relinearisation = requests.iter().find(|r| r.kind == KeyKind::Relinearisation);
        assert_eq!(relinearisation.map(|r| r.level), Some(7));
        let all = all_key_requests(&plan, &parameters).expect("can bootstrap");
        assert!(all.len() > requests.len());
        let relinearisation: Vec<_> = all.iter().filter(|r| r.kind == KeyKind::Relinearisation).collect();
        assert_eq!(relinearisation.len(), 1);
        assert_eq!(relinearisation[0].level, parameters.eval_mod_top_level());
        assert!(all.is_sorted());
    }
}
