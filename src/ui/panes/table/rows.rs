//! Which rows the process table shows, and in which order: indices into a run, made once a snapshot. Pure.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::model::{Lane, Monotonic, Pid, ProcessRow, RunId, RunView, ThreadSample, Tid};
use crate::ui::look::states;

/// The order of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// Parents before children, as they came.
    #[default]
    Tree,
    /// Name.
    Name,
    /// PID.
    Pid,
    /// CPU, the busiest first.
    Cpu,
    /// Memory, the largest first.
    Memory,
}

impl SortBy {
    /// The order after this one, for the key that cycles.
    pub const fn next(self) -> Self {
        match self {
            Self::Tree => Self::Name,
            Self::Name => Self::Pid,
            Self::Pid => Self::Cpu,
            Self::Cpu => Self::Memory,
            Self::Memory => Self::Tree,
        }
    }

    fn compare(self, a: &ProcessRow, b: &ProcessRow) -> Ordering {
        match self {
            Self::Tree => Ordering::Equal,
            Self::Name => a.name.cmp(&b.name),
            Self::Pid => a.pid.cmp(&b.pid),
            Self::Cpu => b.cpu.total_cmp(&a.cpu),
            Self::Memory => b.rss.cmp(&a.rss),
        }
    }
}

/// One row: a process, or one of its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRef {
    /// Index of the process in its run.
    pub process: usize,
    /// Index of the thread in its process.
    pub thread: Option<usize>,
    /// Whether there is something to fold away below it.
    pub has_more: bool,
}

/// How long a process that is gone stays, greyed.
const STAY: Duration = Duration::from_secs(10);

/// The rows of the last snapshot, and what a person folded away, sorted and cleared.
#[derive(Debug, Default)]
pub struct Rows {
    /// The order.
    pub sort: SortBy,
    folded: HashSet<Pid>,
    cleared: Option<Monotonic>,
    shown: Vec<RowRef>,
    /// The place of the lane of each thread of which the kernel tells.
    lanes: HashMap<(Pid, Tid), usize>,
    made_for: Option<(u64, RunId, SortBy, usize)>,
    /// The time when the pointer came onto the table; no row leaves while it stays there.
    held_at: Option<Monotonic>,
    edits: usize,
}

impl Rows {
    /// Brings the rows up to date with a snapshot. While the pointer is on them, they don't move: none leaves, new ones come last.
    pub fn refresh(&mut self, sequence: u64, run: &RunView, is_pointed_at: bool) -> &[RowRef] {
        let key = (sequence, run.id, self.sort, self.edits);
        if self.made_for == Some(key) {
            return &self.shown;
        }
        let (same_run, same_order) =
            self.made_for.map_or((false, false), |(_, id, sort, edits)| (id == run.id, sort == self.sort && edits == self.edits));
        if !same_run {
            self.cleared = None;
        }
        let is_held = is_pointed_at && same_run && same_order;
        self.held_at = if is_held { self.held_at.or(Some(run.elapsed)) } else { None };
        let now = self.held_at.unwrap_or(run.elapsed);
        let places = (is_held && self.sort != SortBy::Tree).then(|| self.places(run));
        self.shown.clear();
        let mut order: Vec<usize> = (0..run.processes.len()).filter(|&index| self.is_shown(&run.processes[index], now)).collect();
        if let Some(places) = places {
            order.sort_by_key(|&index| places.get(&run.processes[index].pid).copied().unwrap_or(usize::MAX));
        } else if self.sort != SortBy::Tree {
            order.sort_by(|&a, &b| self.sort.compare(&run.processes[a], &run.processes[b]));
        }
        self.fill(run, &order);
        self.lanes.clear();
        let lanes = run.lanes.iter().enumerate().filter(|(_, lane)| states::is_of_kernel(lane));
        self.lanes.extend(lanes.filter_map(|(place, lane)| Some(((lane.pid, lane.tid?), place))));
        self.made_for = Some(key);
        &self.shown
    }

    fn fill(&mut self, run: &RunView, order: &[usize]) {
        let mut hidden_below: Option<u16> = None;
        for (place, &index) in order.iter().enumerate() {
            let process = &run.processes[index];
            let in_tree = self.sort == SortBy::Tree;
            if in_tree && hidden_below.is_some_and(|depth| process.depth > depth) {
                continue;
            }
            hidden_below = None;
            let has_child = in_tree && order.get(place + 1).is_some_and(|&next| run.processes[next].depth > process.depth);
            let has_more = has_child || process.threads.len() > 1;
            self.shown.push(RowRef { process: index, thread: None, has_more });
            if self.folded.contains(&process.pid) {
                hidden_below = has_child.then_some(process.depth);
                continue;
            }
            if process.threads.len() > 1 {
                let threads =
                    process.threads.iter().enumerate().filter(|(_, thread)| thread.tid.number() != process.pid.number());
                self.shown.extend(threads.map(|(thread, _)| RowRef { process: index, thread: Some(thread), has_more: false }));
            }
        }
    }

    fn places(&self, run: &RunView) -> HashMap<Pid, usize> {
        let processes = self.shown.iter().enumerate().filter(|(_, row)| row.thread.is_none());
        processes.filter_map(|(place, row)| Some((run.processes.get(row.process)?.pid, place))).collect()
    }

    fn is_shown(&self, process: &ProcessRow, now: Monotonic) -> bool {
        match process.reaped {
            Some(reaped) => now.since(reaped) < STAY && self.cleared.is_none_or(|cleared| reaped > cleared),
            None => true,
        }
    }

    /// The rows as they were made last.
    pub fn rows(&self) -> &[RowRef] {
        &self.shown
    }

    /// The lane of a thread, or of a process by its first thread, where the kernel says what it does.
    pub fn lane<'a>(&self, run: &'a RunView, process: &ProcessRow, thread: Option<&ThreadSample>) -> Option<&'a Lane> {
        let tid = thread.map_or_else(|| Tid::new(process.pid.number()), |thread| thread.tid);
        self.lanes.get(&(process.pid, tid)).and_then(|place| run.lanes.get(*place)).map(|lane| &**lane)
    }

    /// Folds what is below a process away, or shows it again.
    pub fn fold(&mut self, pid: Pid) {
        if !self.folded.remove(&pid) {
            self.folded.insert(pid);
        }
        self.edits += 1;
    }

    /// Whether what is below a process is folded away.
    pub fn is_folded(&self, pid: Pid) -> bool {
        self.folded.contains(&pid)
    }

    /// Takes the rows of processes that are gone away now.
    pub fn clear(&mut self, now: Monotonic) {
        self.cleared = Some(now);
        self.edits += 1;
    }

    /// The row of a process or thread.
    pub fn position(&self, run: &RunView, pid: Pid, tid: Option<Tid>) -> Option<usize> {
        let is_it = |row: &RowRef| {
            let process = run.processes.get(row.process)?;
            let thread = row.thread.and_then(|thread| process.threads.get(thread)).map(|thread| thread.tid);
            (process.pid == pid && thread == tid).then_some(())
        };
        self.shown.iter().position(|row| is_it(row).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ExitStatus, ProcessState};
    use crate::ui::sample;

    fn names(rows: &mut Rows, sequence: u64, run: &RunView, is_pointed_at: bool) -> Vec<String> {
        let rows = rows.refresh(sequence, run, is_pointed_at);
        rows.iter()
            .map(|row| {
                let process = &run.processes[row.process];
                row.thread.map_or_else(|| process.name.clone(), |thread| process.threads[thread].name.clone())
            })
            .collect()
    }

    fn family() -> RunView {
        let mut run = sample::run(1, "x");
        let mut parent = sample::process(1, "parent");
        parent.threads = vec![
            sample::thread(1, "main", ProcessState::Running, ""),
            sample::thread(2, "worker", ProcessState::Sleeping, "a lock"),
        ];
        let mut child = sample::process(3, "child");
        child.depth = 1;
        child.cpu = 50.0;
        run.processes = vec![parent, child, sample::process(4, "other")];
        run
    }

    #[test]
    fn folding_hides_threads_and_children_and_not_the_neighbour() {
        let (mut rows, run) = (Rows::default(), family());
        assert_eq!(names(&mut rows, 1, &run, false), ["parent", "worker", "child", "other"]);
        rows.fold(Pid::new(1));
        assert_eq!(names(&mut rows, 1, &run, false), ["parent", "other"]);
        rows.fold(Pid::new(1));
        assert_eq!(rows.refresh(1, &run, false).len(), 4);
        assert_eq!(rows.position(&run, Pid::new(1), Some(Tid::new(2))), Some(1));
    }

    #[test]
    fn the_gone_stay_ten_seconds_or_until_cleared_but_not_under_the_pointer() {
        let (mut rows, mut run) = (Rows::default(), family());
        run.processes[2].status = Some(ExitStatus::Exited(0));
        run.processes[2].reaped = Some(Monotonic::from_secs(2.0));
        run.processes[2].ended = Some(Monotonic::from_secs(2.0));
        run.elapsed = Monotonic::from_secs(11.0);
        assert_eq!(names(&mut rows, 1, &run, true).last().expect("rows"), "other");
        run.elapsed = Monotonic::from_secs(11.5);
        rows.refresh(2, &run, true);
        run.elapsed = Monotonic::from_secs(13.0);
        assert_eq!(names(&mut rows, 3, &run, true).last().expect("rows"), "other", "the pointer holds it");
        assert_eq!(names(&mut rows, 4, &run, false).last().expect("rows"), "child");
        run.elapsed = Monotonic::from_secs(3.0);
        assert_eq!(names(&mut rows, 5, &run, false).last().expect("rows"), "other");
        rows.clear(run.elapsed);
        assert_eq!(names(&mut rows, 6, &run, false).last().expect("rows"), "child");
    }

    #[test]
    fn a_sorted_table_does_not_jump_under_the_pointer() {
        let (mut rows, mut run) = (Rows { sort: SortBy::Cpu, ..Rows::default() }, family());
        run.processes[0].threads.clear();
        assert_eq!(names(&mut rows, 1, &run, false), ["child", "parent", "other"]);
        run.processes[2].cpu = 99.0;
        run.processes.push(ProcessRow { cpu: 100.0, ..sample::process(9, "new") });
        assert_eq!(names(&mut rows, 2, &run, true), ["child", "parent", "other", "new"]);
        assert_eq!(names(&mut rows, 3, &run, false), ["new", "other", "child", "parent"]);
    }

    #[test]
    fn rows_are_made_once_a_snapshot() {
        let (mut rows, mut run) = (Rows::default(), family());
        assert_eq!(rows.refresh(7, &run, false).len(), 4);
        run.processes.pop();
        assert_eq!(rows.refresh(7, &run, false).len(), 4, "the same snapshot");
        assert_eq!(rows.refresh(8, &run, false).len(), 3);
    }
}
