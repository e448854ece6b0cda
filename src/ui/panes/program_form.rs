//! The form that runs any program of the user's, or a pipeline. UI thread; starts nothing itself.

use std::ffi::OsString;

use egui::{RichText, TextEdit, Ui};

use crate::engine::{LaunchRequest, What};
use crate::model::{ChildSpec, Input, InvalidSpec, Reaping, StopPlan, WindowSize};
use crate::ui::ask::actions::{Actions, UiAction};
use crate::ui::look::theme::{self, palette};
use crate::ui::panes::own_settings::OwnSettings;

/// The texts in the fields.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box that can be ticked")]
pub struct ProgramForm {
    /// Program and arguments, as one types them into a shell; stages of a pipeline are parted by `|`.
    pub line: String,
    /// The folder to run in; empty for ours.
    pub folder: String,
    /// `NAME=VALUE`, one a line.
    pub environment: String,
    /// The input of the first program, before the end of the file; empty for no input at all.
    pub input: String,
    /// Added to the niceness; empty for nothing.
    pub nice: String,
    /// The file mode creation mask, octal; empty for ours.
    pub umask: String,
    /// Whether /bin/sh reads the command line.
    pub is_shell: bool,
    /// Whether it gets a terminal of its own.
    pub has_terminal: bool,
    /// Whether the first program reads what is typed while it runs.
    pub is_typed_to: bool,
    /// Whether it starts a session of its own.
    pub starts_session: bool,
    /// Whether the children stay zombies until somebody waits on them.
    pub keeps_zombies: bool,
    /// Whether Task Lab's observer runs in a program that Python executes.
    pub is_observed: bool,
    settings: OwnSettings,
    was_tried: bool,
}

impl Default for ProgramForm {
    /// Empty; only the observer is on.
    fn default() -> Self {
        Self {
            line: String::new(),
            folder: String::new(),
            environment: String::new(),
            input: String::new(),
            nice: String::new(),
            umask: String::new(),
            is_shell: false,
            has_terminal: false,
            is_typed_to: false,
            starts_session: false,
            keeps_zombies: false,
            is_observed: true,
            settings: OwnSettings::default(),
            was_tried: false,
        }
    }
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
    /// No number of that range.
    #[error("Niceness {0:?} must be a whole number from -20 (first) to 19 (last).")]
    Nice(String),
    /// No octal mask.
    #[error("Mask {0:?} must be octal, 000 to 777, such as 022.")]
    Umask(String),
    /// One terminal, several programs.
    #[error("A terminal is for a single program: tick “let a shell read it” for a pipeline in one.")]
    Terminal,
    /// No value of that kind.
    #[error("{0}.")]
    Setting(String),
    /// Something that the kernel would not take.
    #[error("Stage {stage}: {error}.")]
    Spec {
        /// Which stage, from 1.
        stage: usize,
        /// The fault.
        error: InvalidSpec,
    },
}

impl ProgramForm {
    /// Draws the form.
    pub fn ui(&mut self, ui: &mut Ui, actions: &mut Actions) {
        ui.label(theme::bold("Run a program").size(14.0));
        let how = if self.is_shell {
            "Any command line, as /bin/sh reads it."
        } else {
            "Any command, without a shell. Put | between the stages of a pipeline."
        };
        ui.label(RichText::new(how).color(palette(ui).weak));
        ui.add_space(4.0);
        ui.label(theme::caption(ui, "Command"));
        let line = ui.add(
            TextEdit::singleline(&mut self.line)
                .hint_text("sort words.txt | uniq -c")
                .font(egui::TextStyle::Monospace)
                .desired_width(f32::INFINITY),
        );
        let is_entered = line.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        line.accessible_name("Command").on_hover_text(if self.is_shell {
            "The shell is one program here, and what it starts are its children."
        } else {
            "* and > mean nothing special here: no shell reads this line."
        });
        let request = self.request();
        if let Err(error) = &request
            && (self.was_tried || *error != FormError::Empty)
        {
            ui.label(RichText::new(format!("⚠ {error}")).color(palette(ui).vermilion.ink));
        }
        if let Some(stages) = self.stages().ok().filter(|_| self.is_observed) {
            self.settings.ui(ui, &stages);
        }
        ui.label(theme::caption(ui, "Folder"));
        ui.add(TextEdit::singleline(&mut self.folder).hint_text("where Task Lab was started").desired_width(f32::INFINITY))
            .accessible_name("Folder");
        ui.label(theme::caption(ui, "Environment, besides ours"));
        ui.add(TextEdit::multiline(&mut self.environment).hint_text("NAME=VALUE").desired_rows(2).desired_width(f32::INFINITY))
            .accessible_name("Environment");
        ui.checkbox(&mut self.is_observed, "observe it if it is Python").on_hover_text(
            "Its threads, locks, queues and processes appear under the names that it gives them, with who waits for what. It does the \
             same as without. Of a line that a shell reads, the first word counts.",
        );
        ui.checkbox(&mut self.is_shell, "let a shell read it").on_hover_text("Then * > $HOME && and the like work: /bin/sh -c.");
        ui.checkbox(&mut self.has_terminal, "in a terminal of its own").on_hover_text(
            "It behaves as on a terminal: what it prints is seen at once. Its output and errors come as one stream.",
        );
        ui.add_enabled_ui(self.input.is_empty(), |ui| {
            let typed = ui.checkbox(&mut self.is_typed_to, "I type its input while it runs").on_hover_text(
                "Its standard input is a pipe that stays open: a line to type stands under its buttons once it is selected.",
            );
            typed.on_disabled_hover_text("It reads the text below, and then the end of the file.");
        });
        ui.checkbox(&mut self.keeps_zombies, "keep as zombie until waited on")
            .on_hover_text("Its status is read all the same. Select it and press W to let the kernel forget it.");
        egui::CollapsingHeader::new("Session, input, niceness, mask").id_salt("program-form-more").show(ui, |ui| self.more(ui));
        ui.add_space(4.0);
        let colors = palette(ui);
        let size = egui::vec2(ui.available_width(), 26.0);
        let button =
            ui.horizontal(|ui| crate::ui::look::widgets::tinted_button(ui, "▶ Run it", colors.green, colors.text, size)).inner;
        let button = button.accessible_name("Run it");
        if button.clicked() || is_entered {
            self.was_tried = true;
            if let Ok(request) = request {
                actions.push(UiAction::Launch(Box::new(request)));
            }
        }
    }

    fn more(&mut self, ui: &mut Ui) {
        ui.checkbox(&mut self.starts_session, "in a session of its own")
            .on_hover_text("setsid(2): no signal to our group reaches it.");
        ui.label(theme::caption(ui, "Text that it reads"));
        ui.add(TextEdit::multiline(&mut self.input).hint_text("none").desired_rows(2).desired_width(f32::INFINITY))
            .accessible_name("Text that it reads")
            .on_hover_text("Its standard input: this, then the end of the file.");
        ui.label(theme::caption(ui, "Niceness, added to ours"));
        ui.add(TextEdit::singleline(&mut self.nice).hint_text("0").desired_width(60.0))
            .accessible_name("Niceness")
            .on_hover_text("-20 to 19: the higher, the more it lets others go first.");
        ui.label(theme::caption(ui, "Mask for new files (umask)"));
        ui.add(TextEdit::singleline(&mut self.umask).hint_text("022").desired_width(60.0))
            .accessible_name("Mask for new files")
            .on_hover_text("Octal: the permissions that new files do not get.");
    }

    /// The request that the fields make.
    pub fn request(&self) -> Result<LaunchRequest, FormError> {
        let mut stages = self.stages()?;
        if self.is_observed {
            self.settings.apply(&mut stages).map_err(FormError::Setting)?;
        }
        let input = (!self.input.is_empty()).then(|| self.input.clone().into_bytes());
        Ok(LaunchRequest { what: What::Programs { stages, input }, script: Vec::new(), timeout: None, stop: StopPlan::default() })
    }

    fn stages(&self) -> Result<Vec<ChildSpec>, FormError> {
        let environment = parse_environment(&self.environment)?;
        let folder = self.folder.trim();
        let cwd = (!folder.is_empty()).then(|| OsString::from(folder));
        let nice =
            parse(&self.nice, |text| text.parse().ok().filter(|nice| (-20..=19).contains(nice))).map_err(FormError::Nice)?;
        let mask = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
        let umask = parse(&self.umask, mask).map_err(FormError::Umask)?;
        let lines = if self.is_shell { shell(&self.line)? } else { parse_stages(&self.line)? };
        if self.has_terminal && lines.len() > 1 {
            return Err(FormError::Terminal);
        }
        let mut stages = Vec::new();
        for (index, argv) in lines.into_iter().enumerate() {
            let spec = ChildSpec {
                cwd: cwd.clone(),
                env: environment.clone(),
                reaping: if self.keeps_zombies { Reaping::WhenAsked } else { Reaping::AtOnce },
                observe: self.is_observed,
                nice,
                umask,
                new_session: self.starts_session,
                terminal: self.has_terminal.then(WindowSize::default),
                // A terminal is there to be read from even when nobody types yet.
                stdin: if self.has_terminal || (self.is_typed_to && index == 0) { Input::Pipe } else { Input::Null },
                ..ChildSpec::new(argv)
            };
            spec.validate().map_err(|error| FormError::Spec { stage: index + 1, error })?;
            stages.push(spec);
        }
        Ok(stages)
    }
}

/// A field that may be empty.
fn parse<T>(field: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
    match field.trim() {
        "" => Ok(None),
        text => read(text).map(Some).ok_or_else(|| text.to_owned()),
    }
}

/// The shell, with the line as it was typed.
fn shell(line: &str) -> Result<Vec<Vec<String>>, FormError> {
    if line.trim().is_empty() {
        Err(FormError::Empty)
    } else {
        Ok(vec![vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()]])
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
    use std::time::{Duration, Instant};

    use egui::accesskit::Role;
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
    fn what_is_ticked_and_typed_is_what_is_asked_for() {
        let form = || ProgramForm { line: "umask | cat".to_owned(), ..ProgramForm::default() };
        let spec = |form: ProgramForm| match form.request().map(|request| request.what) {
            Ok(What::Programs { stages, input }) => Ok((stages[0].clone(), stages.len(), input)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        };
        let (stage, count, input) = spec(form()).expect("valid");
        assert_eq!(
            (count, stage.nice, stage.umask, stage.terminal, stage.stdin, input),
            (2, None, None, None, Input::Null, None)
        );
        let all = || ProgramForm {
            nice: " 5 ".to_owned(),
            umask: "077".to_owned(),
            input: "two\nlines".to_owned(),
            is_shell: true,
            has_terminal: true,
            starts_session: true,
            ..form()
        };
        assert!(stage.observe && !stage.lesson_pipes, "Python is observed, and nothing else gets more than it asks for");
        assert!(!spec(ProgramForm { is_observed: false, ..form() }).expect("valid").0.observe);
        let (typed, ..) = spec(ProgramForm { is_typed_to: true, ..form() }).expect("valid");
        assert_eq!(typed.stdin, Input::Pipe);
        let (stage, count, input) = spec(all()).expect("valid");
        assert_eq!(stage.argv, ["/bin/sh", "-c", "umask | cat"]);
        assert_eq!((count, stage.nice, stage.umask, stage.new_session), (1, Some(5), Some(0o77), true));
        assert_eq!((stage.terminal, input), (Some(WindowSize::default()), Some(b"two\nlines".to_vec())));
        assert_eq!(spec(ProgramForm { is_shell: false, ..all() }), Err(FormError::Terminal));
        assert_eq!(spec(ProgramForm { nice: "20".to_owned(), ..form() }), Err(FormError::Nice("20".to_owned())));
        assert_eq!(spec(ProgramForm { umask: "8".to_owned(), ..form() }), Err(FormError::Umask("8".to_owned())));
        assert_eq!(spec(ProgramForm { is_shell: true, line: " ".to_owned(), ..form() }), Err(FormError::Empty));
    }

    #[test]
    fn every_field_has_a_name_and_can_be_filled_in() {
        let mut harness = testing::view(240.0, 900.0, (ProgramForm::default(), Actions::default()), |ui, (form, actions)| {
            form.ui(ui, actions);
        });
        harness.get_by_label("Session, input, niceness, mask").click();
        harness.run();
        for label in ["observe it if it is Python", "let a shell read it", "in a terminal of its own", "in a session of its own"]
        {
            harness.get_by_label(label).click();
            harness.run();
        }
        for (label, text) in
            [("Command", "stty size"), ("Text that it reads", "x"), ("Niceness", "1"), ("Mask for new files", "027")]
        {
            let field = harness.get_by_label(label);
            field.focus();
            field.type_text(text);
            harness.run();
        }
        let form = &harness.state().0;
        assert!(form.is_shell && form.has_terminal && form.starts_session && !form.is_observed, "{form:?}");
        assert_eq!([&form.line, &form.input, &form.nice, &form.umask], ["stty size", "x", "1", "027"]);
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

    /// The literals of a Python program become fields, and go with the request.
    #[test]
    fn a_python_program_has_its_settings_as_fields() {
        const FIELD: (Role, &str) = (Role::TextInput, "size");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mine.py");
        std::fs::write(&file, "size = 3  # of what\nloud = False\n").expect("written");
        let form = ProgramForm { line: format!("python3 '{}' 7", file.display()), ..ProgramForm::default() };
        let mut harness = testing::view(300.0, 700.0, (form, Actions::default()), |ui, (form, actions)| form.ui(ui, actions));
        let end = Instant::now() + Duration::from_mins(1);
        while harness.query_by_role_and_label(FIELD.0, FIELD.1).is_none() {
            assert!(Instant::now() < end, "no settings");
            harness.step();
            std::thread::yield_now();
        }
        for (typed, wanted) in [("x", None), ("4", Some("[7,8,\"3\",\"4\"]"))] {
            let field = harness.get_by_role_and_label(FIELD.0, FIELD.1);
            field.focus();
            harness.run();
            harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
            harness.run();
            harness.get_by_role_and_label(FIELD.0, FIELD.1).type_text(typed);
            harness.run();
            harness.get_by_label("Run it").click();
            harness.run();
            let sent = harness.state_mut().1.take();
            let put = sent.iter().find_map(|sent| {
                let UiAction::Launch(request) = sent else { return None };
                let What::Programs { stages, .. } = &request.what else { return None };
                let told = stages[0].env.iter().find(|(name, _)| name == "TASKLAB_KNOBS")?;
                Some(told.1.to_string_lossy().into_owned())
            });
            assert!(
                put.is_some() == wanted.is_some() && put.as_ref().is_none_or(|put| put.contains(wanted.unwrap_or(""))),
                "{typed}: {put:?}"
            );
            assert_eq!(harness.query_by_label_contains("size cannot be x").is_some(), wanted.is_none(), "{typed}");
        }
    }
}
