//! The names of lanes: a task's name is its lane's; where several lanes have one name, a number stands behind it. Pure.

use std::collections::HashMap;
use std::sync::Arc;

/// The claim of a lane on a name, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is a task, and no number is ever added.
    Task,
    /// It is a process of that name.
    Process,
    /// It is a thread, or a process that has its name from its parent.
    Other,
}

/// The lanes that have each name.
#[derive(Debug, Default)]
pub(super) struct Names {
    lanes: HashMap<Arc<str>, Lanes>,
    of_lane: HashMap<usize, (Arc<str>, Claim)>,
}

#[derive(Debug, Default)]
struct Lanes {
    tasks: usize,
    processes: Vec<usize>,
    others: Vec<usize>,
}

impl Names {
    /// The lane has this name now. Returns the lanes whose shown names may differ from now on.
    pub(super) fn set(&mut self, lane: usize, name: &Arc<str>, claim: Claim) -> Vec<usize> {
        if self.of_lane.get(&lane).is_some_and(|(known, is)| known == name && *is == claim) {
            return Vec::new();
        }
        let mut touched = self.remove(lane);
        self.of_lane.insert(lane, (Arc::clone(name), claim));
        let lanes = self.lanes.entry(Arc::clone(name)).or_default();
        match claim {
            Claim::Task => lanes.tasks += 1,
            Claim::Process => lanes.processes.push(lane),
            Claim::Other => lanes.others.push(lane),
        }
        touched.push(lane);
        touched.extend(lanes.unsettled());
        touched
    }

    /// The lane is gone. Returns the lanes whose shown names may differ from now on.
    pub(super) fn remove(&mut self, lane: usize) -> Vec<usize> {
        let Some((name, claim)) = self.of_lane.remove(&lane) else { return Vec::new() };
        let Some(lanes) = self.lanes.get_mut(&name) else { return Vec::new() };
        match claim {
            Claim::Task => lanes.tasks -= 1,
            Claim::Process => forget(&mut lanes.processes, lane),
            Claim::Other => forget(&mut lanes.others, lane),
        }
        let touched = lanes.unsettled();
        if lanes.tasks == 0 && lanes.processes.is_empty() && lanes.others.is_empty() {
            self.lanes.remove(&name);
        }
        touched
    }

    /// The name of a lane, and whether a number is to stand behind it.
    pub(super) fn shown(&self, lane: usize) -> Option<(&Arc<str>, bool)> {
        let (name, claim) = self.of_lane.get(&lane)?;
        let lanes = self.lanes.get(name)?;
        let is_alone = match claim {
            Claim::Task => true,
            Claim::Process => lanes.tasks == 0 && lanes.processes.len() == 1,
            Claim::Other => lanes.tasks == 0 && lanes.processes.is_empty() && lanes.others.len() == 1,
        };
        Some((name, !is_alone))
    }

    /// The lanes that have this name, without a number: processes first.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = usize> {
        let lanes = self.lanes.get(name);
        lanes.into_iter().flat_map(|lanes| lanes.processes.iter().chain(&lanes.others).copied())
    }
}

impl Lanes {
    /// Lanes that had the name alone before this change, or have it after.
    fn unsettled(&self) -> Vec<usize> {
        let few = |lanes: &[usize]| lanes.first().copied().filter(|_| lanes.len() <= 2);
        few(&self.processes).into_iter().chain(few(&self.others)).collect()
    }
}

/// The newest ones stand last, and change most often.
fn forget(lanes: &mut Vec<usize>, lane: usize) {
    if let Some(place) = lanes.iter().rposition(|other| *other == lane) {
        lanes.remove(place);
    }
}
