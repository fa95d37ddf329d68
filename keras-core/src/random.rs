//! Seeds: one source a thread, and generators that layers own.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keras_ops::Seed;

thread_local! {
    static SOURCE: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// Makes everything random that this thread does from now on repeatable: initial weights, shuffling,
/// dropout, data splits.
///
/// ```
/// keras_core::set_random_seed(42);
/// let first = keras_core::random::next_seed();
/// keras_core::set_random_seed(42);
/// assert_eq!(keras_core::random::next_seed(), first);
/// assert_ne!(keras_core::random::next_seed(), first);
/// ```
pub fn set_random_seed(seed: u64) {
    SOURCE.set(Some((seed, 0)));
}

/// The seed that this thread's source began with: what [`set_random_seed`] was given, or else one that is drawn from the
/// clock now or was drawn when the first seed was needed.
///
/// ```
/// keras_core::set_random_seed(42);
/// assert_eq!(keras_core::random::random_seed(), 42);
/// ```
pub fn random_seed() -> u64 {
    source().0
}

/// A fresh seed of this thread's source. Without [`set_random_seed`] the source starts from the clock and the
/// process's own random state.
pub fn next_seed() -> u64 {
    let (seed, count) = source();
    SOURCE.set(Some((seed, count + 1)));
    mix(seed ^ mix(count.wrapping_add(0x9E37_79B9_7F4A_7C15)))
}

fn source() -> (u64, u64) {
    let source = SOURCE.get().unwrap_or_else(|| (entropy(), 0));
    SOURCE.set(Some(source));
    source
}

/// Where this thread's source stands: its seed, and the seeds drawn from it.
pub(crate) fn state() -> (u64, u64) {
    source()
}

/// Goes on from a [`state`].
pub(crate) fn load_state(state: (u64, u64)) {
    SOURCE.set(Some(state));
}

fn entropy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::SystemTime::now())
}

/// A seed of its own for each `index`, from one seed.
pub(crate) fn derive(seed: u64, index: u64) -> u64 {
    mix(seed ^ mix(index.wrapping_add(0xD1B5_4A32_D192_ED03)))
}

/// Runs `f` with this thread's source started from `seed`; afterwards the source goes on where it stood.
pub(crate) fn with_seed<T>(seed: u64, f: impl FnOnce() -> T) -> T {
    struct Restore(Option<(u64, u64)>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SOURCE.set(self.0);
        }
    }
    let _restore = Restore(SOURCE.replace(Some((seed, 0))));
    f()
}

/// SplitMix64's finisher: neighbouring numbers give unrelated seeds.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of random states: each [`next`](Self::next) gives the seed and a counter that nothing else uses.
/// Clones share the stream. The counter is part of a checkpoint.
///
/// ```
/// use keras_core::{SeedGenerator, ops::Seed};
/// let seeds = SeedGenerator::new(Some(7));
/// assert_eq!(seeds.next(), Seed::new(7, 0));
/// assert_eq!(seeds.next(), Seed::new(7, 1));
/// let resumed = SeedGenerator::new(None);
/// resumed.load_state(seeds.state());
/// assert_eq!(resumed.next(), Seed::new(7, 2));
/// ```
#[derive(Clone, Debug)]
pub struct SeedGenerator(Arc<(AtomicU64, AtomicU64)>);

impl SeedGenerator {
    /// From `seed`, or from this thread's source.
    pub fn new(seed: Option<u64>) -> Self {
        Self(Arc::new((
            AtomicU64::new(seed.unwrap_or_else(next_seed)),
            AtomicU64::new(0),
        )))
    }

    /// The seed and the next unused counter.
    pub fn next(&self) -> Seed {
        Seed::new(
            self.0.0.load(Ordering::Relaxed),
            self.0.1.fetch_add(1, Ordering::Relaxed),
        )
    }

    /// The seed and the counter as they stand.
    pub fn state(&self) -> Seed {
        Seed::new(self.0.0.load(Ordering::Relaxed), self.0.1.load(Ordering::Relaxed))
    }

    /// Continues from a [`state`](Self::state).
    pub fn load_state(&self, state: Seed) {
        self.0.0.store(state.seed, Ordering::Relaxed);
        self.0.1.store(state.counter, Ordering::Relaxed);
    }
}
