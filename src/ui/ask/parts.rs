//! The parts of the window by name: panes, and the pages of the details. Pure.

/// A part of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Pane {
    /// Scenarios, card, settings.
    Library,
    /// Cores and lanes.
    #[default]
    Timeline,
    /// The process table.
    Processes,
    /// Code, output, facts.
    Details,
    /// The selected process and the GPIO header.
    Header,
    /// The log of the run.
    Log,
}

impl Pane {
    /// All, in the order of their keys.
    pub const ALL: [Self; 6] = [Self::Library, Self::Timeline, Self::Processes, Self::Details, Self::Header, Self::Log];

    /// Its name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Library => "Scenarios",
            Self::Timeline => "Timeline",
            Self::Processes => "Processes",
            Self::Details => "Code and output",
            Self::Header => "Actions and pins",
            Self::Log => "What happened",
        }
    }

    /// Its name where there is no room for that.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Library => "Lessons",
            Self::Timeline => "Lanes",
            Self::Processes => "Rows",
            Self::Details => "Code",
            Self::Header => "Pins",
            Self::Log => "Log",
        }
    }

    /// Its purpose, in a line for a person who sees it for the first time.
    pub const fn first_use(self) -> &'static str {
        match self {
            Self::Library => "Choose a lesson, guess what will happen, press Start.",
            Self::Timeline => {
                "A bar for each thread and process: colour and pattern say what it does. Click one to see its code."
            }
            Self::Processes => "Real processes, as the kernel lists them. Click one, then act on it.",
            Self::Details => "The code that runs, what it wrote, what was measured.",
            Self::Header => "These buttons send real signals. The pins are those of the 40-pin header.",
            Self::Log => "Everything that happens, in sentences. Ctrl+E saves the whole run.",
        }
    }
}

/// One page of the details.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tab {
    /// The scenario's code.
    #[default]
    Code,
    /// The output of the children.
    Output,
    /// Claims and what was measured.
    Facts,
    /// Two ways side by side.
    Compare,
}

impl Tab {
    /// All, in the order of their tabs.
    pub const ALL: [Self; 4] = [Self::Code, Self::Output, Self::Facts, Self::Compare];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Code => "Code",
            Self::Output => "Output",
            Self::Facts => "Facts",
            Self::Compare => "Compare",
        }
    }

    /// Its name for a screen reader, other than the title where a button has the same one.
    pub const fn name(self) -> &'static str {
        if matches!(self, Self::Compare) { "Side by side" } else { self.title() }
    }
}
