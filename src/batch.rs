//! Several evaluations at once.
//!
//! Two images that are evaluated step by step on two threads share keys and encoded weights while these are in the
//! caches, and each thread has an image of its own wherever nothing is shared: the best throughput is as many images
//! as threads, in pairs. Only the images that are left over when there are fewer of them than threads share the threads
//! out. Every pair has a pool of its own: no thread takes up other images' work in the middle of one, and there are
//! never more working sets in memory than threads. Results are the same in any number of threads.

use crate::error::Failure;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

/// Images that are evaluated step by step together: more would not leave room for anything else in a core's cache.
const TOGETHER: usize = 2;

/// Items that are evaluated with the same division of the threads.
#[derive(Debug, PartialEq, Eq)]
struct Round {
    /// Which.
    items: Range<usize>,
    /// What goes on at the same time.
    pools: Vec<Share>,
}

/// Some of the threads, and how many items they work on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    threads: usize,
    items: usize,
}

/// How many of `items` are evaluated at once if there may be `most`.
pub(crate) fn at_once(items: usize, most: usize) -> usize {
    items.min(most).min(rayon::current_num_threads())
}

/// Applies `work` to all items, a few together and at most `most` at once, and gives the answers to `each` in the order
/// of the items, on the calling thread. After a failure nothing more is begun.
pub(crate) fn in_order<T: Sync, A: Send>(
    items: &[T],
    most: usize,
    work: impl Fn(&[T]) -> Result<Vec<A>, Failure> + Sync,
    mut each: impl FnMut(&T, A) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = |range: Range<usize>| items.get(range).map_or_else(|| Ok(Vec::new()), &work);
    let mut each = |index: usize, answer| items.get(index).map_or(Ok(()), |item| each(item, answer));
    rounds(items.len(), rayon::current_num_threads(), most)
        .into_iter()
        .try_for_each(|round| run(&round, &work, &mut each))
}

/// As many items as possible with one thread for each, or more where fewer than threads may be evaluated at once; the
/// rest on equal shares of the threads.
fn rounds(items: usize, threads: usize, most: usize) -> Vec<Round> {
    let shares = |at_once: usize| -> Vec<Share> {
        let pools = at_once.div_ceil(TOGETHER);
        let part = |of: usize, pool: usize| of / pools + usize::from(pool < of % pools);
        (0..pools).map(|pool| Share { threads: part(threads, pool), items: part(at_once, pool) }).collect()
    };
    let workers = threads.min(most.max(1));
    let rest = items % workers;
    let full = items - rest;
    let mut rounds = Vec::new();
    if full > 0 {
        rounds.push(Round { items: 0..full, pools: shares(workers) });
    }
    if rest > 0 {
        rounds.push(Round { items: full..items, pools: shares(rest) });
    }
    rounds
}

fn run<A: Send>(
    round: &Round,
    work: &(impl Fn(Range<usize>) -> Result<Vec<A>, Failure> + Sync),
    each: &mut impl FnMut(usize, A) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let pools = round
        .pools
        .iter()
        .map(|share| Ok((pool(share.threads)?, share.items)))
        .collect::<Result<Vec<_>, _>>()?;
    let next = AtomicUsize::new(round.items.start);
    let stop = AtomicBool::new(false);
    let worker = |(pool, items): &(ThreadPool, usize), sender: &Sender<(usize, Result<A, Failure>)>| {
        while !stop.load(Ordering::Relaxed) {
            let first = next.fetch_add(*items, Ordering::Relaxed);
            if first >= round.items.end {
                break;
            }
            let range = first..round.items.end.min(first + items);
            let answers: Vec<_> = match pool.install(|| work(range)) {
                Ok(answers) => answers.into_iter().map(Ok).collect(),
                Err(failure) => vec![Err(failure)],
            };
            if (first..).zip(answers).any(|answer| sender.send(answer).is_err()) {
                break;
            }
        }
    };
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for pool in &pools {
            let (sender, worker) = (sender.clone(), &worker);
            scope.spawn(move || worker(pool, &sender));
        }
        // The workers' own senders keep the channel open.
        drop(sender);
        let mut early = BTreeMap::new();
        let mut due = round.items.start;
        let mut deliver = |index, answer: Result<A, Failure>| {
            early.insert(index, answer?);
            while let Some(answer) = early.remove(&due) {
                each(due, answer)?;
                due += 1;
            }
            Ok(())
        };
        let mut result = Ok(());
        for (index, answer) in receiver {
            if result.is_ok() {
                result = deliver(index, answer);
                stop.store(result.is_err(), Ordering::Relaxed);
            }
        }
        result
    })
}

/// A pool of its own.
pub(crate) fn pool(threads: usize) -> Result<ThreadPool, Failure> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Failure::resources(format!("{threads} threads cannot be started: {e}. Ask for fewer.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    /// `in_order` in so many threads: the items and the threads that each evaluation had.
    fn on(
        threads: usize,
        items: &[u64],
        fails: Option<u64>,
    ) -> (Vec<(u64, usize)>, Result<(), Failure>, usize) {
        let begun = AtomicUsize::new(0);
        let given = Mutex::new(Vec::new());
        let result = pool(threads).expect("threads").install(|| {
            in_order(
                items,
                usize::MAX,
                |items| {
                    begun.fetch_add(items.len(), Ordering::Relaxed);
                    // Of the first items later ones end earlier; those after them leave time to notice a failure.
                    let pause = if items[0] < 10 { 20 - 2 * items[0] } else { 20 };
                    thread::sleep(Duration::from_millis(pause));
                    if fails.is_some_and(|fails| items.contains(&fails)) {
                        return Err(Failure::bad_input("it fails"));
                    }
                    Ok(items.iter().map(|_| rayon::current_num_threads()).collect())
                },
                |&item, answer| {
                    given.lock().expect("sound").push((item, answer));
                    Ok(())
                },
            )
        });
        (given.into_inner().expect("sound"), result, begun.into_inner())
    }

    #[test]
    fn answers_come_in_order_and_leftovers_share_the_threads() {
        let items: Vec<u64> = (0..10).collect();
        let (given, result, _) = on(4, &items, None);
        assert_eq!(result, Ok(()));
        let expected = items.iter().map(|&i| (i, if i < 8 { 2 } else { 4 })).collect::<Vec<_>>();
        assert_eq!(given, expected);
        assert_eq!(on(3, &items[..1], None).0, [(0, 3)]);
        assert_eq!(on(1, &items[..2], None).0, [(0, 1), (1, 1)]);
        assert_eq!(on(2, &[], None), (Vec::new(), Ok(()), 0));
    }

    #[test]
    fn after_a_failure_nothing_more_begins() {
        let items: Vec<u64> = (0..100).collect();
        let (given, result, begun) = on(4, &items, Some(4));
        assert_eq!(result, Err(Failure::bad_input("it fails")));
        assert!([(0, 2), (1, 2), (2, 2), (3, 2)].starts_with(&given), "{given:?}");
        assert!(begun < 50, "{begun}");
    }

    #[test]
    fn rounds_cover_every_item_once_and_use_every_thread() {
        for threads in 1..9 {
            for (items, most) in (0..20).flat_map(|items| [1, 3, usize::MAX].map(|most| (items, most))) {
                let rounds = rounds(items, threads, most);
                let covered: Vec<usize> = rounds.iter().flat_map(|r| r.items.clone()).collect();
                assert_eq!(covered, (0..items).collect::<Vec<_>>());
                for Round { items, pools } in &rounds {
                    let at_once: usize = pools.iter().map(|share| share.items).sum();
                    assert_eq!(pools.iter().map(|share| share.threads).sum::<usize>(), threads);
                    assert!(at_once <= most && at_once <= items.len());
                    let good =
                        |share: &Share| (1..=TOGETHER).contains(&share.items) && share.threads >= share.items;
                    assert!(pools.iter().all(good), "{pools:?}");
                }
            }
        }
    }
}
