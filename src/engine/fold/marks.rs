//! Actions as marks on the lanes that they reach. Part of the fold, on the engine's thread.

use crate::engine::fold::state::RunFold;
use crate::model::{Action, Mark, MarkKind, Monotonic, Pid, Scope};

impl RunFold {
    /// Marks the lanes that an action reaches: a signal its processes, text and buttons the process that gets them.
    pub(crate) fn mark_action(&mut self, t: Monotonic, action: &Action, target: Option<Pid>) {
        let body = self.stages.first().map(|stage| stage.0);
        let (kind, text, reached) = match action {
            Action::Send(sent, _, scope) => {
                let reached = target.map(|target| self.reached(target, *scope)).unwrap_or_default();
                (MarkKind::Signal, sent.signal().to_string(), reached)
            }
            Action::Type(_, text) => (MarkKind::Typed, text.clone(), target.into_iter().collect()),
            Action::Press(line) => (MarkKind::Press, line.to_string(), body.into_iter().collect()),
            Action::Own { name, target } => {
                let text = format!("{name} {target}");
                let reached = self.lanes.home(target).or(body);
                (MarkKind::Press, text.trim_end().to_owned(), reached.into_iter().collect())
            }
            _ => return,
        };
        let task = if let Action::Own { target, .. } = action { target } else { "" };
        for pid in reached {
            self.lanes.mark(pid, task, Mark { t, kind, text: text.as_str().into(), from: None });
        }
    }

    /// The living processes that a signal reaches.
    fn reached(&self, target: Pid, scope: Scope) -> Vec<Pid> {
        let living = || self.processes.preorder().into_iter().filter(|row| row.ended.is_none());
        match scope {
            Scope::Process => vec![target],
            Scope::Group => {
                let group = self.processes.row(target).map(|row| row.pgid);
                living().filter(|row| Some(row.pgid) == group).map(|row| row.pid).collect()
            }
            Scope::Tree => {
                let mut reached = vec![target];
                for row in living() {
                    // Parents stand before their children.
                    if reached.contains(&row.ppid) {
                        reached.push(row.pid);
                    }
                }
                reached
            }
        }
    }
}
