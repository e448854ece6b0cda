//! Reading the memory of another process. Any thread; the process goes on meanwhile, so that what is read may be of several moments.

use std::io;

use crate::model::Pid;

/// Fills `bytes` with the memory of a process from `address` on. EPERM: it runs as another user, or the kernel's Yama module
/// (`kernel.yama.ptrace_scope`) allows it to nobody but root, or to ancestors alone and we are none. ESRCH: it is gone. EFAULT: it has no
/// such memory.
pub fn read_memory(pid: Pid, address: u64, bytes: &mut [u8]) -> io::Result<()> {
    let unmapped = || io::Error::from_raw_os_error(libc::EFAULT);
    let start = usize::try_from(address).map_err(|_| unmapped())?;
    let ours = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let theirs = libc::iovec { iov_base: std::ptr::without_provenance_mut(start), iov_len: bytes.len() };
    // SAFETY: both point to one iovec each; ours to memory that may be written for that length. The kernel checks theirs in the other
    // process, and nothing of this process is reached through it.
    let count = unsafe { libc::process_vm_readv(pid.number(), &raw const ours, 1, &raw const theirs, 1, 0) };
    match usize::try_from(count) {
        Ok(count) if count == bytes.len() => Ok(()),
        // The first part is mapped, the rest is not.
        Ok(_) => Err(unmapped()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::own_pid;
    use super::*;

    #[test]
    fn memory_is_read_as_it_is_and_what_is_not_there_is_an_error() {
        let there = [7_u8, 8, 9];
        let address = there.as_ptr().expose_provenance() as u64;
        let mut read = [0; 3];
        read_memory(own_pid(), address, &mut read).expect("our own");
        assert_eq!(read, there);
        for nowhere in [0, 8, u64::MAX - 2, u64::MAX] {
            let error = read_memory(own_pid(), nowhere, &mut read).expect_err("not mapped");
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT), "{nowhere}");
        }
        let gone = read_memory(Pid::new(i32::MAX), address, &mut read).expect_err("nobody");
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }
}
