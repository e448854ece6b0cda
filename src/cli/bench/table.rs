//! The figures as a learner reads them: a line for each side of a comparison, with a bar. Pure.

use std::fmt::Write;

use super::measure::Figure;

/// Width of the longest bar.
const BAR: usize = 40;

/// The rows of the table: key, title and unit.
const ROWS: &[(&str, &str, Unit)] = &[
    ("launch_wait", "Launching a program and waiting for it, one after the other", Unit::Rate),
    ("launch_many", "Launching 100 programs at once and waiting for all", Unit::Rate),
    ("fork_wait", "Forking a process and waiting for it", Unit::Rate),
    ("thread_start_join", "Starting a thread and joining it", Unit::Rate),
    ("thread_pool_tasks", "Tasks for a pool of 4 threads", Unit::Rate),
    ("process_pool_tasks", "Tasks for a pool of 4 processes", Unit::Rate),
    ("thread_queue_items", "Items through a queue to another thread", Unit::Rate),
    ("process_queue_items", "Items through a queue to another process", Unit::Rate),
    ("lock_ops", "Taking and letting go of a lock that is free", Unit::Rate),
    ("tracked_lock_ops", "Taking and letting go of the lessons' own lock, while no run is recorded", Unit::Rate),
    ("tracked_lock_times", "The time of the lessons' lock, as a multiple of a Mutex's", ASKED),
    ("tracked_queue_items", "Items into the lessons' own queue and out again, while no run is recorded", Unit::Rate),
    ("tracked_queue_times", "The time of the lessons' queue, as a multiple of a Mutex's with Condvars", ASKED),
    // A channel counts no tasks and has one taker, so that it needs no mutex.
    ("tracked_queue_channel_times", "The time of the lessons' queue, as a multiple of a sync_channel's", FOR_INFORMATION),
    ("pipe_switches", "Switches between two processes on one core, while the kernel records them, and without", Unit::Rate),
    ("switch_records_us", "What a switch takes longer while it is recorded", Unit::Limited { word: "µs", at_most: Some(1.5) }),
    (
        "switch_reading_percent",
        "Reading the records of 50,000 switches a second",
        Unit::Limited { word: "% of a core", at_most: Some(2.0) },
    ),
    ("records_folded", "Switch records made into lanes, with 30 views for each 100,000", Unit::Rate),
    (
        "folding_percent",
        "Making lanes of the records of 50,000 switches a second, and 30 views",
        Unit::Limited { word: "% of a core", at_most: Some(2.0) },
    ),
    ("lanes_published_ms", "Publishing 100 lanes with 1,000,000 changes", Unit::Limited { word: "ms", at_most: Some(1.0) }),
    ("observed_lock_ops", "Taking and letting go of a free lock in a Python program that is observed, and without", Unit::Rate),
    (
        "observed_lock_more_ns",
        "What a lock that is free takes longer while it is observed",
        Unit::Limited { word: "ns", at_most: Some(1000.0) },
    ),
    ("observed_contended_rounds", "Rounds of 4 Python threads that want one lock, observed, and without", Unit::Rate),
    (
        "observed_contended_times",
        "The time of threads that want one lock while they are observed, as a multiple of that without",
        Unit::Limited { word: "×", at_most: Some(1.05) },
    ),
    ("observed_start_ms", "Starting and ending a small Python program, observed, and without", Unit::Millis),
    (
        "observed_start_more_ms",
        "What a Python program takes longer to start while it is observed",
        Unit::Limited { word: "ms", at_most: Some(15.0) },
    ),
    ("capture_mib", "Capturing a program's output", Unit::Mib),
    ("events", "Event lines of a lesson taken in", Unit::Rate),
    ("sample_300_ms", "Looking at 300 processes", Unit::Millis),
    ("sample_3000_ms", "Looking at 3,000 processes", Unit::Millis),
    ("schedule_late_p50_us", "How late a scheduled event runs, usually", Unit::Micros),
    ("schedule_late_p99_us", "How late a scheduled event runs, 1 of 100", Unit::Micros),
    ("gpio_toggle_p50_us", "Toggling a line of the simulated board, usually", Unit::Micros),
    ("gpio_toggle_p99_us", "Toggling a line of the simulated board, 1 of 100", Unit::Micros),
];

const SIDES: &[(&str, &str)] = &[
    ("", "Task Lab"),
    ("c_", "plain C"),
    ("python_", "Python"),
    ("plain_", "without"),
    ("std_", "Mutex"),
    ("channel_", "channel"),
];

/// The limit for what tracking may cost, which the project sets itself.
const ASKED: Unit = Unit::Limited { word: "×", at_most: Some(1.3) };
const FOR_INFORMATION: Unit = Unit::Limited { word: "×", at_most: None };

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Rate,
    Mib,
    Millis,
    Micros,
    /// A figure that was worked out of others, as a multiple of another side's time, and its limit.
    Limited {
        word: &'static str,
        at_most: Option<f64>,
    },
}

/// The keys that can be measured, without a side's prefix.
pub(super) fn names() -> Vec<&'static str> {
    ROWS.iter().filter(|row| !matches!(row.2, Unit::Limited { .. })).map(|row| row.0).collect()
}

/// The figures in the order of the rows and their sides.
pub(super) fn in_order(mut figures: Vec<Figure>) -> Vec<Figure> {
    figures.sort_by_key(|figure| {
        let place = |name: &str| ROWS.iter().position(|row| row.0 == name);
        let side = |at: usize| figure.key.strip_prefix(SIDES[at].0).and_then(place).map(|row| (row, at));
        (0..SIDES.len()).find_map(side)
    });
    figures
}

/// The table. Rows without figures are left out.
pub(super) fn table(figures: &[Figure]) -> String {
    let mut text = String::from("What starting, switching and talking costs on this machine (medians)\n");
    for &(name, title, unit) in ROWS {
        let of_side =
            |prefix: &str| figures.iter().find(|figure| figure.key == format!("{prefix}{name}")).map(|figure| figure.value);
        let sides: Vec<(&str, f64)> = SIDES.iter().filter_map(|(prefix, side)| Some((*side, of_side(prefix)?))).collect();
        let most = sides.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        if sides.is_empty() {
            continue;
        }
        if let Unit::Limited { word, at_most } = unit {
            let value = sides[0].1;
            let (mark, asked) = match at_most {
                Some(most) => (if value <= most { '✓' } else { '✗' }, format!(" (asked: {most} {word} at most)")),
                None => (' ', String::new()),
            };
            let _ = writeln!(text, "  {mark} {title}: {value:.2} {word}{asked}");
            continue;
        }
        let better = if matches!(unit, Unit::Rate | Unit::Mib) { "longer is better" } else { "shorter is better" };
        let _ = writeln!(text, "\n{title} ({better})");
        for (side, value) in sides {
            let bar = "█".repeat(((value / most * BAR as f64).round() as usize).clamp(1, BAR));
            let _ = writeln!(text, "  {side:<8} {:>18}{:>14}  {bar}", number(value, unit), each(value, unit));
        }
    }
    text
}

fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Rate => format!("{}/s", grouped(value)),
        Unit::Mib => format!("{} MiB/s", grouped(value)),
        Unit::Millis => format!("{value:.2} ms"),
        Unit::Micros => format!("{value:.0} µs"),
        Unit::Limited { word, .. } => format!("{value:.2} {word}"),
    }
}

/// The time of one, where the figure is a rate.
fn each(rate: f64, unit: Unit) -> String {
    match 1e9 / rate {
        _ if unit != Unit::Rate => String::new(),
        nanos if nanos < 1e3 => format!("{nanos:.0} ns each"),
        nanos if nanos < 1e6 => format!("{:.1} µs each", nanos / 1e3),
        nanos => format!("{:.2} ms each", nanos / 1e6),
    }
}

/// A whole number with a comma before every three digits.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for (index, digit) in digits[first..].chars().enumerate() {
        if index % 3 == 0 && !text.is_empty() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(key: &str, value: f64) -> Figure {
        Figure { key: key.to_owned(), value }
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in
            [(0.4, "0"), (7.0, "7"), (999.0, "999"), (1000.0, "1,000"), (123_456.0, "123,456"), (1e9, "1,000,000,000")]
        {
            assert_eq!(grouped(value), text);
        }
    }

    #[test]
    fn a_multiple_is_printed_with_what_is_asked_of_it() {
        let text = table(&[figure("tracked_lock_times", 1.044), figure("tracked_queue_times", 1.31)]);
        assert!(text.contains("✓ The time of the lessons' lock") && text.contains("1.04 × (asked: 1.3 × at most)"), "{text}");
        assert!(text.contains("✗ The time of the lessons' queue"), "{text}");
        assert!(names().contains(&"tracked_lock_ops") && !names().contains(&"tracked_lock_times"));
    }

    #[test]
    fn bars_stand_to_each_other_as_the_numbers_and_what_is_missing_is_left_out() {
        let text = table(&[figure("launch_wait", 1000.0), figure("python_launch_wait", 500.0), figure("events", 2.0)]);
        let bar_of =
            |side: &str| text.lines().find(|line| line.trim_start().starts_with(side)).map(|line| line.matches('█').count());
        assert_eq!((bar_of("Task Lab"), bar_of("Python"), bar_of("plain C")), (Some(BAR), Some(BAR / 2), None), "{text}");
        assert!(text.contains("1.00 ms each") && text.contains("Event lines") && !text.contains("Forking"), "{text}");
    }
}
