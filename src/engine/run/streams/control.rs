//! The control pipe of a body: actions are written to it, and those that are left in it at the body's end were not read. On the engine's
//! thread.

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
    /// The newest actions, so that a refusal can name who asked.
    newest: VecDeque<ActionRequest>,
}

/// Actions that are remembered: as many short ones as the pipe can hold.
const KEPT: usize = 4_096;

impl Control {
    pub(crate) const fn new(pid: Pid, pipe: OwnedFd) -> Self {
        Self { pid, pipe, written: 0, unread: VecDeque::new(), newest: VecDeque::new() }
    }

    /// Writes an action into the pipe. The error says why it cannot be written.
    pub(crate) fn send(&mut self, request: &ActionRequest) -> Result<(), Refusal> {
        let mut line = json!({ "do": request.action.word(), "target": request.action.target() }).to_string();
        line.push('\n');
        match rustix::io::write(&self.pipe, line.as_bytes()) {
            Ok(count) => {
                self.written += count as u64;
                self.forget_read();
                self.unread.push_back((self.written, request.clone()));
                self.newest.truncate(KEPT - 1);
                self.newest.push_front(request.clone());
                Ok(())
            }
            Err(rustix::io::Errno::AGAIN) => Err(Refusal::BodyBehind),
            Err(_) => Err(Refusal::BodyEnded),
        }
    }

    /// The last person or script that asked the body for this action. It comes from an event line, where a long target is cut.
    pub(crate) fn asked_by(&self, action: &Action) -> Option<By> {
        let (word, target) = (action.word(), action.target());
        let is_meant =
            |request: &&ActionRequest| is_of(&target, &request.action.target()) && is_of(&word, &request.action.word());
        self.newest.iter().find(is_meant).map(|request| request.by)
    }

    /// The actions that the body has not read before its end.
    pub(crate) fn unread(mut self) -> impl Iterator<Item = ActionRequest> {
        self.forget_read();
        self.unread.into_iter().map(|(_, request)| request)
    }

    fn forget_read(&mut self) {
        // Both ends of a pipe tell how many bytes are in it. If that fails, all counts as read.
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
        let request =
            |name: &str| ActionRequest { action: Action::own(name, ""), by: By::You, is_demo: false, at: Monotonic::ZERO };
        control.send(&request("one")).expect("sent");
        let mut bytes = [0; 100];
        let count = rustix::io::read(&reader, &mut bytes).expect("the first line");
        assert_eq!(&bytes[..count], b"{\"do\":\"one\",\"target\":\"\"}\n");
        control.send(&request("two")).expect("sent");
        assert_eq!(
            (control.asked_by(&Action::own("one", "")), control.asked_by(&Action::own("one", "x"))),
            (Some(By::You), None)
        );
        control.send(&request("three")).expect("sent");
        drop(reader);
        assert_eq!(control.send(&request("four")), Err(Refusal::BodyEnded));
        let left: Vec<String> = control.unread().map(|request| request.action.to_string()).collect();
        assert_eq!(left, ["two", "three"]);
    }
}
