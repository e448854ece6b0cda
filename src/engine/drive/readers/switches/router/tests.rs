//! Tests of the router: no run gets what is another's, whatever comes first.

use proptest::prelude::*;

use super::*;
use crate::model::Tid;

const SUPERVISOR: i32 = 2;
const A: RunId = RunId::new(1);
const B: RunId = RunId::new(2);

fn at(millis: u64) -> Monotonic {
    Monotonic::from_nanos(millis * 1_000_000)
}

fn record(millis: u64, pid: i32, tid: i32, what: Scheduled) -> SchedulerRecord {
    SchedulerRecord { t: at(millis), pid: Pid::new(pid), tid: Tid::new(tid), core: 0, what }
}

/// A process begins, made by the first thread of another; a thread, where both are the same.
fn began(millis: u64, pid: i32, tid: i32, parent: i32) -> SchedulerRecord {
    record(millis, pid, tid, Scheduled::Began { parent: Pid::new(parent), by: Tid::new(parent) })
}

fn child(millis: u64, pid: i32) -> SchedulerRecord {
    began(millis, pid, pid, SUPERVISOR)
}

fn goes_on(millis: u64, pid: i32) -> SchedulerRecord {
    record(millis, pid, pid, Scheduled::In)
}

fn ended(millis: u64, pid: i32) -> SchedulerRecord {
    record(millis, pid, pid, Scheduled::Ended)
}

fn lost(millis: u64) -> SchedulerRecord {
    record(millis, 0, 0, Scheduled::Lost { since: at(millis - 1), count: 7 })
}

/// A router, and what the engine knows besides.
struct Bench {
    router: Router,
    begun: Vec<RunId>,
    known: HashMap<Pid, RunId>,
}

impl Bench {
    fn new() -> Self {
        Self { router: Router::new(Pid::new(SUPERVISOR)), begun: Vec::new(), known: HashMap::new() }
    }

    fn launched(&mut self, run: RunId, pid: i32, millis: u64) {
        self.begun.push(run);
        self.router.launched(run, [Pid::new(pid)], at(millis));
    }

    /// The times in milliseconds and processes of the records that each begun run gets.
    fn route(&mut self, records: Vec<SchedulerRecord>) -> Vec<Vec<(u64, i32)>> {
        let until = records.last().map_or(Monotonic::ZERO, |record| record.t);
        let routed = self.router.route(SwitchBatch { records, until }, &self.begun, |pid| self.known.get(&pid).copied());
        assert_eq!(routed.iter().map(|(run, _)| *run).collect::<Vec<_>>(), self.begun);
        for (_, records) in &routed {
            assert!(records.is_sorted_by_key(|record| record.t), "{records:?}");
        }
        let plain = |record: &SchedulerRecord| (record.t.nanos() / 1_000_000, record.pid.number());
        routed.iter().map(|(_, records)| records.iter().map(plain).collect()).collect()
    }
}

#[test]
fn a_child_and_all_that_it_starts_belong_to_the_run_whatever_comes_first() {
    let births = || vec![child(1, 10), goes_on(2, 10), began(3, 10, 11, 10), began(4, 20, 20, 10), goes_on(5, 20), ended(6, 10)];
    let all = [(1, 10), (2, 10), (3, 10), (4, 20), (5, 20), (6, 10)];
    let mut bench = Bench::new();
    bench.launched(A, 10, 2);
    assert_eq!(bench.route(births()), [all], "the report first");
    let mut bench = Bench::new();
    assert!(bench.route(births()).is_empty(), "nobody has begun");
    bench.launched(A, 10, 7);
    let later = bench.route(vec![goes_on(8, 20), record(9, 10, 11, Scheduled::In)]);
    assert_eq!(later, [[&all[..], &[(8, 20), (9, 10)]].concat()], "the records first: none is missing, in order");
    assert_eq!(bench.route(vec![goes_on(10, 20)]), [[(10, 20)]], "once");
}

#[test]
fn a_run_never_gets_what_is_another_ones_or_nobodys() {
    let mut bench = Bench::new();
    bench.launched(A, 10, 5);
    bench.launched(B, 30, 5);
    let routed = bench.route(vec![
        child(1, 10),
        child(1, 30),
        child(1, 50),
        began(2, 31, 31, 30),
        began(2, 51, 51, 50),
        began(2, 11, 11, 10),
        goes_on(3, 31),
        goes_on(3, 51),
        goes_on(3, 11),
        goes_on(3, 99),
    ]);
    assert_eq!(routed, [[(1, 10), (2, 11), (3, 11)], [(1, 30), (2, 31), (3, 31)]]);
}

#[test]
fn a_number_that_is_used_again_is_another_process_from_its_birth_on() {
    let mut bench = Bench::new();
    bench.launched(A, 10, 5);
    bench.launched(B, 30, 5);
    let first =
        bench.route(vec![child(1, 10), child(1, 30), began(2, 40, 40, 10), goes_on(3, 40), ended(4, 40), began(5, 40, 40, 30)]);
    assert_eq!(first, [vec![(1, 10), (2, 40), (3, 40), (4, 40)], vec![(1, 30), (5, 40)]]);
    assert_eq!(bench.route(vec![goes_on(6, 40)]), [vec![], vec![(6, 40)]]);
    // Even if its end was not told, or if its new parent is unknown: then it is nobody's, whatever the engine still believes.
    assert_eq!(bench.route(vec![began(7, 40, 40, 10), goes_on(8, 40)]), [vec![(7, 40), (8, 40)], vec![]]);
    bench.known.insert(Pid::new(40), A);
    assert_eq!(bench.route(vec![began(9, 40, 40, 77), goes_on(10, 40)]), [vec![], vec![]]);
    assert_eq!(bench.route(vec![goes_on(1_100, 40)]), [vec![(1_100, 40)], vec![]], "by then it has seen who is there");
}

#[test]
fn of_two_children_with_one_number_each_goes_to_the_run_that_reports_it() {
    let mut bench = Bench::new();
    bench.route(vec![child(1, 10), goes_on(2, 10), ended(3, 10), child(4, 10), goes_on(5, 10)]);
    // Both reports are handled late.
    bench.launched(A, 10, 6);
    bench.launched(B, 10, 6);
    assert_eq!(bench.route(vec![goes_on(7, 10)]), [vec![(1, 10), (2, 10), (3, 10)], vec![(4, 10), (5, 10), (7, 10)]]);
    let mut bench = Bench::new();
    bench.launched(A, 10, 2);
    assert_eq!(bench.route(vec![child(3, 10), goes_on(4, 10)]), [vec![]], "the report is older than this child");
    assert_eq!(bench.route(vec![child(1, 10)]), [[(1, 10)]], "the control: it is about one that began before");
}

#[test]
fn a_process_with_threads_ends_with_the_last_of_them() {
    let mut bench = Bench::new();
    bench.launched(A, 10, 5);
    let routed = bench.route(vec![child(1, 10), began(2, 10, 11, 10), ended(3, 10), record(4, 10, 11, Scheduled::Ended)]);
    assert_eq!(routed, [[(1, 10), (2, 10), (3, 10), (4, 10)]]);
    assert!(bench.router.processes.is_empty());
    assert_eq!(bench.route(vec![goes_on(5, 10)]), [vec![]], "nothing is left of it");
}

#[test]
fn what_nobody_reports_is_not_kept_for_ever() {
    let mut bench = Bench::new();
    bench.route(vec![child(1, 10), goes_on(2, 10)]);
    bench.route(vec![child(9_000, 30), goes_on(10_500, 30)]);
    assert_eq!(bench.router.held.len(), 2, "the helper is given up, the next child is not");
    bench.launched(A, 10, 10_600);
    assert_eq!(bench.route(vec![goes_on(10_700, 10)]), [vec![]]);
    let many = (0..=MOST_HELD as u64).map(|number| goes_on(10_700 + number / 1_000, 30)).collect();
    bench.route(many);
    assert!(bench.router.held.is_empty() && bench.router.families.is_empty());
    bench.route(vec![goes_on(30_000, 77)]);
    assert!(bench.router.launched.is_empty(), "nor is a report of one that nobody has seen");
}

#[test]
fn what_was_lost_is_told_to_all_and_only_what_the_engine_knows_is_believed_then() {
    let mut bench = Bench::new();
    bench.launched(A, 10, 5);
    bench.launched(B, 30, 5);
    bench.known.insert(Pid::new(10), A);
    bench.route(vec![child(1, 10), child(1, 30), began(2, 40, 40, 10)]);
    let routed = bench.route(vec![lost(500), goes_on(501, 40)]);
    assert_eq!(routed, [vec![(500, 0), (501, 40)], vec![(500, 0)]], "it is quite new");
    let routed = bench.route(vec![lost(2_000), goes_on(2_001, 40), goes_on(2_002, 10), goes_on(2_003, 30)]);
    assert_eq!(routed, [vec![(2_000, 0), (2_002, 10)], vec![(2_000, 0)]], "40 may be another process by now, and 30");
    bench.known.insert(Pid::new(30), B);
    assert_eq!(bench.route(vec![goes_on(3_100, 30)]), [vec![], vec![(3_100, 30)]], "seen again");
    bench.route(vec![child(3_200, 50), lost(3_300), goes_on(3_400, 50)]);
    let c = RunId::new(3);
    bench.launched(c, 50, 3_500);
    assert_eq!(bench.route(vec![])[2], [(3_200, 50), (3_300, 0), (3_400, 50)], "to one that is known later, too, in order");
}

/// A made-up kernel with few numbers for processes, whose processes it remembers.
#[derive(Default)]
struct Kernel {
    now: u64,
    /// The run of each living process; `None` for a helper of the supervisor's.
    alive: std::collections::BTreeMap<i32, Option<RunId>>,
    /// Not read yet.
    ring: Vec<SchedulerRecord>,
    /// Not handled yet.
    reports: VecDeque<(RunId, i32)>,
    runs: u32,
    /// What each run should get.
    truth: HashMap<RunId, Vec<SchedulerRecord>>,
}

impl Kernel {
    fn note(&mut self, run: Option<RunId>, record: SchedulerRecord) {
        if let Some(run) = run {
            self.truth.entry(run).or_default().push(record.clone());
        }
        self.ring.push(record);
    }

    fn step(&mut self, what: u8, choice: usize) {
        self.now += 1;
        let free = (10..18).filter(|pid| !self.alive.contains_key(pid)).nth(choice % 3);
        let somebody = self.alive.iter().nth(choice % self.alive.len().max(1)).map(|(pid, run)| (*pid, *run));
        match (what, free, somebody) {
            (0, Some(pid), _) => {
                self.runs += 1;
                let run = RunId::new(self.runs);
                self.alive.insert(pid, Some(run));
                self.reports.push_back((run, pid));
                self.note(Some(run), child(self.now, pid));
            }
            (1, ..) if !self.alive.contains_key(&90) => {
                self.alive.insert(90, None);
                self.note(None, child(self.now, 90));
            }
            (2 | 3, Some(pid), Some((parent, run))) => {
                self.alive.insert(pid, run);
                self.note(run, began(self.now, pid, pid, parent));
            }
            (4 | 5, _, Some((pid, run))) => self.note(run, goes_on(self.now, pid)),
            (6 | 7, _, Some((pid, run))) => {
                self.alive.remove(&pid);
                self.note(run, ended(self.now, pid));
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn each_record_goes_to_its_run_and_none_to_another(steps in prop::collection::vec((0_u8..12, any::<usize>()), 0..300)) {
        let (mut kernel, mut router, mut begun) = (Kernel::default(), Router::new(Pid::new(SUPERVISOR)), Vec::new());
        let mut got: HashMap<RunId, Vec<SchedulerRecord>> = HashMap::new();
        let mut go_on = |kernel: &mut Kernel, what: u8| {
            // A report and the records of its launch come in any order.
            if what < 10 && let Some((run, pid)) = kernel.reports.pop_front() {
                router.launched(run, [Pid::new(pid)], at(kernel.now));
                begun.push(run);
            }
            if what >= 10 {
                let batch = SwitchBatch { records: std::mem::take(&mut kernel.ring), until: at(kernel.now) };
                for (run, records) in router.route(batch, &begun, |_| None) {
                    got.entry(run).or_default().extend(records);
                }
            }
        };
        for (what, choice) in steps {
            match what {
                8.. => go_on(&mut kernel, what),
                _ => kernel.step(what, choice),
            }
        }
        while !kernel.reports.is_empty() {
            go_on(&mut kernel, 8);
        }
        go_on(&mut kernel, 10);
        prop_assert_eq!(got, kernel.truth);
    }
}
