//! All streams of one run. On the engine's thread.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use crate::engine::run::requests::ActionRequest;
use crate::engine::run::streams::control::Control;
use crate::engine::run::streams::events::EventStream;
use crate::engine::run::streams::events_fifo::EventsFifo;
use crate::engine::run::streams::input::InputStream;
use crate::engine::run::streams::output::OutputStream;
use crate::engine::run::streams::scratch::{CHUNK, Open, Scratch};
use crate::model::{BodyLine, EventKind, Monotonic, Pid, Stream};
use crate::supervisor::{CAPTURE, ChildPipes};
use crate::sys::terminal_peer;

/// How often all streams are read before they are closed: as often as it takes to empty a full pipe. A process outside the run that goes
/// on writing does not hold us up.
pub(crate) const LAST_READS: usize = CAPTURE / CHUNK + 1;

#[derive(Debug, Default)]
pub(crate) struct RunStreams {
    pub(crate) outputs: Vec<OutputStream>,
    pub(crate) events: Vec<EventStream>,
    pub(crate) inputs: Vec<InputStream>,
    pub(crate) controls: Vec<Control>,
    /// The other side of its terminal, if it has one, open while any process of the run lives. A process that has closed the terminal
    /// can open /dev/tty and write again; and were both sides closed meanwhile, the kernel would send it a SIGHUP.
    terminal: Option<OwnedFd>,
    /// The names of the events pipes.
    fifos: Vec<EventsFifo>,
    /// Text for the first input that comes.
    input: Option<Vec<u8>>,
}

impl RunStreams {
    /// The text for the first input, and the FIFOs of the events pipes.
    pub(crate) fn new(input: Option<Vec<u8>>, fifos: impl IntoIterator<Item = OsString>) -> Self {
        Self { input, fifos: fifos.into_iter().map(EventsFifo::new).collect(), ..Self::default() }
    }

    /// Adds the pipes of a child. The error says which output will be missing.
    pub(crate) fn add(&mut self, pid: Pid, pipes: ChildPipes, may_grow: bool, has_terminal: bool) -> Result<(), String> {
        let mut result = Ok(());
        if let Some(ours) = pipes.stdout.as_ref().filter(|_| has_terminal) {
            match terminal_peer(ours) {
                Ok(other) => self.terminal = Some(other),
                Err(error) => {
                    let text = format!(
                        "what it writes after it has closed its terminal will be lost: could not keep that open: {error}"
                    );
                    result = Err(text);
                }
            }
        }
        self.outputs.extend(pipes.stdout.map(|fd| OutputStream::new(pid, Stream::Stdout, fd, may_grow)));
        self.outputs.extend(pipes.stderr.map(|fd| OutputStream::new(pid, Stream::Stderr, fd, may_grow)));
        self.events.extend(pipes.events.map(|fd| EventStream::new(pid, fd)));
        self.controls.extend(pipes.control.map(|pipe| Control::new(pid, pipe)));
        if let Some(fd) = pipes.stdin {
            let mut input = InputStream::new(pid, fd, has_terminal);
            // Without a text it stays open for typing.
            if let Some(text) = self.input.take() {
                input.push(&text);
                input.end();
            }
            self.inputs.push(input);
        }
        result
    }

    /// All pipes of all children were added: keeps those with a name open. Each error is a sentence about what will be missing.
    pub(crate) fn hold_fifos(&mut self) -> Vec<String> {
        self.fifos.iter_mut().filter_map(|fifo| fifo.hold().err()).collect()
    }

    /// How many streams are to be read.
    pub(crate) const fn open(&self) -> usize {
        self.outputs.len() + self.events.len()
    }

    /// The input of a process.
    pub(crate) fn input_of(&mut self, pid: Pid) -> Option<&mut InputStream> {
        self.inputs.iter_mut().find(|input| input.pid == pid)
    }

    /// Writes as much of the text that waits for this input as there is room for.
    pub(crate) fn write_input(&mut self, index: usize) {
        if self.inputs[index].write() == Open::No {
            self.inputs.swap_remove(index);
        }
    }

    /// Takes in more text from the descriptor that feeds this input.
    pub(crate) fn feed_input(&mut self, index: usize, scratch: &mut Scratch) {
        self.inputs[index].take_in(scratch);
    }

    /// Reads the output that is there.
    pub(crate) fn read_output(
        &mut self,
        index: usize,
        is_lossless: bool,
        now: Monotonic,
        scratch: &mut Scratch,
        emit: &mut impl FnMut(EventKind),
    ) -> Open {
        let open = self.outputs[index].read(is_lossless, now, scratch, emit);
        if open == Open::No {
            self.outputs.swap_remove(index).close(emit);
        }
        open
    }

    /// Reads the event lines that are there; `check` gets each event with its body and all control pipes.
    pub(crate) fn read_events(
        &mut self,
        index: usize,
        arrived: Monotonic,
        scratch: &mut Scratch,
        mut check: impl FnMut(Pid, &[Control], BodyLine) -> Result<(), String>,
    ) -> Open {
        let (controls, stream) = (&self.controls, &mut self.events[index]);
        let pid = stream.pid();
        let open = stream.read(arrived, scratch, &mut |line| check(pid, controls, line));
        if open == Open::No {
            self.events.swap_remove(index);
        }
        open
    }

    /// A snapshot was published: emits how much output was dropped, and renews the budgets.
    pub(crate) fn refill(&mut self, emit: &mut impl FnMut(EventKind)) {
        for output in &mut self.outputs {
            output.refill(emit);
        }
    }

    /// No process of the run is left: only the rest of what they wrote is to be read.
    pub(crate) fn release_writers(&mut self) {
        self.terminal = None;
        self.fifos.iter_mut().for_each(EventsFifo::release);
    }

    /// Closes all. Returns the actions that the bodies have left unread, except those of a demo.
    pub(crate) fn close(&mut self, emit: &mut impl FnMut(EventKind)) -> Vec<ActionRequest> {
        for output in std::mem::take(&mut self.outputs) {
            output.close(emit);
        }
        // The names go first: nobody can open a pipe then that is no longer read.
        self.fifos.clear();
        self.events.clear();
        self.inputs.clear();
        let controls = std::mem::take(&mut self.controls).into_iter();
        controls.flat_map(Control::unread).filter(|request| !request.is_demo).collect()
    }
}
