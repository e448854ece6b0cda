//! The owner of a lock that a thread in futex(2) waits for, where the lock keeps one in its memory; and the thread whose end it waits
//! for. Pure: the memory and the threads are asked through closures.
//!
//! The kernel knows words at addresses, not locks. The C library's mutex has its owner's thread id beside the word; condition variables,
//! semaphores, and the locks of Python, Go and Rust have none. So an owner counts only where call and memory both look like one kind of
//! mutex, and it is a thread of the process.

use super::syscall::Syscall;
use crate::model::Tid;

/// Flags of the operation (`linux/futex.h`).
const PRIVATE: u32 = 128;
const CLOCK_REALTIME: u32 = 256;
/// Parts of a word that holds an owner by the kernel's own convention: set while somebody waits, and the thread id.
const WAITERS: u32 = 0x8000_0000;
const TID_MASK: u32 = 0x3fff_ffff;

/// The word of glibc's mutex that somebody waits for; the value that they wait with.
const CONTENDED: u32 = 2;
/// Places in glibc's mutex on 64-bit machines, in words: lock, count, owner, users, kind.
const COUNT: u64 = 1;
const OWNER: u64 = 2;
const USERS: u64 = 3;
const KIND: u64 = 4;
/// Bits of glibc's kind: the type (normal, recursive, error-checking, adaptive), robust, shared by processes, lock elision on or off.
const TYPE: u32 = 3;
const RECURSIVE: u32 = 1;
const ERROR_CHECKING: u32 = 2;
const ROBUST: u32 = 16;
const SHARED: u32 = 128;
const ELISION: u32 = 256 | 512;

/// A wait in futex(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FutexWait {
    /// The word.
    address: u64,
    /// The operation without its flags.
    command: u32,
    is_private: bool,
    /// The value that the word had when the wait began.
    value: u32,
    has_timeout: bool,
}

/// The thread for which another one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// It owns the lock at this address.
    Lock { address: u64, owner: Tid },
    /// Its end is awaited.
    End { of: Tid },
}

impl FutexWait {
    /// The wait, if the call is one.
    pub(super) fn of(call: &Syscall) -> Option<Self> {
        let [address, operation, value, timeout, ..] = call.arguments;
        let operation = operation as u32;
        (call.number == libc::SYS_futex).then_some(Self {
            address,
            command: operation & !(PRIVATE | CLOCK_REALTIME),
            is_private: operation & PRIVATE != 0,
            value: value as u32,
            has_timeout: timeout != 0,
        })
    }

    /// Whether only threads of its process can end it: no time limit does, and no other process has the word.
    pub(super) const fn is_only_its_processs(&self) -> bool {
        self.is_private && !self.has_timeout
    }

    pub(super) const fn has_timeout(&self) -> bool {
        self.has_timeout
    }

    /// The thread that `waiter` waits for, where that is known. `threads` is the number of threads of the process, `word` reads its
    /// memory, `is_thread` says whether one of its threads has this id and lives.
    pub(super) fn held(
        &self,
        waiter: Tid,
        threads: u32,
        word: impl Fn(u64) -> Option<u32>,
        mut is_thread: impl FnMut(Tid) -> bool,
    ) -> Option<Held> {
        let at = |place: u64| word(self.address.checked_add(place * 4)?);
        let now = at(0)?;
        let mut owner_in =
            |word: u32| Some(Tid::new((word & TID_MASK).cast_signed())).filter(|tid| tid.number() > 0 && is_thread(*tid));
        let lock = |address, owner: Tid| Some(Held::Lock { address, owner });
        match self.command.cast_signed() {
            // Here the kernel itself reads the owner. It refuses a thread that has the lock already.
            libc::FUTEX_LOCK_PI | libc::FUTEX_LOCK_PI2 => {
                owner_in(now).filter(|owner| *owner != waiter).and_then(|owner| lock(self.address, owner))
            }
            libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET if self.value == CONTENDED => {
                // pthread_mutex_lock uses the one, pthread_mutex_timedlock the other.
                let is_mutexs = self.has_timeout == (self.command.cast_signed() == libc::FUTEX_WAIT_BITSET);
                let kind = at(KIND).filter(|kind| {
                    let is_known = kind & !(TYPE | SHARED | ELISION) == 0 && (kind & SHARED == 0) == self.is_private;
                    is_mutexs && matches!(now, 1 | CONTENDED) && is_known
                })?;
                let has_count = kind & TYPE == RECURSIVE || at(COUNT) == Some(0);
                let most_users = if self.is_private { threads } else { u32::MAX };
                let has_users = at(USERS).is_some_and(|users| (1..=most_users).contains(&users));
                let owner = at(OWNER).filter(|owner| has_count && has_users && owner & !TID_MASK == 0).and_then(owner_in)?;
                self.may_own(owner, waiter, kind).then_some(Held::Lock { address: self.address, owner })
            }
            libc::FUTEX_WAIT if self.value & WAITERS != 0 => {
                let owner = owner_in(now).filter(|_| now == self.value)?;
                if let Some(kind) = at(KIND).filter(|kind| kind & !(TYPE | ROBUST | SHARED | ELISION) == 0 && kind & ROBUST != 0)
                {
                    let is_owner = at(OWNER) == Some(owner.number().cast_unsigned());
                    return (is_owner && self.may_own(owner, waiter, kind))
                        .then_some(Held::Lock { address: self.address, owner });
                }
                // musl's mutex begins with its type: 1 recursive, 2 error-checking, and the bits 4 robust, 128 shared by processes. Its
                // normal one (0) keeps no owner. Waiters are counted behind the word.
                let start = self.address.checked_sub(4)?;
                let kind = word(start).filter(|kind| kind & !(TYPE | 4 | SHARED) == 0 && matches!(kind & TYPE, 1 | 2))?;
                let is_musl =
                    (kind & SHARED == 0) == self.is_private && at(1).is_some_and(|waiters| (1..=threads).contains(&waiters));
                (is_musl && owner != waiter).then_some(Held::Lock { address: start, owner })
            }
            // pthread_join: the kernel clears the word when the thread ends, and wakes whoever waits.
            libc::FUTEX_WAIT_BITSET if !self.is_private && now == self.value => Some(now)
                .filter(|word| word & !TID_MASK == 0)
                .and_then(owner_in)
                .filter(|of| *of != waiter)
                .map(|of| Held::End { of }),
            _ => None,
        }
    }

    /// A thread can wait for ever for a mutex that it has locked itself, if that neither counts nor checks.
    fn may_own(&self, owner: Tid, waiter: Tid, kind: u32) -> bool {
        owner != waiter || (!matches!(kind & TYPE, RECURSIVE | ERROR_CHECKING) && !self.has_timeout)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESS: u64 = 0x5598_b5ef_9200;
    const WAITER: Tid = Tid::new(4713);
    const OTHER: u32 = 4712;

    /// A wait in futex(2): operation, value, time limit; the words before and from the address on. Threads are 4711 to 4713.
    fn held(operation: u32, value: u32, timeout: u64, before: u32, words: &[u32]) -> Option<Held> {
        let arguments = [ADDRESS, operation.into(), 0xffff_ffff_0000_0000 | u64::from(value), timeout, 0, 0];
        let wait = FutexWait::of(&Syscall { number: libc::SYS_futex, arguments, stack: 0 }).expect("futex");
        let word = |address: u64| match address.wrapping_sub(ADDRESS) {
            u64::MAX.. => None,
            offset if offset == 4_u64.wrapping_neg() => Some(before),
            offset => words.get((offset / 4) as usize).copied(),
        };
        wait.held(WAITER, 3, word, |tid| (4711..=4713).contains(&tid.number()))
    }

    fn lock(owner: u32) -> Held {
        Held::Lock { address: ADDRESS, owner: Tid::new(owner.cast_signed()) }
    }

    /// Words as they were read from programs with glibc 2.36.
    #[test]
    fn the_owner_of_each_kind_of_mutex_is_read() {
        for (what, operation, value, timeout, words) in [
            ("normal", 128, 2, 0, [2, 0, OTHER, 1, 0]),
            ("with a time limit", 393, 2, 0x7f7b, [2, 0, OTHER, 1, 0]),
            ("that was taken by somebody who did not wait", 128, 2, 0, [1, 0, OTHER, 1, 0]),
            ("recursive", 128, 2, 0, [2, 3, OTHER, 1, 1]),
            ("error-checking", 128, 2, 0, [2, 0, OTHER, 1, 2]),
            ("adaptive", 128, 2, 0, [2, 0, OTHER, 1, 3]),
            ("without lock elision", 128, 2, 0, [2, 0, OTHER, 1, 512]),
            ("that two others left for a condition", 128, 2, 0, [2, 0, OTHER, 3, 0]),
            ("shared by processes", 0, 2, 0, [2, 0, OTHER, 1, 128]),
            ("robust", 0, 0x8000_0000 | OTHER, 0, [0x8000_0000 | OTHER, 1, OTHER, 1, 144]),
            ("with priority inheritance", 134, 0, 0, [0x8000_0000 | OTHER, 1, OTHER, 1, 32]),
            ("with priority inheritance and a time limit", 141, 0, 0x7f, [0x8000_0000 | OTHER, 1, OTHER, 1, 32]),
        ] {
            assert_eq!(held(operation, value, timeout, 0, &words), Some(lock(OTHER)), "a mutex {what}");
            let call = Syscall { number: libc::SYS_futex, arguments: [0, operation.into(), 0, timeout, 0, 0], stack: 0 };
            let is_free = ["shared", "robust", "limit"].iter().all(|word| !what.contains(word));
            assert_eq!(FutexWait::of(&call).map(|wait| wait.is_only_its_processs()), Some(is_free), "a mutex {what}");
        }
        let musl = |kind, operation| held(operation, 0x8000_0000 | OTHER, 0, kind, &[0x8000_0000 | OTHER, 1, 0, 0, 0]);
        let of_musl = Some(Held::Lock { address: ADDRESS - 4, owner: Tid::new(OTHER.cast_signed()) });
        assert_eq!([musl(1, 128), musl(2, 128), musl(129, 0), musl(5, 128)], [of_musl; 4]);
        assert_eq!([musl(0, 128), musl(1, 0), musl(0x55, 128)], [None; 3], "not musl's recursive or error-checking mutex");
    }

    #[test]
    fn a_mutex_that_was_locked_twice_is_its_owners_own_trap_and_a_join_is_a_wait_for_an_end() {
        let own = WAITER.number().cast_unsigned();
        assert_eq!(held(128, 2, 0, 0, &[2, 0, own, 1, 0]), Some(lock(own)));
        for kind in [1, 2] {
            assert_eq!(held(128, 2, 0, 0, &[2, 0, own, 1, kind]), None, "it would count, or fail");
        }
        assert_eq!(held(265, OTHER, 0, 0, &[OTHER, 0, 0, 0, 0]), Some(Held::End { of: Tid::new(OTHER.cast_signed()) }));
        assert_eq!(held(265, own, 0, 0, &[own, 0, 0, 0, 0]), None);
        assert_eq!(held(393, OTHER, 0, 0, &[OTHER, 0, 0, 0, 0]), None, "private: a number that happens to be a thread's");
        assert_eq!(held(265, 9, 0, 0, &[9, 0, 0, 0, 0]), None, "nobody's");
    }

    #[test]
    fn what_keeps_no_owner_is_given_none() {
        for (what, operation, value, timeout, words) in [
            ("a condition, its mutex behind it", 393, 0, 0, [0, 0, OTHER, 1, 0]),
            ("a condition whose mutex's owner stands where an owner would", 393, 2, 0, [2, 0, OTHER, 1, 0]),
            ("a condition with a time limit, its mutex behind it", 393, 2, 0x7f, [2, 0, 1, 0, OTHER]),
            ("a semaphore", 393, 0, 0, [0, 1, 0, 0, 0]),
            ("a lock for reading and writing, wanted for writing", 393, 2, 0, [2, 1, 0, 0, 0]),
            ("a lock for reading and writing, held for writing", 393, 3, 0, [3, 1, 0, 0, OTHER]),
            ("the lock of a stream: a pointer stands there", 128, 2, 0, [2, 1, OTHER, 32_674, 0]),
            ("a mutex of Rust's, with data behind it", 137, 2, 0, [2, 0, OTHER, 1, 0]),
            ("a thread that has ended", 128, 2, 0, [2, 0, 4710, 1, 0]),
            ("a lock of the C library's own", 128, 2, 0, [2, 0, 0, 0, 0]),
            ("a mutex that is free by now", 128, 2, 0, [0, 0, OTHER, 1, 0]),
            ("no kind", 128, 2, 0, [2, 0, OTHER, 1, 0x5598]),
            ("the wrong kind for a shared word", 0, 2, 0, [2, 0, OTHER, 1, 0]),
            ("more users than threads", 128, 2, 0, [2, 0, OTHER, 4, 0]),
            ("waiting for another word to be given on", 139, 2, 0, [2, 0, OTHER, 1, 0]),
            (
                "eight readers and a writer that waits, where thread ids are small",
                128,
                0x8000_0000 | OTHER,
                0,
                [0x8000_0000 | OTHER, 1, 0, 0, 0],
            ),
        ] {
            assert_eq!(held(operation, value, timeout, 0, &words), None, "{what}");
        }
        assert_eq!(held(128, 2, 0, 0, &[2, 0, OTHER, 1]), None, "memory that cannot be read");
        let read = Syscall { number: libc::SYS_read, arguments: [0; 6], stack: 0 };
        assert_eq!(FutexWait::of(&read), None);
    }

    proptest! {
        #[test]
        fn any_call_and_any_memory_are_survived(
            arguments in any::<[u64; 6]>(), words in proptest::collection::vec(any::<u32>(), 0..8), threads: u32,
        ) {
            let wait = FutexWait::of(&Syscall { number: libc::SYS_futex, arguments, stack: 0 }).expect("futex");
            let word = |address: u64| words.get((address.wrapping_sub(arguments[0]) / 4) as usize).copied();
            let _ = wait.held(WAITER, threads, word, |_| true);
        }

        /// Whatever is there: an owner is a thread of the process.
        #[test]
        fn nobody_else_is_ever_an_owner(
            operation in 0..512_u32, value in prop_oneof![Just(2), Just(0x8000_0000 | OTHER), Just(OTHER), any::<u32>()],
            words in proptest::collection::vec(prop_oneof![Just(2), Just(OTHER), Just(1), Just(0), any::<u32>()], 0..8),
        ) {
            if let Some(Held::Lock { owner, .. } | Held::End { of: owner }) = held(operation, value, 0, 1, &words) {
                prop_assert!((4711..=4713).contains(&owner.number()));
            }
        }
    }
}
