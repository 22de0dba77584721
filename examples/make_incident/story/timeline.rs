//! Lines in time, from several hands, put in order and cut into files.

use jiff::Timestamp;
use jiff::tz::Offset;

/// Moments of the story are nanoseconds since its start.
pub const SECOND: u64 = 1_000_000_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;

/// 2022-12-27T20:00:00+08:00.
const START_SECONDS: i64 = 1_672_142_400;

/// One file, before it is packed.
pub struct File {
    pub name: &'static str,
    pub text: String,
    /// The failures in it, in order.
    pub planted: Vec<Planted>,
}

/// A record that has to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// The line its record starts on, counted from 1.
    pub line: usize,
    pub signature: &'static str,
}

struct Record {
    at: u64,
    text: String,
    signature: Option<&'static str>,
}

/// Records of one log, in any order.
#[derive(Default)]
pub struct Timeline(Vec<Record>);

impl Timeline {
    pub fn write(&mut self, at: u64, text: String) {
        self.0.push(Record { at, text, signature: None });
    }

    /// A record that `venus-cluster/<signature>` has to find.
    pub fn plant(&mut self, at: u64, signature: &'static str, text: String) {
        self.0.push(Record { at, text, signature: Some(signature) });
    }

    /// Cuts the log into files, each up to its moment; what comes after the last is dropped.
    pub fn split(mut self, files: &[(&'static str, u64)]) -> Vec<File> {
        self.0.sort_by_key(|record| record.at);
        let mut rest = self.0.iter().peekable();
        let fill = |&(name, end): &(&'static str, u64)| {
            let mut file = File { name, text: String::new(), planted: Vec::new() };
            let mut line = 1;
            while let Some(record) = rest.next_if(|record| record.at < end) {
                file.planted.extend(record.signature.map(|signature| Planted { line, signature }));
                line += record.text.lines().count();
                file.text += &record.text;
                file.text.push('\n');
            }
            file
        };
        files.iter().map(fill).collect()
    }
}

/// The time as the worker writes it: nanoseconds, trailing zeros trimmed.
pub fn worker_time(at: u64) -> String {
    let nanos = format!("{:09}", at % SECOND);
    let fraction = nanos.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}+08:00", clock(at, "%Y-%m-%dT%H:%M:%S"))
}

/// The time as the manager writes it: milliseconds, no colon in the offset.
pub fn manager_time(at: u64) -> String {
    format!("{}.{:03}+0800", clock(at, "%Y-%m-%dT%H:%M:%S"), at % SECOND / 1_000_000)
}

fn clock(at: u64, format: &str) -> String {
    let seconds = START_SECONDS + i64::try_from(at / SECOND).expect("a night is short");
    let instant = Timestamp::from_second(seconds).expect("a day of our time");
    Offset::constant(8).to_datetime(instant).strftime(format).to_string()
}

/// Numbers that look random and are always the same (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A duration within a tenth of `usual`.
    pub fn about(&mut self, usual: u64) -> u64 {
        usual - usual / 10 + self.below(usual / 5 + 1)
    }

    /// `length` characters of base 32, as in a CID.
    pub fn base32(&mut self, length: usize) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        (0..length).map(|_| char::from(DIGITS[self.below(32) as usize])).collect()
    }
}
