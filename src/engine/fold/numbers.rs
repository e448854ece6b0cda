//! Numbers and values as a person reads them. Pure.

use serde_json::Value;

/// In sentences, whole numbers from here on get a comma before every three digits.
const GROUPED_FROM: u64 = 10_000;

/// Words in the names of values that are names themselves, not quantities: the number of a process, or of a port.
const NAMES: [&str; 4] = ["pid", "parent", "child", "port"];

/// Endings of value names that stand for a unit, and the unit.
const UNITS: [(&str, &str); 13] = [
    ("_kib", "KiB"),
    ("_mib", "MiB"),
    ("_bytes", "bytes"),
    ("_us", "µs"),
    ("_ms", "ms"),
    ("_percent", "%"),
    (" (ms)", "ms"),
    (" (s)", "s"),
    (" (µs)", "µs"),
    (" (bytes)", "bytes"),
    (" (KiB)", "KiB"),
    (" (MiB)", "MiB"),
    (" (%)", "%"),
];

/// `1 process`, `12,000 processes`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", in_sentence(number)) }
}

/// A value without the quotes that JSON puts around a text; a fraction with three digits at most.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => fraction(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// A value as a line of the story: `memory alive: 12,764 KiB`.
pub(crate) fn line(name: &str, value: &Value) -> String {
    let (name, value) = quantity(name, value);
    format!("{name}: {value}")
}

/// The name of a value in words, and the value with its unit: `memory alive`, `12,764 KiB`.
pub(crate) fn quantity(name: &str, value: &Value) -> (String, String) {
    let unit = UNITS.iter().find(|(end, _)| value.is_number() && name.ends_with(end) && name.len() > end.len());
    let (name, unit) = unit.map_or((name, ""), |(end, unit)| (&name[..name.len() - end.len()], *unit));
    let is_a_name =
        name.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| NAMES.contains(&word.to_ascii_lowercase().as_str()));
    let number = match value.as_u64() {
        Some(number) if !is_a_name || !unit.is_empty() => in_sentence(number),
        _ => plain(value),
    };
    let gap = if unit.is_empty() { "" } else { " " };
    (name.replace('_', " "), format!("{number}{gap}{unit}"))
}

fn in_sentence(number: u64) -> String {
    if number < GROUPED_FROM { number.to_string() } else { grouped(number) }
}

/// `1,204`: a number with a comma before every three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn fraction(number: f64) -> String {
    let text = format!("{number:.3}");
    if number != 0.0 && number.abs() < 0.001 {
        return format!("{number:.1e}");
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_names_and_values_with_their_units() {
        for (name, value, text) in [
            ("memory_alive_kib", json!(8764), "memory alive: 8764 KiB"),
            ("counter", json!(800_000), "counter: 800,000"),
            ("late_ms", json!(0.300_000_000_000_04), "late: 0.3 ms"),
            ("fork, 100 µs each (ms)", json!(12), "fork, 100 µs each: 12 ms"),
            ("memory alive (MiB)", json!(20), "memory alive: 20 MiB"),
            ("turn_ms", json!("unknown"), "turn ms: unknown"),
            ("pid of the parent", json!(123_456), "pid of the parent: 123456"),
            ("rapid", json!(123_456), "rapid: 123,456"),
            ("child", json!(123_456), "child: 123456"),
            ("memory of the child (KiB)", json!(12_764), "memory of the child: 12,764 KiB"),
            ("done in this order", json!([1, 2]), "done in this order: [1,2]"),
            ("temperature", json!(-4), "temperature: -4"),
        ] {
            assert_eq!(line(name, &value), text);
        }
    }

    #[test]
    fn one_is_one_and_many_are_many() {
        let processes = |number| count(number, "process", "processes");
        assert_eq!([0, 1, 2].map(processes), ["0 processes", "1 process", "2 processes"]);
        assert_eq!([12_000, 1_234_567].map(processes), ["12,000 processes", "1,234,567 processes"]);
        assert_eq!([7, 1_204, 1_000_000].map(grouped), ["7", "1,204", "1,000,000"]);
        assert_eq!([0.0, 2.0, 0.12345, 0.000_12].map(fraction), ["0", "2", "0.123", "1.2e-4"]);
    }
}
