//! Repeated timing with medians.

use crate::error::Failure;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The times of repeated runs of one thing, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Times {
    /// The fastest run: what the machine can do when nothing else disturbs.
    pub(crate) best: f64,
    /// Half of the runs are no slower.
    pub(crate) median: f64,
    /// A quarter of the runs are no slower.
    pub(crate) low: f64,
    /// Three quarters of the runs are no slower.
    pub(crate) high: f64,
    /// Number of runs.
    pub(crate) runs: usize,
}

impl Times {
    /// From the seconds of every run; zeros if there are none.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let position = share * seconds.len().saturating_sub(1) as f64;
            let at = |i: f64| seconds.get(i as usize).copied().unwrap_or(0.0);
            let (below, above) = (at(position.floor()), at(position.ceil()));
            below + (above - below) * position.fract()
        };
        Self {
            best: quantile(0.0),
            median: quantile(0.5),
            low: quantile(0.25),
            high: quantile(0.75),
            runs: seconds.len(),
        }
    }

    /// Divided by a number of things done in one run.
    pub(crate) fn per(&self, count: f64) -> Self {
        Self {
            best: self.best / count,
            median: self.median / count,
            low: self.low / count,
            high: self.high / count,
            runs: self.runs,
        }
    }
}

/// What a measurement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Time that passes: for work on many threads.
    Wall,
    /// Time in which the calling thread runs, where the system tells: for work on that thread alone. Other programs
    /// that want the same core do not count.
    Thread,
}

impl Clock {
    /// Time since some instant.
    fn now(self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        match self {
            Self::Thread => thread_time(),
            Self::Wall => None,
        }
        .unwrap_or_else(|| START.get_or_init(Instant::now).elapsed())
    }

    fn seconds_since(self, begin: Duration) -> f64 {
        self.now().saturating_sub(begin).as_secs_f64()
    }
}

#[cfg(unix)]
fn thread_time() -> Option<Duration> {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).ok()
}

#[cfg(not(unix))]
fn thread_time() -> Option<Duration> {
    None
}

/// Times `work` after one run that does not count. A run repeats `work`, which is told how often it has been called,
/// until about `least` has passed.
pub(crate) fn times(clock: Clock, repeats: usize, least: Duration, mut work: impl FnMut(usize)) -> Times {
    let begin = clock.now();
    work(0);
    let once = clock.seconds_since(begin).max(1e-9);
    let batch = (least.as_secs_f64() / once).ceil().clamp(1.0, 1e6) as usize;
    let mut calls = 0;
    let mut run = || {
        let begin = clock.now();
        for _ in 0..batch {
            calls += 1;
            work(calls);
        }
        clock.seconds_since(begin) / batch as f64
    };
    Times::of((0..repeats).map(|_| run()).collect())
}

/// Times work of some length that may fail, after one run that does not count.
pub(crate) fn try_times(
    clock: Clock,
    repeats: usize,
    mut work: impl FnMut() -> Result<(), Failure>,
) -> Result<Times, Failure> {
    work()?;
    Ok(Times::of((0..repeats).map(|_| once(clock, &mut work)).collect::<Result<_, _>>()?))
}

/// Seconds of `N` measurements in every one of `repeats` rounds, after a round that does not count. A machine that gets
/// slower or faster meanwhile does so for all of a round, so that their ratios and differences stay what they are.
pub(crate) fn rounds<const N: usize>(
    repeats: usize,
    mut seconds: impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<Vec<[f64; N]>, Failure> {
    let mut round = || {
        let mut all = [0.0; N];
        for (which, entry) in all.iter_mut().enumerate() {
            *entry = seconds(which)?;
        }
        Ok(all)
    };
    round()?;
    (0..repeats).map(|_| round()).collect()
}

/// The median over all rounds of something that is computed in each.
pub(crate) fn median_of<const N: usize>(rounds: &[[f64; N]], figure: impl Fn(&[f64; N]) -> f64) -> f64 {
    Times::of(rounds.iter().map(figure).collect()).median
}

/// Seconds of one run.
pub(crate) fn once(clock: Clock, work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let begin = clock.now();
    work()?;
    Ok(clock.seconds_since(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_runs() {
        let times = Times::of(vec![5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!((times.low, times.median, times.high, times.runs), (2.0, 3.0, 4.0, 5));
        assert_eq!(Times::of(vec![1.0, 2.0]).median, 1.5);
        assert_eq!(Times::of(Vec::new()).runs, 0);
    }

    #[test]
    fn ratios_of_rounds_do_not_depend_on_the_speed_of_the_machine() {
        let mut calls = 0u32;
        let found = rounds::<2>(3, |which| {
            calls += 1;
            Ok(f64::from(calls.div_ceil(2)) * [1.0, 3.0][which])
        });
        let found = found.expect("nothing fails");
        assert_eq!(found, [[2.0, 6.0], [3.0, 9.0], [4.0, 12.0]], "the first round does not count");
        assert_eq!(median_of(&found, |[a, b]| b / a), 3.0);
    }

    #[test]
    fn every_repeat_is_a_run() {
        let mut calls = 0;
        assert_eq!(times(Clock::Wall, 3, Duration::ZERO, |_| calls += 1).runs, 3);
        assert_eq!(calls, 4);
    }

    #[test]
    fn a_thread_that_sleeps_takes_little_time() {
        let sleep = |_| std::thread::sleep(Duration::from_millis(5));
        assert!(times(Clock::Wall, 1, Duration::ZERO, sleep).best >= 0.005);
        if cfg!(unix) {
            assert!(times(Clock::Thread, 1, Duration::ZERO, sleep).best < 0.005);
        }
    }
}
