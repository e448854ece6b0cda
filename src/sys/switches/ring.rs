//! The ring of one core: memory that the kernel writes and we read (`perf_event_open(2)`, "MMAP layout").

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::records::HEADER;
use crate::model::Monotonic;

/// Where the kernel's first page says how far it has written, and where we say how far we have read.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// The longest record that is looked at where it wraps around. Only one with the name of a mapped file can be longer.
const LONGEST: usize = 256;

/// A ring with less room than this may have lost records: those of threads are at most 56 bytes long, and it leaves one byte free. A
/// longer one, with the name of a mapped file, may be lost before: the next record tells of that.
const ROOM_FOR_ONE: u64 = 64;

/// A ring, open and mapped.
#[derive(Debug)]
pub(super) struct Ring {
    /// The core whose records it gets.
    pub(super) core: u16,
    /// The time of its last record that was read; at first, when it was opened.
    pub(super) latest: Monotonic,
    /// Whether it was full when it was read last, and no record has come since that tells how many were lost.
    pub(super) is_gap_told: bool,
    first: NonNull<u8>,
    page: usize,
    /// Bytes of data, a power of two.
    size: usize,
    /// Keeps the event.
    _event: OwnedFd,
}

// SAFETY: it owns a mapping that stays as long as this value lives, in whichever thread that is.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring of an event, with at most so many pages of data, a power of two: fewer, where not so much memory may be locked.
    pub(super) fn map(event: OwnedFd, core: u16, mut pages: usize, now: Monotonic) -> io::Result<Self> {
        let page = rustix::param::page_size();
        loop {
            let length = (pages + 1) * page;
            // Writable, so that the kernel writes over nothing that was not read.
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: the kernel chooses the address, so nothing of ours is mapped over.
            match unsafe { mmap(std::ptr::null_mut(), length, access, MapFlags::SHARED, &event, 0) } {
                Ok(address) => {
                    let first = NonNull::new(address.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
                    return Ok(Self { core, latest: now, is_gap_told: false, first, page, size: pages * page, _event: event });
                }
                Err(Errno::PERM | Errno::NOMEM) if pages > 1 => pages /= 2,
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Hands each record that is there to `each`, oldest first, with the ring's time, which `each` sets to the record's. Whether there
    /// was no room left: then the kernel may have lost later records, until now, and tells of them only with its next record.
    pub(super) fn drain(&mut self, mut each: impl FnMut(&[u8], &mut Monotonic)) -> bool {
        // The kernel writes a record before it moves the head.
        let mut head = self.counter(HEAD).load(Ordering::Acquire);
        let begin = self.counter(TAIL).load(Ordering::Relaxed);
        let mut tail = begin;
        let is_full = loop {
            tail = self.read(tail, head, &mut each);
            let newest = self.counter(HEAD).load(Ordering::Acquire);
            let is_full = self.size as u64 - newest.wrapping_sub(begin).min(self.size as u64) < ROOM_FOR_ONE;
            if newest == head || !is_full {
                break is_full;
            }
            // It has become full while it was read: what stands before the gap is read, too.
            head = newest;
        };
        // What was read may be written over from now on. There is room again for the kernel before a clock is read.
        self.counter(TAIL).store(tail, Ordering::Release);
        fence(Ordering::SeqCst);
        is_full
    }

    /// Hands out the records between two positions. Returns the position behind the last one.
    fn read(&mut self, mut tail: u64, head: u64, each: &mut impl FnMut(&[u8], &mut Monotonic)) -> u64 {
        let mut joined = [0; LONGEST];
        while tail != head {
            let left = head.wrapping_sub(tail);
            // A header does not wrap around: all records begin at a multiple of its size.
            let header = self.at(tail, HEADER).and_then(|bytes| bytes.get(6..HEADER)?.try_into().ok());
            let size = usize::from(header.map_or(0, u16::from_ne_bytes));
            if size < HEADER || size as u64 > left {
                // Nothing that the kernel writes: what is there cannot be told apart.
                return head;
            }
            let mut latest = self.latest;
            if let Some(bytes) = self.at(tail, size) {
                each(bytes, &mut latest);
            } else if size <= LONGEST {
                let first = self.size - self.place(tail);
                if let (Some(begin), Some(end)) = (self.at(tail, first), self.at(tail.wrapping_add(first as u64), size - first)) {
                    joined[..first].copy_from_slice(begin);
                    joined[first..size].copy_from_slice(end);
                    each(&joined[..size], &mut latest);
                }
            }
            self.latest = latest;
            tail = tail.wrapping_add(size as u64);
        }
        tail
    }

    const fn place(&self, position: u64) -> usize {
        position as usize & (self.size - 1)
    }

    /// So many bytes at a position between tail and head, unless they wrap around.
    fn at(&self, position: u64, length: usize) -> Option<&[u8]> {
        let place = self.place(position);
        (place + length <= self.size).then(|| {
            // SAFETY: inside the mapping, whose data begin with its second page. The kernel writes nothing between tail and head, and
            // the tail is moved only when the slice has gone.
            unsafe { std::slice::from_raw_parts(self.first.add(self.page + place).as_ptr(), length) }
        })
    }

    fn counter(&self, at: usize) -> &AtomicU64 {
        // SAFETY: both counters are in the first page, aligned to eight bytes, and are reached through atomic operations alone.
        unsafe { AtomicU64::from_ptr(self.first.add(at).cast().as_ptr()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody can hold a reference into it any more.
        let _ = unsafe { munmap(self.first.as_ptr().cast(), self.size + self.page) };
    }
}
