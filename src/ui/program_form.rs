//! The form that runs any program of the user's, or a pipeline. UI thread; starts nothing itself.

use std::ffi::OsString;
use std::path::PathBuf;

use egui::{RichText, TextEdit, Ui};

use super::actions::{Actions, UiAction};
use super::theme::{self, palette};
use crate::engine::{LaunchRequest, What};
use crate::model::{ChildSpec, InvalidSpec, Reaping, StopPlan};

/// What stands in the fields.
#[derive(Debug, Default, Clone)]
pub struct ProgramForm {
    /// Program and arguments, as one types them into a shell; stages of a pipeline are parted by `|`.
    pub line: String,
    /// The folder to run in; empty for ours.
    pub folder: String,
    /// `NAME=VALUE`, one a line.
    pub environment: String,
    /// Whether the children stay zombies until somebody waits on them.
    pub keeps_zombies: bool,
    was_tried: bool,
}

/// Why nothing can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Nothing typed.
    #[error("Type a program and its arguments, such as: sleep 60")]
    Empty,
    /// A quotation mark without its partner.
    #[error("A quotation mark is missing: every ' and \" needs its partner.")]
    Quote,
    /// Nothing before or after a `|`.
    #[error("Stage {0} of the pipeline is empty: there must be a program on both sides of every |.")]
    EmptyStage(usize),
    /// A line without `=`.
    #[error("Line {line} of the environment is {text:?}; it must be NAME=VALUE.")]
    Environment {
        /// Which line, from 1.
        line: usize,
        /// As typed.
        text: String,
    },
    /// Something that the kernel would not take.
    #[error("Stage {stage}: {error}.")]
    Spec {
        /// Which stage, from 1.
        stage: usize,
        /// What is wrong.
        error: InvalidSpec,
    },
}

impl ProgramForm {
    /// Draws the form.
    pub fn ui(&mut self, ui: &mut Ui, actions: &mut Actions) {
        ui.label(theme::bold("Run a program").size(14.0));
        ui.label(RichText::new("Any command, without a shell. Put | between the stages of a pipeline.").color(palette(ui).weak));
        ui.add_space(4.0);
        ui.label(theme::caption(ui, "Command"));
        let line = ui.add(
            TextEdit::singleline(&mut self.line)
                .hint_text("sort words.txt | uniq -c")
                .font(egui::TextStyle::Monospace)
                .desired_width(f32::INFINITY),
        );
        let is_entered = line.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        line.accessible_name("Command").on_hover_text("* and > mean nothing special here: no shell reads this line.");
        let request = self.request();
        if let Err(error) = &request
            && (self.was_tried || *error != FormError::Empty)
        {
            ui.label(RichText::new(format!("⚠ {error}")).color(palette(ui).vermilion.ink));
        }
        ui.label(theme::caption(ui, "Folder"));
        ui.add(TextEdit::singleline(&mut self.folder).hint_text("where Task Lab was started").desired_width(f32::INFINITY))
            .accessible_name("Folder");
        ui.label(theme::caption(ui, "Environment, besides ours"));
        ui.add(TextEdit::multiline(&mut self.environment).hint_text("NAME=VALUE").desired_rows(2).desired_width(f32::INFINITY))
            .accessible_name("Environment");
        ui.checkbox(&mut self.keeps_zombies, "keep as zombie until waited on")
            .on_hover_text("Its status is read all the same. Select it and press W to let the kernel forget it.");
        ui.add_space(4.0);
        let colors = palette(ui);
        let size = egui::vec2(ui.available_width(), 26.0);
        let button = ui.horizontal(|ui| super::widgets::tinted_button(ui, "▶ Run it", colors.green, colors.text, size)).inner;
        let button = button.accessible_name("Run it");
        if button.clicked() || is_entered {
            self.was_tried = true;
            if let Ok(request) = request {
                actions.push(UiAction::Launch(Box::new(request)));
            }
        }
    }

    /// What the fields ask for.
    pub fn request(&self) -> Result<LaunchRequest, FormError> {
        let environment = parse_environment(&self.environment)?;
        let folder = self.folder.trim();
        let cwd = (!folder.is_empty()).then(|| PathBuf::from(folder));
        let mut stages = Vec::new();
        for (index, argv) in parse_stages(&self.line)?.into_iter().enumerate() {
            let reaping = if self.keeps_zombies { Reaping::WhenAsked } else { Reaping::AtOnce };
            let spec = ChildSpec { cwd: cwd.clone(), env: environment.clone(), reaping, ..ChildSpec::new(argv) };
            spec.validate().map_err(|error| FormError::Spec { stage: index + 1, error })?;
            stages.push(spec);
        }
        Ok(LaunchRequest {
            what: What::Programs { stages, input: None },
            script: Vec::new(),
            timeout: None,
            stop: StopPlan::default(),
        })
    }
}

/// Splits a line into stages at each `|` or `:::` that is not quoted, and each stage into arguments.
fn parse_stages(line: &str) -> Result<Vec<Vec<String>>, FormError> {
    if line.trim().is_empty() {
        return Err(FormError::Empty);
    }
    let mut stages = Vec::new();
    for part in split_pipes(line) {
        let words = shell_words::split(part).map_err(|_| FormError::Quote)?;
        stages.extend(words.split(|word| word == ":::").map(<[String]>::to_vec));
    }
    match stages.iter().position(Vec::is_empty) {
        Some(index) => Err(FormError::EmptyStage(index + 1)),
        None => Ok(stages),
    }
}

/// The parts of a line between the `|` that stand outside quotes.
fn split_pipes(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote, mut is_escaped) = (0, None, false);
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            _ if is_escaped => is_escaped = false,
            (None | Some('"'), '\\') => is_escaped = true,
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '|') => {
                parts.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&line[start..]);
    parts
}

fn parse_environment(text: &str) -> Result<Vec<(OsString, OsString)>, FormError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| match line.trim_start().split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
            _ => Err(FormError::Environment { line: index + 1, text: line.to_owned() }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::ui::testing;

    fn stages(line: &str) -> Result<Vec<Vec<String>>, FormError> {
        parse_stages(line)
    }

    #[test]
    fn a_line_becomes_stages_and_quotes_protect_the_pipe() {
        let words = |stage: &[&str]| stage.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            stages("sort -r 'my words.txt' | uniq -c"),
            Ok(vec![words(&["sort", "-r", "my words.txt"]), words(&["uniq", "-c"])])
        );
        assert_eq!(stages("a ::: b c"), Ok(vec![words(&["a"]), words(&["b", "c"])]));
        assert_eq!(stages(r#"echo '|' "|" \|"#), Ok(vec![words(&["echo", "|", "|", "|"])]));
    }

    #[test]
    fn what_cannot_be_run_is_explained() {
        assert_eq!(stages("  "), Err(FormError::Empty));
        assert_eq!(stages("echo 'a"), Err(FormError::Quote));
        assert_eq!(stages("a || b"), Err(FormError::EmptyStage(2)));
        assert_eq!(stages("a |"), Err(FormError::EmptyStage(2)));
        let form = ProgramForm { line: "true".to_owned(), environment: "A=1\nB".to_owned(), ..ProgramForm::default() };
        assert_eq!(form.request().map(|_| ()), Err(FormError::Environment { line: 2, text: "B".to_owned() }));
        let form = ProgramForm { line: "true ::: a\0b".to_owned(), ..ProgramForm::default() };
        assert!(matches!(form.request(), Err(FormError::Spec { stage: 2, .. })));
    }

    #[test]
    fn the_button_sends_the_request_and_an_empty_line_shows_the_sentence() {
        let mut harness = testing::view(240.0, 500.0, (ProgramForm::default(), Actions::default()), |ui, (form, actions)| {
            form.ui(ui, actions);
        });
        harness.get_by_label("Run it").click();
        harness.run();
        harness.get_by_label_contains("Type a program");
        assert!(harness.state_mut().1.take().is_empty());
        harness.state_mut().0.line = "sleep 60".to_owned();
        harness.run();
        harness.get_by_label_contains("keep as zombie").click();
        harness.run();
        harness.get_by_label("Run it").click();
        harness.run();
        let actions = harness.state_mut().1.take();
        let [UiAction::Launch(request)] = &actions[..] else { panic!("{actions:?}") };
        let What::Programs { stages, .. } = &request.what else { panic!("{request:?}") };
        assert_eq!((stages[0].argv.len(), stages[0].reaping), (2, Reaping::WhenAsked));
    }
}
