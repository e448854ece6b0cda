//! A device's registers that its driver hands out as memory (mmap(2)). They are read here and never written: the mapping is read-only.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Registers of 32 bits each, one after the other.
#[derive(Debug)]
pub struct ReadRegisters {
    first: NonNull<u32>,
    words: usize,
}

// SAFETY: it is a pointer into memory that stays mapped as long as this value lives, in whichever thread that is.
unsafe impl Send for ReadRegisters {}

impl ReadRegisters {
    /// Maps `words` registers of the device at `path`, from `start` bytes on, a multiple of the page size.
    pub fn map(path: &Path, start: u64, words: usize) -> io::Result<Self> {
        // O_SYNC asks /dev/mem for an uncached mapping (phys_mem_access_prot in the kernel).
        let file = OpenOptions::new().read(true).custom_flags(libc::O_SYNC).open(path)?;
        let bytes = words * size_of::<u32>();
        let about = file.metadata()?;
        // Reading past the end of a mapped file raises SIGBUS. A device has no length, and its driver refuses what it does not have.
        if about.is_file() && about.len().saturating_sub(start) < bytes as u64 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before its last register"));
        }
        // SAFETY: the kernel chooses the address, so nothing of ours is mapped over.
        let address = unsafe { mmap(std::ptr::null_mut(), bytes, ProtFlags::READ, MapFlags::SHARED, &file, start) }?;
        let first = NonNull::new(address.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { first, words })
    }

    /// The value that a register has now, counted from 0; `None` past the last one.
    pub fn read(&self, number: usize) -> Option<u32> {
        (number < self.words).then(|| {
            // SAFETY: mapped and aligned, since a mapping begins with a page and the number is within it. Volatile, since the device
            // changes it.
            unsafe { self.first.add(number).read_volatile() }
        })
    }
}

impl Drop for ReadRegisters {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody holds a reference into it: `read` hands out copies.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), self.words * size_of::<u32>()) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    /// A page of registers whose contents are their own numbers, behind another page.
    fn device() -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let words: Vec<u8> = (0..2 * PAGE).flat_map(|number| (number as u32).to_ne_bytes()).collect();
        file.as_file().write_all_at(&words, 0).expect("written");
        file
    }

    /// Registers in 64 KiB, the largest page that an arm64 kernel has.
    const PAGE: usize = 0x4000;

    #[test]
    fn a_register_is_read_as_it_is_now() {
        let device = device();
        let registers = ReadRegisters::map(device.path(), 0x1_0000, 4).expect("mapped");
        assert_eq!(
            (0..5).map(|number| registers.read(number)).collect::<Vec<_>>(),
            [Some(PAGE as u32), Some(PAGE as u32 + 1), Some(PAGE as u32 + 2), Some(PAGE as u32 + 3), None]
        );
        device.as_file().write_all_at(&7_u32.to_ne_bytes(), 0x1_0004).expect("written");
        assert_eq!(registers.read(1), Some(7), "not a copy");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_no_signal() {
        let device = device();
        for (start, words) in [(0, 2 * PAGE + 1), (0x1_0000, PAGE + 1), (0x10_0000, 1)] {
            let error = ReadRegisters::map(device.path(), start, words).expect_err("too long");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{start} {words}");
        }
        let error = ReadRegisters::map(Path::new("/no/such/device"), 0, 1).expect_err("none");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
