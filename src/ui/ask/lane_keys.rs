//! The keys of the timeline: they are its own while the pointer or the focus is there, and mean something else elsewhere. UI thread.

use egui::{Context, Event, Id, Key};

/// A command of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LaneKey {
    ZoomIn,
    ZoomOut,
    Earlier,
    Later,
    Fit,
    Previous,
    Next,
    Filter,
}

impl LaneKey {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 8] =
        [Self::ZoomIn, Self::ZoomOut, Self::Earlier, Self::Later, Self::Fit, Self::Previous, Self::Next, Self::Filter];

    /// Its name in the help.
    pub const fn text(self) -> &'static str {
        match self {
            Self::ZoomIn => "Lanes: closer",
            Self::ZoomOut => "Lanes: farther",
            Self::Earlier => "Lanes: earlier",
            Self::Later => "Lanes: later",
            Self::Fit => "Lanes: fit",
            Self::Previous => "Lanes: previous change",
            Self::Next => "Lanes: next change",
            Self::Filter => "Lanes: filter",
        }
    }

    /// Its effect, in a sentence.
    pub const fn tooltip(self) -> &'static str {
        match self {
            Self::ZoomIn => "Shows less time, larger. Like all keys of the lanes: while the pointer is on the timeline.",
            Self::ZoomOut => "Shows more time, smaller.",
            Self::Earlier => "Moves towards the beginning of the run.",
            Self::Later => "Moves towards its end, and follows it from there on.",
            Self::Fit => "Shows the marked area, else the selected lane, else the whole run.",
            Self::Previous => "Goes to the change before, on the selected lane.",
            Self::Next => "Goes to the next change on the selected lane.",
            Self::Filter => "Type a part of a name: only such lanes are shown.",
        }
    }

    /// Its key.
    pub const fn key(self) -> Key {
        match self {
            Self::ZoomIn => Key::W,
            Self::ZoomOut => Key::S,
            Self::Earlier => Key::A,
            Self::Later => Key::D,
            Self::Fit => Key::F,
            Self::Previous => Key::Comma,
            Self::Next => Key::Period,
            Self::Filter => Key::Slash,
        }
    }

    /// Its key as the help writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZoomIn => "W",
            Self::ZoomOut => "S",
            Self::Earlier => "A",
            Self::Later => "D",
            Self::Fit => "F",
            Self::Previous => ",",
            Self::Next => ".",
            Self::Filter => "/",
        }
    }

    /// The command of an event, if it is the press of such a key alone.
    fn of(event: &Event) -> Option<Self> {
        let Event::Key { key, pressed: true, modifiers, .. } = event else { return None };
        // Shift may be needed to type a sign on some keyboards.
        let is_plain = !modifiers.any() || (modifiers.shift_only() && *key == Key::Slash);
        Self::ALL.into_iter().find(|command| is_plain && command.key() == *key)
    }
}

/// What the timeline and the window tell each other about keys.
#[derive(Debug, Clone, Default)]
struct Keys {
    /// The last frame in which the pointer or the focus was on the timeline.
    claimed: Option<u64>,
    /// The frame whose input was looked through, and what was in it.
    typed: (Option<u64>, Vec<LaneKey>),
}

fn keys<R>(ctx: &Context, change: impl FnOnce(&mut Keys) -> R) -> R {
    ctx.data_mut(|data| change(data.get_temp_mut_or_default(Id::unique("keys of the timeline"))))
}

/// Tells that the pointer or the focus is on the timeline: in each frame in which that is so.
pub fn claim(ctx: &Context) {
    let frame = ctx.cumulative_pass_nr();
    keys(ctx, |keys| keys.claimed = Some(frame));
}

/// Takes the keys of the timeline out of this frame's input, if they are the timeline's. Call before other keys are taken.
///
/// While something lies over the window, they are not for what is below it.
pub fn collect(ctx: &Context, is_covered: bool) {
    let frame = ctx.cumulative_pass_nr();
    let is_wanted = keys(ctx, |keys| {
        let is_new = keys.typed.0.replace(frame) != Some(frame);
        if is_new {
            keys.typed.1.clear();
        }
        is_new && keys.claimed.is_some_and(|claimed| claimed + 1 >= frame)
    });
    if !is_wanted || is_covered || ctx.text_edit_focused() {
        return;
    }
    let typed = ctx.input_mut(|input| {
        let mut commands = Vec::new();
        input.events.retain(|event| {
            // Letters that come in the same frame as the slash are typed into the field already.
            let found = LaneKey::of(event).filter(|_| !commands.contains(&LaneKey::Filter));
            commands.extend(found);
            found.is_none()
        });
        if commands.contains(&LaneKey::Filter) {
            // The slash that asked for the field must not be typed into it.
            input.events.retain(|event| !matches!(event, Event::Text(text) if text == "/"));
        }
        commands
    });
    keys(ctx, |keys| keys.typed.1 = typed);
}

/// What was typed in this frame.
pub fn typed(ctx: &Context) -> Vec<LaneKey> {
    collect(ctx, egui::Popup::is_any_open(ctx));
    keys(ctx, |keys| std::mem::take(&mut keys.typed.1))
}
