//! Memory that a process shares with the children that it forks: one number in a mapping of its own.

use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A number in shared memory (mmap(2), `MAP_SHARED | MAP_ANONYMOUS`): a change in one process shows in all of them,
/// while ordinary memory is copied by a fork.
#[derive(Debug)]
pub struct SharedNumber(NonNull<AtomicU64>);

// SAFETY: it is a pointer to an atomic number in memory that stays mapped as long as this value lives.
unsafe impl Send for SharedNumber {}
// SAFETY: as above; threads and processes reach the number through atomic operations alone.
unsafe impl Sync for SharedNumber {}

impl SharedNumber {
    /// Zero, shared with the children that are forked from now on.
    pub fn new() -> io::Result<Self> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the address, so nothing of ours is mapped over.
        let address = unsafe { mmap_anonymous(std::ptr::null_mut(), size_of::<AtomicU64>(), access, MapFlags::SHARED) }?;
        Ok(Self(NonNull::new(address.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?))
    }
}

impl Deref for SharedNumber {
    type Target = AtomicU64;

    fn deref(&self) -> &AtomicU64 {
        // SAFETY: mapped, aligned to a page, zeroed by the kernel, and unmapped only when this value is dropped.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedNumber {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody can hold a reference into it any more.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), size_of::<AtomicU64>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn threads_see_each_other_s_changes() {
        let number = SharedNumber::new().expect("a page");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| number.fetch_add(2, Ordering::Relaxed));
            }
        });
        assert_eq!(number.load(Ordering::Relaxed), 8);
    }
}
