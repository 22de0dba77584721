//! Console lines of the manager and of other Go programs that log through zap.
//!
//! ```text
//! 2022-03-11T16:45:59.120+0800<TAB>WARN<TAB>worker prover<TAB>dir/file.go:214<TAB>text<TAB>{"k": "v"}
//! ```
//! Copies turn a TAB into spaces. An offset without a colon behind three digits is zap's alone; in UTC
//! the wide columns tell its lines from those of `tracing`.

use super::opening::{Format, Opening, Parts};
use super::time::{Stamped, Zone};
use super::{json, read};
use crate::model::record::Fields;

pub(super) const FORMAT: Format = Format { name: "zap", open, fields, parts };

/// So many braces are tried as the start of the JSON object that ends a line.
const OBJECTS_MAX: usize = 16;
/// The place in the source is looked for in so many bytes behind the level.
const CALLER_BYTES_MAX: usize = 256;

fn open<'l>(_: &'l str, stamped: Option<Stamped<'l>>) -> Option<Opening<'l>> {
    let (stamp, rest) = stamped?;
    let (level, rest) = read::level(read::past_blanks(rest)?)?;
    let column_ends = match stamp.zone {
        Zone::Plain(_) => rest.is_empty() || rest.starts_with([' ', '\t']),
        Zone::Utc => rest.starts_with('\t') || rest.starts_with("  "),
        Zone::Absent | Zone::Colon(_) => false,
    };
    (stamp.digits == 3 && column_ends).then_some(Opening {
        stamp: Some(stamp),
        level: Some(level),
        rest,
        ..Opening::default()
    })
}

/// The message may hold braces too: the object is the first that reaches to the end.
fn fields(rest: &str) -> Fields {
    let objects = rest.match_indices("{\"").take(OBJECTS_MAX).map(|(at, _)| &rest[at..]);
    objects.filter_map(json::object).next().unwrap_or_default()
}

/// `logger  dir/file.go:214  text`: the place in the source tells where the logger ends, whatever became of the TABs.
fn parts<'l>(_: &'l str, rest: &'l str) -> Parts<'l> {
    let columns = rest.trim_start_matches([' ', '\t']);
    let mut at = 0;
    for word in columns.split([' ', '\t']) {
        if is_caller(word) {
            let logger = columns[..at].trim_end_matches([' ', '\t']);
            let message = columns[at + word.len()..].trim_start_matches([' ', '\t']);
            return Parts {
                logger: Some(logger).filter(|logger| !logger.is_empty()),
                ..Parts::message(message)
            };
        }
        at += word.len() + 1;
        if at > CALLER_BYTES_MAX {
            break;
        }
    }
    Parts::message(columns)
}

/// `dir/file.go:214`
fn is_caller(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(file, line)| {
        file.ends_with(".go") && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use crate::frame::format::check;

    #[test]
    fn openings() {
        for (line, time, level) in [
            (
                "2022-03-11T16:45:59.120+0800\tWARN\tcmd\tinternal/run.go:214\ttext",
                "2022-03-11T16:45:59.120+08:00",
                "WARN",
            ),
            (
                "2022-03-11T16:45:59.120-0330    DPANIC  worker prover  prover/run.go:2  text",
                "2022-03-11T16:45:59.120-03:30",
                "FATAL",
            ),
            (
                "2022-03-11T16:45:59.120+0800 INFO cmd internal/run.go:1 text",
                "2022-03-11T16:45:59.120+08:00",
                "INFO",
            ),
            ("2022-03-11T08:45:59.120Z\tDEBUG\tdep\tdep/dep.go:1\ttext", "2022-03-11T08:45:59.120Z", "DEBUG"),
            (
                "2022-03-11T08:45:59.120Z        INFO    dep     dep/dep.go:1",
                "2022-03-11T08:45:59.120Z",
                "INFO",
            ),
            ("2022-03-11T16:45:59.120+0800\tERROR", "2022-03-11T16:45:59.120+08:00", "ERROR"),
            ("2022-13-45T16:45:59.120+0800\tFATAL\tcmd\trun.go:1\ttext", "", "FATAL"),
        ] {
            check::opens("zap", line, time, level, &[]);
        }
    }

    #[test]
    fn the_object_at_the_end_tells_fields() {
        for (rest, fields) in [
            (
                "text\t{\"miner\": 1000, \"sector\": \"17\", \"stage\": \"wdpost\", \"error\": \"密封失败\"}",
                &[("miner", "1000"), ("sector", "17"), ("stage", "wdpost")][..],
            ),
            ("text    {\"miner\": \"t01000\", \"sector\": null}", &[("miner", "t01000")]),
            ("text {\"sector\": 17}", &[("sector", "17")]),
            ("got {\"sector\": 16} instead\t{\"sector\": 17}", &[("sector", "17")]),
            ("text\t{\"sector\": {\"Miner\": 1, \"Number\": 2}, \"miner\": [1]}", &[]),
            ("text {sector:17}", &[]),
            ("text\t{\"sector\": 17", &[]),
        ] {
            let line = format!("2022-03-11T16:45:59.120+0800\tINFO\tposter\tpost/run.go:1\t{rest}");
            check::opens("zap", &line, "2022-03-11T16:45:59.120+08:00", "INFO", fields);
        }
    }

    #[test]
    fn parts_of_a_line() {
        for (line, logger, spans, message) in [
            (
                "2022-03-11T16:45:59.120+0800\tWARN\tworker prover\tdir/file.go:214\ttext\t{\"k\": \"v\"}",
                "worker prover",
                "",
                "text\t{\"k\": \"v\"}",
            ),
            (
                "2022-03-11T16:45:59.120+0800    DPANIC  worker prover  prover/run.go:2  text",
                "worker prover",
                "",
                "text",
            ),
            ("2022-03-11T16:45:59.120+0800 INFO cmd internal/run.go:1 text a.go:2", "cmd", "", "text a.go:2"),
            ("2022-03-11T16:45:59.120+0800\tERROR\trun.go:1\ttext", "", "", "text"),
            ("2022-03-11T16:45:59.120+0800\tERROR\tno place in the source", "", "", "no place in the source"),
            ("2022-03-11T16:45:59.120+0800\tERROR", "", "", ""),
        ] {
            check::parts("zap", line, logger, spans, message);
        }
    }

    #[test]
    fn other_lines() {
        for line in [
            "2022-03-11T16:45:59.120456+0800 host unit[1]: text",
            "2022-03-11T16:45:59+0800 host unit[1]: text",
            "2022-03-11T16:45:59.120+08:00  INFO ThreadId(01) module: text",
            "2022-03-11T16:45:59.120Z  INFO module: text",
            "2022-03-11T16:45:59.120+0800",
            "2022-03-11T16:45:59.120+0800\tthe level is missing",
            "2022-03-11T16:45:59.120+0800\tERROR: text",
            "    github.com/example/pkg.(*Type).call",
            "  - inner message",
        ] {
            check::refuses("zap", line);
        }
    }
}
