//! Parts of slices, ranges and vectors as the tasks of a loop, under rayon's names.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Range;

use super::run;

/// Tasks by number.
pub trait Parts: Sync + Sized {
    /// What a task gets.
    type Item;

    /// How many there are.
    fn count(&self) -> usize;

    /// What task `index` gets.
    ///
    /// # Safety
    /// `index < self.count()`, each asked for once at most.
    unsafe fn part(&self, index: usize) -> Self::Item;

    /// As many as both have.
    fn zip<P: Parts>(self, other: P) -> Zip<Self, P> {
        Zip(self, other)
    }

    /// Each with its number.
    fn enumerate(self) -> Zip<Indices, Self> {
        Zip(Indices(0..self.count()), self)
    }

    /// What `f` makes of each.
    fn map<R, F: Fn(Self::Item) -> R + Sync>(self, f: F) -> Map<Self, F> {
        Map(self, f)
    }

    /// `f` of each, in any order.
    fn for_each(self, f: impl Fn(Self::Item) + Sync) {
        // SAFETY: `run` calls with each number below the count once.
        run(self.count(), &|index| f(unsafe { self.part(index) }));
    }

    /// All, in order.
    fn collect(self) -> Vec<Self::Item>
    where
        Self::Item: Send,
    {
        let count = self.count();
        let mut all = Vec::with_capacity(count);
        let slots = ChunksMut::new(&mut all.spare_capacity_mut()[..count], 1);
        self.zip(slots).for_each(|(item, slot)| {
            slot[0].write(item);
        });
        // SAFETY: the loop above has written all; had a task panicked we would not be here.
        unsafe { all.set_len(count) };
        all
    }
}

/// The numbers of a range.
#[derive(Debug)]
pub struct Indices(Range<usize>);

impl Parts for Indices {
    type Item = usize;

    fn count(&self) -> usize {
        self.0.len()
    }

    unsafe fn part(&self, index: usize) -> usize {
        self.0.start + index
    }
}

/// Pieces of a slice, all but the last of one size.
#[derive(Debug)]
pub struct Chunks<'a, T> {
    data: &'a [T],
    size: usize,
}

impl<'a, T: Sync> Parts for Chunks<'a, T> {
    type Item = &'a [T];

    fn count(&self) -> usize {
        self.data.len().div_ceil(self.size)
    }

    unsafe fn part(&self, index: usize) -> &'a [T] {
        let rest = &self.data[index * self.size..];
        &rest[..rest.len().min(self.size)]
    }
}

/// [`Chunks`] for writing.
#[derive(Debug)]
pub struct ChunksMut<'a, T> {
    data: *mut T,
    len: usize,
    size: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: each task gets other elements.
unsafe impl<T: Send> Sync for ChunksMut<'_, T> {}

impl<'a, T> ChunksMut<'a, T> {
    fn new(data: &'a mut [T], size: usize) -> Self {
        assert!(size > 0, "chunks of nothing");
        Self {
            data: data.as_mut_ptr(),
            len: data.len(),
            size,
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Send> Parts for ChunksMut<'a, T> {
    type Item = &'a mut [T];

    fn count(&self) -> usize {
        self.len.div_ceil(self.size)
    }

    unsafe fn part(&self, index: usize) -> &'a mut [T] {
        let start = index * self.size;
        let len = self.size.min(self.len - start);
        // SAFETY: inside the slice, which is borrowed for as long; no other index has these elements.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(start), len) }
    }
}

/// The elements of a slice.
#[derive(Debug)]
pub struct Elements<'a, T>(&'a [T]);

impl<'a, T: Sync> Parts for Elements<'a, T> {
    type Item = &'a T;

    fn count(&self) -> usize {
        self.0.len()
    }

    unsafe fn part(&self, index: usize) -> &'a T {
        &self.0[index]
    }
}

/// The elements of a vector. Those of tasks that never ran are leaked.
#[derive(Debug)]
pub struct Owned<T>(Vec<ManuallyDrop<T>>);

// SAFETY: each task takes other elements.
unsafe impl<T: Send> Sync for Owned<T> {}

impl<T: Send> Parts for Owned<T> {
    type Item = T;

    fn count(&self) -> usize {
        self.0.len()
    }

    unsafe fn part(&self, index: usize) -> T {
        // SAFETY: the caller asks once.
        unsafe { std::ptr::read(&*self.0[index]) }
    }
}

/// Two by two.
#[derive(Debug)]
pub struct Zip<A, B>(A, B);

impl<A: Parts, B: Parts> Parts for Zip<A, B> {
    type Item = (A::Item, B::Item);

    fn count(&self) -> usize {
        self.0.count().min(self.1.count())
    }

    unsafe fn part(&self, index: usize) -> Self::Item {
        // SAFETY: the caller's promise.
        unsafe { (self.0.part(index), self.1.part(index)) }
    }
}

/// What a function makes of others.
#[derive(Debug)]
pub struct Map<P, F>(P, F);

impl<P: Parts, R, F: Fn(P::Item) -> R + Sync> Parts for Map<P, F> {
    type Item = R;

    fn count(&self) -> usize {
        self.0.count()
    }

    unsafe fn part(&self, index: usize) -> R {
        // SAFETY: the caller's promise.
        (self.1)(unsafe { self.0.part(index) })
    }
}

/// Slices in parts.
pub trait Slice<T> {
    /// Pieces of `size` elements, the last one shorter.
    fn par_chunks(&self, size: usize) -> Chunks<'_, T>;
    /// Pieces of `size` elements, without what is left over.
    fn par_chunks_exact(&self, size: usize) -> Chunks<'_, T>;
    /// One by one.
    fn par_iter(&self) -> Elements<'_, T>;
    /// [`par_chunks`](Self::par_chunks) for writing.
    fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
    /// [`par_chunks_exact`](Self::par_chunks_exact) for writing.
    fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
}

impl<T> Slice<T> for [T] {
    fn par_chunks(&self, size: usize) -> Chunks<'_, T> {
        assert!(size > 0, "chunks of nothing");
        Chunks { data: self, size }
    }

    fn par_chunks_exact(&self, size: usize) -> Chunks<'_, T> {
        self[..self.len() / size * size].par_chunks(size)
    }

    fn par_iter(&self) -> Elements<'_, T> {
        Elements(self)
    }

    fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
        ChunksMut::new(self, size)
    }

    fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
        let len = self.len() / size * size;
        ChunksMut::new(&mut self[..len], size)
    }
}

/// Ranges and vectors in parts.
pub trait IntoParts {
    /// The parts.
    type Parts: Parts;

    /// One by one.
    fn into_par_iter(self) -> Self::Parts;
}

impl IntoParts for Range<usize> {
    type Parts = Indices;

    fn into_par_iter(self) -> Indices {
        Indices(self)
    }
}

impl<T: Send> IntoParts for Vec<T> {
    type Parts = Owned<T>;

    fn into_par_iter(self) -> Owned<T> {
        Owned(self.into_iter().map(ManuallyDrop::new).collect())
    }
}
