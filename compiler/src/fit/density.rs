//! The measured density of an activation's argument.

/// A histogram over `[-reach, reach]` of the normalised argument u.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    bins: Vec<f64>,
    reach: f64,
}

impl Density {
    /// `bins` of equal width over `[-reach, reach]`; `None` unless all are finite, none is negative and some
    /// are positive.
    pub fn new(bins: &[f32], reach: f64) -> Option<Self> {
        let bins: Vec<f64> = bins.iter().map(|b| f64::from(*b)).collect();
        let sound = bins.iter().all(|b| b.is_finite() && *b >= 0.0) && bins.iter().sum::<f64>() > 0.0;
        (sound && reach.is_finite() && reach > 0.0).then_some(Self { bins, reach })
    }

    /// The density at `u`, up to a factor: linear between the centres of the bins, zero beyond them.
    pub fn at(&self, u: f64) -> f64 {
        let count = self.bins.len();
        let position = (u / self.reach + 1.0) / 2.0 * count as f64 - 0.5;
        if !(0.0..=(count - 1) as f64).contains(&position) {
            return 0.0;
        }
        let first = position as usize;
        let share = position - first as f64;
        let second = self.bins.get(first + 1).copied().unwrap_or(0.0);
        self.bins[first] * (1.0 - share) + second * share
    }
}
