//! Random histories of a log file and its follower, against one rule: every line is committed exactly
//! once, and the lines of a generation in their order.
//!
//! A line is lost only where no reader could have had it: in a file that was deleted or truncated
//! without a copy before anybody looked. The histories leave that out, so that the rule has no
//! exception.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;

use proptest::prelude::*;

use crate::reader::Reader;

#[derive(Debug, Clone)]
enum Action {
    /// Lines are written; the first completes a half line.
    Append(usize),
    /// The first half of a line is written.
    Half,
    /// The file is renamed. Its writer stays on it; another begins a new file.
    Rename,
    /// Lines are written by the writer that has stayed on the renamed file.
    Lag(usize),
    CopyTruncate,
    /// The file is deleted while it is open, and created anew.
    Recreate,
    Sweep,
    /// A sweep so many seconds later, and all reading there is to do.
    Turn(u64),
    Commit,
    /// The follower dies and starts again from its last commit.
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1..6_usize).prop_map(Action::Append),
        2 => Just(Action::Half),
        2 => Just(Action::Rename),
        2 => (1..4_usize).prop_map(Action::Lag),
        2 => Just(Action::CopyTruncate),
        1 => Just(Action::Recreate),
        1 => Just(Action::Sweep),
        5 => (0..100_u64).prop_map(Action::Turn),
        3 => Just(Action::Commit),
        2 => Just(Action::Restart),
    ]
}

struct History {
    reader: Reader,
    writer: File,
    lagging: Option<File>,
    /// The rest of a line that was begun.
    rest: Option<String>,
    written: usize,
    rotations: usize,
    /// What a store would hold: the id and number of every line, in the order they came.
    committed: Vec<(u64, usize)>,
}

impl History {
    fn new(glob: &str) -> History {
        let reader = Reader::new(&[glob]);
        let writer = reader.writer("worker.log");
        let mut history = History {
            reader,
            writer,
            lagging: None,
            rest: None,
            written: 0,
            rotations: 0,
            committed: Vec::new(),
        };
        history.make_known();
        history
    }

    /// Of different lengths, so that sizes tell files apart as well as they do in life.
    fn next_line(&mut self) -> String {
        self.written += 1;
        format!("{} of a worker {}\n", self.written, "that is at work ".repeat(5 + self.written % 7))
    }

    fn append(&mut self, lines: usize) {
        let mut text = self.rest.take().unwrap_or_default();
        for _ in 0..lines {
            text += &self.next_line();
        }
        self.writer.write_all(text.as_bytes()).unwrap();
    }

    /// Has something of the file read and committed, enough to know its copy by.
    fn make_known(&mut self) {
        self.append(1);
        self.reader.turn();
        self.commit();
    }

    fn commit(&mut self) {
        self.reader.commit();
        let lines = std::mem::take(&mut self.reader.lines);
        let places = std::mem::take(&mut self.reader.places);
        for (line, (id, _, _)) in lines.iter().zip(places) {
            let number = line.split(' ').next().and_then(|number| number.parse().ok());
            self.committed.push((id, number.unwrap_or_else(|| panic!("a fragment: {line}"))));
        }
    }

    fn rotated_name(&mut self) -> String {
        self.rotations += 1;
        format!("worker.log-{:08}", 20_260_000 + self.rotations)
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append(lines) => self.append(lines),
            Action::Half if self.rest.is_none() => {
                let line = self.next_line();
                let (half, rest) = line.split_at(line.len() / 2);
                self.writer.write_all(half.as_bytes()).unwrap();
                self.rest = Some(rest.to_owned());
            }
            Action::Half => self.append(0),
            Action::Rename => {
                let name = self.rotated_name();
                self.reader.rename("worker.log", &name);
                // The half line is completed in the old file, late.
                self.append(0);
                let new = self.reader.writer("worker.log");
                self.lagging = Some(std::mem::replace(&mut self.writer, new));
            }
            Action::Lag(lines) => {
                let text: String = (0..lines).map(|_| self.next_line()).collect();
                match &mut self.lagging {
                    Some(lagging) => lagging.write_all(text.as_bytes()).unwrap(),
                    None => self
                        .writer
                        .write_all((self.rest.take().unwrap_or_default() + &text).as_bytes())
                        .unwrap(),
                }
            }
            Action::CopyTruncate => {
                self.make_known();
                self.append(2);
                let name = self.rotated_name();
                self.reader.copy_truncate("worker.log", &name);
            }
            Action::Recreate => {
                self.append(0);
                self.reader.sweep();
                fs::remove_file(self.reader.path("worker.log")).unwrap();
                // Until it is known to be deleted and drained, and so forgotten.
                for _ in 0..3 {
                    self.reader.turn();
                }
                self.writer = self.reader.writer("worker.log");
                // A file without a forerunner has to be seen before it is rotated.
                self.reader.sweep();
                self.commit();
            }
            Action::Sweep => self.reader.sweep(),
            Action::Turn(seconds) => self.reader.after(seconds),
            Action::Commit => self.commit(),
            Action::Restart => {
                self.reader.lines.clear();
                self.reader.places.clear();
                self.reader.restart();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_committed_exactly_once(
        actions in proptest::collection::vec(action(), 1..50),
        rotated_too in any::<bool>(),
    ) {
        let mut history = History::new(if rotated_too { "worker.log*" } else { "worker.log" });
        for action in &actions {
            history.act(action);
        }
        history.append(1);
        for _ in 0..3 {
            history.reader.after(61);
        }
        history.commit();

        let mut numbers: Vec<usize> = history.committed.iter().map(|&(_, number)| number).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (1..=history.written).collect::<Vec<_>>());
        let mut last = BTreeMap::new();
        for &(id, number) in &history.committed {
            let before = last.insert(id, number).unwrap_or(0);
            prop_assert!(before < number, "generation {}: {} after {}", id, number, before);
        }
        prop_assert!(history.reader.troubles.is_empty(), "{:?}", history.reader.troubles);
    }
}
