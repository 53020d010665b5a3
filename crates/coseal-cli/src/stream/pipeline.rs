//! One thread reads, some work, the caller's tells the results in the order
//! of reading.
//!
//! What is under way is bounded in number and in bytes. Nothing waits for a
//! block to fill up: what was read is worked on at once.

use std::num::NonZero;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::failure::{Failure, Result, Stop};

/// Most bytes under way, unless one piece alone is larger.
const BUDGET: usize = 8 << 20;

/// What the caller is called with.
#[derive(Debug)]
pub(crate) enum Told<R> {
    /// The next result.
    Result(R),
    /// There is none yet: a good time to flush.
    Idle,
}

/// A piece of work that knows how much memory it holds.
pub(crate) trait Piece: Send + 'static {
    /// In bytes.
    fn weight(&self) -> usize;
}

/// How many threads shall work.
pub(crate) fn all_cores() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// Works through everything that `pieces` gives; when that is done, nothing
/// holds `work` any more. Ends early where `tell` fails; a thread that then
/// still waits for input is left behind, so the process should end soon.
pub(crate) fn run<P: Piece, R: Send + 'static>(
    workers: NonZero<usize>,
    pieces: impl Iterator<Item = P> + Send + 'static,
    work: impl Fn(P) -> R + Send + Sync + 'static,
    mut tell: impl FnMut(Told<R>) -> Result<()>,
) -> Result<()> {
    let budget = Arc::new(Budget::default());
    let (jobs, queue) = mpsc::sync_channel::<(P, SyncSender<R>)>(workers.get());
    let (ordered, results) = mpsc::sync_channel::<(Receiver<R>, Permit)>(2 * workers.get());

    let (work, queue) = (Arc::new(work), Arc::new(Mutex::new(queue)));
    let worker = |_| {
        let (work, queue) = (Arc::clone(&work), Arc::clone(&queue));
        thread::spawn(move || {
            while let Ok((piece, done)) = next(&queue) {
                // Nobody wants the result where `tell` failed.
                let _ = done.send(work(piece));
            }
        })
    };
    let threads: Vec<_> = (0..workers.get()).map(worker).collect();
    let reader = thread::spawn(move || {
        for piece in pieces {
            let permit = budget.permit(piece.weight());
            let (done, result) = mpsc::sync_channel(1);
            if ordered.send((result, permit)).is_err() || jobs.send((piece, done)).is_err() {
                return;
            }
        }
    });

    while let Some((result, _permit)) = receive(&results, &mut tell)? {
        match receive(&result, &mut tell)? {
            Some(result) => tell(Told::Result(result))?,
            None => return Err(defect()),
        }
    }
    // Without this a reader that panicked would look like the end of the input.
    reader.join().map_err(|_| defect())?;
    threads.into_iter().try_for_each(thread::JoinHandle::join).map_err(|_| defect())
}

fn next<T>(queue: &Mutex<Receiver<T>>) -> Result<T, mpsc::RecvError> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv()
}

/// The next of a channel, telling once if it has to be waited for; `None` when it is closed.
fn receive<T, R>(
    channel: &Receiver<T>,
    tell: &mut impl FnMut(Told<R>) -> Result<()>,
) -> Result<Option<T>> {
    match channel.try_recv() {
        Ok(value) => Ok(Some(value)),
        Err(TryRecvError::Disconnected) => Ok(None),
        Err(TryRecvError::Empty) => {
            tell(Told::Idle)?;
            Ok(channel.recv().ok())
        }
    }
}

fn defect() -> Stop {
    Failure::misuse("a thread of this command failed; that is a defect of the command").into()
}

/// Counts the bytes under way.
#[derive(Debug, Default)]
struct Budget {
    used: Mutex<usize>,
    freed: Condvar,
}

/// Some of the budget, given back when dropped.
#[derive(Debug)]
struct Permit {
    budget: Arc<Budget>,
    weight: usize,
}

impl Budget {
    /// Waits until there is room, or nothing else is under way.
    fn permit(self: &Arc<Self>, weight: usize) -> Permit {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .freed
            .wait_while(used, |used| *used > 0 && used.saturating_add(weight) > BUDGET)
            .unwrap_or_else(PoisonError::into_inner);
        *used += weight;
        Permit { budget: Arc::clone(self), weight }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.weight;
        self.budget.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[derive(Debug)]
    struct Number(u64, usize);

    impl Piece for Number {
        fn weight(&self) -> usize {
            self.1
        }
    }

    fn four() -> NonZero<usize> {
        NonZero::new(4).unwrap()
    }

    #[test]
    fn results_come_in_the_order_of_reading() {
        let mut told = Vec::new();
        let pieces = (0..500).map(|n| Number(n, 1));
        let work = |Number(n, _)| {
            thread::sleep(Duration::from_micros((n * 7919) % 500));
            n
        };
        run(four(), pieces, work, |result| {
            if let Told::Result(n) = result {
                told.push(n);
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(told, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn no_more_is_under_way_than_the_budget_allows() {
        static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let weight = |n: u64| if n.is_multiple_of(10) { 2 * BUDGET } else { BUDGET / 3 };
        let pieces = (0..100).map(move |n| Number(n, weight(n)));
        let work = |Number(_, weight)| {
            MOST.fetch_max(
                UNDER_WAY.fetch_add(weight, Ordering::SeqCst) + weight,
                Ordering::SeqCst,
            );
            thread::sleep(Duration::from_micros(200));
            UNDER_WAY.fetch_sub(weight, Ordering::SeqCst);
        };
        run(four(), pieces, work, |_| Ok(())).unwrap();
        assert_eq!(MOST.load(Ordering::SeqCst), 2 * BUDGET, "a large piece goes alone");
    }

    #[test]
    fn a_caller_that_stops_is_not_kept_by_an_input_that_waits() {
        let (_open, waiting) = mpsc::channel::<()>();
        let pieces = (0..).map(move |n| {
            if n == 3 {
                let _ = waiting.recv();
            }
            Number(n, 1)
        });
        let stopped = run(four(), pieces, |Number(n, _)| n, |_| Err(Stop::ClosedPipe));
        assert!(matches!(stopped, Err(Stop::ClosedPipe)));
    }

    #[test]
    fn a_thread_that_fails_is_not_taken_for_the_end() {
        let reading = (0..10).map(|n| if n == 5 { panic!("reading") } else { Number(n, 1) });
        assert!(matches!(
            run(four(), reading, |Number(n, _)| n, |_| Ok(())),
            Err(Stop::Failure(_))
        ));
        let work = |Number(n, _)| assert_ne!(n, 5, "working");
        assert!(matches!(
            run(four(), (0..10).map(|n| Number(n, 1)), work, |_| Ok(())),
            Err(Stop::Failure(_))
        ));
    }
}
