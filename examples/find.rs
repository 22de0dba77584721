//! The library in use: finds known failures in a log on standard input.
//!
//! ```sh
//! cargo run --example find < examples/incident/worker.log
//! ```
//!
//! The same engine as `sealtail replay`, fed by hand: a [`Stream`] takes bytes in pieces of any size
//! and says how many of them it is done with.

use std::io::{self, Read};

use jiff::tz::TimeZone;
use sealtail::detect::{Detector, Stream};
use sealtail::frame::End;
use sealtail::model::alert::Lang;
use sealtail::signature::{Catalogue, builtin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The built-in pages have no fault; a test of the project sees to it.
    let (catalogue, _) = Catalogue::load(builtin::pages(), &[]);
    let detector = Detector::new(catalogue, TimeZone::system())?;

    let mut stream = Stream::new(&detector);
    let mut unsettled = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let mut input = io::stdin().lock();
    loop {
        let count = input.read(&mut chunk)?;
        unsettled.extend_from_slice(&chunk[..count]);
        let end = if count == 0 { End::Final } else { End::More };
        let settled = stream.advance(&unsettled, end, |found| {
            let title = &found.signature.runbook(Lang::En).title;
            let line = found.finding.place.line;
            println!("line {line}: {title} {:?}", found.finding.fields);
        });
        unsettled.drain(..settled);
        if count == 0 {
            return Ok(());
        }
    }
}
