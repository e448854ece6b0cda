//! How the C library keeps memory that was freed.

/// Freed memory up to this size is kept for the next time, in bytes.
#[cfg(target_env = "gnu")]
const KEPT: libc::c_int = 32 << 20;

/// Keeps freed memory instead of giving it back at once. Where the processor draws, each frame of the window takes and frees some 8 MB: the
/// kernel would clear 2,000 pages anew for each of them.
pub fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) sets numbers of the allocator, under its own lock, and takes any value.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        // Else it would be 128 KiB from now on, and each larger buffer a mapping of its own.
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT);
    }
}
