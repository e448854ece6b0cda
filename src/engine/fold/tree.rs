//! The processes of one run as a tree. Pure; on the engine's thread.

#![expect(clippy::similar_names, reason = "pid, ppid, pgid and sid are the words of proc(5)")]

use std::collections::HashMap;

use crate::model::{ExitStatus, Monotonic, Pgid, Pid, PipeFill, PipeTo, ProcessRow, ProcessSample, ProcessState, Sid};

/// Rows beyond which the oldest dead ones go (and, if nobody is dead, the oldest).
const MAX_ROWS: usize = 4_096;

/// The processes that the run has had, in order of appearance. Dead rows stay, as history.
#[derive(Debug, Default)]
pub(crate) struct ProcessTable {
    entries: Vec<Entry>,
    /// The newest row of each PID, since numbers are reused.
    newest: HashMap<Pid, usize>,
}

#[derive(Debug)]
struct Entry {
    row: ProcessRow,
    /// Zero until sampled.
    start_ticks: u64,
}

/// Whether a started process is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appearance {
    /// A process that was not there.
    New,
    /// A new process under the number of one that is gone.
    Reused,
    /// More about a process that is known.
    Known,
}

impl ProcessTable {
    /// The newest process of that number.
    pub(crate) fn row(&self, pid: Pid) -> Option<&ProcessRow> {
        self.newest.get(&pid).map(|&index| &self.entries[index].row)
    }

    /// The newest process of that name that has not been reaped, else the newest of that name.
    pub(crate) fn find_name(&self, name: &str) -> Option<&ProcessRow> {
        let mut named = self.entries.iter().rev().map(|entry| &entry.row).filter(|row| row.name == name);
        let newest = named.next()?;
        if newest.is_reaped() { named.find(|row| !row.is_reaped()).or(Some(newest)) } else { Some(newest) }
    }

    /// Processes that have not ended, in order of appearance.
    pub(crate) fn living(&self) -> Vec<Pid> {
        self.entries.iter().filter(|entry| entry.row.ended.is_none()).map(|entry| entry.row.pid).collect()
    }

    /// Processes that were not waited on, as far as it was told, in order of appearance.
    pub(crate) fn not_reaped(&self) -> Vec<Pid> {
        self.entries.iter().filter(|entry| !entry.row.is_reaped()).map(|entry| entry.row.pid).collect()
    }

    /// A process has started, or there is more to know about it.
    pub(crate) fn started(&mut self, t: Monotonic, process: StartedProcess<'_>) -> Appearance {
        let known = self.newest.get(&process.pid).copied();
        // A body's line can arrive after the supervisor's report of the end: then it started before that end.
        if let Some(index) = known
            && self.entries[index].row.ended.is_none_or(|ended| t <= ended || !self.entries[index].row.is_reaped())
        {
            let row = &mut self.entries[index].row;
            if !process.name.is_empty() {
                process.name.clone_into(&mut row.name);
            }
            if !process.argv.is_empty() {
                row.command = shell_words::join(process.argv).into();
            }
            if row.ended.is_none() && !row.is_orphan {
                (row.ppid, row.pgid, row.sid) = (process.ppid, process.pgid, process.sid);
            }
            row.started = row.started.min(t);
            return Appearance::Known;
        }
        self.insert(ProcessRow {
            pid: process.pid,
            ppid: process.ppid,
            pgid: process.pgid,
            sid: process.sid,
            depth: 0,
            name: process.name.to_owned(),
            command: shell_words::join(process.argv).into(),
            state: ProcessState::Starting,
            status: None,
            reaped: None,
            is_orphan: false,
            cpu: 0.0,
            rss: 0,
            core: 0,
            threads: Vec::new(),
            pipe: None,
            started: t,
            ended: None,
        });
        if known.is_some() { Appearance::Reused } else { Appearance::New }
    }

    /// A state was seen, other than the ends, which [`Self::ended`] and [`Self::reaped`] tell.
    pub(crate) fn changed(&mut self, pid: Pid, state: ProcessState) {
        if let Some(row) = self.row_mut(pid).filter(|row| row.ended.is_none()) {
            row.state = state;
        }
    }

    /// It has ended and is a zombie for now. The status may come later.
    pub(crate) fn ended(&mut self, t: Monotonic, pid: Pid, status: Option<ExitStatus>) {
        let Some(row) = self.row_mut(pid) else { return };
        if row.ended.is_none() {
            row.ended = Some(t.max(row.started));
            row.state = ProcessState::Zombie;
            (row.cpu, row.rss, row.pipe) = (0.0, 0, None);
            row.threads.clear();
        }
        row.status = row.status.or(status);
    }

    /// Its parent has waited on it.
    pub(crate) fn reaped(&mut self, t: Monotonic, pid: Pid) {
        self.ended(t, pid, None);
        if let Some(row) = self.row_mut(pid) {
            row.reaped = Some(t.max(row.started));
            row.state = ProcessState::Dead;
        }
    }

    /// How full its pipe to `to` is; one without capacity is gone.
    pub(crate) fn piped(&mut self, pid: Pid, to: Pid, fill: PipeFill) {
        if let Some(row) = self.row_mut(pid).filter(|row| row.ended.is_none()) {
            row.pipe = (fill.capacity > 0).then_some(PipeTo { to, fill });
        }
    }

    /// Its parent died, and `ppid` adopted it.
    pub(crate) fn orphaned(&mut self, pid: Pid, ppid: Pid) {
        if let Some(row) = self.row_mut(pid).filter(|row| !row.is_reaped()) {
            row.is_orphan = true;
            row.ppid = ppid;
        }
    }

    /// Takes in a sample, except for a new parent, an end and a name, which the caller handles.
    pub(crate) fn sampled(&mut self, sample: &ProcessSample) {
        let Some(entry) = self.newest.get(&sample.pid).map(|&index| &mut self.entries[index]) else { return };
        let row = &mut entry.row;
        if row.ended.is_some() {
            return;
        }
        entry.start_ticks = sample.start_ticks;
        if row.ppid.number() == 0 {
            row.ppid = sample.ppid;
        }
        (row.pgid, row.sid) = (sample.pgid, sample.sid);
        (row.cpu, row.rss, row.core, row.state) = (sample.cpu, sample.rss, sample.core, sample.state);
        row.threads.clone_from(&sample.threads);
    }

    /// A thread of this name is none of the program's own.
    pub(crate) fn hide_thread(&mut self, pid: Pid, name: &str) {
        if let Some(row) = self.row_mut(pid) {
            row.threads.retain(|thread| thread.name != name);
        }
    }

    /// It is called so from now on. Returns the name before, if that was another one.
    pub(crate) fn rename(&mut self, pid: Pid, name: &str) -> Option<String> {
        let row = self.row_mut(pid).filter(|row| row.name != name)?;
        Some(std::mem::replace(&mut row.name, name.to_owned()))
    }

    /// Whether this sample is of another process than the one that had the number before.
    pub(crate) fn is_other(&self, sample: &ProcessSample) -> bool {
        self.newest.get(&sample.pid).is_none_or(|&index| {
            let known = self.entries[index].start_ticks;
            known != 0 && sample.start_ticks != 0 && known != sample.start_ticks
        })
    }

    /// All rows, parents before children, siblings by age, with their depths.
    pub(crate) fn preorder(&self) -> Vec<ProcessRow> {
        let count = self.entries.len();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut roots = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            match self.newest.get(&entry.row.ppid) {
                Some(&parent) if parent != index => children[parent].push(index),
                _ => roots.push(index),
            }
        }
        let mut is_listed = vec![false; count];
        let mut rows = Vec::with_capacity(count);
        // Two processes that are each other's parents, which is nonsense, have no root: each is a root itself.
        for root in roots.into_iter().chain(0..count) {
            let mut stack = vec![(root, 0_u16)];
            while let Some((index, depth)) = stack.pop() {
                if std::mem::replace(&mut is_listed[index], true) {
                    continue;
                }
                rows.push(ProcessRow { depth, ..self.entries[index].row.clone() });
                stack.extend(children[index].iter().rev().map(|&child| (child, depth.saturating_add(1))));
            }
        }
        rows
    }

    fn row_mut(&mut self, pid: Pid) -> Option<&mut ProcessRow> {
        self.newest.get(&pid).map(|&index| &mut self.entries[index].row)
    }

    fn insert(&mut self, row: ProcessRow) {
        if self.entries.len() >= MAX_ROWS {
            self.make_room();
        }
        self.newest.insert(row.pid, self.entries.len());
        self.entries.push(Entry { row, start_ticks: 0 });
    }

    /// Lets a quarter of the rows go: the oldest dead ones, then the oldest.
    fn make_room(&mut self) {
        let mut excess = MAX_ROWS / 4;
        for only_dead in [true, false] {
            self.entries.retain(|entry| {
                let goes = excess > 0 && (entry.row.is_reaped() || !only_dead);
                excess -= usize::from(goes);
                !goes
            });
        }
        self.newest = self.entries.iter().enumerate().map(|(index, entry)| (entry.row.pid, index)).collect();
    }
}

/// The fields of `process.started`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StartedProcess<'a> {
    pub(crate) pid: Pid,
    pub(crate) ppid: Pid,
    pub(crate) pgid: Pgid,
    pub(crate) sid: Sid,
    pub(crate) name: &'a str,
    pub(crate) argv: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(table: &mut ProcessTable, t: u64, pid: i32, ppid: i32, name: &str) -> Appearance {
        let (pgid, sid) = (Pgid::new(pid), Sid::new(pid));
        let process = StartedProcess { pid: Pid::new(pid), ppid: Pid::new(ppid), pgid, sid, name, argv: &[] };
        table.started(Monotonic::from_nanos(t), process)
    }

    fn shape(table: &ProcessTable) -> Vec<(i32, u16)> {
        table.preorder().iter().map(|row| (row.pid.number(), row.depth)).collect()
    }

    #[test]
    fn children_stand_below_their_parents_by_age() {
        let mut table = ProcessTable::default();
        for (t, (pid, ppid)) in [(10, 1), (20, 1), (11, 10), (12, 10), (21, 20), (13, 11)].into_iter().enumerate() {
            start(&mut table, t as u64, pid, ppid, "x");
        }
        assert_eq!(shape(&table), [(10, 0), (11, 1), (13, 2), (12, 1), (20, 0), (21, 1)]);
        table.orphaned(Pid::new(13), Pid::new(1));
        assert_eq!(shape(&table), [(10, 0), (11, 1), (12, 1), (20, 0), (21, 1), (13, 0)]);
    }

    /// Covers: F65.
    #[test]
    fn processes_that_are_each_others_parents_are_listed_once() {
        let mut table = ProcessTable::default();
        for (pid, ppid) in [(1, 2), (2, 3), (3, 1), (4, 4)] {
            start(&mut table, 0, pid, ppid, "x");
        }
        assert_eq!(shape(&table), [(4, 0), (1, 0), (3, 1), (2, 2)]);
    }

    /// Covers: F62.
    #[test]
    fn a_number_is_reused_only_after_its_process_was_reaped() {
        let mut table = ProcessTable::default();
        let at = Monotonic::from_nanos;
        assert_eq!(start(&mut table, 1, 10, 1, "first"), Appearance::New);
        table.ended(at(5), Pid::new(10), Some(ExitStatus::Exited(0)));
        assert_eq!(start(&mut table, 6, 10, 1, "first again"), Appearance::Known, "a zombie keeps its number");
        table.reaped(at(7), Pid::new(10));
        assert_eq!(start(&mut table, 4, 10, 1, "late line"), Appearance::Known, "a line that was written before the end");
        assert_eq!(start(&mut table, 8, 10, 1, "second"), Appearance::Reused);
        let rows = table.preorder();
        assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["late line", "second"]);
        assert_eq!((rows[0].status, rows[0].is_reaped(), rows[1].status), (Some(ExitStatus::Exited(0)), true, None));
    }

    /// Covers: F67.
    #[test]
    fn the_dead_make_room_for_the_living() {
        let mut table = ProcessTable::default();
        start(&mut table, 0, 1, 0, "root");
        for pid in 2..20_000 {
            start(&mut table, pid, pid as i32, 1, "child");
            table.reaped(Monotonic::from_nanos(pid), Pid::new(pid as i32));
        }
        let rows = table.preorder();
        assert!(rows.len() <= MAX_ROWS, "{} rows", rows.len());
        assert_eq!(rows[0].name, "root");
        assert!(table.row(Pid::new(19_999)).is_some());
    }
}
