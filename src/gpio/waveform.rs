//! The edges of a header's lines over a time, and the files that others read them from: VCD for viewers of waveforms, CSV for
//! spreadsheets. Pure: the caller opens the files.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};

use crate::model::{Level, Line, Monotonic};

/// The newest edges of a run, oldest first. Each is 16 bytes.
#[derive(Debug, Clone)]
pub struct Waveform {
    edges: VecDeque<(Monotonic, Line, Level)>,
    limit: usize,
    dropped: u64,
}

impl Waveform {
    /// An empty waveform that keeps the newest `limit` edges.
    pub const fn with_limit(limit: usize) -> Self {
        Self { edges: VecDeque::new(), limit, dropped: 0 }
    }

    /// A line has changed its level.
    pub fn push(&mut self, t: Monotonic, line: Line, level: Level) {
        if self.edges.len() >= self.limit && self.edges.pop_front().is_some() {
            self.dropped += 1;
        }
        self.edges.push_back((t, line, level));
    }

    /// How many edges it has.
    pub fn len(&self) -> usize {
        self.edges.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// How many older edges were dropped.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The edges by time: the kernel tells the edges of several lines one line after the other.
    fn in_order(&self) -> Vec<(Monotonic, Line, Level)> {
        let mut edges: Vec<_> = self.edges.iter().copied().collect();
        edges.sort_by_key(|(t, ..)| *t);
        edges
    }

    /// A value change dump (IEEE 1364-2005, 18.2), whose time 0 is the beginning and whose last time is `until`. A line's level before
    /// its first edge is the other one.
    pub fn write_vcd(&self, out: &mut impl Write, title: &str, until: Monotonic) -> io::Result<()> {
        let edges = self.in_order();
        let mut before = BTreeMap::new();
        for (_, line, level) in &edges {
            before.entry(*line).or_insert(!*level);
        }
        // One printable character names a line: from '!' on.
        let code = |line: Line| char::from(b'!' + line.number());
        let title = title.replace('$', "");
        writeln!(out, "$comment {title}: levels of GPIO lines, timed from the beginning $end")?;
        if self.dropped > 0 {
            writeln!(out, "$comment {} older edges are missing $end", self.dropped)?;
        }
        writeln!(out, "$version Task Lab {} $end\n$timescale 1 ns $end\n$scope module header $end", env!("CARGO_PKG_VERSION"))?;
        for line in before.keys() {
            writeln!(out, "$var wire 1 {} {line} $end", code(*line))?;
        }
        writeln!(out, "$upscope $end\n$enddefinitions $end\n#0\n$dumpvars")?;
        for (line, level) in &before {
            writeln!(out, "{}{}", level.value(), code(*line))?;
        }
        writeln!(out, "$end")?;
        let mut now = Monotonic::ZERO;
        for (t, line, level) in edges {
            if t > now {
                now = t;
                writeln!(out, "#{}", t.nanos())?;
            }
            writeln!(out, "{}{}", level.value(), code(line))?;
        }
        if until > now { writeln!(out, "#{}", until.nanos()) } else { Ok(()) }
    }

    /// A table: seconds from the beginning, line, physical pin, level since then.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "seconds,line,pin,level")?;
        for (t, line, level) in self.in_order() {
            let (seconds, nanos) = (t.nanos() / 1_000_000_000, t.nanos() % 1_000_000_000);
            writeln!(out, "{seconds}.{nanos:09},{line},{},{}", line.pin(), level.value())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waveform(most: usize, edges: &[(u64, u8, u8)]) -> Waveform {
        let mut waveform = Waveform::with_limit(most);
        for (t, line, level) in edges {
            waveform.push(Monotonic::from_nanos(*t), Line::gpio(*line), Level::high_if(*level == 1));
        }
        waveform
    }

    fn vcd(waveform: &Waveform, until: u64) -> String {
        let mut text = Vec::new();
        waveform.write_vcd(&mut text, "lock $end", Monotonic::from_nanos(until)).expect("a Vec takes all");
        String::from_utf8(text).expect("ASCII")
    }

    #[test]
    fn a_dump_has_the_level_before_the_first_edge_then_each_change_at_its_time() {
        let text = vcd(&waveform(9, &[(500, 17, 1), (1_000_000_007, 27, 0), (700, 17, 0), (700, 22, 1)]), 1_000_000_009);
        let (head, body) = text.split_once("$enddefinitions $end\n").expect("a head");
        assert_eq!(body, "#0\n$dumpvars\n02\n07\n1<\n$end\n#500\n12\n#700\n02\n17\n#1000000007\n0<\n#1000000009\n");
        assert!(head.contains("$timescale 1 ns $end") && head.contains("$var wire 1 2 GPIO17 $end"), "{head}");
        assert!(head.starts_with("$comment lock end: levels"), "no title ends the comment: {head}");
    }

    #[test]
    fn what_had_to_go_is_said_and_the_rest_is_right() {
        let waveform = waveform(2, &[(1, 5, 1), (2, 5, 0), (3, 5, 1)]);
        assert_eq!((waveform.len(), waveform.dropped()), (2, 1));
        let text = vcd(&waveform, 0);
        assert!(
            text.contains("$comment 1 older edges are missing $end")
                && text.ends_with("#0\n$dumpvars\n1&\n$end\n#2\n0&\n#3\n1&\n"),
            "{text}"
        );
    }

    #[test]
    fn a_table_keeps_every_nanosecond() {
        let mut text = Vec::new();
        waveform(9, &[(1_000_000_007, 17, 1), (20_000_000_000_000_001, 2, 0)]).write_csv(&mut text).expect("a Vec takes all");
        let text = String::from_utf8(text).expect("ASCII");
        assert_eq!(text, "seconds,line,pin,level\n1.000000007,GPIO17,11,1\n20000000.000000001,GPIO2,3,0\n");
    }
}
