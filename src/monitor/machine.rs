//! The whole machine: cores, memory, temperature, clock, load, throttling. Runs on the engine's monitor thread; never waits. Files
//! that are read each time stay open, and sensors are looked for once: a sample a second must cost nothing that anyone notices.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sysinfo::{Component, Components, MemoryRefreshKind, System};

use super::load::Load;
use crate::model::{LoadSample, MachineSample, Monotonic};

/// Sensors that measure the processor, by the beginning of their label, best first: the Pi's, Intel's, AMD's, other boards'.
const PROCESSOR_SENSORS: [&str; 8] =
    ["cpu_thermal", "cpu-thermal", "coretemp Package", "k10temp Tctl", "k10temp Tdie", "coretemp", "x86_pkg_temp", "acpitz"];

/// The firmware's bits for what holds the clock back now: capped (1), throttled (2), at the soft temperature limit (3). Bit 0 is
/// low voltage, which leads to these; bits 16 and up remember the past. (Raspberry Pi documentation, `vcgencmd get_throttled`.)
const HELD_BACK: u32 = 0b1110;

/// The machine, between two samples.
#[derive(Debug)]
pub struct Machine {
    /// The load from one sample to the next, and from one look at the cores to the next. `None` where /proc cannot be read at all: then
    /// nothing is known, and nothing is made up.
    cores: Option<(File, Load, Load)>,
    /// The same.
    system: Option<System>,
    /// All sensors, and which one measures the processor.
    sensor: Option<(Components, usize)>,
    clocks: Vec<File>,
    throttled: Option<File>,
}

impl Machine {
    /// Finds the sensors, and begins to measure the cores' load.
    pub fn new(now: Monotonic) -> Self {
        let cores = File::open("/proc/stat").ok().and_then(|mut file| {
            let stat = read_all(&mut file)?;
            Some((file, Load::new(&stat, now), Load::new(&stat, now)))
        });
        let sensor = Components::new_with_refreshed_list().ok().and_then(|sensors| {
            let works = |sensor: &Component, name| sensor.label().starts_with(name) && sensor.temperature().is_some();
            let index = PROCESSOR_SENSORS.iter().find_map(|name| (*sensors).iter().position(|sensor| works(sensor, name)))?;
            Some((sensors, index))
        });
        Self { cores, system: System::new().ok(), sensor, clocks: clock_files(), throttled: throttled_file() }
    }

    /// The machine now. The cores' load is that since the last call, or since `new`; calls closer than 0.2 s repeat it.
    pub fn sample(&mut self, now: Monotonic) -> MachineSample {
        let mut sample = MachineSample {
            celsius: self.celsius(),
            mhz: self.clocks.iter().filter_map(|file| read_start(file)?.parse::<u32>().ok()).max().map(|khz| khz / 1000),
            load: System::load_average().map_or(0.0, |load| load.one as f32),
            throttled: self.throttled.as_ref().and_then(|file| is_held_back(&read_start(file)?)),
            ..MachineSample::default()
        };
        if let Some((file, load, _)) = &mut self.cores
            && let Some(stat) = read_all(file)
        {
            sample.percent = load.measure(&stat, now).to_vec();
        }
        if let Some(system) = &mut self.system {
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            sample.memory_total = system.total_memory();
            sample.memory_used = sample.memory_total.saturating_sub(system.available_memory());
        }
        sample
    }

    /// The load of the cores alone since the last call, or since `new`; `None` where it is not known, and for calls closer than 0.2 s. It
    /// costs one small file, and changes nothing of what `sample` gives.
    pub fn load(&mut self, now: Monotonic) -> Option<LoadSample> {
        let (file, _, load) = self.cores.as_mut()?;
        load.sample(&read_all(file)?, now)
    }

    fn celsius(&mut self) -> Option<f32> {
        let (sensors, index) = self.sensor.as_mut()?;
        let sensor = sensors.get_mut(*index)?;
        sensor.refresh();
        sensor.temperature()
    }
}

/// Reads the firmware's throttling word, in hexadecimal with or without `0x`.
fn is_held_back(word: &str) -> Option<bool> {
    let bits = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
    Some(bits & HELD_BACK != 0)
}

/// The clock of each group of cores that has one of its own.
fn clock_files() -> Vec<File> {
    entries(Path::new("/sys/devices/system/cpu/cpufreq"))
        .filter_map(|policy| File::open(policy.join("scaling_cur_freq")).ok())
        .collect()
}

/// The Raspberry Pi firmware's file. It lies under `soc/soc:firmware`, with an address in the names on some models.
fn throttled_file() -> Option<File> {
    entries(Path::new("/sys/devices/platform"))
        .filter(|path| name_matches(path, |name| name.starts_with("soc")))
        .flat_map(|soc| entries(&soc).filter(|path| name_matches(path, |name| name.ends_with(":firmware"))).collect::<Vec<_>>())
        .find_map(|firmware| File::open(firmware.join("get_throttled")).ok())
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn name_matches(path: &Path, predicate: impl Fn(&str) -> bool) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(predicate)
}

/// A file of /proc from its beginning.
fn read_all(file: &mut File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).ok()?;
    Some(bytes)
}

/// A short file of sysfs from its beginning, which makes the kernel fill it anew.
fn read_start(file: &File) -> Option<String> {
    let mut buffer = [0; 64];
    let length = file.read_at(&mut buffer, 0).ok()?;
    std::str::from_utf8(&buffer[..length]).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn the_machine_is_what_proc_says() {
        let begin = Instant::now();
        let now = || Monotonic::from_nanos(begin.elapsed().as_nanos() as u64);
        let mut machine = Machine::new(now());
        let cores = fs::read_to_string("/proc/stat").expect("/proc/stat").lines().filter(|line| is_core(line)).count();
        // A busy loop of our own must show on some core.
        let mut busiest = 0.0_f32;
        while busiest < 5.0 && begin.elapsed() < Duration::from_secs(30) {
            std::hint::black_box((0..1_000_000).fold(0_u64, |sum, number| sum ^ number));
            let sample = machine.sample(now());
            assert_eq!(sample.percent.len(), cores);
            assert!(sample.percent.iter().all(|percent| (0.0..=100.0).contains(percent)), "{sample:?}");
            busiest = sample.percent.iter().copied().fold(0.0, f32::max);
        }
        assert!(busiest >= 5.0, "no core works");

        let sample = machine.sample(now());
        let kib: u64 = fs::read_to_string("/proc/meminfo")
            .expect("/proc/meminfo")
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
            .expect("MemTotal");
        assert_eq!(sample.memory_total, kib * 1024);
        assert!(sample.memory_used > 0 && sample.memory_used < sample.memory_total);
        assert!(sample.load >= 0.0);
        assert_eq!(sample.throttled.is_some(), throttled_file().is_some());
    }

    fn is_core(line: &str) -> bool {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    }

    #[test]
    fn only_what_holds_the_clock_back_now_counts() {
        for (word, expected) in [
            ("0", Some(false)),
            ("50000", Some(false)),
            ("50005", Some(true)),
            ("0x4", Some(true)),
            ("8", Some(true)),
            ("1", Some(false)),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(is_held_back(word), expected, "{word}");
        }
    }
}
