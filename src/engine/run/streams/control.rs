//! The way to a body's ear: actions go into its pipe, and what it has left in there at its end was not heard. On the engine's thread.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use serde_json::json;

use crate::engine::fold::texts::is_of;
use crate::engine::run::requests::ActionRequest;
use crate::model::{Action, By, Pid, Refusal};

/// A body's control pipe.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) pid: Pid,
    pipe: OwnedFd,
    /// Bytes written so far, and where each action ends that may not have been read.
    written: u64,
    unread: VecDeque<(u64, ActionRequest)>,
    /// The newest, so that a refusal can be told with who asked.
    told: VecDeque<ActionRequest>,
}

/// So many of them: as many short ones as its pipe can hold.
const KEPT: usize = 4_096;

impl Control {
    pub(crate) const fn new(pid: Pid, pipe: OwnedFd) -> Self {
        Self { pid, pipe, written: 0, unread: VecDeque::new(), told: VecDeque::new() }
    }

    /// Tells the body what it is asked for. The error says why it cannot be told.
    pub(crate) fn tell(&mut self, asked: &ActionRequest) -> Result<(), Refusal> {
        let mut line = json!({ "do": asked.action.word(), "target": asked.action.target() }).to_string();
        line.push('\n');
        match rustix::io::write(&self.pipe, line.as_bytes()) {
            Ok(count) => {
                self.written += count as u64;
                self.forget_read();
                self.unread.push_back((self.written, asked.clone()));
                self.told.truncate(KEPT - 1);
                self.told.push_front(asked.clone());
                Ok(())
            }
            Err(rustix::io::Errno::AGAIN) => Err(Refusal::BodyBehind),
            Err(_) => Err(Refusal::BodyEnded),
        }
    }

    /// Who asked the body for this, the last time. The target is as its event line has it, where a long one is cut.
    pub(crate) fn asked_by(&self, action: &Action) -> Option<By> {
        let (word, target) = (action.word(), action.target());
        let is_meant = |asked: &&ActionRequest| is_of(&target, &asked.action.target()) && is_of(&word, &asked.action.word());
        self.told.iter().find(is_meant).map(|asked| asked.by)
    }

    /// What the body has not read: once it has ended, nobody will.
    pub(crate) fn unread(mut self) -> impl Iterator<Item = ActionRequest> {
        self.forget_read();
        self.unread.into_iter().map(|(_, asked)| asked)
    }

    fn forget_read(&mut self) {
        // The kernel says at both ends of a pipe what is in it. Where it does not, all counts as read.
        let waiting = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0);
        let read = self.written.saturating_sub(waiting);
        while self.unread.front().is_some_and(|(end, _)| *end <= read) {
            self.unread.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;

    #[test]
    fn what_the_body_left_in_the_pipe_is_known_also_when_it_has_gone() {
        let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
        let mut control = Control::new(Pid::new(1), writer);
        let asked =
            |name: &str| ActionRequest { action: Action::own(name, ""), by: By::You, is_demo: false, at: Monotonic::ZERO };
        control.tell(&asked("one")).expect("told");
        let mut bytes = [0; 100];
        let count = rustix::io::read(&reader, &mut bytes).expect("the first line");
        assert_eq!(&bytes[..count], b"{\"do\":\"one\",\"target\":\"\"}\n");
        control.tell(&asked("two")).expect("told");
        assert_eq!(
            (control.asked_by(&Action::own("one", "")), control.asked_by(&Action::own("one", "x"))),
            (Some(By::You), None)
        );
        control.tell(&asked("three")).expect("told");
        drop(reader);
        assert_eq!(control.tell(&asked("four")), Err(Refusal::BodyEnded));
        let left: Vec<String> = control.unread().map(|asked| asked.action.to_string()).collect();
        assert_eq!(left, ["two", "three"]);
    }
}
