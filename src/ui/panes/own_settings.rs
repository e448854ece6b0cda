//! Settings of the Python programs that the form is to run: the literals at the margin of their files. UI thread; another thread reads
//! the files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use egui::{RichText, TextEdit, Ui, ViewportId};
use serde_json::Value;

use crate::engine::{OwnProgram, start_thread};
use crate::model::ChildSpec;
use crate::scenario::Knob;
use crate::ui::look::theme::palette;

/// A command is read once it has not been changed for so long, and the files again from time to time.
const REST: Duration = Duration::from_millis(300);
const AGAIN: Duration = Duration::from_secs(2);
/// Fields at most; a longer program is set on the command line.
const MOST: usize = 40;

/// What says which files are read: the words and the folder of each stage.
type Commands = Vec<(Vec<OsString>, Option<OsString>)>;

/// The program of each stage, where it is one of Python's with a file of its own.
type Programs = Vec<Option<OwnProgram>>;

/// The fields.
#[derive(Debug, Default)]
pub(super) struct OwnSettings {
    /// The commands of the form, and since when.
    wanted: Commands,
    changed: Option<Instant>,
    reading: Option<Receiver<(Commands, Programs)>>,
    /// What was read last, of which commands and when.
    read: (Commands, Programs),
    read_at: Option<Instant>,
    /// What was typed, by the names of the settings.
    typed: BTreeMap<String, String>,
}

fn commands(stages: &[ChildSpec]) -> Commands {
    stages.iter().map(|stage| (stage.argv.clone(), stage.cwd.clone())).collect()
}

fn read(stages: &[ChildSpec]) -> Programs {
    // Of a file that cannot be read, Python says why.
    stages.iter().map(|stage| OwnProgram::of(stage)?.ok()).collect()
}

/// A value as it stands in a field.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl OwnSettings {
    /// Has the files of these commands read, if that is due, and draws the fields of what was read.
    pub(super) fn ui(&mut self, ui: &mut Ui, stages: &[ChildSpec]) {
        self.look(ui.ctx(), stages);
        let knobs = self.knobs();
        if self.read.0 != self.wanted || knobs.is_empty() {
            return;
        }
        egui::CollapsingHeader::new("Settings of the program").default_open(true).show(ui, |ui| {
            for knob in knobs.iter().take(MOST) {
                let was = shown(&knob.value);
                let mut text = self.typed.get(&knob.name).cloned().unwrap_or_else(|| was.clone());
                ui.horizontal(|ui| {
                    let field = TextEdit::singleline(&mut text).desired_width(90.0);
                    let field = ui.add(field).accessible_name(&knob.name);
                    field.on_hover_text(format!("line {}: {} = {}", knob.line, knob.name, knob.value));
                    ui.label(&knob.name);
                    ui.label(RichText::new(&knob.comment).small().color(palette(ui).weak));
                });
                if text == was {
                    self.typed.remove(&knob.name);
                } else {
                    self.typed.insert(knob.name.clone(), text);
                }
            }
        });
    }

    /// Has the programs of these stages run with what was typed. The error says what cannot be a value.
    pub(super) fn apply(&self, stages: &mut [ChildSpec]) -> Result<(), String> {
        if self.typed.is_empty() {
            return Ok(());
        }
        if self.read.0 != commands(stages) {
            return Err("the settings of the program are being read; start it again in a moment".to_owned());
        }
        for (stage, program) in stages.iter_mut().zip(&self.read.1) {
            let Some(program) = program else { continue };
            let mut values = BTreeMap::new();
            for knob in program.knobs() {
                if let Some(text) = self.typed.get(&knob.name) {
                    values.insert(knob.name.clone(), knob.parse(text)?);
                }
            }
            program.set(stage, &values);
        }
        Ok(())
    }

    /// The settings of all stages, each name once.
    fn knobs(&self) -> Vec<Knob> {
        let mut all: Vec<Knob> = Vec::new();
        for knob in self.read.1.iter().flatten().flat_map(OwnProgram::knobs) {
            if !all.iter().any(|known| known.name == knob.name) {
                all.push(knob);
            }
        }
        all
    }

    fn look(&mut self, ctx: &egui::Context, stages: &[ChildSpec]) {
        let now = Instant::now();
        let wanted = commands(stages);
        if wanted != self.wanted {
            (self.wanted, self.changed) = (wanted, Some(now));
        }
        match self.reading.as_ref().map(Receiver::try_recv) {
            Some(Ok(read)) => (self.read, self.read_at, self.reading) = (read, Some(now), None),
            Some(Err(TryRecvError::Disconnected)) => self.reading = None,
            Some(Err(TryRecvError::Empty)) => return,
            None => {}
        }
        let is_old = self.read.0 != self.wanted || self.read_at.is_none_or(|at| now - at >= AGAIN);
        if !is_old {
            return;
        }
        if self.changed.is_some_and(|changed| now - changed < REST) {
            return ctx.request_repaint_after(REST);
        }
        let (stages, wanted, ctx) = (stages.to_vec(), self.wanted.clone(), ctx.clone());
        let (sender, receiver) = bounded(1);
        let started = start_thread("settings of a program", move || {
            let programs = read(&stages);
            let _ = sender.send((wanted, programs));
            ctx.request_repaint_after_for(Duration::ZERO, ViewportId::ROOT);
        });
        // Without a thread the program runs as it is.
        self.reading = started.is_ok().then_some(receiver);
    }
}
