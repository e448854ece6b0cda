//! What a run of this lesson shows: what came back of a program, and what a shell made of a line.

use std::collections::HashMap;

use crate::model::{Event, EventKind, Pid};
use crate::scenario::card::{Facts, Judge, Params, PrintedLines, equals};

#[derive(Debug, Default)]
pub(super) struct Programs {
    printed: PrintedLines,
    main: Option<Pid>,
    /// The parent and the name of each process.
    processes: HashMap<Pid, (Pid, String)>,
}

impl Judge for Programs {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, pid, .. } if task == "main" => self.main = Some(*pid),
            // What ran before main did, such as a script that looks for Python, is no work of the lesson.
            EventKind::ProcessStarted { pid, ppid, name, .. } if self.main.is_some() => {
                self.processes.insert(*pid, (*ppid, name.clone()));
            }
            // A shell's child has the shell's name until it has become the program.
            EventKind::ProcessSampled(sample) => {
                if let Some((parent, name)) = self.processes.get_mut(&sample.pid)
                    && Some(*parent) != self.main
                {
                    name.clone_from(&sample.name);
                }
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        if let Some(rest) = self.printed.after("ls gave back ") {
            facts.push(equals("no-capture", "the output of ls went to the screen, and what came back is", "None", rest));
        }
        if let Some(rest) = self.printed.after("list: ") {
            facts.push(equals("no-shell", "without a shell, echo printed *.py as it stands", "*.py", rest));
        }
        if let Some(rest) = self.printed.after("shell: ") {
            let names = rest.split_whitespace().count();
            facts.push(equals("shell", "with a shell, echo got the names of the files: names", params.count("files"), names));
        }
        if let Some(row) = self.row() {
            facts.push(equals("sh-row", "with a shell, two processes ran, one below the other", vec!["sh", "sleep"], row));
        }
        if params.text("guest").contains("; echo Boo") && self.printed.after("shell: Hello").is_some() {
            let obeyed = self.printed.lines().iter().filter(|line| *line == "Boo").count();
            facts.push(equals("injected", "the shell obeyed what stands behind the semicolon: lines that it printed", 1, obeyed));
        }
        facts
    }

    fn needs_each_operation(&self) -> bool {
        false
    }
}

impl Programs {
    /// The names of the first child of main that has a child of its own, and of that one, if both were seen.
    fn row(&self) -> Option<Vec<&str>> {
        let below = |(parent, name): &'_ (Pid, String)| {
            let (above, its_name) = self.processes.get(parent)?;
            (Some(*above) == self.main && its_name != name).then_some(*parent)
        };
        let first = self.processes.values().filter_map(below).min_by_key(|pid| pid.number())?;
        let child = self.processes.values().find(|(parent, _)| *parent == first)?;
        Some(vec![self.processes[&first].1.as_str(), child.1.as_str()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::card::printed_lines::printed;

    #[test]
    fn each_claim_can_fail() {
        let params = Params::defaults(super::super::card::SUBPROCESS_RUN.params);
        let process = |pid: i32, ppid: i32, name: &str| {
            format!(r#"{{"t":1,"kind":"process.started","pid":{pid},"ppid":{ppid},"pgid":9,"sid":9,"name":"{name}","argv":[]}}"#)
        };
        let good = [
            r#"{"t":1,"kind":"task.started","task":"main","sort":"thread","pid":9,"tid":9}"#.to_owned(),
            printed("total 0\nls gave back None\nlist: *.py\nlist: Hello Mia; echo Boo\n"),
            process(10, 9, "sleep"),
            process(11, 9, "sh"),
            process(12, 11, "sleep"),
            printed("shell: lesson-1.py lesson-2.py lesson-3.py\nshell: Hello Mia\nBoo\n"),
        ]
        .join("\n");
        let fails = |from: &str, to: &str| failed(Programs::default(), &params, &good.replace(from, to));
        assert_eq!(fails("", ""), [""; 0]);
        assert_eq!(fails("back None", "back b''"), ["no-capture"]);
        assert_eq!(fails("list: *.py", "list: lesson-1.py"), ["no-shell"]);
        assert_eq!(fails("shell: lesson-1.py lesson-2.py lesson-3.py", "shell: *.py"), ["shell"]);
        assert_eq!(fails(r#""name":"sh""#, r#""name":"bash""#), ["sh-row"]);
        assert_eq!(fails("Boo\\n\"", "boo\\n\""), ["injected"]);
        // Who saw nothing claims nothing.
        assert_eq!(Programs::default().claims(&params), Facts::new());
    }
}
