//! The commands of the window, each once: its text, its tooltip and its keys, for buttons, keyboard and help.

use egui::{Event, Key, KeyboardShortcut, Modifiers};

use crate::ui::ask::lane_keys;
use crate::ui::ask::parts::Pane;

/// A command of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UiCommand {
    StartStop,
    Restart,
    PauseDisplay,
    StopEverything,
    Export,
    Find,
    FocusTree,
    CycleSort,
    SignalMenu,
    Kill,
    Terminate,
    Wait,
    Pane(Pane),
    Help,
    Settings,
    FullScreen,
    Projector,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Close,
    Quit,
}

const fn key(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::CTRL, key)
}

const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

impl UiCommand {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 27] = [
        Self::StartStop,
        Self::Restart,
        Self::PauseDisplay,
        Self::StopEverything,
        Self::Export,
        Self::Terminate,
        Self::Kill,
        Self::Wait,
        Self::SignalMenu,
        Self::Find,
        Self::FocusTree,
        Self::CycleSort,
        Self::Pane(Pane::Library),
        Self::Pane(Pane::Timeline),
        Self::Pane(Pane::Processes),
        Self::Pane(Pane::Details),
        Self::Pane(Pane::Header),
        Self::Pane(Pane::Log),
        Self::Help,
        Self::Settings,
        Self::FullScreen,
        Self::Projector,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Close,
        Self::Quit,
    ];

    /// Its name on a button and in the help.
    pub const fn text(self) -> &'static str {
        match self {
            Self::StartStop => "Start or stop",
            Self::Restart => "Restart",
            Self::PauseDisplay => "Pause the display",
            Self::StopEverything => "Stop everything",
            Self::Export => "Save the run",
            Self::Find => "Search scenarios",
            Self::FocusTree => "Go to the process tree",
            Self::CycleSort => "Sort the processes",
            Self::SignalMenu => "Signal menu",
            Self::Kill => "Kill",
            Self::Terminate => "Terminate",
            Self::Wait => "Wait on (reap)",
            Self::Pane(pane) => pane.title(),
            Self::Help => "Help",
            Self::Settings => "Settings",
            Self::FullScreen => "Full screen",
            Self::Projector => "Projector mode",
            Self::ZoomIn => "Larger",
            Self::ZoomOut => "Smaller",
            Self::ZoomReset => "Normal size",
            Self::Close => "Close what is open",
            Self::Quit => "Quit",
        }
    }

    /// Its effect, in a sentence.
    pub const fn tooltip(self) -> &'static str {
        match self {
            Self::StartStop => "Starts the selected scenario, or ends its run.",
            Self::Restart => "Ends the run and starts it again with the same settings.",
            Self::PauseDisplay => "Holds the picture still. The run goes on and nothing is lost.",
            Self::StopEverything => "Asks every process of every run to end, and kills what does not within two seconds.",
            Self::Export => {
                "Writes the run's recording (JSON lines) and its processes (CSV) into Task Lab's folder among your documents."
            }
            Self::Find => "Type to narrow the library down.",
            Self::FocusTree => "Arrow keys, Home, End, Page Up and Page Down then move the selection.",
            Self::CycleSort => "By tree, name, PID, CPU, memory; then by tree again.",
            Self::SignalMenu => "All signals and what they mean.",
            Self::Kill => "Sends SIGKILL. The kernel ends the process; it cannot refuse or clean up.",
            Self::Terminate => "Sends SIGTERM: please end. The program decides. SIGCONT follows, so that a stopped one hears it.",
            Self::Wait => "Waits on an ended child, so that the kernel can forget it: its parent's duty.",
            Self::Pane(_) => "Goes to this part of the window.",
            Self::Help => "All commands and keys.",
            Self::Settings => "Theme and size.",
            Self::FullScreen => "The whole screen, or a window again.",
            Self::Projector => "Everything larger, for a room.",
            Self::ZoomIn => "Makes everything larger.",
            Self::ZoomOut => "Makes everything smaller.",
            Self::ZoomReset => "The size it had at first.",
            Self::Close => "Closes help, settings and menus.",
            Self::Quit => "Ends every run and closes the window.",
        }
    }

    /// The keys that ask for it.
    pub const fn shortcuts(self) -> &'static [KeyboardShortcut] {
        const SHIFT_DELETE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::SHIFT, Key::Delete);
        const CTRL_SHIFT_P: KeyboardShortcut = KeyboardShortcut::new(Modifiers::CTRL.plus(Modifiers::SHIFT), Key::P);
        match self {
            Self::StartStop => const { &[key(Key::Space)] },
            Self::Restart => const { &[ctrl(Key::R)] },
            Self::PauseDisplay => const { &[key(Key::P)] },
            Self::StopEverything => &[],
            Self::Export => const { &[ctrl(Key::E)] },
            Self::Find => const { &[ctrl(Key::F), key(Key::Slash)] },
            Self::FocusTree => const { &[key(Key::F5)] },
            Self::CycleSort => const { &[key(Key::F6)] },
            Self::SignalMenu => const { &[key(Key::F9)] },
            Self::Kill => const { &[key(Key::K), SHIFT_DELETE] },
            Self::Terminate => const { &[key(Key::T), key(Key::Delete)] },
            Self::Wait => const { &[key(Key::W)] },
            Self::Pane(Pane::Library) => const { &[alt(Key::Num1)] },
            Self::Pane(Pane::Timeline) => const { &[alt(Key::Num2)] },
            Self::Pane(Pane::Processes) => const { &[alt(Key::Num3)] },
            Self::Pane(Pane::Details) => const { &[alt(Key::Num4)] },
            Self::Pane(Pane::Header) => const { &[alt(Key::Num5)] },
            Self::Pane(Pane::Log) => const { &[alt(Key::Num6)] },
            Self::Help => const { &[key(Key::F1)] },
            Self::Settings => const { &[ctrl(Key::Comma)] },
            Self::FullScreen => const { &[key(Key::F11)] },
            Self::Projector => const { &[CTRL_SHIFT_P] },
            Self::ZoomIn => const { &[ctrl(Key::Plus), ctrl(Key::Equals)] },
            Self::ZoomOut => const { &[ctrl(Key::Minus)] },
            Self::ZoomReset => const { &[ctrl(Key::Num0)] },
            Self::Close => const { &[key(Key::Escape)] },
            Self::Quit => const { &[ctrl(Key::Q)] },
        }
    }

    /// Its keys in words: `Ctrl+F or /`.
    pub fn keys(self, ctx: &egui::Context) -> String {
        self.shortcuts()
            .iter()
            .map(|shortcut| if shortcut.logical_key == Key::Slash { "/".to_owned() } else { ctx.format_shortcut(shortcut) })
            .collect::<Vec<_>>()
            .join(" or ")
    }

    /// The first of its keys, for the face of a button: `K`.
    pub fn first_key(self, ctx: &egui::Context) -> String {
        self.shortcuts().first().map(|shortcut| ctx.format_shortcut(shortcut)).unwrap_or_default()
    }

    /// Tooltip and keys, for a button.
    pub fn hint(self, ctx: &egui::Context) -> String {
        let keys = self.keys(ctx);
        if keys.is_empty() { self.tooltip().to_owned() } else { format!("{}\n{keys}", self.tooltip()) }
    }
}

/// Takes the commands that were typed out of this frame's input. Call before any widget is drawn.
///
/// While something lies over the window, keys without Ctrl or Alt are not for what is below it.
pub fn typed(ctx: &egui::Context, is_covered: bool) -> Vec<UiCommand> {
    lane_keys::collect(ctx, is_covered);
    let mut is_typing = ctx.text_edit_focused();
    let has_focus = ctx.memory(egui::Memory::focused).is_some_and(|focused| focused != crate::ui::ask::selection::table_focus());
    let mut commands = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Event::Key { key, pressed: true, modifiers, .. } = event else { return true };
            let found = UiCommand::ALL.into_iter().find(|command| {
                command.shortcuts().iter().any(|shortcut| {
                    is_pressed(*shortcut, *key, *modifiers) && is_meant(*shortcut, is_typing || is_covered, has_focus)
                })
            });
            commands.extend(found);
            // Letters that come in the same frame as the slash are typed into the field already.
            is_typing |= found == Some(UiCommand::Find);
            // A menu that is open closes on the same key.
            found.is_none_or(|command| command == UiCommand::Close)
        });
        if commands.contains(&UiCommand::Find) {
            // The slash that asked for the search field must not be typed into it.
            input.events.retain(|event| !matches!(event, Event::Text(text) if text == "/"));
        }
    });
    commands
}

/// Whether the event is this shortcut; Shift may be needed to type a sign on some keyboards.
fn is_pressed(shortcut: KeyboardShortcut, key: Key, modifiers: Modifiers) -> bool {
    let is_sign = matches!(key, Key::Slash | Key::Plus | Key::Equals | Key::Minus | Key::Comma);
    let modifiers = if is_sign { Modifiers { shift: shortcut.modifiers.shift, ..modifiers } } else { modifiers };
    shortcut.logical_key == key && modifiers.matches_exact(shortcut.modifiers)
}

/// A key without Ctrl or Alt belongs to the field that has the focus, and Space to the focused button.
fn is_meant(shortcut: KeyboardShortcut, is_typing: bool, has_focus: bool) -> bool {
    let is_plain = !shortcut.modifiers.ctrl && !shortcut.modifiers.alt;
    match shortcut.logical_key {
        Key::F1 | Key::F5 | Key::F6 | Key::F9 | Key::F11 | Key::Escape => true,
        Key::Space => !is_typing && !has_focus,
        _ => !(is_plain && is_typing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ask::lane_keys::LaneKey;

    #[test]
    fn no_key_asks_for_two_things() {
        let mut seen = Vec::new();
        for command in UiCommand::ALL {
            for shortcut in command.shortcuts() {
                assert!(!seen.contains(shortcut), "{command:?} shares {shortcut:?}");
                seen.push(*shortcut);
            }
        }
    }

    #[test]
    fn a_letter_in_a_text_field_is_only_a_letter() {
        let kill = UiCommand::Kill.shortcuts()[0];
        assert!(is_meant(kill, false, true));
        assert!(!is_meant(kill, true, true));
        assert!(is_meant(UiCommand::Quit.shortcuts()[0], true, true));
        assert!(!is_pressed(kill, Key::K, Modifiers::ALT), "Alt+K is not K");
        assert!(is_pressed(UiCommand::Find.shortcuts()[1], Key::Slash, Modifiers::SHIFT), "as on a German keyboard");
    }

    #[test]
    fn two_keys_have_another_meaning_elsewhere_and_the_others_none() {
        let plain = |command: &UiCommand, key: Key| {
            command.shortcuts().iter().any(|shortcut| shortcut.logical_key == key && !shortcut.modifiers.any())
        };
        let shared = LaneKey::ALL.into_iter().filter(|lane| UiCommand::ALL.iter().any(|command| plain(command, lane.key())));
        assert_eq!(shared.collect::<Vec<_>>(), [LaneKey::ZoomIn, LaneKey::Filter]);
        for key in LaneKey::ALL {
            assert_eq!(LaneKey::ALL.iter().filter(|other| other.key() == key.key()).count(), 1, "{key:?}");
        }
    }
}
