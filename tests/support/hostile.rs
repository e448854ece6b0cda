//! Event lines that no honest body writes: as long, as many, as deep and as broken as they can be.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::stress::Chance;

/// A sort of line, which its number makes another one each time; and how many MiB of 64 it has.
type Sort = (fn(usize) -> String, f64);

const SORTS: [Sort; 16] = [
    (|n| line(&json!({"kind":"value","name":format!("value {}", n % 3),"value":"x".repeat(900_000)})), 12.0),
    (|n| line(&json!({"kind":"task.started","task":format!("{n}{}", "n".repeat(1_000_000)),"pid":NOBODY,"tid":n})), 12.0),
    (|_| format!("{{\"kind\":\"value\",\"name\":\"{}", "b".repeat(500_000)), 8.0),
    (|_| format!("{{\"kind\":\"value\",\"name\":\"deep\",\"value\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), 8.0),
    (|_| line(&json!({"kind":"notice","text":"t".repeat(900_000)})), 5.0),
    (|n| line(&json!({"kind":"op","task":task(n),"do":"put","on":"q".repeat(9_000),"result":"r".repeat(90_000)})), 1.0),
    (|n| line(&json!({"kind":"value","name":format!("name {n} {}", "m".repeat(200)),"value":"x".repeat(3_000)})), 4.0),
    (
        |n| line(&json!({"kind":"fact","id":n.to_string(),"claim":"c".repeat(3_000),"observed":"o".repeat(3_000),"holds":true})),
        4.0,
    ),
    (
        |n| {
            line(
                &json!({"kind":"process.started","pid":NOBODY + n,"ppid":NOBODY,"name":"p".repeat(300),"argv":["a".repeat(5_000)]}),
            )
        },
        2.0,
    ),
    (
        |n| {
            line(
                &json!({"kind":"task.state","task":task(n),"state":STATES[n / 2_000 % 2],"on":format!("{n}{}", "o".repeat(250)),"held_by":task(n + 1)}),
            )
        },
        3.0,
    ),
    (|n| line(&json!({"kind":"task.state","task":format!("{n:0250}"),"state":"waiting","on":"lock","held_by":task(n)})), 1.0),
    (|_| format!("{{\"kind\":\"value\",\"name\":\"maps\",\"value\":[{}0]}}", "{\"\":0},".repeat(140_000)), 1.5),
    (|n| line(&json!({"kind":"task.started","task":"moves","pid":NOBODY + n,"tid":n})), 1.0),
    (|n| line(&json!({"kind":"action","do":"watch","target":format!("GPIO{}", 2 + n % 26)})), 1.0),
    (|n| line(&json!({"kind":"gpio","line":2 + n % 4,"value":n / 4 % 2})), 0.1),
    (|n| line(&json!({"kind":"process.exited","pid":1 + n % 2,"code":0})), 0.4),
];

const STATES: [&str; 2] = ["running", "waiting"];
/// A number that no process has.
const NOBODY: usize = 100_000_000;

fn line(value: &Value) -> String {
    value.to_string()
}

fn task(number: usize) -> String {
    format!("task-{}", number % 2_000)
}

/// Writes about 64 MiB of them, in an order of chance. The error is the reader's end. Gives how many bytes it were.
pub fn write(to: &mut impl Write, chance: &mut Chance) -> io::Result<usize> {
    let mut left: Vec<(usize, f64)> = SORTS.iter().map(|(_, mib)| mib * 1024.0 * 1024.0).enumerate().collect();
    let mut sent = 0;
    for number in 0.. {
        if left.is_empty() {
            break;
        }
        let at = chance.below(left.len());
        // Many short ones in a row are as likely as a long one.
        let (sort, bytes) = &mut left[at];
        let mut burst = Vec::new();
        while burst.len() < 100_000 && *bytes > 0.0 {
            let before = burst.len();
            writeln!(burst, "{}", SORTS[*sort].0(number * 1_000 + before))?;
            *bytes -= (burst.len() - before) as f64;
        }
        if *bytes <= 0.0 {
            left.swap_remove(at);
        }
        to.write_all(&burst)?;
        sent += burst.len();
    }
    Ok(sent)
}
